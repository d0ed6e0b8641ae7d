"""``manage.py serve``: the whole portal on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.database.in_use import hold, is_held, is_in_use
from integrations.management.processes import (
    MANAGE,
    add_web_options,
    check_web_options_after,
    web_command,
    worker_command,
)
from integrations.management.supervisor import Child, ChildFailed, Supervisor
from portal.counters import forget


class Command(BaseCommand):
    """Bring the database up to date, then run web server and workers until Ctrl-C."""

    help = (
        "Run the portal on one machine: migrations, web server and background workers. "
        "Example: manage.py serve --bind 0.0.0.0:8000 --workers 2"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_web_options(parser)
        parser.add_argument("--workers", type=int, default=1, metavar="N", help="background workers")
        parser.add_argument(
            "--simulator",
            type=Path,
            metavar="TENANTS.json",
            help="also run a simulated Autotask (not in production)",
        )
        parser.add_argument("--simulator-port", type=int, default=8010, metavar="N")
        parser.add_argument(
            "--simulator-zone-port",
            action="append",
            default=[],
            metavar="ZONE=PORT",
            help="the port that a zone of the simulator gets when a tenant moves there",
        )

    def handle(self, **options: Any) -> None:
        """Prepare, then supervise."""
        lock = settings.DATA_DIR / "serve.lock"
        others = is_held(lock)
        hold(lock)  # to the end of this process
        web = (options["bind"], options["web_processes"], options["threads"])
        check_web_options_after(*web, left=lambda: not others and is_in_use())
        call_command("prepare", verbosity=0)
        forget(settings.DATA_DIR / "metrics")
        children = [
            Child("web", web_command(*web)),
            *(Child(f"worker {number}", worker_command()) for number in range(1, options["workers"] + 1)),
        ]
        if options["simulator"]:
            if settings.IN_PRODUCTION:
                raise CommandError("A simulator does not belong into production.")
            port = str(options["simulator_port"])
            tenants = str(options["simulator"])
            command = [*MANAGE, "autotask_simulator", "--port", port, "--tenants", tenants]
            command += [f"--zone-port={each}" for each in options["simulator_zone_port"]]
            children.insert(0, Child("simulator", command, quiet=True))
        self.stdout.write(f"The portal is at http://{options['bind']}/ (Ctrl-C stops)")
        self.stdout.flush()
        try:
            Supervisor(children).run()
        except ChildFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Stopped.")
