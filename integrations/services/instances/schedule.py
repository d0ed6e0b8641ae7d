"""When the portal acts by itself: each configuration is read at its interval, its credentials checked daily.

A turn is claimed by a conditional update of the time that was seen, so that one worker takes it however many
look. Credentials that the PSA refused are not tried again before a person has tested or changed them:
repeated failures lock the API user.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from integrations.database.transactions import free_rows, transaction_required
from integrations.models import IntegrationInstance, Job
from integrations.models.audit import Action
from integrations.models.bases import known_time
from integrations.models.instances import InstanceQuerySet
from integrations.services.audit import Batch, instance_change

CHECK_EVERY = dt.timedelta(hours=24)
LONGEST_INTERVAL = 24 * 31  # hours
READ_BY_SCHEDULE = Q(refresh_every_hours__gt=0, awaits_choice=False)  # the first read waits for a choice
ScheduledRun = tuple[Job.Kind, IntegrationInstance]


def _served() -> InstanceQuerySet:
    with_credentials = IntegrationInstance.objects.present().exclude(credentials="")
    return with_credentials.exclude(status=IntegrationInstance.Status.REFUSED)


def plan_next_runs(now: dt.datetime) -> None:
    """Give instances without a next time one: an interval after the last time, or after now."""
    unplanned = _served().filter(
        READ_BY_SCHEDULE & Q(next_refresh_at=None) | Q(next_check_at=None, check_daily=True)
    )
    _forget_impossible_turns(now)
    if not unplanned.exists():
        return
    with transaction.atomic():
        for instance in free_rows(unplanned):
            same = IntegrationInstance.objects.filter(pk=instance.pk)
            if instance.refresh_every_hours and not instance.awaits_choice:
                same.filter(next_refresh_at=None).update(next_refresh_at=next_refresh(instance, now))
            if instance.check_daily:
                same.filter(next_check_at=None).update(
                    next_check_at=(known_time(instance.last_checked_at, now) or now) + CHECK_EVERY
                )


def _forget_impossible_turns(now: dt.datetime) -> None:
    """A turn further ahead than its interval was planned by a clock that was wrong; it is planned anew."""
    for instance in _served().only("pk", "refresh_every_hours", "next_refresh_at", "next_check_at"):
        same = IntegrationInstance.objects.filter(pk=instance.pk)
        interval = dt.timedelta(hours=instance.refresh_every_hours)
        if (at := instance.next_refresh_at) and interval and known_time(at - interval, now) is None:
            same.filter(next_refresh_at=at).update(next_refresh_at=None)
        if (at := instance.next_check_at) and known_time(at - CHECK_EVERY, now) is None:
            same.filter(next_check_at=at).update(next_check_at=None)


def next_refresh(instance: IntegrationInstance, now: dt.datetime) -> dt.datetime | None:
    """When the instance is to be read next, from its interval and its last read; None when never."""
    if not instance.refresh_every_hours:
        return None
    return (known_time(instance.last_refreshed_at, now) or now) + dt.timedelta(
        hours=instance.refresh_every_hours
    )


def start_due_runs(now: dt.datetime, start: Callable[[Job.Kind, IntegrationInstance], object]) -> int:
    """Call ``start`` for everything that the schedules ask for now and no other worker took; how many.

    What ``start`` writes and the claim are one transaction: a worker that dies loses no turn.
    """
    plan_next_runs(now)
    started = 0
    for run in due_runs(now):
        with transaction.atomic():
            if claim_run(run, now):
                start(*run)
                started += 1
    return started


def due_runs(now: dt.datetime) -> list[ScheduledRun]:
    """What should be started now; not yet claimed."""
    refreshes = _served().filter(READ_BY_SCHEDULE, next_refresh_at__lte=now)
    checks = _served().filter(next_check_at__lte=now, check_daily=True)
    return [
        *((Job.Kind.REFRESH_OPTIONS, instance) for instance in refreshes.order_by("next_refresh_at")),
        *((Job.Kind.CHECK_CONNECTION, instance) for instance in checks.order_by("next_check_at")),
    ]


@transaction_required
def claim_run(turn: ScheduledRun, now: dt.datetime) -> bool:
    """Take a turn by moving its time on; False when another worker did, or a person changed the schedule.

    In one transaction with what the turn starts.
    """
    kind, instance = turn
    same = free_rows(_served().filter(pk=instance.pk))  # who is at it may be changing the schedule
    if kind == Job.Kind.REFRESH_OPTIONS:
        interval = dt.timedelta(hours=instance.refresh_every_hours)
        seen = same.filter(
            next_refresh_at=instance.next_refresh_at, refresh_every_hours=instance.refresh_every_hours
        )
        return bool(seen.update(next_refresh_at=now + interval))
    seen = same.filter(next_check_at=instance.next_check_at, check_daily=True)
    return bool(seen.update(next_check_at=now + CHECK_EVERY))


def save_schedule(
    batch: Batch,
    instance: IntegrationInstance,
    *,
    refresh_every_hours: int,
    check_daily: bool,
) -> IntegrationInstance:
    """Change when the instance is read and checked; ``refresh_every_hours`` 0 turns reading off. Audited."""
    with transaction.atomic():
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
        before = schedule_snapshot(instance)
        if before != {"refresh_every_hours": refresh_every_hours, "check_daily": check_daily}:
            set_schedule(instance, refresh_every_hours, check_daily=check_daily)
            change = instance_change(Action.SCHEDULE_CHANGED, instance, before, schedule_snapshot(instance))
            batch.record([change])
    return instance


@transaction_required
def set_schedule(instance: IntegrationInstance, refresh_every_hours: int, *, check_daily: bool) -> None:
    """Set the schedule of a locked instance, and with it when it acts next."""
    now = timezone.now()
    instance.refresh_every_hours, instance.check_daily = refresh_every_hours, check_daily
    instance.next_refresh_at = next_refresh(instance, now)
    instance.next_check_at = (instance.last_checked_at or now) + CHECK_EVERY if check_daily else None
    instance.save(
        update_fields=[
            "refresh_every_hours", "check_daily", "next_refresh_at", "next_check_at", "updated_at",
        ]
    )  # fmt: skip


def schedule_snapshot(instance: IntegrationInstance) -> dict[str, object]:
    """The schedule, for the audit."""
    return {"refresh_every_hours": instance.refresh_every_hours, "check_daily": instance.check_daily}


def read_soon(instance: IntegrationInstance) -> None:
    """Let the schedule, where there is one, read at its next look what was not read by the present filter."""
    unread = Q(last_full_read_at=None) | Q(filters_changed_at__gt=F("last_full_read_at"))
    same = _served().filter(READ_BY_SCHEDULE & unread, pk=instance.pk)
    same.exclude(filters_changed_at=None).update(next_refresh_at=timezone.now())


def overdue(now: dt.datetime) -> int:
    """How many turns are late by more than an hour: a sign that no worker is at work."""
    late = now - dt.timedelta(hours=1)
    return (
        _served()
        .filter(READ_BY_SCHEDULE & Q(next_refresh_at__lt=late) | Q(next_check_at__lt=late, check_daily=True))
        .count()
    )
