"""A scheduled read that fails: tried again within the hour, and told since when it has failed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from integrations import tasks
from integrations.models import IntegrationInstance, Job
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.simulated import refresh
from tests.support.sweeps import first_few

QUERY = "companies/query"
HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)


def due(instance: IntegrationInstance) -> None:
    now = timezone.now()
    IntegrationInstance.objects.filter(pk=instance.pk).update(
        next_refresh_at=now, next_check_at=now + 9 * HOUR
    )


def by_schedule(instance: IntegrationInstance) -> dt.timedelta:
    """One turn of the schedule as a worker does it; how long until the next one."""
    due(instance)
    assert tasks.start_due() == 1
    tasks.do_job(Job.objects.open().get().key)
    instance.refresh_from_db()
    assert instance.next_refresh_at is not None
    return instance.next_refresh_at - timezone.now()


@pytest.mark.parametrize(
    "fault", first_few(["gateway-error", "dropped-before-answer", "html-page", "truncated-json"])
)
def test_what_may_pass_is_tried_again_within_the_hour_after_growing_waits(
    simulator: Simulator, refreshed: IntegrationInstance, fault: str
) -> None:
    simulator.inject(fault, path=QUERY)
    waits = [by_schedule(refreshed) for _ in range(6)]
    assert all(4 * MINUTE < wait <= HOUR for wait in waits)
    assert waits[0] < 9 * MINUTE
    assert waits[3] > 30 * MINUTE
    assert refreshed.failed_reads == 6

    simulator.clear()
    assert 23 * HOUR < by_schedule(refreshed) <= 24 * HOUR
    assert (refreshed.failing_since, refreshed.failed_reads) == (None, 0)


def test_waits_differ_from_one_configuration_to_the_next(
    simulator: Simulator, refreshed: IntegrationInstance
) -> None:
    waits = set()
    for _ in range(4):
        IntegrationInstance.objects.update(failed_reads=0)
        simulator.inject("gateway-error", path=QUERY)
        waits.add(round(by_schedule(refreshed).total_seconds()))
    assert len(waits) > 1


def test_a_used_up_hour_is_left_alone_as_long_as_it_lasts(
    simulator: Simulator, refreshed: IntegrationInstance
) -> None:
    simulator.inject("hourly-limit")
    assert 14 * MINUTE < by_schedule(refreshed) <= HOUR


def test_what_a_person_has_to_mend_waits_for_the_ordinary_turn(
    simulator: Simulator, refreshed: IntegrationInstance
) -> None:
    simulator.inject("no-company-permission")
    assert by_schedule(refreshed) > 23 * HOUR
    assert refreshed.failing_since is not None


def test_a_shrink_to_confirm_is_not_asked_again_and_again(
    simulator: Simulator, refreshed: IntegrationInstance
) -> None:
    simulator.inject("restricted-rows", every=2)
    assert by_schedule(refreshed) > 23 * HOUR
    assert refreshed.failing_since is not None


def test_refused_credentials_are_not_tried_again(refreshed: IntegrationInstance, tenant: Tenant) -> None:
    tenant.secret = "changed over there"
    by_schedule(refreshed)
    due(refreshed)
    assert tasks.start_due() == 0
    failures = refreshed.failed_reads
    assert refresh(refreshed).state == Job.State.FAILED  # nothing was sent, so nothing is counted
    refreshed.refresh_from_db()
    assert refreshed.failed_reads == failures == 1


def test_a_press_that_fails_plans_nothing_and_is_told_like_any_other(
    simulator: Simulator, refreshed: IntegrationInstance, member: User, client_of: Callable[[User], Client]
) -> None:
    later = timezone.now() + 20 * HOUR
    IntegrationInstance.objects.update(next_refresh_at=later)
    simulator.inject("gateway-error", path=QUERY)
    for _ in range(2):
        assert refresh(refreshed).state == Job.State.FAILED
    refreshed.refresh_from_db()
    assert refreshed.next_refresh_at == later
    assert refreshed.failing_since is not None
    since = f"{timezone.localtime(refreshed.failing_since):%Y-%m-%d %H:%M}"
    window = client_of(member)
    page = " ".join(window.get(refreshed.get_absolute_url()).content.decode().split())
    assert "Reading has failed since" in page
    assert f">{since}</time>, 2 times so far." in page
    home = window.get("/").content.decode()
    assert f">{since}</time>" in home.partition("every one since")[2].partition("See why")[0]

    simulator.clear()
    refresh(refreshed)
    assert "Reading has failed since" not in window.get(refreshed.get_absolute_url()).content.decode()


def test_a_refresh_that_works_again_needs_no_second_try(
    simulator: Simulator, refreshed: IntegrationInstance
) -> None:
    simulator.inject("gateway-error", path=QUERY)
    assert by_schedule(refreshed) < HOUR
    simulator.clear()
    assert refresh(refreshed).state == Job.State.DONE  # somebody presses
    refreshed.refresh_from_db()
    assert refreshed.next_refresh_at is not None
    assert refreshed.next_refresh_at > timezone.now() + 23 * HOUR
