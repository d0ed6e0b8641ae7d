"""Whether the portal is ready to answer and to work: what is looked at, and what is wrong, in words."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from integrations.crypto import ring_mark
from integrations.database.faults import Fault, fault_of
from integrations.database.versions import newer_migrations
from integrations.database.writable import has_room, is_writable
from integrations.models import Worker
from integrations.services.operations.sealed import closed_places

T = TypeVar("T")
logger = logging.getLogger(__name__)

OK = "ok"
NEWER = "of a newer version than this machine's: upgrade it, or restore a backup of its version"
HELD = "could not be looked at: somebody holds its table"
LEAST_FREE = 200 * 1024 * 1024  # bytes
CLOCK_TOLERANCE = 60.0  # seconds
SAMPLE = 5  # values of each kind of secret
ROUND_WITHIN = dt.timedelta(minutes=2)


class _Migrations:
    """Whether the database is up to date; once it is, it stays so for this version of the code."""

    applied = False
    _looked_at: frozenset[tuple[str, str]] = frozenset()
    _newer = False

    @classmethod
    def are_newer(cls) -> bool:
        """Whether the database has had some of a newer version; the files are read when it has had more."""
        found = frozenset(MigrationRecorder(connection).applied_migrations())
        if found != cls._looked_at:
            cls._newer, cls._looked_at = bool(newer_migrations(found)), found
        return cls._newer

    @classmethod
    def are_applied(cls) -> bool:
        """Compare the migration files with the database's table."""
        if not cls.applied:
            executor = MigrationExecutor(connection)
            cls.applied = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        return cls.applied


def readiness(*, worker: bool = True) -> dict[str, str]:
    """What the portal stands on, by name; "ok" or what is wrong, without details of the machine.

    Without ``worker`` only that for whose sake staff should be sent to another machine. A table that somebody
    holds is held for all machines, and hides nothing but what stands in it.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _Migrations.are_applied():
            return {"database": OK, "migrations": "not applied: run manage.py prepare"}
        found = {"database": _database(), "migrations": OK, "keys": _unless_held(_keys, HELD)}
        if worker:
            if _Migrations.are_newer():  # for a while that is so of each upgrade, and staff can work
                found["migrations"] = NEWER
            found |= {"disk": _disk(), "clock": _unless_held(_clock, HELD)}
            found |= _unless_held(_workers, {"worker": HELD})
        elif found["keys"] == HELD:
            del found["keys"]
    except DatabaseError as error:
        logger.warning("The readiness check could not reach the database: %s", str(error).strip())
        connection.close()
        busy = fault_of(error) is Fault.BUSY
        return {"database": "does not answer in time" if busy else "not reachable"}
    return found


def _database() -> str:
    if not is_writable(connection):
        return "takes no changes"
    return OK if has_room(connection) else "has no room: its disk is full"


def _unless_held(look: Callable[[], T], held: T) -> T:
    """What the look tells; ``held`` where a lock or a statement takes longer than a probe waits."""
    try:
        return look()
    except DatabaseError as error:
        if fault_of(error) is not Fault.BUSY:
            raise
        return held


def clock_difference() -> float:
    """Seconds by which this machine's clock is before (above 0) or behind the database's, or a worker's.

    SQLite has no clock of its own: there the workers', as far as they are ahead.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            row = cursor.fetchone()
        return timezone.now().timestamp() - float(row[0] if row else 0)
    latest = Worker.objects.order_by("-seen_at").values_list("seen_at", flat=True).first()
    return min(0.0, (timezone.now() - latest).total_seconds()) if latest else 0.0


def _clock() -> str:
    difference = clock_difference()
    if abs(difference) <= CLOCK_TOLERANCE:
        return OK
    return f"differs by {abs(difference):.0f} seconds: see to NTP"


def _keys() -> str:
    """Whether what is stored opens with the keys of this machine, and the workers have the same."""
    if closed := closed_places(_rows, SAMPLE):
        return f"stored secrets do not open ({', '.join(closed)}): PORTAL_ENCRYPTION_KEYS is another one"
    others = set(Worker.objects.alive().exclude(keys="").values_list("keys", flat=True))
    return OK if others <= {ring_mark()} else "a worker has other keys than this machine"


def _rows(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _disk() -> str:
    free = shutil.disk_usage(settings.DATA_DIR).free
    return OK if free >= LEAST_FREE else f"less than {LEAST_FREE // 1024 // 1024} MB free"


def _workers() -> dict[str, str]:
    now, alive = timezone.now(), list(Worker.objects.alive())
    if not alive:
        return {"worker": "none heard of for a minute"}
    fresh = any((each.kept_house_at or each.started_at) > now - ROUND_WITHIN for each in alive)
    return {"worker": OK, "housekeeping": OK if fresh else "no round for two minutes"}
