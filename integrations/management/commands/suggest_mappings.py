"""``manage.py suggest_mappings``: what the matcher says, for a configuration or two files; saves nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations import matching
from integrations.management.output import (
    WRONG_USE,
    Format,
    ProgressLine,
    add_format,
    chosen_instance,
    with_example,
    write_rows,
)
from integrations.services.suggestion_files import (
    ANSWER_COLUMNS,
    FileRefused,
    answer_row,
    read_companies,
    read_organizations,
)

NAMED_COLUMNS = ("organization_id", "organization", "company_id", "company", "confidence", "tier", "reasons")
TABLE_COLUMNS = ("organization", "company", "confidence", "tier", "reasons")


class Command(BaseCommand):
    """For a configuration: its open organizations. For files: every organization, without any database."""

    help = (
        "Suggest which Autotask company each organization is, with tier, confidence and reasons. Nothing is "
        "saved. Rows of the tiers ambiguous and none name the candidate that came closest."
    )
    # The form for files needs neither a database nor the portal's settings; the other one checks by itself.
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--instance", metavar="NAME", help="the configuration whose open organizations count"
        )
        parser.add_argument(
            "--organizations", type=Path, metavar="FILE", help="CSV: id,name,domain,phone,city,…"
        )
        parser.add_argument("--companies", type=Path, metavar="FILE", help="CSV: id,companyName,webAddress,…")
        parser.add_argument("--include-inactive", action="store_true", help="also propose inactive companies")
        add_format(parser)
        with_example(
            parser,
            "suggest_mappings --instance Main",
            "suggest_mappings --organizations ours.csv --companies theirs.csv --format csv",
        )

    def handle(self, **options: Any) -> None:
        """Suggest, and print one row an organization."""
        form, line = Format(options["format"]), ProgressLine("Comparing names", self.stderr)
        files = (options["organizations"], options["companies"])
        columns: Sequence[str]
        try:
            if options["instance"] is not None and files == (None, None):
                self.check()
                rows = _for_instance(options["instance"], options["include_inactive"], line)
                columns = NAMED_COLUMNS
            elif options["instance"] is None and None not in files:
                rows = _for_files(*files, options["include_inactive"], line)
                columns = ANSWER_COLUMNS
            else:
                raise CommandError(
                    "Give either --instance NAME, or both --organizations FILE and --companies FILE.",
                    returncode=WRONG_USE,
                )
        finally:
            line.clear()
        write_rows(rows, TABLE_COLUMNS if form is Format.TABLE else columns, form, self.stdout)
        if form is Format.TABLE:
            self.stdout.write(f"\n{_summary(rows)}")


def _for_files(
    organizations: Path, companies: Path, include_inactive: bool, line: ProgressLine
) -> list[dict[str, object]]:
    try:
        ours, theirs = read_organizations(organizations), read_companies(companies)
    except FileRefused as error:
        raise CommandError(str(error), returncode=WRONG_USE) from error
    except OSError as error:
        raise CommandError(
            f"{error.filename} cannot be read: {error.strerror}.", returncode=WRONG_USE
        ) from error
    found = matching.suggest(ours, theirs, include_inactive=include_inactive, progress=line.show)
    our_names = {each.id: each.name for each in ours}
    their_names = {each.id: each.name for each in theirs}
    return [
        answer_row(
            each,
            our_names[each.organization_id],
            each.best_candidate or "",
            their_names.get(each.best_candidate or "", ""),
        )
        for each in found
    ]


def _for_instance(name: str, include_inactive: bool, line: ProgressLine) -> list[dict[str, object]]:
    """The rows with the companies' ids as Autotask knows them, instead of the portal's."""
    from integrations.models import Organization
    from integrations.services.suggestions import suggest_mappings

    instance = chosen_instance(name)
    found = suggest_mappings(instance, include_inactive=include_inactive, progress=line.show)
    ours = {str(pk): name for pk, name in Organization.objects.values_list("pk", "name")}
    theirs = {
        str(pk): (remote_id, name)
        for pk, remote_id, name in instance.companies.values_list("pk", "remote_id", "name")
    }
    return [
        answer_row(each, ours[each.organization_id], *theirs.get(each.best_candidate or "", ("", "")))
        for each in found
    ]


def _summary(rows: Sequence[dict[str, object]]) -> str:
    counts = Counter(str(row["tier"]) for row in rows)
    tiers = ", ".join(f"{counts[tier.value]:,} {tier.value}" for tier in matching.Tier)
    return f"{len(rows):,} organizations: {tiers}. Nothing was saved."
