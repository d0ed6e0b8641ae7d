"""``manage.py web``: the web server alone, for machines on which workers run elsewhere."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from integrations.database.in_use import in_use
from integrations.management.processes import add_web_options, check_web_options, web_command
from portal.counters import forget


class Command(BaseCommand):
    """Becomes gunicorn, so that a service manager's signals reach it directly."""

    help = (
        "Run the web server alone; `manage.py prepare` comes first. "
        "Example: manage.py web --bind 0.0.0.0:8000"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_web_options(parser)

    def handle(self, *, bind: str, web_processes: int, threads: int, **options: Any) -> None:
        """Never returns, but when its address cannot be had."""
        check_web_options(bind, web_processes, threads)
        with in_use():  # that it can, before each of its processes fails
            pass
        sys.stdout.flush()
        forget(settings.DATA_DIR / "metrics")
        command = web_command(bind, web_processes, threads)
        os.execv(command[0], command)  # noqa: S606  # our own command
