"""Django's backend for PostgreSQL with an end to each wait, noticed on this side.

The server's own limits (database/limits.py) end nothing when the server is frozen: a paused machine, a volume
that stalls, a pooler that is stuck. TCP does not notice it either, since the kernel there still acknowledges.
"""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from django.db.backends.postgresql import base
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout  # what psycopg's own Connection.wait says that it raises

from integrations.database.limits import present_limits

RV = TypeVar("RV")
CHECK_WAIT = 5.0  # seconds for a kept connection to answer at all; as long as a new one may take


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server has not answered for ``longest`` seconds; 0: for ever."""

    longest = 0.0

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """What psycopg does with it; all its waits for an answer come by here.

        Raises OperationalError. What the server was asked may still happen, as when a line is cut.
        """
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.longest or None)
        except _WaitTimeout:
            self.pgconn.finish()
            text = f"no answer from the database within {self.longest:.0f} s; the connection is closed"
            raise psycopg.OperationalError(text) from None


class _Driver:
    """psycopg as Django uses it, with other connections."""

    connect = staticmethod(BoundedConnection.connect)

    def __getattr__(self, name: str) -> Any:
        return getattr(psycopg, name)


class DatabaseWrapper(base.DatabaseWrapper):
    """Its connections wait as long as this thread may."""

    Database: Any = _Driver()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection with the limit of the kind of process or thread that makes it."""
        connection = super().get_new_connection(conn_params)
        connection.longest = present_limits().wait
        return connection

    def is_usable(self) -> bool:
        """Whether a kept connection answers, and soon."""
        link: Any = self.connection
        if link is None:
            return False
        before, link.longest = link.longest, min(link.longest or CHECK_WAIT, CHECK_WAIT)
        try:
            return bool(super().is_usable())
        finally:
            link.longest = before
