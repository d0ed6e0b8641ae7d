"""How many rows of the mapping table are in each state, without looking at every row.

Most states follow from a few plain counts: mappings here, mappings elsewhere, ignored organizations, and
what one person has before them. tests/test_mapping_counts.py holds them against the state of every row.
The SQL of each is kept (prepared.py).
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    FilteredRelation,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from integrations.models import (
    IgnoredOrganization,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.models.mappings import needs_review, review_reasons
from integrations.services import prepared

SUGGESTED_TIERS = ("sure", "likely", "ambiguous")
HAND_MADE = (MappingProposal.Kind.CHOSEN, MappingProposal.Kind.CLEARED)


class RowState(enum.StrEnum):
    """Where an organization stands in one instance, for one person."""

    CHANGED = "changed"
    ELSEWHERE = "elsewhere"
    REVIEW = "review"
    MAPPED = "mapped"
    SUGGESTED = "suggested"
    UNMAPPED = "unmapped"
    IGNORED = "ignored"


HERE = (RowState.MAPPED, RowState.REVIEW)


@dataclass(frozen=True)
class ProposalGroup:
    """Proposals of one person that are alike.

    ``place`` is where the organization stands without the proposal; ``has_row`` whether the table shows it.
    """

    kind: str
    tier: str
    selected: bool
    clears: bool
    place: str
    has_row: bool
    number: int


@dataclass(frozen=True)
class TableCounts:
    """What the table of an instance holds for one person."""

    states: dict[str, int]
    warnings: dict[str, int]
    tiers: dict[str, int]
    pending: dict[str, int]


def table_counts(instance: IntegrationInstance, user: User) -> TableCounts:
    """All counts, in three queries however many rows there are."""
    here, inactive = _mappings_here(instance)
    found = prepared.rows(_numbers, (instance.pk,), (instance.psa,))
    numbers = {row["of"]: row["number"] for row in found}
    groups = proposal_groups(instance, user)
    return TableCounts(
        states=_states(here, inactive, numbers, groups),
        warnings=_warnings({**here, "shared": numbers["shared"]}),
        tiers=_tiers(groups),
        pending=pending_of(groups),
    )


def _states(
    here: dict[str, int], inactive: int, numbers: dict[str, int], groups: Iterable[ProposalGroup]
) -> dict[str, int]:
    """The rows of each state: where they stand without this person, then what this person has before them."""
    states: Counter[str] = Counter(
        {
            RowState.REVIEW: here["review"],
            RowState.MAPPED: here["all"] - here["review"],
            RowState.ELSEWHERE: numbers["elsewhere"],
            RowState.IGNORED: numbers["ignored"],
        }
    )
    states[RowState.UNMAPPED] = numbers["active"] + inactive - states.total()
    for group in groups:
        if not group.has_row:
            continue
        if group.kind in HAND_MADE:
            states[group.place] -= group.number
            states[RowState.CHANGED] += group.number
        elif group.place == RowState.UNMAPPED and group.tier in SUGGESTED_TIERS:
            states[RowState.UNMAPPED] -= group.number
            states[RowState.SUGGESTED] += group.number
    return {state: number for state, number in states.items() if number}


def _numbers(instance: int, psa: str) -> Any:
    """In one query: organizations that are active, mapped elsewhere, ignored, or share their company here."""
    active = Organization.objects.present().filter(is_active=True)
    mappings = OrganizationMapping.objects.present().filter(psa=psa)
    elsewhere = mappings.exclude(instance=instance).exclude(organization__in=_off_the_list())
    mapped = mappings.filter(organization=OuterRef("organization"))
    ignored = IgnoredOrganization.objects.filter(psa=psa).exclude(organization__in=_off_the_list())
    here = _mappings_of(instance).order_by().values("company")
    several = here.annotate(number=Count("pk")).filter(number__gt=1).values("company")
    return _numbered("active", active).union(
        _numbered("elsewhere", elsewhere),
        _numbered("ignored", ignored.exclude(Exists(mapped))),
        _numbered("shared", _mappings_of(instance).filter(company__in=several)),
        all=True,
    )


def _numbered(name: str, rows: Any) -> Any:
    """How many rows there are, under a name."""
    return rows.order_by().values(of=Value(name)).annotate(number=Count("pk"))


# Few organizations are deleted or inactive, and an index holds each kind: leaving them out is quicker than
# looking at the organization of every mapping.


def _deleted() -> Any:
    return Organization.objects.filter(deleted_at__isnull=False).order_by().values("pk")


def _inactive() -> Any:
    return Organization.objects.filter(is_active=False).order_by().values("pk")


def _off_the_list() -> Any:
    return _deleted().union(_inactive(), all=True)


def _mappings_here(instance: IntegrationInstance) -> tuple[dict[str, int], int]:
    """The instance's mappings: all, to review, by warning; and those whose organization is inactive."""
    names = ("all", "review", "inactive_organizations", "twin", *review_reasons())
    found = prepared.rows(_mapping_numbers, (instance.pk,))
    counted = found[0] if found else dict.fromkeys(names, 0)
    return counted, counted.pop("inactive_organizations")


def _mappings_of(instance: int) -> Any:
    here = OrganizationMapping.objects.present().filter(instance=instance)
    return here.exclude(organization__in=_deleted())


def _mapping_numbers(instance: int) -> Any:
    return (
        _mappings_of(instance)
        .order_by()
        .values("instance")
        .annotate(
            all=Count("pk"),
            review=Count("pk", filter=needs_review()),
            inactive_organizations=Count("pk", filter=Q(organization__in=_inactive())),
            twin=Count("pk", filter=Q(company__has_twin=True)),
            **{name: Count("pk", filter=condition) for name, condition in review_reasons().items()},
        )
    )


def _warnings(here: dict[str, int]) -> dict[str, int]:
    """How many mappings carry each warning; those with none are left out."""
    return {name: here[name] for name in (*review_reasons(), "twin", "shared") if here[name]}


# --- what one person has before them ----------------------------------------------------------------


def proposal_groups(instance: IntegrationInstance, user: User) -> list[ProposalGroup]:
    """This person's proposals for the instance, counted by all that matters for a count."""
    groups = prepared.rows(_proposal_groups, (instance.pk, user.pk), (instance.psa,))
    return [ProposalGroup(**group) for group in groups]


def _proposal_groups(instance: int, user: int, psa: str) -> Any:
    ignored = IgnoredOrganization.objects.filter(organization=OuterRef("organization"), psa=psa)
    own: Any = MappingProposal.objects.filter(user=user, instance=instance).annotate(
        mapping=FilteredRelation(
            "organization__mappings",
            condition=Q(organization__mappings__psa=psa, organization__mappings__removed_at=None),
        ),
        clears=Case(When(company=None, then=True), default=False, output_field=BooleanField()),
    )
    is_here = Q(mapping__instance=instance)
    # A subquery and no join: only the few proposals for organizations that are mapped here look at a company.
    review = OrganizationMapping.objects.filter(needs_review(), pk=OuterRef("mapping"))
    place_here = Subquery(review.values(state=Value(RowState.REVIEW.value))[:1], output_field=CharField())
    own = own.annotate(
        place=Case(
            When(is_here, then=Coalesce(place_here, Value(RowState.MAPPED.value))),
            When(mapping__pk__isnull=False, then=Value(RowState.ELSEWHERE.value)),
            When(Exists(ignored), then=Value(RowState.IGNORED.value)),
            default=Value(RowState.UNMAPPED.value),
            output_field=CharField(),
        ),
        has_row=Case(
            When(organization__in=_deleted(), then=False),
            When(is_here, then=True),
            When(organization__in=_inactive(), then=False),
            default=True,
            output_field=BooleanField(),
        ),
    )
    groups = own.order_by().values("kind", "tier", "selected", "clears", "place", "has_row")
    return groups.annotate(number=Count("pk"))


def pending_changes(instance: IntegrationInstance, user: User) -> dict[str, int]:
    """What Save Mappings would do now: ticked rows that are new, changed, moved here or removed."""
    return pending_of(proposal_groups(instance, user))


def pending_of(groups: Iterable[ProposalGroup]) -> dict[str, int]:
    """The same, from proposals that were counted already."""
    pending = dict.fromkeys(("all", "new", "changed", "moved", "removed"), 0)
    for group in groups:
        if group.selected:
            pending["all"] += group.number
            pending[_change(group)] += group.number
    return pending


def _change(group: ProposalGroup) -> str:
    if group.clears:
        return "removed"
    if group.place in HERE:
        return "changed"
    return "moved" if group.place == RowState.ELSEWHERE else "new"


def _tiers(groups: Iterable[ProposalGroup]) -> dict[str, int]:
    """How many suggestions of each tier lie before this person."""
    tiers: Counter[str] = Counter()
    for group in groups:
        if group.tier in SUGGESTED_TIERS:
            tiers[group.tier] += group.number
    return dict(tiers)
