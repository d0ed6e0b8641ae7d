"""``manage.py restore``: a backup in the place of the database, which is kept beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.services.operations import BackupFailed, restore_backup


class Command(BaseCommand):
    """Changes nothing unless the backup is whole; nothing of before is deleted."""

    help = (
        "Put a backup of `manage.py backup` in the place of the database; stop web servers and workers "
        "first. What was there stays under another name. "
        "Example: manage.py restore /backup/portal-monday.tar --replace"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--replace", action="store_true", help="also when the database is not empty")

    def handle(self, *, file: Path, replace: bool, **options: Any) -> None:
        """Restore it and say what comes next. Raises CommandError; then nothing was changed."""
        try:
            manifest, kept = restore_backup(file, replace=replace)
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Restored {manifest.rows:,} rows of {manifest.made_at}. What was there before is {kept}; delete "
            "it when all is well. Next: manage.py prepare, then start workers and web servers."
        )
