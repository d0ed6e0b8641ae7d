"""``manage.py serve``: the whole portal on one machine."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.db import close_old_connections

from integrations.management.supervisor import Child, ChildFailed, Supervisor
from integrations.tasks import requeue_neglected

logger = logging.getLogger(__name__)
MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


class Command(BaseCommand):
    """Bring the database up to date, then run web server and workers until Ctrl-C."""

    help = (
        "Run the portal on one machine: migrations, web server and background workers. "
        "Example: manage.py serve --bind 0.0.0.0:8000 --workers 2"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The command's options."""
        parser.add_argument("--bind", default="127.0.0.1:8000", metavar="ADDRESS:PORT")
        parser.add_argument("--web-processes", type=int, default=2, metavar="N")
        parser.add_argument("--threads", type=int, default=4, metavar="N", help="threads of each web process")
        parser.add_argument("--workers", type=int, default=1, metavar="N", help="background workers")
        parser.add_argument(
            "--simulator",
            type=Path,
            metavar="TENANTS.json",
            help="also run a simulated Autotask (not in production)",
        )
        parser.add_argument("--simulator-port", type=int, default=8010, metavar="N")

    def handle(self, **options: Any) -> None:
        """Prepare, then supervise."""
        call_command("prepare", verbosity=0)
        children = [
            Child("web", _gunicorn(options["bind"], options["web_processes"], options["threads"])),
            *(
                Child(f"worker {number}", [*MANAGE, "db_worker", "--interval", "0.5", "--no-startup-delay"])
                for number in range(1, options["workers"] + 1)
            ),
        ]
        if options["simulator"]:
            if settings.IN_PRODUCTION:
                raise CommandError("A simulator does not belong into production.")
            port = str(options["simulator_port"])
            tenants = str(options["simulator"])
            command = [*MANAGE, "autotask_simulator", "--port", port, "--tenants", tenants]
            children.insert(0, Child("simulator", command, quiet=True))
        self.stdout.write(f"The portal is at http://{options['bind']}/ (Ctrl-C stops)")
        self.stdout.flush()
        try:
            Supervisor(children, every_round=_wake_silent_jobs).run()
        except ChildFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Stopped.")


def _gunicorn(bind: str, processes: int, threads: int) -> list[str]:
    return [
        sys.executable, "-m", "gunicorn", "portal.wsgi:application", "--chdir", str(settings.BASE_DIR),
        "--bind", bind, "--workers", str(processes), "--worker-class", "gthread", "--threads", str(threads),
        "--no-control-socket", "--timeout", "120", "--graceful-timeout", "10", "--log-level", "warning",
    ]  # fmt: skip


def _wake_silent_jobs() -> None:
    """Give jobs whose worker was killed back to the queue; a database that is away is tried again later."""
    try:
        close_old_connections()
        requeue_neglected()
    except DatabaseError:
        logger.exception("Jobs could not be looked after.")
