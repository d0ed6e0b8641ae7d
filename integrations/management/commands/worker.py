"""``manage.py worker``: one background worker; as many as there is work for, on any number of machines."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.database.in_use import in_use
from integrations.database.limits import limit_process, limit_thread
from integrations.database.patience import Refused
from integrations.management.job_watch import JobWatch, runner_command
from integrations.management.runner import run_queue
from integrations.management.worker_maintenance import WorkerMaintenance
from portal.parent import end_with_parent


class Command(BaseCommand):
    """Keeps house, and watches a process that takes jobs from the queue that TASKS_BACKEND names."""

    help = (
        "Run one background worker: it reads companies, checks connections, starts what the schedules ask "
        "for, and takes up the jobs of workers that were killed. Example: manage.py worker"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--interval", type=float, default=0.5, metavar="SECONDS", help="pause when the queue is empty"
        )
        parser.add_argument("--batch", action="store_true", help="end when the queue is empty")

    def handle(self, *, interval: float, batch: bool, **options: Any) -> None:
        """Work until SIGTERM or Ctrl-C; the job at hand is finished first."""
        limit_process("worker")
        end_with_parent()
        try:
            with in_use(), WorkerMaintenance():
                if batch:
                    run_queue(interval=interval, batch=True)
                else:
                    with limit_thread("probe"):
                        JobWatch(runner_command(interval)).run()
        except Refused as error:
            raise CommandError(f"The database refuses these settings: {error}") from error
