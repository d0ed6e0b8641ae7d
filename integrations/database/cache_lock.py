"""Reading and writing entries of the shared cache without anybody else in between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import cache

PATIENCE = 1.0  # seconds that one waits for the others
LOCKED_FOR = 10  # seconds until the lock of a process that was killed is taken for none
PAUSE = 0.01


@contextmanager
def alone_with(*entries: str) -> Iterator[bool]:
    """Whether nobody else, in whatever process, is at these entries meanwhile; hold them for moments only.

    False after a second of waiting: then many are at them, and nothing is to be written. The database cache
    counts with a look and a write, so that of many at the same moment most would not count.
    """
    held: list[str] = []
    deadline = time.monotonic() + PATIENCE
    for entry in sorted(entries):
        while not (got := cache.add(f"{entry}:lock", 1, LOCKED_FOR)) and time.monotonic() < deadline:
            time.sleep(PAUSE)
        if not got:
            break
        held.append(entry)
    try:
        yield len(held) == len(entries)
    finally:
        for entry in held:
            cache.delete(f"{entry}:lock")
