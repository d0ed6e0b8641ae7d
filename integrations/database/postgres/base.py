"""Django's backend for PostgreSQL with an end to each wait, noticed on this side.

The server's own limits (database/limits.py) end nothing when the server is frozen: a paused machine, a volume
that stalls, a pooler that is stuck. TCP does not notice it either, since the kernel there still acknowledges.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import psycopg
from django.db.backends.postgresql import base
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout  # what psycopg's own Connection.wait says that it raises

from integrations.database.limits import present_limits
from integrations.database.postgres.names import with_addresses
from integrations.database.postgres.silence import Silence

RV = TypeVar("RV")
CHECK_WAIT = 5.0  # seconds for a kept connection to answer at all; as long as a new one may take
ASK_AFTER = 15.0  # seconds without an answer, after which the server is asked for a sign of life; and again
SIGNS_MISSED = 3  # in a row, after which it is frozen: about a minute

_silences: defaultdict[tuple[str, str], Silence] = defaultdict(Silence)  # by host and port


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server has not answered for ``longest`` seconds; 0: for ever.

    Where that is long, ``lives`` tells meanwhile whether the server answers anybody.
    """

    longest = 0.0
    lives: Callable[[], bool] | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """What psycopg does with it; all its waits for an answer come by here.

        Raises OperationalError. What the server was asked may still happen, as when a line is cut.
        """
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        began = time.monotonic()
        try:
            watched = gen if self.lives is None else _watched(gen, self.lives)
            return super().wait(watched, interval, self.longest or None)
        except _WaitTimeout:
            self.pgconn.finish()
            took = time.monotonic() - began
            text = f"no answer from the database within {took:.0f} s; the connection is closed"
            raise psycopg.OperationalError(text) from None


def _watched(gen: PQGen[RV], lives: Callable[[], bool]) -> Generator[Any, Any, RV]:
    """The same generator; a server that gives no sign of life ends it. Raises _WaitTimeout.

    A statement that takes long is no silence: the server answers others meanwhile.
    """
    missed, ask_at = 0, time.monotonic() + ASK_AFTER
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() >= ask_at:  # psycopg looks in ten times a second
                if missed == SIGNS_MISSED:
                    raise _WaitTimeout
                missed = 0 if lives() else missed + 1
                ask_at = time.monotonic() + (0 if missed == SIGNS_MISSED else ASK_AFTER)
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _connect(**parameters: Any) -> BoundedConnection:
    """A new connection. Raises psycopg's errors, also where the name of the host is not looked up in time."""
    return BoundedConnection.connect(**with_addresses(parameters))


def _lives(parameters: dict[str, Any]) -> bool:
    """Whether the server answers somebody who comes; a refusal is an answer."""
    try:
        psycopg.connect(**with_addresses(parameters)).close()
    except psycopg.errors.ConnectionTimeout:
        return False
    except psycopg.Error:
        return True
    return True


class _Driver:
    """psycopg as Django uses it, with other connections."""

    connect = staticmethod(_connect)

    def __getattr__(self, name: str) -> Any:
        return getattr(psycopg, name)


class DatabaseWrapper(base.DatabaseWrapper):
    """Its connections wait as long as this thread may."""

    Database: Any = _Driver()

    @property
    def _silence(self) -> Silence:
        return _silences[str(self.settings_dict["HOST"]), str(self.settings_dict["PORT"])]

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection with the limit of the kind of process or thread that makes it.

        Raises OperationalError at once when the server was silent a moment ago.
        """
        with self._silence.listening():
            connection = super().get_new_connection(conn_params)
        limits = present_limits()
        connection.longest = limits.wait
        # Behind a pooler that hands each transaction another connection, who comes may wait for those of
        # others, which is no sign of anything.
        if conn_params.get("prepare_threshold") and not 0 < limits.wait <= ASK_AFTER * SIGNS_MISSED:
            connection.lives = lambda: _lives(conn_params)
        return connection

    def is_usable(self) -> bool:
        """Whether a kept connection answers, and soon."""
        link: Any = self.connection
        if link is None or self._silence.lasts:
            return False
        before, link.longest = link.longest, min(link.longest or CHECK_WAIT, CHECK_WAIT)
        try:
            return bool(super().is_usable())
        finally:
            link.longest = before
