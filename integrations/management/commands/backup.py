"""``manage.py backup``: one file with all that the database holds, checked by restoring it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.processes import ended_like_ctrl_c
from integrations.services.operations import BackupFailed, make_backup


class Command(BaseCommand):
    """Consistent while the portal runs; the encryption keys are not in it."""

    help = (
        "Back the database up into one new file, and check it by restoring it into a scratch place. The "
        "keys are not in it: keep them elsewhere. Example: manage.py backup /backup/portal-monday.tar"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *, file: Path, **options: Any) -> None:
        """Make it, check it, say what is in it. Raises CommandError; then there is no file."""
        try:
            with ended_like_ctrl_c():
                manifest = make_backup(file)
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{file}: {manifest.rows:,} rows of {len(manifest.tables)} tables, restored and compared. "
            "The keys are not in it."
        )
