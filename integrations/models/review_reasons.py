"""Why mappings have to be looked at: the one rule, for many rows in the database and for those at hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import models

from integrations.database.among import Among
from integrations.models.drift import NO, OF_ORGANIZATION, YES, RecordChange, quiet_mappings

if TYPE_CHECKING:
    from integrations.models.mappings import MappingQuerySet, OrganizationMapping


class ReviewReason(models.TextChoices):
    """Why a mapping has to be looked at."""

    # These are told by the rows as they are, the others by what changed since the mapping was confirmed
    # (models/drift.py). None holds of a mapping that is ignored until something changes again.
    GONE = "company_missing", "No longer in Autotask"
    INACTIVE = "company_inactive", "Company is inactive"
    OUTSIDE = "company_outside_filter", "Outside the filter"
    RENAMED = "company_renamed", "Renamed since"
    RETYPED = "company_type_changed", "Company type changed since"
    READDRESSED = "company_domain_changed", "Web address changed since"
    TWINNED = "company_twin_appeared", "A twin appeared since"
    BETTER = "better_company_appeared", "A better company appeared"
    JOINED = "company_shared_since", "Shared with another organization since"
    ORGANIZATION_RENAMED = "organization_renamed", "Organization renamed since"
    ORGANIZATION_INACTIVE = "organization_inactive", "Organization made inactive since"
    ORGANIZATION_READDRESSED = "organization_domain_changed", "Domain of the organization changed since"

    @property
    def warning(self) -> str:
        """Its short name in the addresses of the mapping table."""
        return self.name.lower()

    @property
    def change(self) -> RecordChange.Kind | None:
        """The kind of change that is the reason; None where it is told by the rows as they are."""
        return _CHANGES.get(self)

    def q(self, prefix: str = "") -> models.Q:
        """The mappings that ask for a review by it; ``prefix`` leads to the mapping from another model.

        Those that somebody has kept nevertheless do not. A new name is kept by becoming the confirmed one,
        and what changed since is kept by a newer confirmation.
        """
        return self.holds_for(prefix) & ~models.Q(**{f"{prefix}pk__in": quiet_mappings()})

    def holds_for(self, prefix: str = "") -> models.Q:
        """The same, whether or not they are ignored."""

        def on(**conditions: Any) -> models.Q:
            return models.Q(**{f"{prefix}{name}": value for name, value in conditions.items()})

        kept = on(kept_despite__contains=self.warning)
        match self:
            case ReviewReason.GONE:
                return on(company__missing_since__isnull=False) & ~kept
            case ReviewReason.INACTIVE:
                return on(company__is_active=False) & ~kept
            case ReviewReason.OUTSIDE:
                return on(company__in_filter=False) & ~kept
            case ReviewReason.RENAMED:
                return ~on(confirmed_name="") & ~on(confirmed_name=models.F(f"{prefix}company__name"))
        return on(pk__in=drifted_mappings(self.change))

    def asks(self, mapping: OrganizationMapping) -> bool:
        """Whether this mapping asks for a review by it now; of what changed since, ``findings`` knows."""
        return self.holds(mapping) and self not in mapping.kept_reasons

    def holds(self, mapping: OrganizationMapping) -> bool:
        """Whether it is so of this mapping, kept or not; the company is read where it was not."""
        company = mapping.company
        match self:
            case ReviewReason.GONE:
                return company.missing_since is not None
            case ReviewReason.INACTIVE:
                return not company.is_active
            case ReviewReason.OUTSIDE:
                return not company.in_filter
            case ReviewReason.RENAMED:
                return mapping.confirmed_name not in {"", company.name}
        return False


_CHANGES = {
    ReviewReason.RETYPED: RecordChange.Kind.RETYPED,
    ReviewReason.READDRESSED: RecordChange.Kind.READDRESSED,
    ReviewReason.TWINNED: RecordChange.Kind.TWIN,
    ReviewReason.BETTER: RecordChange.Kind.BETTER,
    ReviewReason.JOINED: RecordChange.Kind.JOINED,
    ReviewReason.ORGANIZATION_RENAMED: RecordChange.Kind.ORGANIZATION_RENAMED,
    ReviewReason.ORGANIZATION_INACTIVE: RecordChange.Kind.ORGANIZATION_INACTIVE,
    ReviewReason.ORGANIZATION_READDRESSED: RecordChange.Kind.ORGANIZATION_READDRESSED,
}
# Which change of the company tells since when a reason holds that is told by the rows as they are.
_SINCE_WHEN = {
    ReviewReason.GONE: RecordChange.Kind.GONE,
    ReviewReason.INACTIVE: RecordChange.Kind.INACTIVE,
    ReviewReason.OUTSIDE: RecordChange.Kind.LEFT,
    ReviewReason.RENAMED: RecordChange.Kind.RENAMED,
}
# The reason that each kind of change is, or tells the beginning of.
REASON_OF = {str(kind): reason for reason, kind in (*_SINCE_WHEN.items(), *_CHANGES.items())}
AS_THEY_ARE = tuple(reason for reason in ReviewReason if reason not in _CHANGES)
SINCE_CONFIRMED = tuple(_CHANGES)


@cache  # to put all of it together takes longer than most queries that ask it
def needs_review(prefix: str = "") -> models.Q:
    """Any of the reasons, and not ignored."""
    # All changes in two lists of ids, however many reasons: each would be asked of every row.
    changed = (drifted_mappings(None), drifted_mappings(None, of_organizations=True))
    holds = [reason.holds_for(prefix) for reason in AS_THEY_ARE]
    holds += [models.Q(**{f"{prefix}pk__in": ids}) for ids in changed]
    return reduce(or_, holds) & ~models.Q(**{f"{prefix}pk__in": quiet_mappings()})


@cache  # never run by itself: it is part of other queries
def drifted_mappings(kind: RecordChange.Kind | None, *, of_organizations: bool = False) -> Any:
    """The ids of the mappings for which something changed since they were confirmed: this, or anything."""
    theirs = of_organizations or kind in OF_ORGANIZATION
    rows = RecordChange.objects.of_organizations() if theirs else RecordChange.objects.held()
    if kind is not None:
        rows = rows.filter(kind=kind)
    return rows.order_by().values("held_pk")


class Finding(NamedTuple):
    """One reason why a mapping has to be looked at, since when, and what became what, as far as is known.

    ``company`` is the better one, or the one that came about; ``organization`` who shares the company now.
    """

    reason: ReviewReason
    since: dt.datetime | None = None
    before: str = ""
    after: str = ""
    company: int | None = None
    organization: int | None = None

    @property
    def text(self) -> str:
        """Why, and what became what, for the page."""
        if self.reason is ReviewReason.RENAMED:
            return f"“{self.before}” is called “{self.after}” now"
        label = self.reason.label[:1].lower() + self.reason.label[1:]
        if {self.before, self.after} <= {YES, NO, ""}:
            return label
        return f"{label}: {self.before} → {self.after}" if self.before else f"{label}: {self.after}"


def find_all(mappings: Iterable[OrganizationMapping], *, dated: bool = True) -> None:
    """Read why each of these mappings has to be looked at, and keep it as its ``findings``."""
    rows = list(mappings)
    found = findings(rows, dated=dated)
    for mapping in rows:
        mapping.findings = found.get(mapping.pk, [])


def findings(mappings: Iterable[OrganizationMapping], *, dated: bool = True) -> dict[int, list[Finding]]:
    """Why each of these mappings in force has to be looked at, by its id; a few queries however many.

    Whoever does not tell since when leaves out, with ``dated``, what is read for that alone.
    """
    rows = {mapping.pk: mapping for mapping in mappings if mapping.pk and mapping.is_in_force}
    if not rows:
        return {}
    quiet = set(quiet_mappings().filter(Among("mapping", rows)).values_list("mapping", flat=True))
    loud = {pk: mapping for pk, mapping in sorted(rows.items()) if pk not in quiet}
    found: dict[int, list[Finding]] = {pk: [] for pk in rows}
    since = _since(loud.values()) if dated else {}
    for pk, mapping in loud.items():
        found[pk] = [_finding(reason, mapping, since) for reason in AS_THEY_ARE if reason.asks(mapping)]
    # By the records: with the mappings SQLite reads every change that there ever was, or each pair of both.
    records = (
        Among("company", {mapping.company_id for mapping in loud.values()}),
        Among("organization", {mapping.organization_id for mapping in loud.values()}),
    )
    for changes, of_these in zip(_changes_of_mappings(), records, strict=True):
        told = changes.filter(of_these).order_by("pk")
        for pk, *change in told.values_list(
            "held_pk", "kind", "at", "before", "after", "company", "organization"
        ):
            if pk not in loud:
                continue  # another one of the same company
            finding = Finding(REASON_OF[change[0]], *change[1:])
            if finding.reason not in {each.reason for each in found[pk]}:  # the first is told
                found[pk].append(finding)
    order = {reason: place for place, reason in enumerate(ReviewReason)}
    for each in found.values():
        each.sort(key=lambda finding: order[finding.reason])
    return found


def open_reasons(mappings: MappingQuerySet) -> dict[int, list[ReviewReason]]:
    """Why the mappings that have to be looked at among these in force have to be, by their ids.

    The same as `findings` tells, for all at once: four queries that read no rows, however many there are.
    """
    any_of_them, flags = _as_they_are()
    seen = mappings.filter(any_of_them).order_by()
    found: dict[int, set[ReviewReason]] = {}
    for pk, *holds in seen.annotate(**flags).values_list("pk", *flags):
        found[pk] = {reason for reason, is_so in zip(AS_THEY_ARE, holds, strict=True) if is_so}
    changed: dict[int, set[ReviewReason]] = {}
    for changes in _changes_of_mappings():
        for pk, kind in changes.order_by().values_list("held_pk", "kind"):
            changed.setdefault(pk, set()).add(REASON_OF[kind])
    theirs = mappings.filter(Among("pk", changed)).order_by().values_list("pk", flat=True)
    for pk in theirs if changed else ():
        found[pk] = found.get(pk, set()) | changed[pk]
    for pk in quiet_mappings().values_list("mapping", flat=True) if found else ():
        found.pop(pk, None)
    return {pk: [reason for reason in ReviewReason if reason in found[pk]] for pk in sorted(found)}


@cache  # to put them together takes longer than to ask them
def _changes_of_mappings() -> tuple[Any, Any]:
    """The changes that mappings have to be looked at for, by ``held_pk``: of companies, of organizations."""
    return RecordChange.objects.held(), RecordChange.objects.of_organizations()


@cache
def _as_they_are() -> tuple[models.Q, dict[str, Any]]:
    """Whether any reason holds that is told by the rows as they are, and whether each does."""
    holds = {reason: reason.holds_for() for reason in AS_THEY_ARE}
    flags = {
        f"is_{reason.warning}": models.ExpressionWrapper(each, models.BooleanField())
        for reason, each in holds.items()
    }
    return reduce(or_, holds.values()), flags


SinceWhen = dict[tuple[int, str], dt.datetime]


def _since(mappings: Iterable[OrganizationMapping]) -> SinceWhen:
    """When each company last became what it is, by its id and the kind of change."""
    companies = Among("company", {mapping.company_id for mapping in mappings})
    rows = RecordChange.objects.filter(companies, kind__in=_SINCE_WHEN.values())
    return {(row[0], row[1]): row[2] for row in rows.order_by("pk").values_list("company", "kind", "at")}


def _finding(reason: ReviewReason, mapping: OrganizationMapping, since: SinceWhen) -> Finding:
    at = since.get((mapping.company_id, str(_SINCE_WHEN[reason])))
    if reason is ReviewReason.GONE:
        return Finding(reason, mapping.company.missing_since)
    if reason is ReviewReason.RENAMED:
        return Finding(reason, at, mapping.confirmed_name, mapping.company.name)
    return Finding(reason, at)
