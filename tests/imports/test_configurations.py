"""Whole configurations out and in again: secrets never come along, and are checked when given beside."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from integrations.models import AuditEvent, CompanyFilter, ImportReport, IntegrationInstance
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies.filters import save_filters
from integrations.services.imports.configurations import import_configurations
from integrations.services.imports.reports import ImportOptions, Report, Verdict
from integrations.services.instances import schedule as schedules
from integrations.services.instances.check import check_connection
from integrations.simulators.autotask.server import Simulator
from tests.support.rows import make_instance
from tests.support.simulated import SECRET, SECRETS, TRACKING_IDENTIFIER, USERNAME, actor_of, table_contents

ClientOf = Callable[[User], Client]
pytestmark = pytest.mark.django_db
GIVEN = {"Main": {"secret": SECRET, "tracking_identifier": TRACKING_IDENTIFIER}}


def run(user: User, rows: object, secrets: Any = None, dry_run: bool = False) -> Report:
    content = rows if isinstance(rows, str) else json.dumps(rows)
    return import_configurations(
        Batch(actor_of(user)), io.BytesIO(content.encode()), secrets or {}, ImportOptions(dry_run)
    )


def told(report: Report) -> list[tuple[str, str]]:
    return [(row.outcome.value, row.message) for row in report.rows]


def export(*arguments: str) -> str:
    out = io.StringIO()
    call_command("export_configurations", "--all", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_without_secrets_it_is_not_verified(owner: User, client_of: ClientOf) -> None:
    rows = [
        {"name": "Main", "username": "a@b.example", "filters": [["companyType", "in", [1, 3]]]},
        {"name": "Second", "username": "c@d.example", "is_default": True, "refresh_every_hours": 0},
    ]
    report = run(owner, rows)
    assert told(report) == [
        ("imported", "new configuration, not verified: enter its credentials"),
        ("imported", "new configuration, not verified: enter its credentials"),
    ]
    main, second = IntegrationInstance.objects.order_by("pk")
    assert (main.status, main.is_default, second.is_default) == ("unverified", False, True)
    assert second.refresh_every_hours == 0
    assert CompanyFilter.objects.get().value == [1, 3]
    assert not main.credentials
    assert "No credentials are stored" in check_connection(Batch(actor_of(owner)), main).steps[0].detail
    schedules.plan_next_runs(timezone.now())
    main.refresh_from_db()
    assert main.next_refresh_at is None
    assert client_of(owner).get(main.get_absolute_url()).status_code == 200
    again = run(owner, rows)
    assert [outcome for outcome, _ in told(again)] == ["skipped", "skipped"]


def test_with_secrets_it_is_checked_first(simulator: Simulator, owner: User) -> None:
    row = {"name": "Main", "username": USERNAME}
    wrong = {"Main": {"secret": "wrong-wrong", "tracking_identifier": TRACKING_IDENTIFIER}}
    [(outcome, message)] = told(run(owner, [row], wrong))
    assert outcome == "failed"
    assert "the connection was refused. Credentials accepted" in message
    assert "wrong-wrong" not in message
    assert not IntegrationInstance.objects.exists()
    assert told(run(owner, [row], GIVEN)) == [("imported", "new configuration, credentials checked")]
    instance = IntegrationInstance.objects.get()
    assert instance.status == "connected"
    # The same again is asked of nobody: what was accepted stays.
    before, asked = table_contents(IntegrationInstance, AuditEvent), len(simulator.requests)
    assert told(run(owner, [row], GIVEN)) == [("skipped", "nothing differs from what is there")]
    assert told(run(owner, [row], GIVEN, dry_run=True)) == [("skipped", "nothing differs from what is there")]
    assert (table_contents(IntegrationInstance, AuditEvent), len(simulator.requests)) == (before, asked)
    assert told(run(owner, [row], wrong))[0][0] == "failed"
    IntegrationInstance.objects.update(status="refused")
    assert told(run(owner, [row], GIVEN)) == [("updated", "changed as in the file")]
    instance.refresh_from_db()
    assert instance.status == "connected"
    stored = str(list(AuditEvent.objects.values())) + str(list(ImportReport.objects.values())) + export()
    for secret in SECRETS:
        assert secret not in stored


def test_what_is_there_is_changed_by_name(owner: User) -> None:
    make_instance("Main", is_default=True)
    row = {"name": "main", "username": "main@example.com", "description": "Ohio", "is_default": True}
    assert told(run(owner, [row], dry_run=True)) == [("updated", "differs from what is there")]
    assert IntegrationInstance.objects.get().description == ""
    assert told(run(owner, [row])) == [("updated", "changed as in the file")]
    assert IntegrationInstance.objects.get().description == "Ohio"
    [(outcome, message)] = told(run(owner, [{**row, "username": "other@example.com"}]))
    assert (outcome, message) == (
        "failed", "its username or platform differs here; that needs its secrets",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"name": ""}, "name: Enter the name."),
        ({"psa": "halo"}, "there is no PSA “halo” here"),
        ({"platform": "nowhere"}, "Platform: Select a valid choice"),
        ({"username": ""}, "API Username: Enter the API Username."),
        ({"is_default": "perhaps"}, "is default must be yes or no"),
        ({"refresh_every_hours": 10_000}, "refresh every hours must be a number from 0 to 744"),
        ({"filters": "{"}, "filters must be a JSON list"),
        ({"filters": [["companyType"]]}, "a filter row must be [field, operation, value]"),
        ({"filters": [["companyType", "eq", "many"]]}, "filter companyType:"),
        ({"filters": [["companyType", "eq", {"a": 1}]]}, "must be a text, a number or a list of them"),
        ({"filters": [["", "eq", 1]]}, "a filter row must name a field"),
        ({"filters": [["x", "eq", 1]] * 51}, "at most 50 rows"),
        *(
            ({"filters": text}, "filters must be a JSON list")
            for text in (
                '[["x", "eq", NaN]]',
                '[["x", "eq", -Infinity]]',
                '[["x", "eq", 1e999]]',
                r'[["x", "eq", "a\u0000b"]]',
                r'[["x\u0000", "eq", 1]]',
                r'[["x", "in", ["a", "\ud800"]]]',
            )
        ),
    ],
)
def test_what_is_wrong_with_a_row(owner: User, row: dict[str, object], reason: str) -> None:
    before = table_contents(IntegrationInstance, CompanyFilter, AuditEvent)
    good = {"name": "Good", "username": "a@b.example"}
    report = run(owner, [good, {"name": "Bad", "username": "c@d.example", **row}, good])
    assert report.verdict is Verdict.REFUSED
    outcomes = told(report)
    assert outcomes[1][0] == "failed"
    assert reason in outcomes[1][1]
    assert outcomes[2] == ("failed", "line 1 has the same name")
    assert table_contents(IntegrationInstance, CompanyFilter, AuditEvent) == before


def test_out_and_in_again_by_command(
    owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulator: object
) -> None:
    main = make_instance("Main", description="=Ohio", is_default=True)
    make_instance("Second", refresh_every_hours=6, check_daily=False)
    save_filters(
        Batch(actor_of(owner)),
        main,
        [FilterCondition("companyType", "in", (1, 3)), FilterCondition("isActive", "eq", True)],
    )
    files = {form: export("--format", form) for form in ("csv", "json")}
    path = tmp_path / "all"
    for form, content in files.items():
        assert "never sent" not in content
        CompanyFilter.objects.all().delete()
        IntegrationInstance.objects.all().delete()
        path.write_text(content)
        call_command("import_configurations", str(path), stdout=io.StringIO())
        assert export("--format", form) == content
    assert "'=Ohio" in files["csv"]
    monkeypatch.setenv("PORTAL_IMPORT_SECRETS", json.dumps(GIVEN))
    path.write_text(json.dumps([{"name": "Main", "username": USERNAME, "is_default": True}]))
    call_command("import_configurations", str(path), stdout=io.StringIO())
    assert IntegrationInstance.objects.get(name="Main").status == "connected"
    for wrong in ("not json", '{"Main": "secret-words"}', '{"Main": {"secret": 1}}'):
        monkeypatch.setenv("PORTAL_IMPORT_SECRETS", wrong)
        with pytest.raises(CommandError) as refused:
            call_command("import_configurations", str(path))
        assert (refused.value.returncode, "secret-words" in str(refused.value)) == (2, False)
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    with pytest.raises(CommandError, match="cannot hold both"):
        call_command("import_configurations", "-", "--secrets-stdin")


def test_in_the_browser(owner: User, member: User, reader: User, client_of: ClientOf) -> None:
    address = "/configurations/import/"
    content = json.dumps([{"name": "Main", "username": "a@b.example"}]).encode()

    def upload(user: User) -> Any:
        data = {"file": SimpleUploadedFile("all.json", content), "rows": "all"}
        return client_of(user).post(address, data, follow=True)

    assert upload(member).status_code == 404
    assert client_of(member).get(address).status_code == 404
    assert client_of(owner).get(address).status_code == 200
    missing = client_of(owner).post(address, {"rows": "all"})
    assert (missing.status_code, missing.content.decode().count("Please correct what is marked")) == (422, 1)
    assert "not verified" in upload(owner).content.decode()
    response: Any = client_of(reader).get("/configurations/export/?format=json")
    assert json.loads(b"".join(response.streaming_content))[0]["name"] == "Main"
    assert client_of(reader).get("/configurations/export/?format=xls").status_code == 404
