"""``manage.py export_mappings``: the mappings in force, as CSV or JSON on the standard output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.output import with_example
from integrations.services.mapping_export import (
    ExportedMapping,
    NoSuchInstance,
    Writable,
    export_mappings,
    write_csv,
    write_json,
)

WRITERS: dict[str, Callable[[Iterator[ExportedMapping], Writable], int]] = {
    "csv": write_csv,
    "json": write_json,
}


class _Raw:
    """The command's output without the line end that it adds to every piece."""

    def __init__(self, command: BaseCommand) -> None:
        self._out = command.stdout

    def write(self, text: str) -> None:
        self._out.write(text, ending="")


class Command(BaseCommand):
    """The file goes to the standard output, the count to the error stream; an unknown name ends with 2."""

    help = (
        "Export the mappings in force to the standard output. In CSV, cells that a spreadsheet would run are "
        "preceded by an apostrophe."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--instance", default="", metavar="NAME", help="only this configuration")
        parser.add_argument("--format", choices=sorted(WRITERS), default="csv")
        with_example(parser, "export_mappings --instance Main > mappings.csv")

    def handle(self, *args: Any, **options: Any) -> None:
        """Export."""
        try:
            mappings = export_mappings(options["instance"])
        except NoSuchInstance as error:
            raise CommandError(str(error), returncode=2) from error
        count = WRITERS[options["format"]](mappings, _Raw(self))
        self.stderr.write(f"{count:,} mapping{'' if count == 1 else 's'} exported.")
