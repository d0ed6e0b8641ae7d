"""How long a process waits for the database, by the kind of process: so that no one waits for one.

PostgreSQL ends what waits longer for a lock, a statement or a transaction that sleeps; when it is frozen and
ends nothing, ``wait`` does (database/postgres). SQLite's own wait for its one writer is as long as ``lock``.
What strikes is a Fault (database/faults.py). Behind a pooler that hands each transaction another connection
(``?prepare_threshold=0``) the server is told nothing, since it would hold for whoever comes next: there the
role has the limits (docs/deployment.md).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db.backends.signals import connection_created


@dataclass(frozen=True)
class Limits:
    """Seconds; 0: none."""

    lock: float  # to wait for what somebody else holds
    statement: float  # for one statement
    sleep: float  # that a transaction may do nothing
    wait: float  # for any answer, noticed on this side: longer than ``statement``


LIMITS = {
    "web": Limits(lock=15, statement=30, sleep=60, wait=35),
    "worker": Limits(lock=15, statement=600, sleep=900, wait=610),
    "probe": Limits(lock=2, statement=3, sleep=10, wait=5),  # also heartbeats: threads that nothing may hold
    "migration": Limits(lock=5, statement=0, sleep=0, wait=0),  # who waits for a table keeps others off it
    "command": Limits(lock=60, statement=0, sleep=0, wait=0),
}

_process = "command"
_thread = threading.local()


def limit_process(kind: str) -> None:
    """Say what kind of process this is: for the connections that it makes from now on."""
    global _process  # of the process, and said once at its start
    _process = kind


def limit_own_thread(kind: str) -> None:
    """Say the same for this thread alone, to its end."""
    _thread.kind = kind


@contextmanager
def limit_thread(kind: str) -> Iterator[None]:
    """The same meanwhile."""
    before = getattr(_thread, "kind", None)
    _thread.kind = kind
    try:
        yield
    finally:
        _thread.kind = before


def present_limits() -> Limits:
    """What holds for a connection that is made now by this thread."""
    return LIMITS[getattr(_thread, "kind", None) or _process]


def apply_limits(connection: Any, **kwargs: Any) -> None:
    """Set the limits on a connection that was just made."""
    limits = present_limits()
    if connection.vendor == "sqlite":
        connection.connection.execute(f"PRAGMA busy_timeout = {limits.lock * 1000:.0f}")
    elif connection.settings_dict.get("OPTIONS", {}).get("prepare_threshold"):
        values = {
            "lock_timeout": limits.lock,
            "statement_timeout": limits.statement,
            "idle_in_transaction_session_timeout": limits.sleep,
        }
        connection.connection.execute(
            "; ".join(f"SET {name} = {seconds * 1000:.0f}" for name, seconds in values.items())
        )


def limit_connections() -> None:
    """From now on, each new connection."""
    connection_created.connect(apply_limits, dispatch_uid="limits")
