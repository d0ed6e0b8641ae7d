"""A server that was silent is left alone for a moment: others are told at once what one has waited for.

Without that each page waits as long again before it says that the database is away, and all threads of the
web server wait. Only a connection that was not made in time is silence. A server that refuses has answered,
and so has one whose statements take long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

PAUSE = 3.0  # seconds until somebody asks again


class Silence:
    """What the threads of this process know of one server."""

    def __init__(self, pause: float = PAUSE) -> None:
        self.pause = pause
        self._lock = threading.Lock()
        self._again_at: float | None = None  # on the monotonic clock; None: it was not silent
        self._is_asked = False  # by the one who looks whether it still is

    @property
    def lasts(self) -> bool:
        """Whether it was silent when it was last asked."""
        return self._again_at is not None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Around each attempt at a connection. Raises OperationalError when the server is left alone."""
        is_the_one = self._begin()
        try:
            yield
        except psycopg.errors.ConnectionTimeout:
            self._end(time.monotonic() + self.pause, is_the_one)
            raise
        except psycopg.Error:  # it has answered, or the machine has for it
            self._end(None, is_the_one)
            raise
        except BaseException:  # nothing is known by that
            self._end(self._again_at, is_the_one)
            raise
        self._end(None, is_the_one)

    def _begin(self) -> bool:
        with self._lock:
            if self._again_at is None:
                return False
            if self._is_asked or time.monotonic() < self._again_at:
                raise psycopg.OperationalError(
                    "the database did not answer a moment ago, and is asked again in another"
                )
            self._is_asked = True
            return True

    def _end(self, again_at: float | None, is_the_one: bool) -> None:
        with self._lock:
            self._again_at = again_at
            if is_the_one:
                self._is_asked = False
