"""Which job a process is at, told to the process that watches it: through a pipe, so without the database.

The worker that started this process reads there and can end a job that does not end
(management/job_watch.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

REPORTS = "PORTAL_JOB_REPORTS"  # the environment variable that holds the pipe's number


@dataclass(frozen=True)
class HeldJob:
    """A run of a job: the process that is at it, and what its row is known by."""

    process: int
    key: uuid.UUID
    kind: str
    token: uuid.UUID


def tell_begun(key: uuid.UUID, kind: str, token: uuid.UUID) -> None:
    """This process is at the job from now on."""
    _tell({"process": os.getpid(), "key": str(key), "kind": kind, "token": str(token)})


def tell_ended(token: uuid.UUID) -> None:
    """And no longer."""
    _tell({"ended": str(token)})


class Pulse:
    """Around the queries of a process: whoever asks the database goes on, with a job or without."""

    EVERY = 5.0  # seconds

    def __init__(self) -> None:
        self._told = 0.0

    def __call__(self, execute: Callable[..., Any], *query: Any) -> Any:
        """Say so, and ask; a wrapper for Django's ``execute_wrapper``."""
        now = time.monotonic()
        if now - self._told >= self.EVERY:
            self._told = now
            _tell({"alive": True})
        return execute(*query)


def _tell(report: dict[str, object]) -> None:
    pipe = os.environ.get(REPORTS, "")
    if pipe.isdecimal():
        # One line is written whole or not at all (pipe(7)); who watched has ended where nobody reads it.
        with contextlib.suppress(OSError):
            os.write(int(pipe), json.dumps(report).encode() + b"\n")


def read_report(line: bytes) -> HeldJob | uuid.UUID | None:
    """What a line of the pipe tells: a run that began, the token of one that ended, or None: it goes on."""
    told = json.loads(line)
    if "alive" in told:
        return None
    if "ended" in told:
        return uuid.UUID(told["ended"])
    return HeldJob(told["process"], uuid.UUID(told["key"]), told["kind"], uuid.UUID(told["token"]))
