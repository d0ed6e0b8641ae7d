"""That a refresh waits is told by itself: once, anew when more is added, and over when it is decided."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Alert, HeldRefresh, IntegrationInstance
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
