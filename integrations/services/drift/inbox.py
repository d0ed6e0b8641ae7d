"""The inbox: every mapping that has to be looked at, of all configurations, with why and what is proposed.

It is the review queue of the mapping tables: the same rule (`needs_review`), whose counts it shows by reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower

from integrations import matching
from integrations.database.among import Among
from integrations.models import Company, OrganizationMapping, ReviewCase
from integrations.models.instances import InstanceQuerySet
from integrations.models.mappings import MappingQuerySet, in_percent
from integrations.models.review_reasons import Finding, ReviewReason, find_all, needs_review, open_reasons
from integrations.services.companies import type_labels
from integrations.services.mapping.seen import row_keys
from integrations.services.suggestions.suggest import company_record, organization_record

PAGE_SIZE = 50
# Whether it is still the same customer is a question of names and domains.
ASKED_AGAIN = {ReviewReason.RENAMED, ReviewReason.READDRESSED, ReviewReason.ORGANIZATION_RENAMED}


@dataclass(frozen=True)
class InboxQuery:
    """Which rows are wanted: of one configuration, for one reason, given to one person (their id)."""

    instance: int | None = None
    reason: str = ""
    assigned_to: int | None = None
    page: int = 1


@dataclass(frozen=True)
class InboxRow:
    """One mapping to look at. ``proposed`` is the better company, or the one that a gone one became.

    ``labels`` are the tenant's company types.
    """

    mapping: OrganizationMapping
    key: str  # what a press names it by, which tells what was shown (`row_keys`)
    findings: list[Finding]
    proposed: Company | None = None
    opinion: str = ""
    assigned_to: str = ""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Inbox:
    """One page of the inbox; ``total`` rows of the chosen configurations, and how many for each reason."""

    page: Page[OrganizationMapping]
    rows: list[InboxRow]
    total: int
    counts: dict[ReviewReason, int] = field(default_factory=dict)


def open_mappings(instances: InstanceQuerySet) -> MappingQuerySet:
    """The mappings of these configurations that have to be looked at."""
    return OrganizationMapping.objects.in_tables().filter(needs_review(), instance__in=instances)


def read_inbox(instances: InstanceQuerySet, query: InboxQuery) -> Inbox:
    """What the query asks for, by the names of the organizations."""
    if query.instance is not None:
        instances = instances.filter(pk=query.instance)
    ids = list(instances.order_by().values_list("pk", flat=True))
    there = OrganizationMapping.objects.in_tables().filter(instance__in=ids)
    reasons = open_reasons(there)
    counts = Counter(reason for each in reasons.values() for reason in each)
    chosen = [pk for pk, why in reasons.items() if not query.reason or query.reason in why]
    if query.assigned_to is not None:
        given = _given().filter(assigned_to=query.assigned_to, mapping__instance__in=ids)
        mine = set(given.order_by().values_list("mapping", flat=True))
        chosen = [pk for pk in chosen if pk in mine]
    page: Page[Any] = Paginator(range(len(chosen)), PAGE_SIZE).get_page(query.page)
    places = page.object_list
    mappings = _ordered(chosen, places[0], places[-1] + 1) if len(places) else []
    page.object_list = mappings
    ordered = {reason: counts[reason] for reason in ReviewReason if counts[reason]}
    return Inbox(page, _rows(mappings), len(reasons), ordered)


def _ordered(chosen: list[int], start: int, end: int) -> list[OrganizationMapping]:
    """A part of the chosen ones, by name; in two steps, for whole rows of all of them are slow to sort."""
    there = OrganizationMapping.objects.present()
    ordered = there.filter(Among("pk", chosen)).order_by(Lower("organization__name"), "pk")
    shown = list(ordered.values_list("pk", flat=True)[start:end])
    rows = {row.pk: row for row in there.filter(Among("pk", shown)).order_by().with_names()}
    return [rows[pk] for pk in shown if pk in rows]


def _rows(mappings: list[OrganizationMapping]) -> list[InboxRow]:
    find_all(mappings)
    proposed = Company.objects.in_bulk(
        {finding.company for each in mappings for finding in each.findings if finding.company}
    )
    cases = _given().filter(mapping__in=mappings)
    people = {case.mapping_id: case.assigned_to for case in cases.select_related("assigned_to")}
    opinions = _opinions(mappings)
    keys = row_keys(mappings)
    labels = {
        pk: type_labels(each) for pk, each in {row.instance_id: row.instance for row in mappings}.items()
    }
    rows = []
    for mapping in mappings:
        better = [each.company for each in mapping.findings if each.reason is ReviewReason.BETTER]
        person = people.get(mapping.pk)
        rows.append(
            InboxRow(
                mapping,
                keys[mapping.pk],
                mapping.findings,
                proposed.get(better[0] or 0) if better else None,
                opinions.get(mapping.pk, ""),
                (person.get_full_name() or person.get_username()) if person else "",
                labels[mapping.instance_id],
            )
        )
    return rows


def _opinions(mappings: Iterable[OrganizationMapping]) -> dict[int, str]:
    """What the matcher says of the pairs whose names or domains changed, in words."""
    asked = [each for each in mappings if ASKED_AGAIN & {finding.reason for finding in each.findings}]
    if not asked:
        return {}
    answers = matching.suggest(
        [organization_record(each.organization) for each in asked],
        [company_record(each) for each in {each.company_id: each.company for each in asked}.values()],
        include_inactive=True,
        several_to_one=True,
    )
    by_organization = {int(each.organization_id): each for each in answers}
    told = {}
    for mapping in asked:
        answer = by_organization[mapping.organization_id]
        same = answer.best_candidate == str(mapping.company_id)
        share = answer.confidence if same else 0.0
        if same and answer.is_suggested:
            told[mapping.pk] = f"Probably still the same customer ({in_percent(share)})."
        else:
            told[mapping.pk] = "By its name and address it may be another customer."
    return told


def _given() -> QuerySet[ReviewCase]:
    """What somebody was given who may still decide it, and that nobody has decided since."""
    people = colleagues().order_by()
    given = ReviewCase.objects.filter(assigned_to__in=people, assigned_at__gte=F("mapping__confirmed_at"))
    return given.filter(Q(ignored_at=None) | Q(ignored_at__lt=F("assigned_at")))


def colleagues() -> QuerySet[User]:
    """Who a row can be given to: the accounts that may map, by name."""
    may = User.objects.with_perm(
        "integrations.map_organizations", backend="django.contrib.auth.backends.ModelBackend"
    )
    return may.filter(is_active=True).order_by(Lower("username"))
