"""``manage.py import_mappings FILE``: mappings from a file, by names or ids."""

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
from integrations.management.output import chosen_instance, command_actor, with_example
from integrations.services.audit import Batch
from integrations.services.imports import ImportOptions, import_mappings


class Command(BaseCommand):
    """Ends with 0 when every row is good, 1 when rows failed, 2 when a file is refused or asks."""

    help = (
        "Import mappings from a file (CSV, JSON, a workbook) with the columns of export_mappings or what "
        "other tools call them, or from the standard input with '-'. Organizations are found by external id "
        "or name, companies by id or name; what is unknown or ambiguous fails with its reason. By default "
        "all rows are written or none. The report is kept, and the import can be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_import_arguments(parser)
        add_reading_arguments(parser)
        parser.add_argument(
            "--instance", metavar="NAME", help="the configuration; without it each row has to name one"
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="change mappings that name another company now"
        )
        parser.add_argument(
            "--restore",
            action="store_true",
            help="keep source, confidence, who confirmed and when, as the file has them",
        )
        with_example(
            parser,
            "import_mappings mappings.csv --instance Main --dry-run",
            "import_mappings export.json --restore",
        )

    def handle(self, **options: Any) -> None:
        actor = command_actor("import_mappings")
        instance = chosen_instance(options["instance"]) if options["instance"] else None
        wanted = ImportOptions(
            **{name: options[name] for name in ("dry_run", "keep_good", "overwrite", "restore")},
            file_name=Path(options["file"]).name,
            reading=reading_of(options),
        )
        run_import(
            self,
            options,
            lambda stream, line: import_mappings(Batch(actor), stream, instance, wanted, progress=line.show),
        )
