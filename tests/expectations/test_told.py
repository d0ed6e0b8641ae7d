"""That a refresh waits is told by itself: once, anew when more is added, and over when it is decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Alert, AlertMessage, HeldRefresh, IntegrationInstance, Occurrence
from integrations.services.alerts import watch
from integrations.services.expectations import note_expectations
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.expectations.test_brakes import press, remove, work_off
from tests.expectations.test_kinds import State, expect, state_of
from tests.support.simulated import make_organization, map_to, refresh

pytestmark = pytest.mark.django_db
Signed = Callable[[User], Client]


def alerts() -> list[tuple[str, bool]]:
    """Each alert by its title, and whether it stands."""
    note_expectations(timezone.now())
    watch()
    rows = Alert.objects.filter(kind="expectation.broken").order_by("pk")
    return [(each.title.partition(": ")[2], each.closed_at is None) for each in rows]


def test_a_refresh_waits_although_the_expectation_was_broken_already(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    firms = [make_organization(f"Firm {number}") for number in range(4)]
    expect(owner, refreshed, mapped=("brake", 75))
    map_to(owner, refreshed, firms[0], 101)
    map_to(owner, refreshed, firms[1], 102)
    broken = ("an expectation is broken", True)
    assert alerts() == [broken]
    remove(tenant, 101)
    refresh(refreshed, full=True)
    assert alerts() == [broken, ("a refresh waits for you", True)]
    told = Alert.objects.latest("pk")
    assert told.path == reverse("integrations:held", args=[refreshed.psa, refreshed.pk])
    assert "With it 1 of 4 organizations" in told.text
    press(client_of(member), refreshed, "take")
    work_off()
    assert alerts() == [broken, ("a refresh waits for you", False)]


def test_what_is_added_to_a_result_that_was_left_is_told_anew(
    tenant: Tenant, refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    remove(tenant, *range(101, 106))
    refresh(refreshed, full=True)
    waits, over = ("a refresh waits for you", True), ("a refresh waits for you", False)
    assert alerts() == [waits]  # of one cause one alert
    press(client_of(member), refreshed, "leave")
    assert alerts() == [over]
    refresh(refreshed, full=True)
    assert alerts() == [over]
    remove(tenant, 106)
    refresh(refreshed, full=True)
    assert alerts() == [over, waits]
    assert Alert.objects.latest("pk").text.startswith("6 of")


def test_the_home_page_goes_by_what_waits(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    window = client_of(member)
    remove(tenant, *range(101, 106))
    refresh(refreshed, full=True)
    simulator.inject("counted-but-not-given", every=999)
    refresh(refreshed, full=True)
    assert "a refresh waits for somebody" in window.get("/").content.decode()
    press(window, refreshed, "leave")
    simulator.clear()
    refresh(refreshed, full=True)
    home = window.get("/").content.decode()
    assert "a refresh waits for somebody" not in home
    assert "the last refresh failed" not in home


@pytest.mark.parametrize(
    ("wanted", "waits"), [(("warn", 30), False), (("brake", 90), False), (None, False), (("brake", 20), True)]
)
def test_a_result_waits_only_for_what_still_brakes_it(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, wanted: tuple[str, int] | None, waits: bool
) -> None:
    remove(tenant, *range(101, 106))
    refresh(refreshed, full=True)
    assert alerts() == [("a refresh waits for you", True)]
    expect(owner, refreshed, **({"fewer": wanted} if wanted else {}))
    assert HeldRefresh.objects.exists() == waits
    if wanted:
        assert (state_of(refreshed, "fewer") == State.BRAKES) == waits
    assert alerts() == [("a refresh waits for you", waits)]


def drift() -> list[str]:
    """What people were told of mappings to look at."""
    watch()
    return [each.text for each in Alert.objects.filter(kind="drift.found").order_by("pk")]


@pytest.mark.parametrize("left", [False, True])
def test_drift_is_told_while_a_result_waits_or_was_left_and_once(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, member: User, client_of: Signed, left: bool
) -> None:
    window = client_of(member)
    for number in (110, 111, 112):
        map_to(owner, refreshed, make_organization(f"Firm {number}"), number)
    remove(tenant, *range(101, 106))
    refresh(refreshed, full=True)
    assert drift() == []
    if left:
        press(window, refreshed, "leave")
    tenant.companies.change(110, {"companyName": "Quite Another"})
    tenant.companies.change(111, {"isActive": False})
    refresh(refreshed)
    (first,) = drift()
    assert "2 mappings of Main should be looked at" in first
    assert Alert.objects.get(kind="drift.found").path.endswith(f"?instance={refreshed.pk}")
    inbox = " ".join(window.get("/drift/").content.decode().split())
    waits = "the result of a refresh was left" if left else "a refresh waits for a person"
    assert f"Main: {waits}. Which companies are gone" in inbox
    refresh(refreshed)
    assert len(drift()) == 1
    tenant.companies.change(112, {"companyName": "One More"})
    refresh(refreshed)
    assert "1 mapping of Main" in drift()[1]
    press(window, refreshed, "take")
    work_off()
    assert len(drift()) == 2  # what was told stays told when a refresh counts it
    assert "Which companies are gone" not in window.get("/drift/").content.decode()
    map_to(owner, refreshed, make_organization("Firm 109"), 109)
    tenant.companies.change(109, {"companyName": "After That"})
    refresh(refreshed, full=True)
    assert len(drift()) == 3


def test_a_result_that_waits_is_one_alert_also_when_it_waits_for_days(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    expect(owner, refreshed, fewer=("brake", 30), refreshed=("warn", 48))
    remove(tenant, *range(101, 106))
    waits, old = ("a refresh waits for you", True), ("an expectation is broken", True)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(4):
            refresh(refreshed, scheduled=True)
            assert alerts() == [waits]
            clock.shift(dt.timedelta(hours=20))
        assert Occurrence.objects.filter(cause="expectation:refreshed").count() == 1  # programs are told
        clock.shift(dt.timedelta(hours=29))  # nothing was read any more: that is another cause
        assert alerts() == [waits, old]
        assert "There was a later one. The result waits for a person." in Alert.objects.latest("pk").text


def test_who_left_a_result_is_told_that_the_companies_get_old(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    expect(owner, refreshed, fewer=("brake", 30), refreshed=("warn", 48))
    remove(tenant, *range(101, 106))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        refresh(refreshed, full=True)
        assert alerts() == [("a refresh waits for you", True)]
        press(client_of(member), refreshed, "leave")
        clock.shift(dt.timedelta(hours=49))
        assert alerts() == [("a refresh waits for you", False), ("an expectation is broken", True)]


def test_an_open_alert_tells_the_number_of_today(
    refreshed: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    make_organization("First")
    expect(owner, refreshed, unmapped=("warn", 0, 0))
    assert alerts() == [("an expectation is broken", True)]
    for number in range(4):
        make_organization(f"Firm {number}")
    assert len(alerts()) == 1
    assert "5 organizations are unmapped." in client_of(member).get("/alerts/").content.decode()
    assert Alert.objects.get(kind="expectation.broken").turn == 1
    assert not AlertMessage.objects.filter(notices__is_over=True).exists()
    assert Occurrence.objects.count() == 1
