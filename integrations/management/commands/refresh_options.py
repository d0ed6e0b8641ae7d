"""``manage.py refresh_options``: Refresh Options in the foreground, by the same jobs as in the browser."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from integrations.management.output import (
    SOME_FAILED,
    Format,
    ProgressLine,
    add_format,
    add_instances,
    chosen_instances,
    command_actor,
    with_example,
    write_rows,
)
from integrations.models import IntegrationInstance, Job
from integrations.services.audit import Batch
from integrations.services.companies import Absence
from integrations.tasks import do_job, enqueue_refresh

logger = logging.getLogger(__name__)

COLUMNS = ("configuration", "result", "explanation")
LOOK_EVERY = 0.25  # seconds


class Command(BaseCommand):
    """Ends with 0 when every refresh came to its end, 1 when one did not, 2 for a wrong command line."""

    help = (
        "Read picklists and companies from Autotask. A refresh that a worker has begun is waited for, never "
        "run twice. Ctrl-C stops after the page being read, and keeps what was read. Ends with 1 when a "
        "refresh failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_instances(parser)
        parser.add_argument("--full", action="store_true", help="read every company, not only changed ones")
        parser.add_argument(
            "--accept-shrink",
            action="store_true",
            help="mark companies missing even when far fewer than last time are returned",
        )
        add_format(parser)
        with_example(parser, "refresh_options --all", "refresh_options Main --full")

    def handle(self, **options: Any) -> None:
        """Refresh one after the other; a failed one does not keep the next from being refreshed."""
        instances = chosen_instances(options["names"], every=options["all"])
        wanted = {"full": options["full"], "accept_shrink": options["accept_shrink"]}
        rows = []
        with _Interruption() as interruption:
            for instance in instances:
                if interruption.asked:
                    rows.append(_row(instance, "not begun", "Interrupted before its turn."))
                    continue
                line = ProgressLine(instance.name, self.stderr)
                if wanted["accept_shrink"]:
                    Absence(instance).note_accepted(Batch(command_actor("refresh_options")))
                job = _refresh(instance, wanted, line, interruption)
                line.clear()
                rows.append(_job_row(instance, job))
        write_rows(rows, COLUMNS, Format(options["format"]), self.stdout)
        failed = [row["configuration"] for row in rows if row["result"] != Job.State.DONE]
        if failed:
            raise CommandError(
                f"{len(failed)} of {len(rows)} not refreshed: {', '.join(failed)}.", returncode=SOME_FAILED
            )


def _row(instance: IntegrationInstance, result: str, explanation: str) -> dict[str, str]:
    return {"configuration": instance.name, "result": result, "explanation": explanation}


def _job_row(instance: IntegrationInstance, job: Job) -> dict[str, str]:
    if job.is_open:
        return _row(instance, job.state, "A worker goes on with it; this command no longer waits.")
    return _row(instance, job.state, job.error or job.message)


class _Interruption:
    """Ctrl-C and SIGTERM ask the job at hand to stop; a second one ends the command where it stands."""

    def __init__(self) -> None:
        self.asked = False
        self.job: Job | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> _Interruption:
        if threading.current_thread() is threading.main_thread():  # signals are the main thread's alone
            self._previous = {
                number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self.job is not None:
            _ask_to_stop(self.job)


def _ask_to_stop(job: Job) -> None:
    """On a connection of its own: the signal may have come in the middle of a transaction."""

    def ask() -> None:
        try:
            job.request_cancel()
        finally:
            connection.close()

    threading.Thread(target=ask, name="cancel").start()


def _refresh(
    instance: IntegrationInstance, wanted: dict[str, bool], line: ProgressLine, interruption: _Interruption
) -> Job:
    """The job of a refresh that did at least what is wanted, when it has ended.

    Still open only when the command was interrupted while it waited for another worker.
    """
    while True:
        # Queued: were this command killed, a worker has it.
        job = enqueue_refresh(
            instance,
            None,
            full=wanted["full"],
            accept_shrink=wanted["accept_shrink"],
            origin="refresh_options",
        )
        suffices = all(job.options.get(name) or not value for name, value in wanted.items())
        if not suffices:  # one that waits takes our wishes up; for one that runs it is too late
            suffices = bool(
                Job.objects.filter(pk=job.pk, state=Job.State.WAITING).update(
                    options={**job.options, **wanted}
                )
            )
        while True:
            _run_if_free(job, line, interruption)
            job.refresh_from_db()
            if not job.is_open or interruption.asked:
                break
            line.show(job.done, job.total, f"{job.message} (a worker is at it)")
            sleep(LOOK_EVERY)
        if suffices or interruption.asked:
            return job


def _run_if_free(job: Job, line: ProgressLine, interruption: _Interruption) -> None:
    """Do the job here, unless another worker holds it."""
    with _drawn(job, line):
        interruption.job = job
        try:
            do_job(job.key)
        except Exception:  # the job's row has it as failed; the other configurations go on
            logger.exception("Job %s of “%s” ended unexpectedly.", job.pk, job.subject)
        finally:
            interruption.job = None


@contextmanager
def _drawn(job: Job, line: ProgressLine) -> Iterator[None]:
    """Meanwhile, draw the job's progress from its row, as the browser does."""
    if not line.visible:
        yield
        return
    stop = threading.Event()
    drawer = threading.Thread(target=_draw, args=(job.pk, line, stop), name="progress")
    drawer.start()
    try:
        yield
    finally:
        stop.set()
        drawer.join()


def _draw(pk: int, line: ProgressLine, stop: threading.Event) -> None:
    try:
        while not stop.wait(LOOK_EVERY):
            row = Job.objects.only("done", "total", "message", "cancel_requested").get(pk=pk)
            line.show(row.done, row.total, "Stopping" if row.cancel_requested else row.message)
    finally:
        connection.close()
