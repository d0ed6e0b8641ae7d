"""Threads that look for the probes, so that what asks waits no longer than WITHIN, whatever they wait for.

One for each address: while it is held, nobody begins another, and who asks meanwhile shares its answer.
Only in a web process; elsewhere, as in a test of one request, the look is done at once.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from django.db import close_old_connections

from integrations.database.limits import limit_own_thread

T = TypeVar("T")
WITHIN = 8.0  # seconds; a table that somebody holds takes 2 of them (database/limits.py)


class Lookout:
    """A thread that does one look at a time."""

    def __init__(self, name: str, within: float) -> None:
        self.within = within
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix=f"look-{name}", initializer=partial(limit_own_thread, "probe")
        )
        self._lock = threading.Lock()
        self._present: Future[Any] | None = None
        self._began = 0.0

    def ask(self, look: Callable[[], T]) -> T:
        """What the look tells. Raises TimeoutError when it goes on for too long, or what it raises."""
        with self._lock:
            if self._present is None or self._present.done():
                self._began = time.monotonic()
                self._present = self._thread.submit(contextvars.copy_context().run, _look, look)
            present, ends = self._present, self._began + self.within
        return present.result(max(0.0, ends - time.monotonic()))  # type: ignore[no-any-return]


def _look(look: Callable[[], T]) -> T:
    close_old_connections()  # no request begins in this thread, which is when Django does it
    return look()


_lookouts: dict[str, Lookout] | None = None
_making = threading.Lock()


def begin() -> None:
    """From now on looks have threads; to be said once in a web process, after it was forked."""
    global _lookouts  # of the process
    _lookouts = {}


def ask(name: str, look: Callable[[], T]) -> T:
    """What the look of that name tells; see Lookout."""
    if _lookouts is None:
        return look()
    with _making:
        if name not in _lookouts:
            _lookouts[name] = Lookout(name, WITHIN)
        lookout = _lookouts[name]
    return lookout.ask(look)
