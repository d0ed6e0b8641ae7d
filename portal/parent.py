"""A parent that is gone, however it went: what it has started notices, and ends as if it had been told to.

By a pipe that nobody but the parent can write to. The system closes it with the parent, also after kill -9,
and its end is what a child reads. On Linux as on macOS. Standard library alone.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import stat
import threading
import time
from typing import Any

NAME = "PORTAL_PARENT"  # the environment variable that holds the pipe's number
PATIENCE = 15.0  # seconds that a child has to end by itself

logger = logging.getLogger(__name__)


@functools.cache
def _pipe() -> tuple[int, int]:
    return os.pipe()  # the writing end is inherited by nobody


def tied(environment: dict[str, str] | None = None, *files: int) -> dict[str, Any]:
    """What ``subprocess.Popen`` is given so that the child can notice; ``files`` are handed on as well."""
    reads = _pipe()[0]
    given = os.environ if environment is None else environment
    return {"env": {**given, NAME: str(reads)}, "pass_fds": (reads, *files)}


def parent_pipe() -> int | None:
    """The pipe whose end tells that the parent is gone; None for a process that nobody has tied.

    It is this process's, not that of whatever it starts itself.
    """
    number = os.environ.pop(NAME, "")
    try:
        is_pipe = number.isdecimal() and stat.S_ISFIFO(os.fstat(int(number)).st_mode)
    except OSError:
        return None
    return int(number) if is_pipe else None


def end_with_parent(patience: float = PATIENCE) -> None:
    """From now on: end as by SIGTERM when the parent is gone, and for certain after so many seconds."""
    pipe = parent_pipe()
    if pipe is not None:
        threading.Thread(target=_end_after, args=(pipe, patience), name="parent", daemon=True).start()


def _end_after(pipe: int, patience: float) -> None:
    while os.read(pipe, 1):  # nobody ever writes
        pass
    logger.warning("The process that started this one is gone; it ends, too.")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(patience)
    os.kill(os.getpid(), signal.SIGKILL)
