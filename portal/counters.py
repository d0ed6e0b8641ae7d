"""Counters of the web processes of one machine, for /metrics.

Each process counts for itself and writes its numbers to a file now and then; a scrape adds the files up, so
that it makes no difference which process answers it. Files of processes that have ended still count (counters
only grow) until the web server is started anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import Counter
from pathlib import Path

WRITE_EVERY = 1.0  # seconds
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class RequestCounters:
    """Requests by view and status, and how long they took; used by all threads of a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._written = 0.0

    def count(self, view: str, status: int, seconds: float) -> None:
        """Count one request."""
        with self._lock:
            self._numbers[f"requests|{view}|{status}"] += 1
            self._numbers["seconds"] += seconds  # type: ignore[assignment]  # a Counter also adds fractions
            self._numbers[f"under|{next((bound for bound in BOUNDS if seconds <= bound), '+Inf')}"] += 1
            due = time.monotonic() - self._written >= WRITE_EVERY
        if due:
            self.write()

    def write(self) -> None:
        """Put this process's numbers where a scrape finds them; a full disk loses figures, not requests."""
        with self._lock, contextlib.suppress(OSError):
            self._written = time.monotonic()
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{os.getpid()}.json"
            scratch = path.with_suffix(".new")
            scratch.write_text(json.dumps(self._numbers), encoding="utf-8")
            scratch.replace(path)

    def total(self) -> Counter[str]:
        """The numbers of all processes of this machine."""
        self.write()
        total: Counter[str] = Counter()
        for path in self.folder.glob("*.json"):
            with contextlib.suppress(
                OSError, ValueError
            ):  # being replaced at this moment: the next scrape has it
                total.update(json.loads(path.read_text(encoding="utf-8")))
        return total


def forget(folder: Path) -> None:
    """Begin anew: before the web processes start."""
    for path in folder.glob("*.json"):
        path.unlink(missing_ok=True)
