"""``manage.py export_mappings``: the mappings in force, as CSV or JSON on the standard output."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.files.writer import WRITERS
from integrations.management.output import chosen_instances, with_example, write_file
from integrations.services.exports import MAPPING_COLUMNS as COLUMNS
from integrations.services.exports import export_mappings


class Command(BaseCommand):
    """The file goes to the standard output, the count to the error stream; an unknown name ends with 2."""

    help = (
        "Export the mappings in force, and what is deliberately not mapped, to the standard output. In CSV, "
        "cells that a spreadsheet would run are preceded by an apostrophe."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--instance", default="", metavar="NAME", help="only this configuration")
        parser.add_argument("--format", choices=sorted(WRITERS), default="csv")
        with_example(parser, "export_mappings --instance Main > mappings.csv")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["instance"]
        rows = export_mappings(chosen_instances([name], every=False) if name else None)
        write_file(rows, COLUMNS, options["format"], "mapping", self)
