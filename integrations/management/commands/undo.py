"""``manage.py undo``: take a batch of changes, or one change of it, back."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.output import (
    SOME_FAILED,
    WRONG_USE,
    Format,
    add_format,
    command_actor,
    with_example,
    write_rows,
)
from integrations.services.history import NothingToUndo, UndoOutcome, undo_batch, undo_event
from integrations.tasks import refresh_refiltered

COLUMNS = ("name", "reason")


class Command(BaseCommand):
    """Ends with 0 when everything was put back, 1 when some was left, 2 when there is nothing to undo."""

    help = (
        "Take changes back: a whole batch (see the command history), or one change of it. What changed again "
        "since is left as it is and listed. The undo is recorded, and can be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("batch", metavar="BATCH", help="the batch as history prints it")
        parser.add_argument("--event", type=int, metavar="ID", help="only this change of the batch")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done; change nothing")
        add_format(parser)
        with_example(parser, "undo 5f0d6c2e-8d1b-4a55-9b0e-2f4f6f1a7c11 --dry-run")

    def handle(self, **options: Any) -> None:
        """Undo, and print what was left."""
        try:
            outcome = _undo(options)
        except (NothingToUndo, ValueError) as error:
            raise CommandError(
                f"There is nothing to undo in “{options['batch']}”. Nothing was changed.",
                returncode=WRONG_USE,
            ) from error
        refresh_refiltered(outcome.batch, None, origin="undo")
        rows = [{"name": row.name, "reason": row.reason} for row in outcome.rows_left]
        form = Format(options["format"])
        if form is not Format.TABLE or rows:
            write_rows(rows, COLUMNS, form, self.stdout)
        if rows:
            raise CommandError(_sentence(outcome), returncode=SOME_FAILED)
        self.stderr.write(_sentence(outcome))


def _undo(options: dict[str, Any]) -> UndoOutcome:
    key, actor = uuid.UUID(options["batch"]), command_actor("undo")
    if options["event"] is not None:
        return undo_event(actor, options["event"], batch=key, dry_run=options["dry_run"])
    return undo_batch(actor, key, dry_run=options["dry_run"])


def _sentence(outcome: UndoOutcome) -> str:
    if outcome.dry_run:
        return f"{outcome.sentence()} Nothing was changed."
    return f"{outcome.sentence()} Batch of this undo: {outcome.batch}."
