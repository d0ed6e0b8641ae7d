"""No more calls at once than Autotask allows: three per tracking identifier and endpoint.

Process-wide, because every client of this process that uses the same tracking identifier counts. Other
processes and other integrations are not seen; their share shows as the thread-limit text, which is retried.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator

from integrations.psa.base import RateLimited

SIMULTANEOUS_CALLS = 3

# Keyed, so that not even a dump of this process's dictionaries tells a tracking identifier.
_KEY = os.urandom(16)
_slots: dict[tuple[str, str], threading.BoundedSemaphore] = {}
_slots_lock = threading.Lock()


def _semaphore(tracking_identifier: str, endpoint: str) -> threading.BoundedSemaphore:
    digest = hashlib.blake2b(tracking_identifier.encode(), key=_KEY, digest_size=16).hexdigest()
    with _slots_lock:
        return _slots.setdefault((digest, endpoint.lower()), threading.BoundedSemaphore(SIMULTANEOUS_CALLS))


@contextlib.contextmanager
def call_slot(tracking_identifier: str, endpoint: str, timeout: float) -> Iterator[None]:
    """Hold one of the three slots; waits at most ``timeout`` seconds, then raises ``RateLimited``."""
    semaphore = _semaphore(tracking_identifier, endpoint)
    if not semaphore.acquire(timeout=max(timeout, 0.0)):
        raise RateLimited(
            "Other jobs of this portal are using all the calls that Autotask allows at once. "
            "Try again in a few minutes.",
            f"no free call slot for {endpoint}",
            retry_after=60.0,
        )
    try:
        yield
    finally:
        semaphore.release()
