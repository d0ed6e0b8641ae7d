"""``manage.py rotate_encryption_keys``: seal every stored secret under the first key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.output import (
    SOME_FAILED,
    Format,
    add_format,
    command_actor,
    with_example,
    write_rows,
)
from integrations.services.audit import Batch
from integrations.services.operations import rotate_keys

COLUMNS = ("rotated", "current", "unreadable")


class Command(BaseCommand):
    """Ends with 1 when a secret cannot be opened with any key of the ring."""

    help = (
        "Seal every stored secret under the first key of PORTAL_ENCRYPTION_KEYS. Put the new key in front, "
        "restart, run this, and take the old key away when nothing is unreadable. Can be repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be done; change nothing")
        add_format(parser)
        with_example(parser, "rotate_encryption_keys --dry-run")

    def handle(self, **options: Any) -> None:
        """Rotate, and print the counts."""
        done = rotate_keys(Batch(command_actor("rotate_encryption_keys")), dry_run=options["dry_run"])
        row = {"rotated": done.rotated, "current": done.current, "unreadable": done.unreadable}
        write_rows([row], COLUMNS, Format(options["format"]), self.stdout)
        if options["dry_run"]:
            self.stderr.write("Checked only, nothing was changed.")
        if done.unreadable:
            raise CommandError(
                f"{len(done.unreadable):,} cannot be opened with the configured keys. Keep the old keys.",
                returncode=SOME_FAILED,
            )
