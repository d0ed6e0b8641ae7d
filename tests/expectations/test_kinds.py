"""Each kind of expectation: broken by what happens in Autotask or here, told once, and once when it holds."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import (
    Alert,
    AuditEvent,
    Expectation,
    ExpectationKind,
    HeldRefresh,
    IntegrationInstance,
    Occurrence,
    RecordChange,
)
from integrations.services.alerts import watch
from integrations.services.audit import Batch
from integrations.services.drift.retention import forget_changes
from integrations.services.expectations import Terms, note_expectations, outlook_of, save_expectations
from integrations.services.instances import check_connection
from integrations.services.mapping import confirm_mappings
from integrations.services.organizations import change_organization
from integrations.services.suggestions.decisions import ignore_organization, stop_ignoring
from integrations.simulators.autotask.tenant import Tenant
from tests.support.simulated import actor_of, make_organization, map_to, refresh

pytestmark = pytest.mark.django_db
Effect, State, Kind = Expectation.Effect, Expectation.State, ExpectationKind
DAY = dt.timedelta(days=1)


def expect(
    owner: User, instance: IntegrationInstance, **wanted: tuple[str, int] | tuple[str, int, int]
) -> None:
    """Expect this alone."""
    terms = {Kind(name): Terms(Effect(told[0]), *told[1:]) for name, told in wanted.items()}
    save_expectations(Batch(actor_of(owner)), instance, terms)


def state_of(instance: IntegrationInstance, kind: str) -> str:
    """How it stands, as the page and the API say."""
    instance = IntegrationInstance.objects.get(pk=instance.pk)
    return next(each.state.value for each in outlook_of(instance, timezone.now()) if each.kind == kind)


def told(kind: str) -> list[str]:
    """What occurred, what history tells, and the alerts, of which the same must be said."""
    note_expectations(timezone.now())
    watch()
    occurred = Occurrence.objects.filter(cause=f"expectation:{kind}").order_by("pk")
    events = AuditEvent.objects.filter(target_type="expectation", after__expectation=kind).order_by("pk")
    found = [each.kind.partition(".")[2] for each in occurred]
    assert [each.action for each in events] == [
        {"broken": "expectation broken", "restored": "expectation holds again"}[each] for each in found
    ]
    alerts = Alert.objects.filter(cause__startswith="expectation:", cause__endswith=f":{kind}")
    if kind != "credentials" and not HeldRefresh.objects.exists():  # of which an alert of its own tells
        assert alerts.filter(closed_at=None).count() == (found[-1:] == ["broken"])
    return found


def test_mapped_at_least_falls_with_companies_that_go_and_rises_with_mappings(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    expect(owner, refreshed, mapped=("warn", 75))
    assert state_of(refreshed, "mapped") == State.UNKNOWN  # a share of nobody is no share
    rows = [make_organization(f"Firm {number}") for number in range(4)]
    for organization, number in zip(rows[:3], (101, 102, 103), strict=False):
        map_to(owner, refreshed, organization, number)
    assert (state_of(refreshed, "mapped"), told("mapped")) == (State.HOLDS, [])
    tenant.companies.remove(103)
    refresh(refreshed, full=True)
    assert (state_of(refreshed, "mapped"), told("mapped")) == (State.WARNS, ["broken"])
    assert told("mapped") == ["broken"]  # once
    map_to(owner, refreshed, rows[3], 104)
    assert (state_of(refreshed, "mapped"), told("mapped")) == (State.HOLDS, ["broken", "restored"])
    assert Expectation.objects.get(kind="mapped").text == (
        "3 of 4 organizations (75.0 %) are mapped to a company that is there."
    )


def test_unmapped_counts_who_has_been_so_for_days_without_a_break(
    refreshed: IntegrationInstance, owner: User
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        expect(owner, refreshed, unmapped=("warn", 1, 7))
        organizations = [make_organization(f"Firm {number}") for number in range(3)]
        one, two, three = organizations
        map_to(owner, refreshed, three, 103)
        assert state_of(refreshed, "unmapped") == State.HOLDS
        clock.shift(6 * DAY)
        assert told("unmapped") == []
        clock.shift(2 * DAY)  # nobody did anything: time has passed
        assert (state_of(refreshed, "unmapped"), told("unmapped")) == (State.WARNS, ["broken"])
        ignore_organization(Batch(actor_of(owner)), refreshed, one)
        assert told("unmapped") == ["broken", "restored"]
        stop_ignoring(Batch(actor_of(owner)), refreshed, one)
        assert state_of(refreshed, "unmapped") == State.HOLDS  # its days are counted anew
        clock.shift(8 * DAY)
        assert state_of(refreshed, "unmapped") == State.WARNS
        map_to(owner, refreshed, two, 102)
        assert state_of(refreshed, "unmapped") == State.HOLDS
        assert "1 organization is unmapped for more than 7 days." in {
            each.text for each in outlook_of(refreshed, timezone.now())
        }


def test_fewer_warns_of_a_read_and_holds_with_the_next(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    expect(owner, refreshed, fewer=("warn", 20))
    assert state_of(refreshed, "fewer") == State.UNKNOWN  # there was nothing to compare with
    for number in (101, 102, 103):
        tenant.companies.remove(number)
    refresh(refreshed, full=True)
    assert (state_of(refreshed, "fewer"), told("fewer")) == (State.HOLDS, [])  # 3 of 15: not more than 20 %
    for number in (104, 105, 106):
        tenant.companies.remove(number)
    assert refresh(refreshed, full=True).state == "done"
    assert (state_of(refreshed, "fewer"), told("fewer")) == (State.WARNS, ["broken"])
    refresh(refreshed, full=True)
    assert (state_of(refreshed, "fewer"), told("fewer")) == (State.HOLDS, ["broken", "restored"])


def test_credentials_are_told_by_the_alert_that_there_is(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    expect(owner, refreshed, credentials=("warn", 0))
    assert told("credentials") == []
    secret, tenant.secret = tenant.secret, "changed over there"
    refresh(refreshed, full=True)
    assert (state_of(refreshed, "credentials"), told("credentials")) == (State.WARNS, ["broken"])
    assert list(Alert.objects.values_list("kind", flat=True)) == ["credentials.refused"]  # one a cause
    tenant.secret = secret
    check_connection(Batch(actor_of(owner)), refreshed)
    assert (state_of(refreshed, "credentials"), told("credentials")) == (State.HOLDS, ["broken", "restored"])
    IntegrationInstance.objects.update(status=IntegrationInstance.Status.UNVERIFIED)
    assert state_of(refreshed, "credentials") == State.UNKNOWN


def test_refreshed_within_hours_and_a_clock_that_was_wrong(
    refreshed: IntegrationInstance, owner: User
) -> None:
    expect(owner, refreshed, refreshed=("warn", 48))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert (state_of(refreshed, "refreshed"), told("refreshed")) == (State.HOLDS, [])
        clock.shift(49 * 3600)
        assert told("refreshed") == ["broken"]
        clock.shift(-100 * 3600)  # the last refresh lies ahead: not known, and so nothing is over
        assert (state_of(refreshed, "refreshed"), told("refreshed")) == (State.UNKNOWN, ["broken"])
        clock.shift(100 * 3600)
        assert told("refreshed") == ["broken"]
        refresh(refreshed)
        assert told("refreshed") == ["broken", "restored"]


def test_open_in_the_inbox(tenant: Tenant, refreshed: IntegrationInstance, owner: User) -> None:
    expect(owner, refreshed, inbox=("warn", 0))
    organization = make_organization("Firm")
    map_to(owner, refreshed, organization, 101)
    assert (state_of(refreshed, "inbox"), told("inbox")) == (State.HOLDS, [])
    tenant.companies.change(101, {"companyName": "Quite Another One"})
    refresh(refreshed, full=True)
    assert (state_of(refreshed, "inbox"), told("inbox")) == (State.WARNS, ["broken"])
    confirm_mappings(Batch(actor_of(owner)), refreshed, [organization.pk])
    assert (state_of(refreshed, "inbox"), told("inbox")) == (State.HOLDS, ["broken", "restored"])


def test_nothing_is_known_of_a_configuration_that_was_never_read(
    instance: IntegrationInstance, owner: User
) -> None:
    make_organization("Firm")
    expect(
        owner, instance,
        mapped=("warn", 90), unmapped=("warn", 0, 0), fewer=("brake", 30), refreshed=("warn", 1),
        inbox=("warn", 0),
    )  # fmt: skip
    with time_machine.travel(timezone.now() + 30 * DAY):
        note_expectations(timezone.now())
        watch()
    assert set(Expectation.objects.values_list("state", flat=True)) == {State.UNKNOWN}
    assert not Occurrence.objects.exists()
    assert not Alert.objects.filter(kind="expectation.broken").exists()


def test_what_is_given_up_is_over_and_a_deleted_configuration_tells_nothing(
    refreshed: IntegrationInstance, owner: User
) -> None:
    make_organization("Firm")
    expect(owner, refreshed, unmapped=("warn", 0, 0))
    assert told("unmapped") == ["broken"]
    expect(owner, refreshed)
    assert told("unmapped") == ["broken", "restored"]
    assert Alert.objects.get().over_text == "It holds again, or is no longer expected."
    IntegrationInstance.objects.update(deleted_at=timezone.now())
    Expectation.objects.filter(kind="unmapped").update(effect="warn")
    assert told("unmapped") == ["broken", "restored"]


@pytest.mark.parametrize(
    ("minutes", "state", "text", "value"),
    [
        (30, State.HOLDS, "less than an hour ago", 1),
        (47 * 60 + 30, State.HOLDS, "more than 47 hours ago", 48),
        (48 * 60, State.HOLDS, "was 48 hours ago", 48),
        (48 * 60 + 30, State.WARNS, "more than 48 hours ago", 49),
    ],
)
def test_the_hours_since_the_last_refresh_agree_with_the_limit(
    refreshed: IntegrationInstance, owner: User, minutes: int, state: str, text: str, value: int
) -> None:
    expect(owner, refreshed, refreshed=("warn", 48))
    refreshed.refresh_from_db()
    assert refreshed.last_refreshed_at is not None
    [found] = outlook_of(refreshed, refreshed.last_refreshed_at + dt.timedelta(minutes=minutes))
    assert (found.state, found.value) == (state, value)
    assert text in found.text


def test_days_unmapped_are_counted_by_what_is_kept_for_as_long(
    refreshed: IntegrationInstance, owner: User, settings: Any
) -> None:
    settings.REFRESH_SUMMARY_DAYS = 30
    expect(owner, refreshed, unmapped=("warn", 0, 90))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        firm = make_organization("Firm")
        clock.shift(100 * DAY)
        for is_active in (False, True):
            firm.refresh_from_db()
            values = {"is_active": is_active}
            assert change_organization(Batch(actor_of(owner)), firm, values, firm.updated_at)
        for days, state in ((40, State.HOLDS), (49, State.HOLDS), (2, State.WARNS)):
            clock.shift(days * DAY)
            IntegrationInstance.objects.update(last_refreshed_at=timezone.now())
            forget_changes(timezone.now())
            assert state_of(refreshed, "unmapped") == state
        clock.shift(400 * DAY)
        forget_changes(timezone.now())
        assert not RecordChange.objects.exists()
