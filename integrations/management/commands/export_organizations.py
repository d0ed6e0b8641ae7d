"""``manage.py export_organizations``: the organizations, with the columns that import_organizations reads."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.files.writer import WRITERS
from integrations.management.output import with_example, write_file
from integrations.services.exports import ORGANIZATION_COLUMNS as COLUMNS
from integrations.services.exports import export_organizations


class Command(BaseCommand):
    """The file goes to the standard output, the count to the error stream."""

    help = (
        "Export the organizations to the standard output. In CSV, cells that a "
        "spreadsheet would run are preceded by an apostrophe."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=sorted(WRITERS), default="csv")
        with_example(parser, "export_organizations > organizations.csv")

    def handle(self, **options: Any) -> None:
        write_file(export_organizations(), COLUMNS, options["format"], "organization", self)
