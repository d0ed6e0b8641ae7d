"""Reads that fail: since when, how often, and when the schedule tries again.

What may pass by itself is tried again within the hour, each time after a longer wait that differs from one
configuration to the next. What a person has to mend (rights, credentials, a result that waits) waits for the
schedule's ordinary turn: asking again would only use up requests.
"""

from __future__ import annotations

import datetime as dt
import random

from django.db import transaction
from django.utils import timezone

from integrations.models import IntegrationInstance
from integrations.psa.base import FailureKind, PSAError
from integrations.services.instances.credentials import RefusedBefore
from integrations.services.instances.schedule import next_refresh

WAITS = tuple(dt.timedelta(minutes=minutes) for minutes in (8, 15, 30, 60))
SHORTEST_SHARE = 0.6  # of a wait; where between this and all of it is drawn
PASSING = frozenset({FailureKind.RATE, FailureKind.UNAVAILABLE, FailureKind.UNEXPECTED})


def note_failed_read(instance: IntegrationInstance, failure: Exception, *, scheduled: bool) -> None:
    """Remember that a read failed, or waits; when the schedule had asked and it may pass, plan another."""
    if isinstance(failure, RefusedBefore):
        return  # nothing was tried
    now = timezone.now()
    with transaction.atomic(durable=True):
        current = IntegrationInstance.objects.locked().get(pk=instance.pk)
        current.failing_since = current.failing_since or now
        # A result that waits for a person was read: nothing failed on the way.
        current.failed_reads = current.failed_reads + 1 if isinstance(failure, PSAError) else 0
        if scheduled and current.refresh_every_hours and may_pass(failure):
            again = now + _wait(current.failed_reads, failure)
            current.next_refresh_at = min(current.next_refresh_at or again, again)
        current.save(update_fields=["failing_since", "failed_reads", "next_refresh_at", "updated_at"])


def note_good_read(instance: IntegrationInstance) -> None:
    """Put on the (unsaved) instance that a read came to its end; a try that was planned is not needed."""
    if instance.failed_reads or instance.next_refresh_at is None:
        instance.next_refresh_at = next_refresh(instance, timezone.now())
    instance.failing_since, instance.failed_reads = None, 0


def may_pass(failure: Exception) -> bool:
    """Whether trying again later may help without anybody doing anything."""
    return isinstance(failure, PSAError) and (failure.retryable or failure.kind in PASSING)


def _wait(failures: int, failure: Exception) -> dt.timedelta:
    """How long to wait after so many failures: a step of the ladder, and never shorter than was asked for."""
    step = WAITS[min(failures, len(WAITS)) - 1]
    wait = step * random.uniform(SHORTEST_SHARE, 1)  # noqa: S311  # spreads load, guards nothing
    asked = getattr(failure, "retry_after", None)
    return max(wait, dt.timedelta(seconds=asked or 0))
