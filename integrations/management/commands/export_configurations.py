"""``manage.py export_configurations``: configurations with their filters, never a secret."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.files.writer import WRITERS
from integrations.management.output import add_instances, chosen_instances, with_example, write_file
from integrations.services.exports import CONFIGURATION_COLUMNS as COLUMNS
from integrations.services.exports import export_configurations


class Command(BaseCommand):
    """The file goes to the standard output, the count to the error stream."""

    help = (
        "Export configurations (instances with their filters and schedules) to the standard output. No "
        "secret is written. In CSV, cells that a spreadsheet would run are preceded by an apostrophe."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_instances(parser)
        parser.add_argument("--format", choices=sorted(WRITERS), default="json")
        with_example(parser, "export_configurations --all > configurations.json")

    def handle(self, **options: Any) -> None:
        instances = chosen_instances(options["names"], every=options["all"])
        write_file(export_configurations(instances), COLUMNS, options["format"], "configuration", self)
