"""``manage.py suggest_mappings``: what the matcher says, for a configuration or two files; may save it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations import matching
from integrations.management.output import (
    WRONG_USE,
    Format,
    ProgressLine,
    add_format,
    chosen_instance,
    command_actor,
    with_example,
    write_rows,
)
from integrations.services.audit import Batch
from integrations.services.suggestions import (
    ANSWER_COLUMNS,
    FileRefused,
    answer_row,
    read_companies,
    read_organizations,
)

if TYPE_CHECKING:
    from integrations.models import IntegrationInstance

MIN_TIERS = ("sure", "likely")
NAMED_COLUMNS = ("organization_id", "organization", "company_id", "company", "confidence", "tier", "reasons")
TABLE_COLUMNS = ("organization", "company", "confidence", "tier", "reasons")


class Command(BaseCommand):
    """For a configuration: its open organizations. For files: every organization, without any database."""

    help = (
        "Suggest which Autotask company each organization is, with tier, confidence and reasons. Nothing is "
        "saved without --apply. Rows of the tiers ambiguous and none name the candidate that came closest."
    )
    # The form for files needs neither a database nor the portal's settings; the other one checks by itself.
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--instance", metavar="NAME", help="the configuration whose open organizations count"
        )
        parser.add_argument(
            "--organizations", type=Path, metavar="FILE", help="CSV or JSON: id,name,domain,phone,city,…"
        )
        parser.add_argument(
            "--companies", type=Path, metavar="FILE", help="the same: id,companyName,webAddress,…"
        )
        parser.add_argument("--include-inactive", action="store_true", help="also propose inactive companies")
        parser.add_argument(
            "--apply", action="store_true", help="save the suggestions; the batch it names can be undone"
        )
        parser.add_argument(
            "--min-tier", choices=MIN_TIERS, default="sure", help="with --apply: from which tier on (sure)"
        )
        add_format(parser)
        with_example(
            parser,
            "suggest_mappings --instance Main",
            "suggest_mappings --instance Main --apply --min-tier sure",
            "suggest_mappings --organizations ours.csv --companies theirs.csv --format csv",
        )

    def handle(self, **options: Any) -> None:
        """Suggest, and print one row an organization."""
        form, line = Format(options["format"]), ProgressLine("Comparing names", self.stderr)
        saved = "Nothing was saved."
        files = (options["organizations"], options["companies"])
        columns: Sequence[str]
        try:
            if options["instance"] is not None and files == (None, None):
                self.check()
                instance = chosen_instance(options["instance"])
                suggestions = _suggestions(instance, options["include_inactive"], line)
                rows = _named(instance, suggestions)
                if options["apply"]:
                    saved = _applied(instance, suggestions, options["min_tier"])
                columns = NAMED_COLUMNS
            elif options["instance"] is None and None not in files and not options["apply"]:
                rows = _for_files(*files, options["include_inactive"], line)
                columns = ANSWER_COLUMNS
            else:
                raise CommandError(
                    "Give either --instance NAME, or both --organizations FILE and --companies FILE "
                    "(those save nothing).",
                    returncode=WRONG_USE,
                )
        finally:
            line.clear()
        write_rows(rows, TABLE_COLUMNS if form is Format.TABLE else columns, form, self.stdout)
        if form is Format.TABLE:
            self.stdout.write(f"\n{_summary(rows)} {saved}")
        elif options["apply"]:
            self.stderr.write(saved)


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
    suggestions = matching.suggest(ours, theirs, include_inactive=include_inactive, progress=line.show)
    our_names = {organization.id: organization.name for organization in ours}
    their_names = {company.id: company.name for company in theirs}
    return [
        answer_row(
            suggestion,
            our_names[suggestion.organization_id],
            suggestion.best_candidate or "",
            their_names.get(suggestion.best_candidate or "", ""),
        )
        for suggestion in suggestions
    ]


def _suggestions(
    instance: IntegrationInstance, include_inactive: bool, line: ProgressLine
) -> list[matching.Suggestion]:
    from integrations.services.suggestions import suggest_mappings

    return suggest_mappings(instance, include_inactive=include_inactive, progress=line.show)


def _applied(instance: IntegrationInstance, suggestions: Sequence[matching.Suggestion], min_tier: str) -> str:
    """Save what is sure enough; what was done, in words."""
    from integrations.services.suggestions import apply_suggestions

    actor = command_actor("suggest_mappings")
    done, overtaken = apply_suggestions(Batch(actor), instance, suggestions, matching.Tier(min_tier))
    if not done.created:
        return f"Nothing was saved: no suggestion is {min_tier}."
    text = f"{done.created:,} saved; batch {done.batch} can be undone."
    return f"{text} {overtaken:,} were taken meanwhile." if overtaken else text


def _named(
    instance: IntegrationInstance, suggestions: Sequence[matching.Suggestion]
) -> list[dict[str, object]]:
    """The rows with the companies' ids as Autotask knows them, instead of the portal's."""
    from integrations.models import Organization

    ours = {str(pk): name for pk, name in Organization.objects.values_list("pk", "name")}
    theirs = {
        str(pk): (remote_id, name)
        for pk, remote_id, name in instance.companies.values_list("pk", "remote_id", "name")
    }
    return [
        answer_row(
            suggestion,
            ours[suggestion.organization_id],
            *theirs.get(suggestion.best_candidate or "", ("", "")),
        )
        for suggestion in suggestions
    ]


def _summary(rows: Sequence[dict[str, object]]) -> str:
    counts = Counter(str(row["tier"]) for row in rows)
    tiers = ", ".join(f"{counts[tier.value]:,} {tier.value}" for tier in matching.Tier)
    return f"{len(rows):,} organizations: {tiers}."
