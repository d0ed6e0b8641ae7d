"""``manage.py show_expectations``: what is expected of configurations, and how it stands."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from integrations.management.output import (
    SOME_FAILED,
    Format,
    add_format,
    add_instances,
    chosen_instances,
    with_example,
    write_rows,
)
from integrations.services.expectations import standing

COLUMNS = ("configuration", "kind", "expected", "effect", "state", "since", "explanation")


class Command(BaseCommand):
    """Ends with 0 when nothing is broken, 1 when something is, 2 for a wrong command line."""

    help = (
        "Show what is expected of configurations, and whether it holds, warns or brakes at this moment. "
        "Writes nothing and asks nobody. Ends with 1 when something is broken; what is not known is not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_instances(parser)
        add_format(parser)
        with_example(parser, "show_expectations --all", "show_expectations Main --format json")

    def handle(self, **options: Any) -> None:
        """All expectations of the chosen configurations, one a row."""
        instances = chosen_instances(options["names"], every=options["all"])
        found = [(each.instance, row) for each in standing(instances, timezone.now()) for row in each.outlook]
        rows = [
            {
                "configuration": instance.name,
                "kind": row.kind.value,
                "expected": row.sentence,
                "effect": row.terms.effect.value,
                "state": row.state.value,
                "since": row.since.isoformat() if row.since else "",
                "explanation": row.text,
            }
            for instance, row in found
        ]
        write_rows(rows, COLUMNS, Format(options["format"]), self.stdout)
        broken = [f"{instance.name} ({row.kind.value})" for instance, row in found if row.is_broken]
        if broken:
            raise CommandError(
                f"{len(broken)} of {len(rows)} broken: {', '.join(broken)}.", returncode=SOME_FAILED
            )
