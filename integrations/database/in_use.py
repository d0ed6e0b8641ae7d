"""Whether web servers and workers run: each holds a lock on a file, which its death releases.

The file lies beside a SQLite database, so that whoever shares that shares the lock, also containers with data
folders of their own. A PostgreSQL server knows its users itself, and the file in the data folder tells of
those that have nothing open.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from integrations.database.writable import is_in_memory

NAME = "in-use.lock"


def say_in_use() -> None:
    """Hold the lock until this process ends."""
    hold(_path())


@contextmanager
def in_use() -> Iterator[None]:
    """The same meanwhile."""
    with holding(_path()):
        yield


def is_in_use() -> bool:
    """Whether another process holds it, also one that waits for nothing at the moment."""
    return is_held(_path())


def _path() -> Path:
    if connection.vendor == "sqlite" and not is_in_memory(connection):
        database = Path(connection.settings_dict["NAME"]).resolve()
        return database.with_name(f"{database.name}.{NAME}")
    return settings.DATA_DIR / NAME


def hold(path: Path, *, alone: bool = False) -> int | None:
    """Wait for the lock on a file, which others may hold, too, unless it is ``alone``; the file's number.

    It is released when the file is closed, also by a death. None on a disk that takes no changes, where
    nothing could be put in the place of anything either. Raises ImproperlyConfigured, with what to do, for a
    file that this user cannot lock.
    """
    file = _opened(path, os.O_RDWR | os.O_CREAT)
    if file is not None:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)  # who only looks has it for a moment
    return file


@contextmanager
def holding(path: Path, *, alone: bool = False) -> Iterator[None]:
    """The same meanwhile."""
    file = hold(path, alone=alone)
    try:
        yield
    finally:
        if file is not None:
            os.close(file)


def is_held(path: Path) -> bool:
    """Whether another process holds the lock. Raises ImproperlyConfigured as ``hold`` does."""
    file = _opened(path, os.O_RDWR)  # whoever asks may be another user, and makes none
    if file is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _opened(path: Path, how: int) -> int | None:
    """The file's number; None where there is none and none is made."""
    is_new = not path.exists()
    try:
        file = os.open(path, how, 0o600)
    except OSError as error:
        if error.errno == errno.EROFS:
            return None if is_new else os.open(path, os.O_RDONLY)
        if error.errno == errno.ENOENT and not how & os.O_CREAT:
            return None
        raise ImproperlyConfigured(_what_to_do(path, error)) from error
    if is_new and os.geteuid() == 0:  # as SQLite does with its own: the portal has to open it, too
        folder = path.parent.stat()
        os.fchown(file, folder.st_uid, folder.st_gid)
    return file


def _what_to_do(path: Path, error: OSError) -> str:
    said = f"{path} cannot be opened for its lock: {os.strerror(error.errno or 0)}."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return (
            f"{said} Run the portal's commands as the user that the portal runs as. Where another user has "
            "made that file, give it to the portal's (chown), or delete it while nothing of the portal runs."
        )
    return f"{said} Nothing but the portal's own lock may have that name: move what is there away."
