"""Keeping several processes running as one: a dead child is started again, stopping stops all.

A child that has run well once is started again for ever, after pauses that grow: what it stands on may be
away for hours. One that never ran is given up after some tries: nothing that it needs will come by itself.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

from integrations.database.patience import Backoff
from portal.parent import tied

logger = logging.getLogger(__name__)

STOP_PATIENCE = 15.0  # seconds that a child has to end by itself
LEFTOVER_PATIENCE = 2.0  # and what it has started, after its own end
LEFTOVER_PAUSE = 0.02
KILL_PATIENCE = 2.0  # and what was killed
RESTART_PAUSE = 1.0
FAST_DEATH = 5.0  # a child that never lived longer than this, so often, will not get well by itself
FAST_DEATHS_ALLOWED = 5


class ChildFailed(Exception):
    """A child died again and again right after its start, and has never run."""


@dataclass
class Child:
    """One process: its name for the log and its command line."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    fast_deaths: int = 0
    ran_well: bool = False
    quiet: bool = False
    backoff: Backoff = field(default_factory=lambda: Backoff(first=RESTART_PAUSE))
    starts_at: float | None = None  # after a pause, on the monotonic clock

    def start(self) -> None:
        """Start it in a process group of its own, so that Ctrl-C reaches only the supervisor.

        It is tied to this process: killed, the supervisor ends nothing, and the child has to notice itself.
        """
        self.started, self.starts_at = time.monotonic(), None
        self.process = subprocess.Popen(  # noqa: S603  # our own commands
            self.command, start_new_session=True, stdout=subprocess.DEVNULL if self.quiet else None, **tied()
        )

    def signal(self, number: int) -> None:
        """Send a signal to the child and everything that it started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def end_leftovers(self, patience: float = 0.0) -> None:
        """After the child's own end: kill what it started and what has not ended within so many seconds.

        Returns when that has ended, too: it may hold the port that the child needs when it starts again.
        """
        if self.process is None or self.process.poll() is None:
            return
        group = self.process.pid
        if not _group_ends(group, patience):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
            if not _group_ends(group, KILL_PATIENCE):
                logger.warning("What %s has started does not end.", self.name)


def _group_ends(group: int, patience: float) -> bool:
    """Whether nothing of the process group is left within so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(ChildProcessError):  # ours to bury only where we are the first process
            os.waitpid(-group, os.WNOHANG)
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(LEFTOVER_PAUSE)


class Supervisor:
    """Runs children until it is told to stop by SIGINT, SIGTERM, a terminal that closes, or ``stop``."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = list(children)
        self._stop = threading.Event()

    def stop(self, *_: int | FrameType | None) -> None:
        """Make ``run`` return; usable as a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Start the children and keep them running. Raises ChildFailed when one cannot be kept."""
        ends = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which nohup has seen to
            ends.append(signal.SIGHUP)
        previous = {number: signal.signal(number, self.stop) for number in ends}
        try:
            for child in self.children:
                child.start()
            while not self._stop.wait(RESTART_PAUSE):
                for child in self.children:
                    self._look_after(child)
        finally:
            self._end_children()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _look_after(self, child: Child) -> None:
        if child.process is None or child.process.poll() is None:
            return
        now, code = time.monotonic(), child.process.returncode
        if child.starts_at is None:
            fast = now - child.started < FAST_DEATH
            child.ran_well = child.ran_well or not fast
            child.fast_deaths = child.fast_deaths + 1 if fast else 1
            if child.fast_deaths >= FAST_DEATHS_ALLOWED and not child.ran_well:
                raise ChildFailed(f"{child.name} ends right after its start (code {code}).")
            child.starts_at = now if child.fast_deaths == 1 else now + child.backoff.next_pause()
            logger.warning("%s ended with code %s; it is started again.", child.name, code)
        if now >= child.starts_at:
            child.end_leftovers()  # an orphaned web process would still hold the port
            child.start()

    def _end_children(self) -> None:
        for child in reversed(self.children):
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE
        for child in self.children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                logger.warning("%s did not stop in time; it is killed.", child.name)
                child.signal(signal.SIGKILL)
                child.process.wait()
            child.end_leftovers(LEFTOVER_PATIENCE)
