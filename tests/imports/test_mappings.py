"""Importing mappings: what a row means, what is refused and why, and that nothing is half-written."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from integrations.files.shape import ImportRefused
from integrations.models import (
    AuditEvent,
    Company,
    ImportReport,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
)
from integrations.services.audit import Batch
from integrations.services.exports.mappings import export_mappings
from integrations.services.history import undo as undoing
from integrations.services.imports.mappings import import_mappings
from integrations.services.imports.reports import (
    ImportOptions,
    Outcome,
    Report,
    Verdict,
    every_row,
    rows_between,
)
from integrations.services.organizations import edit as organizations
from tests.support.properties import CONTROL_SIGNS, examples
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import actor_of, make_organization, table_contents

ClientOf = Callable[[User], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def main() -> IntegrationInstance:
    """A configuration with companies, two of one name."""
    instance = make_instance("Main")
    for remote_id, name in ((0, "Us"), (101, "Abbott LLC"), (102, "Birch"), (103, "Twin"), (104, "Twin")):
        make_company(instance, remote_id, name)
    make_company(instance, 105, "Gone", missing_since=timezone.now())
    make_company(instance, 106, "Half read", is_pending=True)
    make_company(instance, 107, "Asleep", is_active=False)
    return instance


@pytest.fixture
def people(main: IntegrationInstance) -> None:
    """Organizations, two of one name."""
    make_organization("Alpha", external_id="A1")
    make_organization("Beta")
    make_organization("Same", external_id="S1")
    make_organization("Same")
    make_organization("Deleted", external_id="D1", deleted_at=timezone.now())


def run(user: User, content: str, instance: IntegrationInstance | None = None, **options: Any) -> Report:
    return import_mappings(
        Batch(actor_of(user)), io.BytesIO(content.encode()), instance, ImportOptions(**options)
    )


def told(report: Report) -> list[tuple[str, str]]:
    return [(row.outcome.value, row.message) for row in report.rows]


def in_force() -> dict[str, str]:
    mappings = OrganizationMapping.objects.present().select_related("organization", "company")
    return {
        f"{each.organization.name} {each.organization.external_id}".strip(): each.company.remote_id
        for each in mappings
    }


def test_by_ids_and_by_names(main: IntegrationInstance, people: None, member: User) -> None:
    report = run(
        member,
        "external_id,name,company_id,company_name\nA1,,101,\n,beta ,,  BIRCH\nS1,Same,103,Twin\n",
        main,
    )
    assert report.verdict is Verdict.WRITTEN, told(report)
    assert in_force() == {"Alpha A1": "101", "Beta": "102", "Same S1": "103"}
    mapping = OrganizationMapping.objects.first()
    assert mapping is not None
    assert (mapping.source, mapping.confirmed_by, mapping.confirmed_name) == (
        "imported", member, "Abbott LLC"
    )  # fmt: skip
    events = AuditEvent.objects.all()
    assert {event.batch for event in events} == {report.batch}
    assert {event.action for event in events} == {"mapping imported"}
    outcome = undoing.undo_batch(actor_of(member), events[0].batch)
    assert (outcome.restored, in_force()) == (3, {})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"name": "Nobody", "company_id": "101"}, "no organization has this name"),
        ({"external_id": "X9", "company_id": "101"}, "no organization has the external id “X9”"),
        ({"external_id": "D1", "company_id": "101"}, "no organization has the external id “D1”"),
        ({"external_id": "A1", "name": "Beta", "company_id": "101"}, "has another name here"),
        ({"name": "Same", "company_id": "101"}, "several organizations have this name"),
        ({"company_id": "101"}, "names no organization"),
        ({"organization_id": "999999", "company_id": "101"}, "no organization has the id 999999"),
        ({"name": "Beta", "company_id": "999"}, "has no company with the id 999"),
        ({"name": "Beta", "company_name": "Nowhere"}, "has no company “Nowhere”"),
        ({"name": "Beta", "company_name": "Twin"}, "several companies are called “Twin”"),
        (
            {"name": "Beta", "company_id": "101", "company_name": "Birch"},
            "is called “Abbott LLC”, not “Birch”",
        ),
        ({"name": "Beta", "company_id": "0"}, "company 0 is the MSP itself"),
        ({"name": "Beta", "company_id": "105"}, "is no longer in Autotask"),
        ({"name": "Beta", "company_id": "106"}, "has no company with the id 106"),
        ({"name": "Beta", "company_id": "=101"}, "company id looks like a formula"),
        ({"name": "Beta", "company_id": "'-101"}, "company id looks like a formula"),
        ({"name": "Beta", "company_id": "+101"}, "company id looks like a formula"),
        ({"name": "=Beta", "company_id": "101"}, "name begins like a formula"),
        ({"name": "B" * 301, "company_id": "101"}, "name has 301 characters"),
        ({"name": "Beta", "company_id": "101", "source": "magic"}, "source must be one of"),
        ({"name": "Beta", "company_id": "101", "confidence": "nan"}, "confidence must be a number"),
        ({"name": "Beta", "company_id": "101", "confirmed_at": "today"}, "confirmed at must be a time"),
        ({"name": "Beta", "company_id": "101", "reasons": r'["\ud800"]'}, "reasons must be a JSON list"),
        ({"name": "Beta", "company_id": "101", "reasons": r'["\u0000"]'}, "reasons must be a JSON list"),
    ],
)
def test_what_cannot_be_told_fails_with_its_reason(
    main: IntegrationInstance, people: None, member: User, row: dict[str, str], reason: str
) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(row))
    writer.writeheader()
    writer.writerow(row)
    report = run(member, out.getvalue(), main, keep_good=True)
    [(outcome, message)] = told(report)
    assert outcome == "failed"
    assert reason in message
    assert in_force() == {}


def test_one_bad_row_keeps_the_whole_file_out_unless_told_otherwise(
    main: IntegrationInstance, people: None, member: User
) -> None:
    content = "name,company_id\nAlpha,101\nNobody,102\n"
    before = table_contents(OrganizationMapping, AuditEvent)
    assert run(member, content, main).verdict is Verdict.REFUSED
    assert run(member, content, main, dry_run=True, keep_good=True).verdict is Verdict.CHECKED
    assert table_contents(OrganizationMapping, AuditEvent) == before
    assert run(member, content, main, keep_good=True).verdict is Verdict.WRITTEN
    assert in_force() == {"Alpha A1": "101"}
    verdicts = ImportReport.objects.order_by("pk").values_list("verdict", "counts__failed")
    assert list(verdicts) == [("refused", 1), ("checked", 1), ("written", 1)]


def test_what_is_mapped_already(main: IntegrationInstance, people: None, member: User) -> None:
    other = make_instance("Second")
    there = make_company(other, 301, "There")
    run(member, "name,company_id\nAlpha,101\n", main)
    make_mapping(make_organization("Else"), there)
    content = "name,company_id\nAlpha,101\nElse,102\n"
    assert told(run(member, content, main, keep_good=True)) == [
        ("skipped", "is mapped to “Abbott LLC” (id 101) already"),
        ("failed", "is mapped in “Second”; move it on the page of “Main”"),
    ]
    change = "name,company_id\nAlpha,102\n"
    assert told(run(member, change, main)) == [
        ("skipped", "is mapped to “Abbott LLC” now; choose to overwrite to change that")
    ]
    assert told(run(member, change, main, overwrite=True)) == [
        ("updated", "mapped to “Birch” (id 102) instead of “Abbott LLC”")
    ]
    assert in_force() == {"Alpha A1": "102", "Else": "301"}


@pytest.mark.parametrize("name", ["Cafe\u0301 Lumen", "Lumen\u2061 Bakery"])
def test_our_own_file_comes_back_whatever_signs_the_psa_has_in_a_name(
    main: IntegrationInstance, people: None, member: User, name: str
) -> None:
    """Files hold names cleaned and composed; the copy of a company holds what the PSA has."""
    company = make_company(main, 108, name)
    mapping = make_mapping(Organization.objects.get(name="Alpha"), company, confirmed_name=name)
    content = json.dumps(list(export_mappings()), default=str)
    [kept] = run(member, content, restore=True).rows
    assert (kept.outcome, kept.message) == (Outcome.SKIPPED, f"is mapped to “{name}” (id 108) already")

    mapping.delete()
    assert [row.outcome for row in run(member, content, restore=True).rows] == [Outcome.IMPORTED]
    assert OrganizationMapping.objects.get().review_reasons == []  # nobody renamed it
    assert json.dumps(list(export_mappings()), default=str) == content


def test_rows_that_repeat_or_contradict(main: IntegrationInstance, people: None, member: User) -> None:
    content = "name,company_id\nAlpha,101\nAlpha,101\nAlpha,102\n,\nBeta,\nBeta,107\n"
    assert told(run(member, content, main, keep_good=True)) == [
        ("imported", "mapped to “Abbott LLC” (id 101)"),
        ("skipped", "repeats line 2"),
        ("failed", "line 2 maps the same organization to another company"),
        ("skipped", "names no company"),
        ("imported", "mapped to “Asleep” (id 107); the company is inactive"),
    ]


def test_each_row_may_name_its_configuration(main: IntegrationInstance, people: None, member: User) -> None:
    other = make_instance("Second")
    make_company(other, 101, "Another 101")
    content = "instance,name,company_id\nmain,Alpha,101\nSecond,Beta,101\nThird,Same,101\n,Same,101\n"
    report = run(member, content, keep_good=True)
    assert [row.outcome.value for row in report.rows] == ["imported", "imported", "failed", "failed"]
    assert [message for _, message in told(report)][2:] == [
        "no configuration is called “Third”",
        "names no configuration; name one for the whole import",
    ]
    only = run(member, "instance,name,company_id\nSecond,Alpha,101\n", main)
    assert told(only) == [("skipped", "belongs to “Second”, and only “Main” is imported")]


def test_json(main: IntegrationInstance, people: None, member: User) -> None:
    rows = [{"name": "Alpha", "company_id": 101}, {"name": "Beta", "company_name": "Birch", "note": [1]}]
    assert run(member, json.dumps(rows), main).verdict is Verdict.WRITTEN
    assert in_force() == {"Alpha A1": "101", "Beta": "102"}
    lines = '{"name": "Nobody", "company_id": null}\n\n[1]\n{"name": "\\ud800"}'
    assert [row[:2] for row in told(run(member, lines, main, keep_good=True))] == [
        ("failed", "no organization has this name"),
        ("failed", "is no JSON object"),
        ("failed", "holds half of a character (a lone surrogate)"),
    ]
    report = run(member, lines, main, keep_good=True)
    assert [row.line for row in report.rows] == [1, 2, 3]


@pytest.mark.parametrize(
    "content", ["", "[]", "city\nLima\n", '[{"name": "A"', '[{"name": 1}{"name": 2}]', "[nan]", "[1] x", "{]"]
)
def test_what_is_no_such_file_is_refused(main: IntegrationInstance, member: User, content: str) -> None:
    with pytest.raises(ImportRefused):
        run(member, content, main)
    assert not ImportReport.objects.exists()


KNOWN = ("Alpha", "Beta", "A1", "101", "102", "Twin", "Main", "", "0", "=1+1", "-3", "'", "Same")
HEADER = (
    "organization_id",
    "external_id",
    "name",
    "company_id",
    "company_name",
    "confidence",
    "confirmed_at",
)
EXAMPLES, ROWS = 40, 250  # 10,000 rows in all


@examples(EXAMPLES, HealthCheck.function_scoped_fixture)
@example(cells=["\t0", "\t0", "\r", "", "", "\t0"], seed=948, keep_good=False, as_json=False)
@given(
    cells=st.lists(
        st.text(st.characters(exclude_characters=CONTROL_SIGNS), max_size=12), min_size=4, max_size=8
    ),
    seed=st.integers(0, 2**32),
    keep_good=st.booleans(),
    as_json=st.booleans(),
)
def test_random_rows_never_half_write_and_each_gets_its_reason(
    main: IntegrationInstance,
    people: None,
    member: User,
    cells: list[str],
    seed: int,
    keep_good: bool,
    as_json: bool,
) -> None:
    chance = random.Random(seed)
    texts = [text.encode("utf-8", "replace").decode().replace("\0", "") for text in (*cells, *KNOWN)]
    rows = [chance.choices(texts, k=chance.choice((1, 5, 7, 7, 7, 8))) for _ in range(ROWS)]
    if as_json:
        content = json.dumps([dict(zip(HEADER, row, strict=False)) for row in rows])
    else:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([HEADER, *rows])
        content = out.getvalue()
    with transaction.atomic():
        report = run(member, content, main, keep_good=keep_good)
        filled = [row for row in rows if as_json or any(map(str.strip, row))]
        assert len(report.rows) == len(filled)
        assert all(row.message for row in report.rows)
        written = report.counts[Outcome.IMPORTED] if report.verdict is Verdict.WRITTEN else 0
        assert OrganizationMapping.objects.count() == written
        assert AuditEvent.objects.count() == written
        assert list(every_row(ImportReport.objects.get(key=report.key))) == list(report.rows)
        transaction.set_rollback(True)


# --- the reports --------------------------------------------------------------------------------------------


def test_the_pages_of_a_long_report(main: IntegrationInstance, people: None, member: User) -> None:
    lines = "".join(f"Nobody {number},101\n" for number in range(2_500))
    report = run(member, f"name,company_id\nAlpha,101\n{lines}Beta,102\n", main, keep_good=True)
    kept = ImportReport.objects.get(key=report.key)
    assert kept.parts.count() == 3
    assert [row.name for row in rows_between(kept, Outcome.IMPORTED, 0, 10)] == ["Alpha", "Beta"]
    failed = rows_between(kept, Outcome.FAILED, 995, 10)
    assert [row.name for row in failed] == [f"Nobody {number}" for number in range(995, 1_005)]
    assert rows_between(kept, None, 2_501, 10)[0].name == "Beta"
    assert rows_between(kept, Outcome.UPDATED, 0, 10) == []


def test_upload_in_the_browser(
    main: IntegrationInstance,
    people: None,
    member: User,
    reader: User,
    stranger: User,
    client_of: ClientOf,
) -> None:
    address = f"/integrations/autotask/{main.pk}/mappings/upload/"

    def upload(content: bytes, **values: str) -> Any:
        data = {"file": SimpleUploadedFile("=list.csv", content), "rows": "good", **values}
        return client_of(member).post(address, data, follow=True)

    for user in (reader, stranger):
        assert client_of(user).get(address).status_code == 404
    assert client_of(member).get(address).status_code == 200
    checked = upload(b"name,company_id\nAlpha,101\n", check="1")
    assert "Checked only, nothing was written." in checked.content.decode()
    assert in_force() == {}
    done = upload(b"name,company_id\nAlpha,101\n<b>,102\n")
    page = done.content.decode()
    assert done.redirect_chain[-1][0].endswith("?outcome=failed")
    assert "&lt;b&gt;" in page
    assert "Undo the import" in page
    empty = upload(b"")
    assert (empty.status_code, empty.content.decode().count("Please correct what is marked")) == (422, 1)
    key = ImportReport.objects.latest("pk").key
    rows: Any = client_of(reader).get(f"/imports/{key}/rows.csv")
    assert b"".join(rows.streaming_content).startswith(b"line,outcome,name,message\n2,imported,Alpha,")
    listed = client_of(reader).get("/imports/").content.decode()
    assert "Written in part" in listed
    assert "=list.csv" in listed
    for path in ("/imports/", f"/imports/{key}/", f"/imports/{key}/rows.csv"):
        assert client_of(stranger).get(path).status_code == 404


def test_an_import_outlives_the_person_and_the_configuration(
    main: IntegrationInstance, people: None, member: User, reader: User, client_of: ClientOf
) -> None:
    report = run(member, "name,company_id\nAlpha,101\n", main)
    OrganizationMapping.objects.all().delete()
    Company.objects.all().delete()
    main.delete()
    member.delete()
    assert "marcus" in client_of(reader).get(f"/imports/{report.key}/").content.decode()


def test_an_organization_that_is_deleted_while_it_is_mapped_keeps_the_undo_whole(
    main: IntegrationInstance, people: None, member: User
) -> None:
    report = run(member, "name,company_id\nBeta,101\n", main)
    assert report.batch is not None
    beta = OrganizationMapping.objects.get().organization
    organizations.delete_organization(Batch(actor_of(member)), beta)
    assert undoing.undo_batch(actor_of(member), report.batch).restored == 1
