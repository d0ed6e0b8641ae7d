"""Whether a web server or a worker of this machine runs: each holds a lock, which its death releases."""

from __future__ import annotations

import fcntl
from typing import IO

from django.conf import settings

NAME = "in-use.lock"

_held: list[IO[str]] = []


def say_in_use() -> None:
    """Hold the lock until this process ends."""
    file = (settings.DATA_DIR / NAME).open("a")
    fcntl.flock(file, fcntl.LOCK_SH)  # a restore that looks holds it for a moment
    _held.append(file)


def is_in_use() -> bool:
    """Whether another process holds it, also one that waits for nothing at the moment."""
    with (settings.DATA_DIR / NAME).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
