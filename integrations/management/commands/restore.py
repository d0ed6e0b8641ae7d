"""``manage.py restore``: a backup in the place of the database, which is kept beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.processes import ended_like_ctrl_c
from integrations.services.operations import BackupFailed, restore_backup, told_of


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
        parser.add_argument(
            "--other-keys",
            action="store_true",
            help="also when the keys of this machine open none of its secrets",
        )
        parser.add_argument(
            "--newer", action="store_true", help="also a backup of a newer version than this code"
        )

    def handle(self, *, file: Path, replace: bool, other_keys: bool, newer: bool, **options: Any) -> None:
        """Restore it and say what comes next. Raises CommandError; then nothing was changed."""
        try:
            with ended_like_ctrl_c():
                restored = restore_backup(file, replace=replace, other_keys=other_keys, newer=newer)
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        manifest = restored.manifest
        self.stdout.write(f"Restored {manifest.rows:,} rows of {manifest.made_at}.")
        if not manifest.sha256:
            self.stdout.write(
                "The backup is of an earlier version, without a SHA-256: rows and their sums were compared."
            )
        if restored.closed:
            self.stderr.write(
                f"The keys of this machine do not open all secrets in it: {told_of(restored.closed)} stay "
                "closed. Add the missing key to PORTAL_ENCRYPTION_KEYS, or enter these anew."
            )
        self.stdout.write(
            f"What was there before is {restored.kept}; delete it when all is well."
            if restored.kept
            else "There was nothing there before."
        )
        self.stdout.write("Next: manage.py prepare, then start workers and web servers.")
