"""Connections that take no changes: noticed, and never kept until the next request or round.

SQLite opens a file that cannot be written read-only without a word, and the connection stays so when the
file is writable again (https://www.sqlite.org/c3ref/open.html). One to a PostgreSQL server that takes no
changes is to the wrong server once another one does. Kept for ``CONN_MAX_AGE``, either would refuse changes
for a minute after all is well.
"""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

from integrations.database.faults import Fault, fault_of

BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside its file, and writes to
OF_NO_USE = {Fault.READ_ONLY, Fault.AWAY}  # after which another connection may do what this one does not
# What PostgreSQL tells of itself with each connection and whenever it changes.
TELLS_READ_ONLY = (b"in_hot_standby", b"default_transaction_read_only")
ROOM = 512 * 1024  # bytes, many times what saving a page appends to the file or its log
# What a file system answers that cannot set room aside; it tells nothing by that.
UNABLE = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}
FULL_FOR = 15.0  # seconds that a refusal for want of room counts


class _Room:
    """When a statement of this process was last refused for want of room, on the monotonic clock."""

    refused_at = -FULL_FOR


def is_in_memory(connection: Any) -> bool:
    """Whether it is a SQLite database without a file."""
    return connection.vendor == "sqlite" and bool(connection.is_in_memory_db())


def is_writable(connection: Any) -> bool:
    """Whether the database would take a change, as far as it tells without one. Raises DatabaseError."""
    if connection.vendor == "sqlite":
        return is_in_memory(connection) or _may_write(Path(connection.settings_dict["NAME"]))
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_read_only') = 'off' AND NOT pg_is_in_recovery()")
        row = cursor.fetchone()
    return bool(row and row[0])


def has_room(connection: Any) -> bool:
    """Whether the database could take more than it has, as far as is known here.

    The disk of a SQLite file is asked to set a little aside: a change that finds room in the log of before
    succeeds on a full one, and so tells nothing. What a server has left, it tells by its refusals alone.
    """
    if time.monotonic() - _Room.refused_at < FULL_FOR:
        return False
    if connection.vendor != "sqlite" or is_in_memory(connection):
        return True
    try:
        with tempfile.TemporaryFile(dir=Path(connection.settings_dict["NAME"]).parent) as file:
            os.posix_fallocate(file.fileno(), 0, ROOM)
    except OSError as error:
        return error.errno in UNABLE
    return True


def _may_write(path: Path) -> bool:
    beside = [path.with_name(path.name + ending) for ending in BESIDE]
    needed = [path.parent, path, *(each for each in beside if each.exists())]
    return all(os.access(each, os.W_OK) for each in needed)


def keep_only_writable(connection: Any, **kwargs: Any) -> None:
    """Watch a connection that was just made, and do not keep one that takes no changes from the first."""
    if _give_up_what_refuses not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _give_up_what_refuses)
    if connection.vendor == "sqlite":
        takes_changes = is_in_memory(connection) or _may_write(Path(connection.settings_dict["NAME"]))
    else:
        told = connection.connection.pgconn.parameter_status
        takes_changes = all(told(name) != b"on" for name in TELLS_READ_ONLY)
    if not takes_changes:
        _keep_no_longer(connection)


def _give_up_what_refuses(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    try:
        return execute(sql, params, many, context)
    except Exception as error:
        fault = fault_of(error)
        if fault is Fault.FULL:
            _Room.refused_at = time.monotonic()
        if fault in OF_NO_USE:
            _keep_no_longer(context["connection"])
        raise


def _keep_no_longer(connection: Any) -> None:
    """Let Django close it where it looks for connections that are too old: between requests and rounds."""
    connection.close_at = time.monotonic()


def keep_only_writable_connections() -> None:
    """From now on, each new connection."""
    connection_created.connect(keep_only_writable, dispatch_uid="writable")
