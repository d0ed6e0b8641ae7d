"""Schedules: who is read and checked when, by one worker, and never with refused credentials."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations import tasks
from integrations.models import AuditEvent, IntegrationInstance, Job
from integrations.psa.base import FailureKind, PSAError
from integrations.services.audit import Batch
from integrations.services.companies import find_missing_company
from integrations.services.instances import check
from integrations.services.instances import delete as deletion
from integrations.services.instances import schedule as schedules
from integrations.services.instances.credentials import with_current_zone
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.rows import make_instance
from tests.support.simulated import USERNAME, actor_of, connect, refresh

HOUR = dt.timedelta(hours=1)
Status = IntegrationInstance.Status
ClientOf = Callable[[User], Client]


@pytest.fixture
def plain(db: None) -> IntegrationInstance:
    return make_instance()


def set_times(instance: IntegrationInstance, **times: Any) -> None:
    IntegrationInstance.objects.filter(pk=instance.pk).update(**times)
    instance.refresh_from_db()


def test_a_new_configuration_is_planned_an_interval_ahead(plain: IntegrationInstance) -> None:
    before = timezone.now()
    assert tasks.start_due() == 0
    plain.refresh_from_db()
    assert plain.next_refresh_at is not None
    assert plain.next_check_at is not None
    assert before + 24 * HOUR <= plain.next_refresh_at <= timezone.now() + 24 * HOUR
    assert not Job.objects.exists()


def test_a_configuration_that_was_read_long_ago_is_due_at_once(plain: IntegrationInstance) -> None:
    set_times(plain, last_refreshed_at=timezone.now() - 30 * HOUR, last_checked_at=timezone.now())
    assert tasks.start_due() == 1
    job = Job.objects.get()
    assert (job.kind, job.created_by, job.starter) == (Job.Kind.REFRESH_OPTIONS, None, "schedule")


def test_a_turn_is_taken_once_and_comes_again_after_the_interval(plain: IntegrationInstance) -> None:
    now = timezone.now()
    set_times(plain, refresh_every_hours=6, next_refresh_at=now - HOUR, next_check_at=now + HOUR)
    turn = schedules.due_runs(now)[0]
    # A second worker that looked in the same moment comes too late.
    assert [schedules.claim_run(turn, now) for _ in range(3)] == [True, False, False]
    plain.refresh_from_db()
    assert plain.next_refresh_at == now + 6 * HOUR
    assert schedules.due_runs(now) == []
    assert [kind for kind, _ in schedules.due_runs(now + 6 * HOUR)] == ["refresh_options", "check_connection"]


def test_a_turn_is_not_taken_when_the_schedule_was_changed_meanwhile(
    plain: IntegrationInstance, owner: User
) -> None:
    now = timezone.now()
    set_times(plain, next_refresh_at=now - HOUR, next_check_at=now + HOUR)
    turn = schedules.due_runs(now)[0]
    schedules.save_schedule(Batch(actor_of(owner)), plain, refresh_every_hours=0, check_daily=False)
    assert not schedules.claim_run(turn, now)
    assert tasks.start_due() == 0
    assert schedules.overdue(now + 99 * HOUR) == 0


@pytest.mark.parametrize("change", ["deleted", "refused", "off"])
def test_who_is_left_alone(plain: IntegrationInstance, owner: User, change: str) -> None:
    ago = timezone.now() - HOUR
    set_times(plain, next_refresh_at=ago, next_check_at=ago)
    if change == "deleted":
        deletion.delete_instance(Batch(actor_of(owner)), plain)
    elif change == "refused":
        IntegrationInstance.objects.update(status=Status.REFUSED)
    else:
        IntegrationInstance.objects.update(refresh_every_hours=0, check_daily=False)
    assert tasks.start_due() == 0
    assert not Job.objects.exists()


def test_a_refresh_that_is_open_already_is_not_doubled(plain: IntegrationInstance, owner: User) -> None:
    tasks.enqueue_refresh(plain, owner)
    set_times(plain, next_refresh_at=timezone.now() - HOUR, next_check_at=timezone.now() + HOUR)
    assert tasks.start_due() == 1
    assert Job.objects.get().starter == "olivia"


def test_the_daily_check_tells_what_is_wrong(tenant: Tenant, instance: IntegrationInstance) -> None:
    job = tasks.enqueue_check(instance, None, origin="schedule")
    tasks.do_job(job.key)
    job.refresh_from_db()
    assert (job.state, job.message) == (Job.State.DONE, "The connection works.")

    tenant.secret = "changed over there"
    job = tasks.enqueue_check(instance, None, origin="schedule")
    tasks.do_job(job.key)
    job.refresh_from_db()
    instance.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "Credentials" in job.error
    assert instance.status == Status.REFUSED


def test_refused_credentials_are_sent_once_until_a_person_acts(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    tenant.secret, right = "changed over there", tenant.secret
    asked = len(simulator.requests)
    assert refresh(refreshed).state == Job.State.FAILED
    refused = [request for request in simulator.requests.all()[asked:] if request.status == 401]
    assert len(refused) == 1
    ago = timezone.now() - HOUR
    set_times(refreshed, next_refresh_at=ago, next_check_at=ago)
    assert refreshed.status == Status.REFUSED
    assert tasks.start_due() == 0  # not now, nor ever by itself

    tenant.secret = right
    assert check.check_connection(Batch(actor_of(owner)), refreshed).passed
    set_times(refreshed, next_check_at=timezone.now() + HOUR)
    assert tasks.start_due() == 1


def test_credentials_that_were_changed_meanwhile_are_not_marked_refused(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance
) -> None:
    began_with = IntegrationInstance.objects.get(pk=refreshed.pk)
    IntegrationInstance.objects.update(secrets_set={"secret": {"at": "now", "by": "olivia"}})
    tenant.secret = "changed over there"

    with pytest.raises(PSAError) as refusal:
        with_current_zone(began_with, lambda client: client.count_companies([]))

    assert refusal.value.kind is FailureKind.CREDENTIALS
    refreshed.refresh_from_db()
    assert refreshed.status == Status.CONNECTED


def test_one_refusal_closes_the_door_for_everybody_until_a_person_tries_once_more(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, member: User, client_of: ClientOf
) -> None:
    """Too many refusals lock the API user, and no click of somebody who cannot mend it may add one."""
    tenant.secret, right = "changed over there", tenant.secret
    window, page, asked = client_of(member), refreshed.get_absolute_url(), len(simulator.requests)
    row = {"filters-TOTAL_FORMS": "1", "filters-INITIAL_FORMS": "0", "filters-0-field": "companyType"}
    for number in range(1, 4):
        preview = {**row, "filters-0-operation": "eq", "filters-0-value": str(number)}
        window.post(f"{page}filters/preview/", preview)
        window.get(f"{page}missing/", {"q": f"Company {number}"})
        refresh(refreshed)
    assert len([request for request in simulator.requests.all()[asked:] if request.status == 401]) == 1
    assert len(simulator.requests.all()[asked:]) <= 2  # the refused one, and where its user's zone is now

    html = window.get(page).content.decode()
    assert "Try once more" in html
    assert "has refused these credentials once" in html
    assert "The last check passed; Autotask has refused the credentials since" in html
    assert "The connection works" not in html
    window.post(reverse("integrations:connection_test", args=[refreshed.psa, refreshed.pk]))
    assert "2 times since they last worked" in window.get(page).content.decode()

    tenant.secret = right
    window.post(reverse("integrations:connection_test", args=[refreshed.psa, refreshed.pk]))
    refreshed.refresh_from_db()
    assert (refreshed.status, refreshed.refused_tries) == (Status.CONNECTED, 0)
    assert refresh(refreshed).state == Job.State.DONE


def test_who_cannot_mend_refused_credentials_is_told_whom_to_ask(
    refreshed: IntegrationInstance, owner: User, member: User, reader: User, client_of: ClientOf
) -> None:
    IntegrationInstance.objects.filter(pk=refreshed.pk).update(status=Status.REFUSED, refused_tries=1)
    asked = f"Ask {owner.get_username()}"
    assert asked in client_of(member).get(refreshed.get_absolute_url()).content.decode()
    assert asked in client_of(reader).get(refreshed.get_absolute_url()).content.decode()
    assert asked not in client_of(owner).get(refreshed.get_absolute_url()).content.decode()


def test_a_chosen_platform_follows_the_tenant_wherever_the_move_is_learnt(
    simulator: Simulator, owner: User, settings: Any
) -> None:
    main = connect(owner, zone=simulator.base_url.split("/")[2])
    there = simulator.add_zone(5)
    settings.AUTOTASK_EXTRA_HOSTS.append(there.base_url.split("/")[2])
    simulator.inject("zone-moved", zone=5, tenant=USERNAME)

    find_missing_company(main, "Kestrel")

    main.refresh_from_db()
    assert (main.api_url, main.zone) == (there.api_url, there.base_url.split("/")[2])
    assert check.check_connection(Batch(actor_of(owner)), main).passed


# --- the form -----------------------------------------------------------------------------------------


def address(instance: IntegrationInstance) -> str:
    return reverse("integrations:schedule_save", args=[instance.psa, instance.pk])


def test_a_member_changes_the_schedule_and_it_is_audited(
    plain: IntegrationInstance, member: User, client_of: Callable[[User], Client]
) -> None:
    set_times(plain, last_refreshed_at=timezone.now())
    client = client_of(member)
    client.post(address(plain), {"refresh_every_hours": "6"})
    plain.refresh_from_db()
    assert (plain.refresh_every_hours, plain.check_daily, plain.next_check_at) == (6, False, None)
    assert plain.last_refreshed_at is not None
    assert plain.next_refresh_at == plain.last_refreshed_at + 6 * HOUR
    event = AuditEvent.objects.get(action="schedule changed")
    assert (event.before, event.after) == (
        {"refresh_every_hours": 24, "check_daily": True},
        {"refresh_every_hours": 6, "check_daily": False},
    )
    client.post(address(plain), {"refresh_every_hours": "6"})
    assert AuditEvent.objects.filter(action="schedule changed").count() == 1
    page = client.get(plain.get_absolute_url()).content.decode()
    assert "read every 6 hours" in page
    assert 'value="6"' in page


@pytest.mark.parametrize(
    ("hours", "said"),
    [("", "Enter the hours"), ("-1", "0 or more"), ("9999", "at most 744"), ("1.5", "whole hours")],
)
def test_impossible_intervals_are_explained_and_not_stored(
    plain: IntegrationInstance, member: User, client_of: Callable[[User], Client], hours: str, said: str
) -> None:
    answer = client_of(member).post(address(plain), {"refresh_every_hours": hours, "check_daily": "on"})
    assert said in answer.content.decode()
    plain.refresh_from_db()
    assert plain.refresh_every_hours == 24


def test_readers_see_the_schedule_and_cannot_change_it(
    plain: IntegrationInstance, reader: User, stranger: User, client_of: Callable[[User], Client]
) -> None:
    page = client_of(reader).get(plain.get_absolute_url()).content.decode()
    assert "read every 24 hours" in page
    assert "Save schedule" not in page
    for person in (reader, stranger):
        assert client_of(person).post(address(plain), {"refresh_every_hours": "1"}).status_code == 404


def test_the_database_refuses_an_interval_beyond_a_month(plain: IntegrationInstance) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        IntegrationInstance.objects.filter(pk=plain.pk).update(refresh_every_hours=745)
