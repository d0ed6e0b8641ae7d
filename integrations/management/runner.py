"""The process of a worker that does the jobs: ``python -m integrations.management.runner``.

A worker starts it (management/job_watch.py), knows by a pipe what it is at, and ends it when that does not
end. It holds the memory cap of jobs, and waits for whatever of the database or the queue may pass.
"""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal
import sys
import uuid
from types import FrameType
from typing import Any

import django

from portal.parent import end_with_parent

PARENT_DEATH = 1  # PR_SET_PDEATHSIG, prctl(2)

logger = logging.getLogger(__name__)


def die_with_parent() -> None:
    """Be killed when the worker that started this process is, also in the middle of native code (Linux).

    Elsewhere it ends where Python goes on (portal/parent.py).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL)
        if os.getppid() == 1 and os.environ.get("PORTAL_JOB_REPORTS"):  # it went before that was said
            raise SystemExit("The worker has ended.")


def run_queue(*, interval: float, batch: bool) -> None:
    """Do what the queue of TASKS_BACKEND holds, until a signal comes; with ``batch`` until it is empty."""
    from django.conf import settings
    from django.db import connection

    from integrations.database.patience import keep_trying
    from integrations.services.jobs import Pulse

    work = _work_on_redis if settings.TASKS_BACKEND == "rq" else _work_on_database
    with connection.execute_wrapper(Pulse()):  # the queue is asked all the time
        keep_trying(lambda: work(interval, batch), "The queue of jobs cannot be read")


def _work_on_redis(interval: float, batch: bool) -> None:
    from django.core.management import call_command

    call_command("rqworker", "default", job_class="django_tasks_rq.Job", burst=batch)


def _work_on_database(interval: float, batch: bool) -> None:
    from django_tasks_db.management.commands.db_worker import Worker

    from integrations.tasks import memory_spent

    class QueueWorker(Worker):
        """The library's, which a second signal does not tear out of its job: it often comes by two ways."""

        def shutdown(self, signum: int, frame: FrameType | None) -> None:
            if self.running:
                super().shutdown(signum, frame)

        def run_task(self, db_task_result: Any) -> None:
            super().run_task(db_task_result)
            if memory_spent.is_set():  # what a job has taken comes back with a new process
                self.running = False

    worker = QueueWorker(
        queue_names=["default"], interval=interval, batch=batch, backend_name="default",
        startup_delay=not batch, max_tasks=None, worker_id=uuid.uuid4().hex, excluded_queue_names=[],
    )  # fmt: skip
    worker.configure_signals()
    worker.run()


def main(arguments: list[str] | None = None) -> None:
    """Set the process up and work."""
    die_with_parent()
    end_with_parent()
    parser = argparse.ArgumentParser(prog="runner", description=__doc__)
    parser.add_argument("--interval", type=float, default=0.5)
    given: Any = parser.parse_args(arguments)
    django.setup()
    from django.conf import settings

    from integrations.database.limits import limit_process
    from portal.child import limit_memory

    limit_process("worker")
    if settings.JOB_MEMORY_MB:
        limit_memory(settings.JOB_MEMORY_MB)
    run_queue(interval=given.interval, batch=False)


if __name__ == "__main__":
    main()
