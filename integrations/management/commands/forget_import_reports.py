"""``manage.py forget_import_reports``: delete old reports of imports, now and not at the next hour."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.output import WRONG_USE, command_actor, with_example
from integrations.services.audit import Batch
from integrations.services.imports import forget_reports


class Command(BaseCommand):
    """Ends with 2 for an age below a day."""

    help = (
        "Delete reports of imports that are older than so many days; without --older-than as "
        "IMPORT_REPORT_DAYS says, which the workers do every hour anyway. The history of what the imports "
        "changed stays, and so does their undo."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, metavar="DAYS", help="at least 1")
        parser.add_argument("--dry-run", action="store_true", help="count only; delete nothing")
        with_example(parser, "forget_import_reports --older-than 90 --dry-run")

    def handle(self, **options: Any) -> None:
        """Forget, and say how many."""
        days, dry_run = options["older_than"], options["dry_run"]
        if days is not None and days < 1:
            raise CommandError("--older-than must be at least 1.", returncode=WRONG_USE)
        count = forget_reports(Batch(command_actor("forget_import_reports")), days, dry_run=dry_run)
        noun = f"{count:,} report{'' if count == 1 else 's'}"
        self.stdout.write(f"{noun} would be deleted." if dry_run else f"{noun} deleted.")
        if days is None and not settings.IMPORT_REPORT_DAYS:
            self.stderr.write("IMPORT_REPORT_DAYS is 0: reports are kept for ever.")
