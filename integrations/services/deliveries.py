"""Sending what waits: claimed by one worker, tried again later and later, and never forgotten.

A row says what is owed to a receiver. Whoever sends claims it for a while; when a worker is killed, the claim
lapses and another worker sends the same message under the same key. So a message can arrive twice, which its
receiver can tell by the key, and never not at all.
"""

from __future__ import annotations

import datetime as dt
import random
import uuid
from typing import Any, TypeVar

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from integrations.models.bases import CLOCKS_DIFFER
from integrations.models.deliveries import Delivery

FIRST_WAIT, WAIT_FACTOR, LONGEST_WAIT = 10.0, 3.0, 6 * 3600.0  # seconds
GIVEN_UP = "Given up."

Row = TypeVar("Row", bound=Delivery)
_random = random.SystemRandom()


def has_come(name: str, now: dt.datetime, longest: float = LONGEST_WAIT) -> Q:
    """Whether the time of that name has come.

    So it has where it lies further ahead than anybody waits (``longest``, in seconds): a clock that was wrong
    for a moment wrote it.
    """
    ahead = now + dt.timedelta(seconds=longest) + CLOCKS_DIFFER
    return Q(**{f"{name}__lte": now}) | Q(**{f"{name}__gt": ahead})


def claim_next(due: QuerySet[Row], now: dt.datetime) -> Row | None:
    """Take the first of the rows that are due by a conditional update, so that no two workers are at it.

    ``due`` are the rows that wait and whose time has come, in their order. None when there is none.
    """
    rows = due.model._default_manager
    while (found := due.first()) is not None:
        token = uuid.uuid4()
        same = rows.filter(
            pk=found.pk, status=found.status, next_attempt_at=found.next_attempt_at, claim=found.claim
        )
        if found.attempts >= found.MOST_ATTEMPTS:  # its workers were killed in the last attempt
            same.update(status=Delivery.Status.FAILED, claim=None, error=GIVEN_UP)
        elif same.update(
            claim=token,
            next_attempt_at=now + found.CLAIM_LASTS,
            attempts=F("attempts") + 1,
            last_attempt_at=now,
        ):
            return rows.get(pk=found.pk)
    return None


def wait_before(attempt: int) -> dt.timedelta:
    """How long to wait after this many failed attempts: growing, and drawn from the upper half."""
    wait = min(FIRST_WAIT * WAIT_FACTOR ** (attempt - 1), LONGEST_WAIT)
    return dt.timedelta(seconds=wait * _random.uniform(0.5, 1.0))


def end_attempt(delivery: Delivery, **values: Any) -> bool:
    """Write down how the attempt went; False where another worker has taken the delivery over."""
    same = type(delivery)._default_manager.filter(pk=delivery.pk, claim=delivery.claim)
    return bool(same.update(claim=None, **values))


def put_off(
    delivery: Delivery, error: str, *, most_attempts: int | None = None, **values: Any
) -> dt.timedelta:
    """Write down that the attempt failed: tried again after the wait that is returned, or given up."""
    wait = wait_before(delivery.attempts)
    given_up = delivery.attempts >= (most_attempts or delivery.MOST_ATTEMPTS)
    end_attempt(
        delivery,
        status=Delivery.Status.FAILED if given_up else Delivery.Status.WAITING,
        error=error[:500],
        next_attempt_at=timezone.now() + wait,
        **values,
    )
    return wait
