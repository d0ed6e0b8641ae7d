"""``manage.py worker``: one background worker; as many as there is work for, on any number of machines."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from integrations.management.worker_maintenance import WorkerMaintenance


class Command(BaseCommand):
    """Takes jobs from the queue that TASKS_BACKEND names, and keeps house beside it."""

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
        with WorkerMaintenance():
            if settings.TASKS_BACKEND == "rq":
                call_command("rqworker", "default", job_class="django_tasks_rq.Job", burst=batch)
            else:
                call_command(
                    "db_worker", interval=interval, batch=batch, startup_delay=not batch, reload=False,
                    verbosity=options["verbosity"],
                )  # fmt: skip
