"""What programs, files and webhooks learn of expectations."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from integrations.files.writer import WRITERS
from integrations.models import AuditEvent, IntegrationInstance, Right, Webhook, WebhookDelivery
from integrations.services.audit import Batch
from integrations.services.expectations import note_expectations, terms_of
from integrations.services.expectations.terms import as_rows
from integrations.services.exports.configurations import COLUMNS, export_configurations
from integrations.services.imports.configurations import import_configurations
from integrations.services.read_api import TokenSpec, create_token
from integrations.services.webhooks.outbox import queue_deliveries
from tests.expectations.test_kinds import expect
from tests.support.simulated import actor_of, make_organization

pytestmark = pytest.mark.django_db


def reader_of(
    owner: User, *instances: IntegrationInstance, right: Right = Right.MAPPINGS
) -> Callable[..., Any]:
    _, secret = create_token(Batch(actor_of(owner)), TokenSpec("Report", [right], list(instances)))

    def read(**params: int) -> Any:
        headers = {"Authorization": f"Bearer {secret}"}
        return Client().get("/api/v1/expectations", params, headers=headers)

    return read


def test_a_program_reads_what_is_expected_and_how_it_stands(
    refreshed: IntegrationInstance, other: IntegrationInstance, owner: User
) -> None:
    make_organization("Firm")
    expect(owner, refreshed, unmapped=("warn", 0, 0), credentials=("warn", 0))
    note_expectations(timezone.now())
    unmapped, credentials, fewer = reader_of(owner)().json()["items"]
    assert (unmapped["instance"]["name"], unmapped["kind"], unmapped["state"]) == (
        "Main",
        "unmapped",
        "warns",
    )
    assert (unmapped["limit"], unmapped["days"], unmapped["value"], unmapped["effect"]) == (0, 0, 1, "warn")
    assert unmapped["since"] is not None
    assert unmapped["finding"] == "1 organization is unmapped."
    assert (credentials["limit"], credentials["state"]) == (None, "holds")
    assert (fewer["instance"]["name"], fewer["state"], fewer["effect"]) == ("Other", "unknown", "brake")
    assert {row["instance"]["id"] for row in reader_of(owner, other)().json()["items"]} == {other.pk}
    assert reader_of(owner, other)(instance=refreshed.pk).status_code == 404
    assert reader_of(owner, right=Right.COMPANIES)().status_code == 403


def test_webhooks_are_told_what_is_broken_and_that_it_holds_again(
    refreshed: IntegrationInstance, owner: User
) -> None:
    hook = Webhook(name="Desk", events=["expectation.changed"], position=AuditEvent.objects.latest("pk").pk)
    hook.move_to("https://desk.example/hook")
    hook.secret = {"key": "never used"}
    hook.save()
    make_organization("Firm")
    for wanted in ({"unmapped": ("warn", 0, 0)}, {"unmapped": ("warn", 1, 0)}):
        expect(owner, refreshed, **wanted)
        note_expectations(timezone.now())
    while queue_deliveries():
        pass
    told = [row.payload["changes"][0] for row in WebhookDelivery.objects.order_by("pk")]
    assert [(each["action"], each["state"], each["limit"]) for each in told] == [
        ("expectation broken", "warns", 0), ("expectation holds again", "holds", 1),
    ]  # fmt: skip
    assert told[0]["expectation"] == "unmapped"
    assert told[0]["instance_name"] == "Main"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_file_carries_them_there_and_back(main: IntegrationInstance, owner: User, form: str) -> None:
    expect(owner, main, mapped=("brake", 98), unmapped=("warn", 3, 7), credentials=("warn", 0))
    file = "".join(WRITERS[form](export_configurations([main]), COLUMNS)).encode()
    there = as_rows(terms_of(main))
    assert there == [["mapped", "brake", 98], ["unmapped", "warn", 3, 7], ["credentials", "warn"]]
    (row,) = import_configurations(Batch(actor_of(owner)), io.BytesIO(file), {}).rows
    assert row.outcome.value == "skipped", row.message
    expect(owner, main)
    nothing = [{**export, "expectations": ""} for export in export_configurations([main])]
    empty = "".join(WRITERS[form](nothing, COLUMNS)).encode()  # lifts no brake, and changes nothing
    (row,) = import_configurations(Batch(actor_of(owner)), io.BytesIO(empty), {}).rows
    assert row.outcome.value == "skipped", row.message
    (row,) = import_configurations(Batch(actor_of(owner)), io.BytesIO(file), {}).rows
    assert (row.outcome.value, as_rows(terms_of(main))) == ("updated", there), row.message


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("{}", "must be a JSON list of [kind, effect, limit, days]"),
        ("[[]]", "must be a JSON list of [kind, effect, limit, days]"),
        ('[["mapped", "warn", 101]]', "the limit of mapped must be a whole number from 1 to 100"),
        ('[["mapped", "warn", true]]', "the limit of mapped must be a whole number from 1 to 100"),
        ('[["mapped", "stop", 90]]', "mapped needs an effect, “warn” or “brake”"),
        ('[["refreshed", "brake", 9]]', "refreshed can warn, and not brake: no refresh breaks it"),
        ('[["mapped", "warn", 90, 3]]', "the days of mapped do not fit"),
        ('[["twins", "warn", 9]]', "there is no kind “twins”"),
        ('[["inbox", "warn", 9], ["inbox", "warn", 8]]', "a kind stands twice"),
        ('[["fewer", "brake"]]', "fewer needs its limit"),  # and not: no company may go
        ('[["unmapped", "warn", 3]]', "unmapped needs its days"),
        ('[["mapped", "warn", 90, 0, 1]]', "“mapped” has more than an effect, a limit and days"),
    ],
)  # fmt: skip
def test_what_a_file_cannot_mean_is_refused(
    main: IntegrationInstance, owner: User, cell: str, why: str
) -> None:
    [row] = export_configurations([main])
    lines = "".join(WRITERS["json"]([{**row, "expectations": cell}], COLUMNS)).encode()
    (result,) = import_configurations(Batch(actor_of(owner)), io.BytesIO(lines), {}).rows
    assert (result.outcome.value, result.message) == ("failed", f"expectations: {why}")


def test_a_command_shows_how_they_stand_and_fails_where_one_is_broken(
    refreshed: IntegrationInstance, owner: User
) -> None:
    make_organization("Firm")
    out = io.StringIO()
    call_command("show_expectations", "Main", stdout=out)
    assert "At most 30 % fewer companies than last time" in out.getvalue()
    expect(owner, refreshed, unmapped=("warn", 0, 0))
    with pytest.raises(CommandError, match=r"1 of 1 broken: Main \(unmapped\)\."):
        call_command("show_expectations", "--all", "--format", "json", stdout=io.StringIO())
