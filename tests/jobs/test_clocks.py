"""A clock that was a month ahead for a moment: nothing that was written then counts as known."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from integrations import tasks
from integrations.models import ImportSource, IntegrationInstance, Job, Webhook, WebhookDelivery
from integrations.services.companies import refresh as refreshing
from integrations.services.instances import schedule
from integrations.services.jobs import run as jobs
from integrations.services.saved_sources import start_due_sources
from integrations.services.webhooks import outbox

MONTH = dt.timedelta(days=30)


def test_everything_is_read_again(main: IntegrationInstance) -> None:
    now = timezone.now()
    for field in ("last_full_read_at", "remote_read_at", "last_refreshed_at"):
        values = dict.fromkeys(("last_full_read_at", "remote_read_at", "last_refreshed_at"), now)
        for name, at in (values | {field: now + MONTH}).items():
            setattr(main, name, at)
        assert refreshing._must_read_everything(main, now, scheduled=False), field
    for name in ("last_full_read_at", "remote_read_at", "last_refreshed_at"):
        setattr(main, name, now)
    assert not refreshing._must_read_everything(main, now, scheduled=False)


def test_a_turn_that_is_too_far_ahead_is_planned_anew(main: IntegrationInstance) -> None:
    now = timezone.now()
    main.refresh_every_hours, main.check_daily, main.awaits_choice = 6, True, False
    main.next_refresh_at = main.next_check_at = main.last_refreshed_at = main.last_checked_at = now + MONTH
    main.save()
    schedule.plan_next_runs(now)
    main.refresh_from_db()
    assert main.next_refresh_at == now + dt.timedelta(hours=6)
    assert main.next_check_at == now + dt.timedelta(hours=24)


def test_a_job_of_then_is_taken_up_and_is_not_the_latest(main: IntegrationInstance, owner: User) -> None:
    job = tasks.enqueue_refresh(main, owner)
    assert jobs.claim(job.key) is not None
    Job.objects.update(
        lease_until=timezone.now() + MONTH, heartbeat_at=timezone.now() + MONTH,
        created_at=timezone.now() + MONTH,
    )  # fmt: skip
    assert [found.pk for found in jobs.stalled_jobs(timezone.now())] == [job.pk]
    assert jobs.claim(job.key) is not None
    Job.objects.update(state=Job.State.DONE)
    later = tasks.enqueue_refresh(main, owner)
    assert jobs.shown_job(main, owner) == later


def test_messages_and_saved_sources_of_then_have_their_turn_now(db: None) -> None:
    now = timezone.now()
    webhook = Webhook.objects.create(name="Desk")
    due = WebhookDelivery.objects.create(webhook=webhook, event="x", payload={}, next_attempt_at=now + MONTH)
    WebhookDelivery.objects.create(
        webhook=webhook, event="x", payload={}, next_attempt_at=now + dt.timedelta(hours=5)
    )
    Webhook.objects.update(rests_until=now + MONTH)
    assert list(outbox._due(now)) == [due]
    Webhook.objects.update(rests_until=now + dt.timedelta(seconds=50))
    assert list(outbox._due(now)) == []
    Webhook.objects.update(rests_until=None)

    with time_machine.travel(now + MONTH):
        assert tasks.wake_webhooks()
    assert tasks.wake_webhooks()  # what was marked as under way then, is not
    assert not tasks.wake_webhooks()

    usual = {"kind": "organizations", "type": "kept", "refresh_every_hours": 6}
    ImportSource.objects.create(name="Then", next_refresh_at=now + MONTH, **usual)
    ImportSource.objects.create(name="Soon", next_refresh_at=now + dt.timedelta(hours=5), **usual)
    started: list[str] = []
    assert start_due_sources(now, lambda source: started.append(source.name)) == 1
    assert start_due_sources(now, lambda source: started.append(source.name)) == 0
    assert started == ["Then"]


@pytest.mark.parametrize("stuck", [True, False])
def test_who_presses_refresh_beside_a_stuck_one_is_told(
    main: IntegrationInstance, owner: User, client: Client, stuck: bool
) -> None:
    client.force_login(owner)
    job = tasks.enqueue_refresh(main, owner)
    assert jobs.claim(job.key) is not None
    if stuck:
        Job.objects.update(started_at=timezone.now() - dt.timedelta(minutes=40))
        assert "running for 40 min" in client.get("/jobs/").content.decode()
        figures = client.get("/metrics", REMOTE_ADDR="127.0.0.1").content.decode()
        assert 'portal_job_running_seconds{kind="refresh_options"} 24' in figures
    page = client.post(f"/integrations/autotask/{main.pk}/mappings/refresh/", follow=True).content.decode()
    assert ("No other refresh was started" in page) is stuck
