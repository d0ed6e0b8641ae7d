"""``manage.py import_organizations FILE``: the organization import, on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.management.import_command import (
    add_import_arguments,
    add_reading_arguments,
    reading_of,
    run_import,
)
from integrations.management.output import command_actor, with_example
from integrations.services.audit import Batch
from integrations.services.imports import ImportOptions, import_organizations


class Command(BaseCommand):
    """Ends with 0 when every row is good, 1 when rows failed, 2 when a file is refused or asks."""

    help = (
        "Import organizations from a file that another tool or a spreadsheet wrote (CSV, JSON, a workbook), "
        "or from the standard input with '-'. What each column is, is proposed; what can be two things is "
        "asked and ends with 2. By default all rows are written or none. Ends with 0 when every row is good, "
        "1 when rows failed, 2 when the file is refused. The report is kept, and the import can be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_import_arguments(parser)
        add_reading_arguments(parser)
        parser.add_argument(
            "--duplicates",
            choices=["ask", "other", "same"],
            default="ask",
            help="what new rows are whose name is there already: others (ask: and tell them), or the same",
        )
        parser.add_argument(
            "--same", type=int, action="append", default=[], metavar="LINE", help="this row is the same"
        )
        parser.add_argument(
            "--other", type=int, action="append", default=[], metavar="LINE", help="this row is another one"
        )
        with_example(
            parser,
            "import_organizations customers.csv --dry-run",
            "import_organizations - < customers.json",
            'import_organizations sites.csv --map "uid=external_id" --status "On hold=active"',
        )

    def handle(self, **options: Any) -> None:
        actor = command_actor("import_organizations")
        wanted = ImportOptions(
            options["dry_run"],
            options["keep_good"],
            file_name=Path(options["file"]).name,
            reading=reading_of(options),
            decisions={str(line): decision for decision in ("same", "other") for line in options[decision]},
            duplicates=options["duplicates"],
        )
        run_import(
            self,
            options,
            lambda stream, line: import_organizations(
                Batch(actor),
                stream,
                wanted,
                progress=line.show,
            ),
        )
