"""Waiting for what may pass: a database that is away, a lock, a queue that does not answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

from integrations.database.faults import fault_of, refusal

T = TypeVar("T")
FIRST, LONGEST = 0.5, 15.0  # seconds between two tries
WELL_AFTER = 30.0  # seconds of work after which the next fault is a new one

logger = logging.getLogger(__name__)


class Refused(Exception):
    """The database lets nobody in by these settings; waiting does not help. The text is the server's."""


class Backoff:
    """How long to wait before the next try: twice as long each time, until it has gone well for a while."""

    def __init__(self, first: float = FIRST, longest: float = LONGEST) -> None:
        self.first, self.longest = first, longest
        self._next, self._at = first, time.monotonic()

    def next_pause(self) -> float:
        """Seconds; to be asked for at each fault."""
        now = time.monotonic()
        if now - self._at > self._next + WELL_AFTER:
            self._next = self.first
        pause, self._at = self._next, now
        self._next = min(self.longest, 2 * pause)
        return pause


def is_passing(error: BaseException) -> bool:
    """Whether the work can be tried again as it is: the database or the queue is at fault, not the work."""
    return fault_of(error) is not None or any(
        kind.__module__.partition(".")[0] == "redis" and kind.__name__ == "RedisError"
        for kind in type(error).__mro__
    )


def keep_trying(work: Callable[[], T], what: str, stop: threading.Event | None = None) -> T | None:
    """What the work returns, however often it meets a fault that passes; None when it was told to stop.

    Raises Refused when the database lets nobody in by these settings, and whatever else the work raises.
    """
    backoff = Backoff()
    while not (stop and stop.is_set()):
        try:
            return work()
        except Exception as error:
            if refused := refusal(error):
                raise Refused(refused) from error
            if not is_passing(error):
                raise
            pause = backoff.next_pause()
            logger.warning("%s: %s. Tried again in %.1f s.", what, _cause(error), pause)
        _forget_connection()
        if stop:
            stop.wait(pause)
        else:
            time.sleep(pause)
    return None


def _cause(error: BaseException) -> str:
    fault = fault_of(error)
    said = str(error).strip().splitlines() or [type(error).__name__]
    return f"the database is {fault.value} ({said[0]})" if fault else said[0]


def _forget_connection() -> None:
    """Begin with another connection next time; one inside a transaction of a caller stays."""
    if not connection.in_atomic_block:
        connection.close()
