"""Who may go unasked: who leaves a changed filter, and whom a warning has named; nobody else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AuditEvent, HeldRefresh, IntegrationInstance, Job
from integrations.models.audit import Action
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies import save_filters
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.expectations.test_brakes import enlarge, gone, remove, work_off
from tests.expectations.test_kinds import State, expect, state_of
from tests.support.simulated import actor_of, company_of, make_organization, map_to, refresh

pytestmark = pytest.mark.django_db
Signed = Callable[[User], Client]
NOT_SEVEN = [FilterCondition("companyType", "noteq", 7)]


def save(owner: User, instance: IntegrationInstance, conditions: list[FilterCondition]) -> None:
    save_filters(Batch(actor_of(owner)), instance, conditions)
    instance.refresh_from_db()


def test_a_filter_that_was_put_back_excuses_nobody_and_ends_no_waiting(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    save(owner, refreshed, NOT_SEVEN)
    assert refresh(refreshed).state == Job.State.DONE
    remove(tenant, *range(101, 111))
    save(owner, refreshed, [])
    save(owner, refreshed, NOT_SEVEN)
    assert refresh(refreshed, full=True).state == Job.State.FAILED
    save(owner, refreshed, [])
    save(owner, refreshed, NOT_SEVEN)
    assert refresh(refreshed).state == Job.State.FAILED
    assert (gone(refreshed), state_of(refreshed, "fewer")) == (0, State.BRAKES)
    assert HeldRefresh.objects.get().waits


def test_a_changed_filter_excuses_who_leaves_it_and_not_who_is_gone(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    expect(owner, refreshed, fewer=("brake", 30), inbox=("brake", 0))
    for number in (101, 102):
        map_to(owner, refreshed, make_organization(f"Firm {number}"), number)
    for number in range(101, 108):
        tenant.companies.change(number, {"companyType": 7})
    save(owner, refreshed, NOT_SEVEN)
    remove(tenant, *range(108, 113))
    job = refresh(refreshed)
    assert (job.state, job.error[:51]) == (
        Job.State.FAILED,
        "5 of 6 companies were not returned this time. Nothi",
    )
    assert gone(refreshed) == 0
    assert company_of(refreshed, 101).in_filter
    for number in range(108, 113):
        tenant.companies.put({"id": number, "companyName": f"Back {number}"})
    assert refresh(refreshed).state == Job.State.DONE  # seven of fifteen leave the filter, two are mapped
    assert not company_of(refreshed, 101).in_filter
    assert state_of(refreshed, "fewer") == State.HOLDS
    remove(tenant, *range(108, 113))
    assert refresh(refreshed, full=True).state == Job.State.FAILED  # the filter is no new one any more


def test_a_filter_saved_while_a_clock_was_ahead_is_read_once_and_excuses_nobody_later(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    enlarge(tenant, refreshed)
    with time_machine.travel(timezone.now() + dt.timedelta(days=3)):
        save(owner, refreshed, NOT_SEVEN)
    first = refresh(refreshed).result
    assert (first["full"], first["outdated"]) == (True, False)
    while Job.objects.open().exists():
        assert work_off().state == Job.State.DONE
    assert refresh(refreshed).result["full"] is False
    remove(tenant, *range(1000, 1050))
    assert refresh(refreshed, full=True).state == Job.State.FAILED
    assert gone(refreshed) == 0


def test_the_only_company_does_not_vanish_unasked(tenant: Tenant, refreshed: IntegrationInstance) -> None:
    remove(tenant, 0, *range(102, 113), 201, 202)
    refresh(refreshed, accept_shrink=True)
    assert refreshed.companies.present().count() == 1
    remove(tenant, 101)
    assert refresh(refreshed, full=True).state == Job.State.FAILED
    assert gone(refreshed) == 14


# --- whom a warning has named -------------------------------------------------------------------------


def say_gone(client: Client, instance: IntegrationInstance) -> str:
    address = reverse("integrations:refresh", args=[instance.psa, instance.pk])
    return client.post(address, {"gone": "1"}, follow=True).content.decode()


def accepted() -> list[object]:
    events = AuditEvent.objects.of(Action.ABSENCE_ACCEPTED).order_by("pk")
    return [event.after["gone"] for event in events if event.after]


def test_the_button_of_a_warning_takes_whom_it_named_and_nobody_else(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    simulator.inject("counted-but-not-given", every=999)  # the company 0
    assert refresh(refreshed, full=True).state == Job.State.DONE
    say_gone(client_of(member), refreshed)
    assert accepted() == [["Northwind Managed IT (0)"]]
    simulator.clear()
    remove(tenant, *range(101, 108))
    assert work_off().state == Job.State.FAILED
    assert gone(refreshed) == 0
    assert HeldRefresh.objects.get().waits


def test_the_button_of_a_warning_does_not_go_round_a_result_that_waits(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    window = client_of(member)
    assert "Nothing was done" in say_gone(window, refreshed)  # nothing was named
    simulator.inject("counted-but-not-given", every=999)
    refresh(refreshed, full=True)
    simulator.clear()
    remove(tenant, *range(101, 108))
    assert refresh(refreshed, full=True).state == Job.State.FAILED
    assert "Nothing was done" in say_gone(window, refreshed)
    address = reverse("integrations:refresh", args=[refreshed.psa, refreshed.pk])
    window.post(address, {"accept_shrink": "1"})
    assert work_off().state == Job.State.FAILED
    assert (gone(refreshed), accepted()) == (0, [])


def test_whoever_accepts_by_the_command_is_in_the_history(
    tenant: Tenant, refreshed: IntegrationInstance
) -> None:
    remove(tenant, *range(101, 108))
    call_command("refresh_options", refreshed.name, accept_shrink=True)
    assert (gone(refreshed), accepted()) == (7, ["whatever does not come"])
