"""``manage.py validate_instances``: check stored credentials with Autotask, as *Test connection* does."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.output import (
    SOME_FAILED,
    Format,
    ProgressLine,
    add_format,
    add_instances,
    chosen_instances,
    command_actor,
    with_example,
    write_rows,
)
from integrations.models import IntegrationInstance
from integrations.psa.base import ConnectionReport, StepState
from integrations.services.audit import Batch
from integrations.services.instances import check_connection, report_as_json

COLUMNS = ("configuration", "result", "zone", "companies", "requests_used", "explanation")
PASSED, FAILED = "passed", "failed"


class Command(BaseCommand):
    """Ends with 0 when every connection works, 1 when one does not, 2 for a wrong command line."""

    help = (
        "Check configurations with Autotask: zone, credentials, readable companies, request budget. What was "
        "found is remembered and shown on the setup page. Ends with 1 when a connection does not work."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_instances(parser)
        parser.add_argument(
            "--once-more",
            action="store_true",
            help="send credentials that Autotask has refused once more; too many refusals lock the API user",
        )
        add_format(parser)
        with_example(parser, "validate_instances --all", "validate_instances Main --format json")

    def handle(self, **options: Any) -> None:
        """Check one after the other; a refused one does not keep the next from being checked."""
        actor = command_actor("validate_instances")
        instances = chosen_instances(options["names"], every=options["all"])
        line, rows = ProgressLine("Checking", self.stderr), []
        for number, instance in enumerate(instances):
            line.show(number, len(instances), instance.name)
            report = check_connection(Batch(actor), instance, unless_refused=not options["once_more"])
            rows.append(_row(instance, report))
        line.clear()
        write_rows(rows, COLUMNS, Format(options["format"]), self.stdout)
        failed = [str(row["configuration"]) for row in rows if row["result"] == FAILED]
        if failed:
            raise CommandError(
                f"{len(failed)} of {len(rows)} did not pass: {', '.join(failed)}.", returncode=SOME_FAILED
            )


def _row(instance: IntegrationInstance, report: ConnectionReport) -> dict[str, object]:
    """What the check found. Of a passed one only the warnings are explained, of a failed one the failure."""
    state = StepState.WARNING if report.passed else StepState.FAILED
    steps = [step for step in report.steps if step.state is state]
    return {
        "configuration": instance.name,
        "result": PASSED if report.passed else FAILED,
        "zone": report.zone.name if report.zone else instance.zone_name,
        "companies": report.company_count,
        "requests_used": f"{report.budget.used:,} of {report.budget.limit:,}" if report.budget else None,
        "explanation": " ".join(step.sentence for step in steps),
        "steps": report_as_json(report)["steps"],
    }
