"""A worker's process that does the jobs, watched by the one that keeps house: started anew, ended in time.

What hangs in a job cannot end itself. The watching process knows by a pipe which job is being done, by which
process and since when, on a clock of its own; it ends the process of a job that takes too long or that
somebody has cancelled, and says so in the job's row. The database may be away meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import close_old_connections, connection

from integrations.database.patience import Backoff, is_passing
from integrations.models import Job
from integrations.services.jobs import REPORTS, HeldJob, cancelled_runs, read_report
from integrations.tasks import end_run, hand_on
from portal.parent import tied

LOOK_EVERY = 1.0  # seconds
SILENT_AFTER = 60.0  # seconds in which a process without a job says nothing, after which it has stopped
CANCEL_PATIENCE = 10.0  # seconds that a job has to stop by itself when it is asked to
CANCELLED = "Cancelled. It did not stop by itself, so its process was ended."
TOO_LONG = "Ended: it took longer than {minutes} minutes, the most that a job of this kind may take."

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass
class Watched:
    """A run that is under way, and what is still to be said of it when its process has been ended."""

    run: HeldJob
    since: float = field(default_factory=time.monotonic)
    cancelled_since: float | None = None


class JobWatch:
    """Runs ``command`` (a runner) until it is told to stop; ``run`` belongs into the main thread."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[uuid.UUID, Watched] = {}
        self._heard = 0.0
        self._left: list[Callable[[], bool]] = []  # what is to be said as soon as the database is there

    def stop(self, *_: object) -> None:
        """Let the job at hand come to its end, then return from ``run``; usable as a signal handler."""
        self._stop.set()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def run(self) -> None:
        """Keep a runner running. When it dies, its job is handed on and it is started again after a pause."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sees to for a terminal that closes
                signal.signal(number, self.stop)
        backoff = Backoff()
        while not self._stop.is_set():
            code = self._run_once()
            self._hand_on_jobs()
            if not self._stop.is_set() and code != 0:
                pause = backoff.next_pause()
                logger.warning(
                    "The process of the jobs ended with code %s; started again in %.1f s.", code, pause
                )
                self._wait(pause)
        self._say_what_is_left()

    def _run_once(self) -> int:
        """Start a runner and look after its jobs until it ends; its exit code."""
        reads, writes = os.pipe()
        environment = {**os.environ, REPORTS: str(writes)}
        self._process = process = subprocess.Popen(  # noqa: S603  # our own command
            self.command, cwd=settings.BASE_DIR, **tied(environment, writes)
        )
        os.close(writes)
        self._heard = time.monotonic()
        reader = threading.Thread(target=self._read, args=(reads,), name="job reports", daemon=True)
        reader.start()
        if self._stop.is_set():  # a signal that came before there was a process to send it to
            process.send_signal(signal.SIGTERM)
        while process.poll() is None:
            try:
                process.wait(LOOK_EVERY)
            except subprocess.TimeoutExpired:
                self._look()
        reader.join(LOOK_EVERY)
        return process.returncode

    def _read(self, pipe: int) -> None:
        with os.fdopen(pipe, "rb") as reports:
            for line in reports:
                told = read_report(line)
                with self._lock:
                    self._heard = time.monotonic()
                    if isinstance(told, HeldJob):
                        self._held[told.token] = Watched(told)
                    elif told is not None:
                        self._held.pop(told, None)

    def _look(self) -> None:
        """End what takes too long or was cancelled and did not stop."""
        now = time.monotonic()
        with self._lock:
            watched = list(self._held.values())
        cancelled = (
            self._ask(lambda: cancelled_runs([each.run.token for each in watched])) if watched else None
        )
        for each in watched:
            longest = settings.JOB_SECONDS[each.run.kind]
            if each.run.token in (cancelled or ()):
                each.cancelled_since = each.cancelled_since or now
            overdue = now - each.since >= longest
            if each.cancelled_since is not None and (
                overdue or now - each.cancelled_since >= CANCEL_PATIENCE
            ):
                self._end(each, Job.State.CANCELLED, CANCELLED)
            elif overdue:
                self._end(each, Job.State.FAILED, TOO_LONG.format(minutes=round(longest / 60, 1)))
        self._say_what_is_left()
        if not watched:
            self._look_whether_it_goes_on(now)

    def _look_whether_it_goes_on(self, now: float) -> None:
        """End a process that has no job and hangs all the same: nobody else would notice.

        While the database is away it says nothing either, and is right to. In Redis the queue looks itself.
        """
        if settings.TASKS_BACKEND != "database" or now - self._heard < SILENT_AFTER:
            return
        self._heard = now
        if self._process is not None and self._ask(_is_there):
            logger.error("The process of the jobs says nothing for %.0f s; it is replaced.", SILENT_AFTER)
            self._process.kill()

    def _end(self, watched: Watched, state: Job.State, sentence: str) -> None:
        """End the process of a run, then say in its row what has become of it."""
        run = watched.run
        logger.warning("Job %s (%s) is ended: %s", run.key, run.kind, sentence)
        with self._lock:
            self._held.pop(run.token, None)
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself in this moment
            os.kill(run.process, signal.SIGKILL)
        self._left.append(partial(end_run, run.key, run.token, state, sentence))
        self._say_what_is_left()

    def _hand_on_jobs(self) -> None:
        """What the process was at when it died is taken up at once, without waiting for the lease."""
        with self._lock:
            held, self._held = list(self._held.values()), {}
        for each in held:
            self._left.append(partial(hand_on, each.run.key, each.run.token))
        self._say_what_is_left()

    def _say_what_is_left(self) -> None:
        while self._left and self._ask(self._left[0]) is not None:
            self._left.pop(0)

    def _ask(self, question: Callable[[], T]) -> T | None:
        """The answer; None where the database cannot be asked now, which is asked again."""
        try:
            close_old_connections()
            return question()
        except Exception as error:
            if not is_passing(error):
                raise
            logger.warning("The worker cannot reach its jobs: %s", str(error).strip())
            connection.close()
            return None

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stop.is_set() and (left := deadline - time.monotonic()) > 0:
            self._stop.wait(min(left, LOOK_EVERY))
            self._say_what_is_left()


def _is_there() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def runner_command(interval: float) -> list[str]:
    """The command line of the process that does the jobs."""
    return [sys.executable, "-m", "integrations.management.runner", "--interval", str(interval)]
