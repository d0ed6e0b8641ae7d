"""How many rows of the mapping table are in each state, without looking at every row.

Most states follow from a few plain counts: mappings here, mappings elsewhere, ignored organizations, and
what one person has before them. tests/mapping/test_counts.py holds them against the state of every row.
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
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)

from integrations.database.query_cache import cached_rows
from integrations.models import (
    IgnoredOrganization,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.models.mappings import ReviewReason, needs_review

REVIEW_WARNINGS = {reason.warning: reason for reason in ReviewReason}
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
SETTLED = (RowState.ELSEWHERE, RowState.IGNORED)  # such a row shows no suggestion, whatever was made before


@dataclass(frozen=True)
class ProposalGroup:
    """Proposals of one person that are alike, of those that rows of the table show.

    ``place`` is where the organization stands without the proposal.
    """

    kind: str
    tier: str
    selected: bool
    clears: bool
    place: str
    number: int


@dataclass(frozen=True)
class TableCounts:
    """What the table of an instance holds for one person."""

    states: dict[str, int]
    warnings: dict[str, int]
    tiers: dict[str, int]
    pending: dict[str, int]


def table_counts(instance: IntegrationInstance, user: User) -> TableCounts:
    """All counts, in three queries however many rows there are, and one more where companies are shared."""
    numbers = {row.pop("of"): row for row in cached_rows(_numbers, (instance.pk,), (instance.psa,))}
    counted = {name: row["number"] for name, row in numbers.items()}
    here = numbers["here"]
    warned = _warned_mappings(instance)
    warned["shared"] = 0
    if here["companies"] != here["number"]:
        warned["shared"] = cached_rows(_shared, (instance.pk,))[0]["number"]
    groups = proposal_groups(instance, user)
    return TableCounts(
        states=_states(counted, here["elsewhere"], warned["review"], groups),
        warnings=_warnings(warned),
        tiers=_tiers(groups),
        pending=pending_of(groups),
    )


def _states(
    numbers: dict[str, int], elsewhere: int, review: int, groups: Iterable[ProposalGroup]
) -> dict[str, int]:
    """The rows of each state: where they stand without this person, then what this person has before them."""
    states: Counter[str] = Counter(
        {
            RowState.REVIEW: review,
            RowState.MAPPED: numbers["here"] - review,
            RowState.ELSEWHERE: elsewhere,
            RowState.IGNORED: numbers["ignored"],
        }
    )
    states[RowState.UNMAPPED] = numbers["every"] - numbers["rowless"] - states.total()
    for group in groups:
        if group.kind in HAND_MADE:
            states[group.place] -= group.number
            states[RowState.CHANGED] += group.number
        elif group.place == RowState.UNMAPPED and group.tier in SUGGESTED_TIERS:
            states[RowState.UNMAPPED] -= group.number
            states[RowState.SUGGESTED] += group.number
    return {state: number for state, number in states.items() if number}


def _numbers(instance: int, psa: str) -> QuerySet[Any, dict[str, Any]]:
    """In one query: all organizations and those without a row; mappings here and elsewhere; the ignored.

    Of the mappings here also the companies.
    """
    without_row = Organization.objects.without_row(instance, psa)
    mappings = OrganizationMapping.objects.present().filter(psa=psa)
    mapped = mappings.filter(organization=OuterRef("organization"))
    ignored = IgnoredOrganization.objects.filter(psa=psa).exclude(organization__in=without_row)
    here = Q(instance=instance)
    return _numbered(
        "here",
        mappings.exclude(organization__in=without_row),
        number=Count("pk", filter=here),
        companies=Count("company", filter=here, distinct=True),
        elsewhere=Count("pk", filter=~here),
    ).union(
        _numbered("every", Organization.objects.all()),
        _numbered("rowless", Organization.objects.filter(pk__in=without_row)),
        _numbered("ignored", ignored.exclude(Exists(mapped))),
        all=True,
    )


def _numbered(name: str, rows: QuerySet[Any], **numbers: Any) -> QuerySet[Any, dict[str, Any]]:
    """What is counted of the rows under a name; all rows where nothing else is said."""
    counted = {"number": Count("pk"), "companies": Value(0), "elsewhere": Value(0)}
    found: QuerySet[Any, dict[str, Any]] = (
        rows.order_by().values(of=Value(name)).annotate(**(counted | numbers))
    )
    return found


def _warned_mappings(instance: IntegrationInstance) -> dict[str, int]:
    """The instance's mappings that somebody should look at: all to review, and by warning."""
    names = ("review", "twin", *REVIEW_WARNINGS)
    found = cached_rows(_warned_numbers, (instance.pk,))
    return dict(found[0]) if found else dict.fromkeys(names, 0)


def _warned_numbers(instance: int) -> Any:
    # Few are: the conditions are asked of every mapping once, and counted one by one for those few.
    twin = Q(company__has_twin=True)
    here = OrganizationMapping.objects.with_row().filter(instance=instance)
    warned = here.filter(needs_review() | twin).order_by().values("instance")
    numbers = {name: Count("pk", filter=reason.q()) for name, reason in REVIEW_WARNINGS.items()}
    return warned.annotate(
        review=Count("pk", filter=needs_review()), twin=Count("pk", filter=twin), **numbers
    )


def _shared(instance: int) -> QuerySet[Any, dict[str, Any]]:
    """How many mappings have a company that has several in the instance."""
    here = OrganizationMapping.objects.with_row().filter(instance=instance).order_by()
    several = here.values("company").annotate(number=Count("pk")).filter(number__gt=1).values("company")
    return _numbered("shared", here.filter(company__in=several))


def _warnings(here: dict[str, int]) -> dict[str, int]:
    """How many mappings carry each warning; those with none are left out."""
    return {name: here[name] for name in (*REVIEW_WARNINGS, "twin", "shared") if here[name]}


# --- what one person has before them ----------------------------------------------------------------


def proposal_groups(instance: IntegrationInstance, user: User) -> list[ProposalGroup]:
    """This person's proposals that rows of the table show, by all that matters for a count."""
    numbers: Counter[tuple[Any, ...]] = Counter()
    usual = (True, RowState.UNMAPPED.value)
    for kind, tier, selected, *standing, number, companies in cached_rows(
        _proposals_by_place, (instance.pk, user.pk), (instance.psa,)
    ):
        for clears, its_number in ((False, companies), (True, number - companies)):
            numbers[kind, tier, selected, clears, *standing] += its_number
            if tuple(standing) != usual:
                numbers[kind, tier, selected, clears, *usual] -= its_number
    return [
        ProposalGroup(kind, tier, selected, clears, place, number)
        for (kind, tier, selected, clears, has_row, place), number in numbers.items()
        if number and has_row and (kind in HAND_MADE or place not in SETTLED)
    ]


def _proposals_by_place(instance: int, user: int, psa: str) -> QuerySet[Any, tuple[Any, ...]]:
    """All proposals as if their organizations had a row and stood nowhere, then those that are otherwise.

    Few are, and an index finds them: to ask each proposal where its organization stands took many times as
    long as to count them all.
    """
    mappings = OrganizationMapping.objects.present().filter(psa=psa)
    ignored = IgnoredOrganization.objects.filter(psa=psa)
    mapped = mappings.filter(organization=OuterRef("organization"))
    place = Case(
        When(Q(instance=instance) & needs_review(), then=Value(RowState.REVIEW.value)),
        When(instance=instance, then=Value(RowState.MAPPED.value)),
        default=Value(RowState.ELSEWHERE.value),
        output_field=CharField(),
    )
    own = {"user": user, "instance": instance}
    proposals: Any = MappingProposal.objects.filter(**own)
    proposed = {f"organization__proposals__{name}": value for name, value in own.items()}
    stands = Exists(mapped) | Exists(ignored.filter(organization=OuterRef("organization")))
    nowhere = Value(RowState.UNMAPPED.value)
    without_row = Organization.objects.without_row(instance, psa)
    has_row = Case(When(organization__in=without_row, then=False), default=True, output_field=BooleanField())
    return _grouped(proposals, nowhere, Value(True)).union(
        _grouped(proposals.filter(~stands, organization__in=without_row), nowhere, Value(False)),
        _grouped(mappings.filter(**proposed), place, has_row, "organization__proposals__"),
        _grouped(
            ignored.filter(~Exists(mapped), **proposed),
            Value(RowState.IGNORED.value),
            has_row,
            "organization__proposals__",
        ),
        all=True,
    )


def _grouped(
    rows: QuerySet[Any], place: Any, has_row: Any, proposal: str = ""
) -> QuerySet[Any, tuple[Any, ...]]:
    """What ``proposal_groups`` unpacks; the numbers are of all, and of those with a company.

    ``proposal`` leads from a row to the proposal. Where ``has_row`` is a value, an index alone is read.
    """
    names = {f"its_{name}": F(f"{proposal}{name}") for name in ("kind", "tier", "selected")}
    groups = rows.order_by().values(**names, has_row=has_row, place=place)
    counted: QuerySet[Any] = groups.annotate(number=Count("pk"), companies=Count(f"{proposal}company"))
    return counted.values_list(*names, "has_row", "place", "number", "companies")


def pending_changes(instance: IntegrationInstance, user: User) -> dict[str, int]:
    """What Save Mappings would do now: ticked rows that are new, changed, moved here or removed."""
    return pending_of(proposal_groups(instance, user))


def pending_of(groups: Iterable[ProposalGroup]) -> dict[str, int]:
    """The same, from proposals that were counted already."""
    pending = dict.fromkeys(("all", "new", "changed", "moved", "removed"), 0)
    for group in groups:
        is_answer = group.kind in HAND_MADE or not group.clears  # a suggestion without a company is none
        if group.selected and is_answer:
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
    """How many rows are suggested with each tier: those that were mapped meanwhile are no longer."""
    tiers: Counter[str] = Counter()
    for group in groups:
        if group.place == RowState.UNMAPPED and group.tier in SUGGESTED_TIERS:
            tiers[group.tier] += group.number
    return dict(tiers)
