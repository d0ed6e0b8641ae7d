"""Which read a press makes, everything or the changes, and that every result says which it was."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations import tasks
from integrations.models import IntegrationInstance, Job
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies.filters import save_filters
from integrations.services.exports.configurations import export_configurations
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.simulated import CUSTOMER, actor_of, company_of, refresh

LEAD, DEAD = 2, 4
HOUR = dt.timedelta(hours=1)
ALL = {"full": "1"}


@pytest.fixture
def large(tenant: Tenant, instance: IntegrationInstance) -> IntegrationInstance:
    """46 companies in pages of ten: reading everything costs five requests more than reading changes."""
    for number in range(1000, 1031):
        tenant.companies.put({"id": number, "companyName": f"Harbour {number}", "companyType": CUSTOMER})
    assert refresh(instance).state == Job.State.DONE
    instance.refresh_from_db()
    return instance


def only_customers(user: User, instance: IntegrationInstance) -> None:
    save_filters(Batch(actor_of(user)), instance, [FilterCondition("companyType", "eq", CUSTOMER)])
    assert refresh(instance).result["full"]
    instance.refresh_from_db()


def state_of(instance: IntegrationInstance, number: int) -> tuple[str, bool, bool]:
    company = company_of(instance, number)
    return company.name, company.in_filter, company.missing_since is None


def asked_for(simulator: Simulator) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in simulator.requests.to("companies/query", "POST")]


# --- a small tenant -----------------------------------------------------------------------------------


def test_a_press_reads_everything_where_that_costs_little_more(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    """Merged away, retyped, made without a stamp: all of it is right after one press."""
    only_customers(owner, refreshed)
    tenant.companies.remove(103)
    tenant.companies.change(104, {"companyType": DEAD})
    tenant.companies.put({"id": 150, "companyName": "Import Without A Stamp", "companyType": CUSTOMER})

    job = refresh(refreshed)

    assert job.message == (
        "All 11 companies of the filter were read: 1 new, 1 changed, 1 no longer there, "
        "1 now outside the filter."
    )
    assert state_of(refreshed, 103)[1:] == (True, False)
    assert state_of(refreshed, 104)[1:] == (False, True)
    assert company_of(refreshed, 104).company_type == DEAD
    assert state_of(refreshed, 150) == ("Import Without A Stamp", True, True)


# --- a large tenant -----------------------------------------------------------------------------------


def test_nothing_changed_is_said_with_the_moment_and_the_number_of_companies(
    large: IntegrationInstance,
) -> None:
    assert large.last_refreshed_at is not None
    since = f"{large.last_refreshed_at:%Y-%m-%d %H:%M} UTC"

    job = refresh(large)

    assert job.message.startswith(f"No changes since {since}. 46 companies.")
    assert "deleted or merged in Autotask PSA show only when everything is read" in job.message
    assert job.result["full"] is False


def test_changes_are_asked_for_without_the_filter_and_sorted_by_it(
    simulator: Simulator, tenant: Tenant, large: IntegrationInstance, owner: User
) -> None:
    only_customers(owner, large)
    tenant.companies.change(1001, {"companyName": "Renamed Harbour"})
    tenant.companies.change(1002, {"companyType": DEAD})
    tenant.companies.change(201, {"companyType": CUSTOMER})
    tenant.companies.change(202, {"companyName": "A Vendor That Was Outside"})
    tenant.companies.remove(103)
    simulator.requests.clear()

    job = refresh(large)

    assert job.message.startswith("Only changes since ")
    assert (
        "were read: 4 changed, 1 now inside the filter, 1 now outside the filter. 43 companies."
        in job.message
    )
    assert state_of(large, 1001) == ("Renamed Harbour", True, True)
    assert state_of(large, 1002)[1:] == (False, True)
    assert state_of(large, 201)[1:] == (True, True)
    assert state_of(large, 202)[1:] == (False, True)
    assert state_of(large, 103)[1:] == (True, True)  # only a complete read can tell
    changes = [body for body in asked_for(simulator) if "lastTracked" in json.dumps(body["filter"])]
    assert changes
    assert not any("companyType" in json.dumps(body["filter"]) for body in changes)

    job = refresh(large, full=True)
    assert state_of(large, 103)[1:] == (True, False)


def test_a_changed_company_that_was_never_inside_the_filter_is_not_kept(
    tenant: Tenant, large: IntegrationInstance, owner: User
) -> None:
    only_customers(owner, large)
    tenant.companies.put({"id": 2000, "companyName": "A Lead", "companyType": LEAD})
    tenant.companies.change(2000, {"companyName": "A Lead, Renamed"})
    refresh(large)
    assert not large.companies.filter(remote_id="2000").exists()


def test_so_many_changes_that_everything_costs_no_more_are_read_with_everything(
    tenant: Tenant, large: IntegrationInstance
) -> None:
    for number in range(1000, 1031):
        tenant.companies.change(number, {"city": "Springfield"})
    tenant.companies.remove(103)
    job = refresh(large)
    assert job.message == "All 45 companies were read: 31 changed, 1 no longer there."


def test_a_portal_clock_that_is_twenty_minutes_fast_misses_nothing(
    simulator: Simulator, tenant: Tenant, large: IntegrationInstance
) -> None:
    simulator.inject("clock-off", minutes=-20)
    refresh(large, full=True)
    large.refresh_from_db()
    assert large.remote_read_at is not None
    assert large.last_refreshed_at is not None
    assert (
        dt.timedelta(minutes=19) < large.last_refreshed_at - large.remote_read_at < dt.timedelta(minutes=21)
    )

    stamp = (large.remote_read_at + dt.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    tenant.companies.change(1001, {"companyName": "Changed By Their Clock"})
    tenant.companies.change(1001, {"lastTrackedModifiedDateTime": stamp})
    assert refresh(large).result["full"] is False
    assert company_of(large, 1001).name == "Changed By Their Clock"


# --- the daily one ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "elapsed", "full"),
    [
        (24, dt.timedelta(hours=24, seconds=-5), True),  # a turn that came some seconds sooner than the last
        (24, dt.timedelta(hours=24, seconds=5), True),
        (24, dt.timedelta(minutes=30), False),  # somebody has just read everything
        (6, dt.timedelta(hours=18), False),
        (6, dt.timedelta(hours=24, seconds=-5), True),
        (20, dt.timedelta(hours=20), True),  # the next turn would come after 40 hours
        (1, dt.timedelta(hours=12), False),
    ],
)
def test_the_schedule_reads_everything_every_day(
    large: IntegrationInstance, hours: int, elapsed: dt.timedelta, full: bool
) -> None:
    now = timezone.now()
    IntegrationInstance.objects.filter(pk=large.pk).update(
        refresh_every_hours=hours,
        last_full_read_at=now - elapsed,
        next_refresh_at=now,
        next_check_at=now + HOUR,
    )
    assert tasks.start_due() == 1
    job = Job.objects.open().get()
    tasks.do_job(job.key)
    job.refresh_from_db()
    assert (job.state, job.result["full"]) == (Job.State.DONE, full)


def test_a_press_after_more_than_a_day_reads_everything(large: IntegrationInstance) -> None:
    long_ago = timezone.now() - 25 * HOUR
    IntegrationInstance.objects.filter(pk=large.pk).update(last_full_read_at=long_ago)
    assert refresh(large).result["full"]


# --- the page -----------------------------------------------------------------------------------------


def test_the_page_offers_to_read_everything_with_its_price(
    simulator: Simulator,
    tenant: Tenant,
    large: IntegrationInstance,
    member: User,
    client_of: Callable[[User], Client],
) -> None:
    window, page = client_of(member), large.get_absolute_url()
    tenant.companies.remove(103)
    refresh(large)
    html = window.get(page).content.decode()
    offered = re.search(r"Read everything now \((\d+) requests\)", html)
    assert offered, html

    window.post(reverse("integrations:refresh", args=[large.psa, large.pk]), ALL)
    job = Job.objects.open().get()
    simulator.requests.clear()
    tasks.do_job(job.key)

    job.refresh_from_db()
    assert job.message == "All 45 companies were read: 1 no longer there."
    assert abs(len(simulator.requests) - int(offered[1])) <= 1  # who lacked is asked for by id
    assert "Read everything now" not in window.get(page).content.decode()


def test_the_wish_for_everything_is_taken_up_by_a_refresh_that_waits(
    large: IntegrationInstance, owner: User
) -> None:
    waiting = tasks.enqueue_refresh(large, owner)
    assert tasks.enqueue_refresh(large, owner, full=True).pk == waiting.pk
    tasks.do_job(waiting.key)
    waiting.refresh_from_db()
    assert waiting.result["full"]


# --- after a filter was put back ----------------------------------------------------------------------


def test_undoing_a_filter_reads_anew_as_saving_one_does(
    refreshed: IntegrationInstance, owner: User, client_of: Callable[[User], Client]
) -> None:
    save = Batch(actor_of(owner))
    save_filters(save, refreshed, [FilterCondition("companyType", "eq", CUSTOMER)])
    refresh(refreshed)
    assert state_of(refreshed, 201)[1:] == (False, True)

    answer = client_of(owner).post(reverse("integrations:undo", args=[save.key]), follow=True)

    assert "The companies are being read anew." in answer.content.decode()
    job = Job.objects.open().get()
    tasks.do_job(job.key)
    job.refresh_from_db()
    assert job.message.startswith("All 15 companies were read: ")
    assert state_of(refreshed, 201)[1:] == (True, True)


def test_the_command_that_undoes_reads_anew_too(refreshed: IntegrationInstance, owner: User) -> None:
    save = Batch(actor_of(owner))
    save_filters(save, refreshed, [FilterCondition("companyType", "eq", CUSTOMER)])
    call_command("undo", str(save.key), "--dry-run", stderr=io.StringIO())
    assert not Job.objects.open().exists()
    call_command("undo", str(save.key), stderr=io.StringIO())
    assert Job.objects.open().get().options["full"]


def test_an_imported_filter_is_read_at_the_schedules_next_look(
    refreshed: IntegrationInstance, owner: User, tmp_path: Path
) -> None:
    IntegrationInstance.objects.update(next_check_at=timezone.now() + HOUR)
    [row] = export_configurations([refreshed])
    file = tmp_path / "configurations.json"
    for filters, due in (([], 0), ([["companyType", "eq", CUSTOMER]], 1)):
        file.write_text(json.dumps([{**row, "filters": filters, "description": f"{due}"}]))
        call_command("import_configurations", str(file), stdout=io.StringIO(), stderr=io.StringIO())
        assert tasks.start_due() == due
