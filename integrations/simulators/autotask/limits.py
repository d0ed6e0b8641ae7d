"""The two limits of the service: requests in an hour per tenant, calls at once per tracking identifier."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable

TIMEFRAME_MINUTES = 60
THREADS_ALLOWED = 3

THREAD_LIMIT_TEXT = (
    f"The Autotask API thread threshold of {THREADS_ALLOWED} threads has been exceeded. (Itgenatr005)"
)


def hourly_limit_text(limit: int) -> str:
    """The refusal of a tenant whose hour is used up. The service's own wording is not known."""
    return f"The API request threshold of {limit} requests per {TIMEFRAME_MINUTES} minutes has been exceeded."


class HourlyBudget:
    """Requests of the last 60 minutes. ``used`` ones are counted as made at the start."""

    def __init__(self, limit: int, used: int = 0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._initial = used
        self._started = clock()
        self._moments: deque[float] = deque()

    @property
    def used(self) -> int:
        """Requests counted now."""
        with self._lock:
            return self._count()

    @property
    def share(self) -> float:
        """The used share, 0 to 1 (and above)."""
        return self.used / self.limit if self.limit > 0 else 1.0

    def take(self) -> bool:
        """Count one request; False, and nothing counted, when the limit is reached."""
        with self._lock:
            if self._count() >= self.limit:
                return False
            self._moments.append(self._clock())
            return True

    def set_used(self, used: int) -> None:
        """Let ``used`` requests have been made just now, as other integrations do."""
        with self._lock:
            self._moments.clear()
            self._initial = used
            self._started = self._clock()

    def _count(self) -> int:
        oldest = self._clock() - TIMEFRAME_MINUTES * 60
        while self._moments and self._moments[0] < oldest:
            self._moments.popleft()
        if self._started < oldest:
            self._initial = 0
        return self._initial + len(self._moments)


def usage_latency(share: float) -> float:
    """Seconds that the service adds to a request at that used share of the hour."""
    if share >= 0.75:
        return 1.0
    return 0.5 if share >= 0.5 else 0.0


class ThreadGate:
    """Counts the calls in progress per key and refuses one too many."""

    def __init__(self, allowed: int = THREADS_ALLOWED) -> None:
        self.allowed = allowed
        self._lock = threading.Lock()
        self._busy: Counter[Hashable] = Counter()

    def enter(self, key: Hashable) -> bool:
        """Begin a call; False when the allowed number is already in progress."""
        with self._lock:
            if self._busy[key] >= self.allowed:
                return False
            self._busy[key] += 1
            return True

    def leave(self, key: Hashable) -> None:
        """End a call that was let in."""
        with self._lock:
            self._busy[key] -= 1
            if self._busy[key] <= 0:
                del self._busy[key]
