"""Whether a web server or a worker of this machine runs: each holds a lock, which its death releases."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

NAME = "in-use.lock"


def say_in_use() -> int:
    """Hold the lock until this process ends; the file's number, for who ends it sooner."""
    file = os.open(settings.DATA_DIR / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, fcntl.LOCK_SH)  # a restore that looks holds it for a moment
    return file


@contextmanager
def in_use() -> Iterator[None]:
    """The same meanwhile."""
    file = say_in_use()
    try:
        yield
    finally:
        os.close(file)


def is_in_use() -> bool:
    """Whether another process holds it, also one that waits for nothing at the moment."""
    try:  # whoever asks may be another user, and makes no file that the portal cannot open
        file = os.open(settings.DATA_DIR / NAME, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
