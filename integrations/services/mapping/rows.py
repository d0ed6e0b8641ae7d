"""The rows of the mapping table: what each of them is, and which of them a query chooses, in which order.

The functions that build queries take ids and not models, so that their SQL can be kept (query_cache.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Exists,
    F,
    Field,
    FilteredRelation,
    FloatField,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    TextChoices,
    Value,
    When,
)
from django.db.models.expressions import OrderBy
from django.db.models.functions import Lower

from integrations.database.query_cache import TEXT, cached_rows
from integrations.models import (
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.models.organizations import is_ignored, is_unmapped, row_in
from integrations.models.review_reasons import ReviewReason, needs_review

SUGGESTED_TIERS = ("sure", "likely", "ambiguous")
CHOSEN_BY_HAND = (MappingProposal.Kind.CHOSEN, MappingProposal.Kind.CLEARED)
# Of a joined row's proposal: it names a company, or clears.
IS_ANSWER = Q(proposal__kind__in=CHOSEN_BY_HAND) | Q(proposal__company__isnull=False)


class RowState(TextChoices):
    """Where an organization stands in one instance, for one person."""

    CHANGED = "changed", "Unsaved"
    ELSEWHERE = "elsewhere"
    REVIEW = "review", "Needs review"
    MAPPED = "mapped"
    # No row's own state but all rows without a mapping: suggested ones, those without a suggestion, and
    # those whose company was chosen by hand and is not saved yet.
    UNMAPPED = "unmapped"
    SUGGESTED = "suggested"
    UNSUGGESTED = "unsuggested", "No suggestion"
    IGNORED = "ignored"


HERE = (RowState.MAPPED, RowState.REVIEW)
SETTLED = (RowState.ELSEWHERE, RowState.IGNORED)  # such a row shows no suggestion, whatever was made before
JOINED = ("mapping__company", "mapping__confirmed_by", "proposal__company")
# What no row of the table shows: half of the columns, and the half that is dear to read.
UNSHOWN = {
    "": "key phone state postal_code created_at updated_at",
    "mapping__": "matcher_version removed_at removed_with_instance",
    "mapping__confirmed_by__": (
        "password last_login date_joined first_name last_name email is_superuser is_staff is_active"
    ),
    "proposal__": "rivals matcher_version",
    **dict.fromkeys(
        ("mapping__company__", "proposal__company__"),
        "number web_address phone state postal_code parent_id tax_id user_value modified_at seen_at "
        "is_pending searched",
    ),
}
RowQuerySet = QuerySet[Any]  # organizations with annotations that no type can tell
PAGE_SIZES = (25, 50, 100, 200)
EVERY = Q()

SORTS = {
    "organization": (Lower("name"), F("pk")),
    "company": (Lower("company_name"), Lower("name"), F("pk")),
    "confidence": (F("shown_confidence").desc(nulls_last=True), Lower("name"), F("pk")),
    "updated": (F("mapping__confirmed_at").desc(nulls_last=True), Lower("name"), F("pk")),
}

FALLING_SORTS = {"confidence", "updated"}  # from the highest down, unless reversed


@dataclass(frozen=True)
class TableQuery:
    """What the page's address asks for. Unknown values are the form's business, not ours."""

    state: str = ""
    tier: str = ""
    warning: str = ""
    company_type: int | None = None
    text: str = ""
    sort: str = "organization"
    descending: bool = False
    page: int = 1
    size: int = 50

    @property
    def is_narrowed(self) -> bool:
        """Whether it chooses some of the rows and not all."""
        chosen = self.state or self.tier or self.warning or self.text
        return bool(chosen) or self.company_type is not None


def joined_rows(instance: int, user: int, psa: str, needed: Q = EVERY) -> RowQuerySet:
    """Every organization that has a row in this table, joined with its mapping and this user's proposal.

    ``needed`` tells of that mapping and proposal. It belongs into the first filter: one of its own would join
    the same rows a second time.
    """
    organizations: Any = Organization.objects.with_mapping(psa)
    rows: RowQuerySet = organizations.annotate(
        proposal=FilteredRelation(
            "proposals", condition=Q(proposals__instance=instance, proposals__user=user)
        ),
    ).filter(row_in(instance), needed)
    return rows


def row_states(instance: int, psa: str) -> dict[RowState, Q]:
    """What tells the state of a joined row: the first that holds. If none does, it has no suggestion."""
    is_mapped = Q(mapping__pk__isnull=False)
    return {
        RowState.CHANGED: Q(proposal__kind__in=CHOSEN_BY_HAND),
        RowState.ELSEWHERE: is_mapped & ~Q(mapping__instance=instance),
        RowState.REVIEW: is_mapped & needs_review("mapping__"),
        RowState.MAPPED: is_mapped,
        RowState.IGNORED: Q(is_ignored(psa)),
        RowState.SUGGESTED: Q(proposal__tier__in=SUGGESTED_TIERS),
    }


def state_of_row(states: Mapping[RowState, Q]) -> Case:
    """The state of a joined row as the database tells it."""
    return Case(
        *(When(condition, then=Value(state.value)) for state, condition in states.items()),
        default=Value(RowState.UNSUGGESTED.value),
        output_field=CharField(),
    )


def table_queryset(instance: int, user: int, psa: str, needed: Q = EVERY) -> RowQuerySet:
    """The joined rows with their state, and what they are found and sorted by."""
    rows: RowQuerySet = (
        joined_rows(instance, user, psa, needed)
        .annotate(mapping_state=state_of_row(row_states(instance, psa)))
        .alias(  # what the rows do not carry
            shared=Exists(
                OrganizationMapping.objects.in_tables()
                .filter(company=OuterRef("mapping__company"))
                .exclude(organization=OuterRef("pk"))
            ),
            company_name=_of_shown_company("name", CharField(), instance, psa),
            shown_confidence=Case(
                When(_shows_proposal(instance, psa), then=F("proposal__confidence")),
                output_field=FloatField(),
            ),
        )
    )
    return rows


def _of_shown_company(field: str, output: Field[Any, Any], instance: int, psa: str) -> Case:
    """A value of the company that a row shows: the proposed one, otherwise the mapped one."""
    is_proposed = Q(proposal__company__isnull=False) & _shows_proposal(instance, psa)
    return Case(
        When(is_proposed, then=F(f"proposal__company__{field}")),
        default=F(f"mapping__company__{field}"),
        output_field=output,
    )


def _shows_proposal(instance: int, psa: str) -> Q:
    """Which rows show the proposal that they are joined with: a choice by hand always does.

    A suggestion does not in a row that is settled (locked, or deliberately unmapped).
    """
    return Q(proposal__kind__in=CHOSEN_BY_HAND) | Q(mapping__instance=instance) | is_unmapped(psa)


def savable_rows(instance: int, user: int, psa: str, needed: Q = EVERY) -> RowQuerySet:
    """The rows whose proposal can be ticked and saved: it is shown, and no suggestion without a company."""
    shown = Q(proposal__user=user) & _shows_proposal(instance, psa)
    return table_queryset(instance, user, psa, shown & IS_ANSWER & needed)


def searched_rows(instance: int, user: int, psa: str, text: str, needed: Q = EVERY) -> RowQuerySet:
    """The rows in which the text occurs."""
    rows = table_queryset(instance, user, psa, needed)
    if not text:
        return rows
    return rows.filter(
        Q(name__icontains=text)
        | Q(external_id__icontains=text)
        | Q(domain__icontains=text)
        | Q(company_name__icontains=text)
    )


# For these `_prefilter` says all: the state of each row need not be worked out to find them.
STATES_DECIDED_BY_PREFILTER = ("", RowState.CHANGED, RowState.SUGGESTED, RowState.UNMAPPED)


def _prefilter(instance: int, user: int, psa: str, query: TableQuery) -> Q:
    """What the mapping and the proposal of every row that the query chooses have.

    It lets the database begin with few rows: SQLite begins with the proposals because a column of theirs is
    compared with one value.
    """
    here, proposed, unmapped = Q(mapping__instance=instance), Q(proposal__user=user), is_unmapped(psa)
    by_state = {
        RowState.CHANGED: proposed & Q(proposal__kind__in=CHOSEN_BY_HAND),
        RowState.ELSEWHERE: Q(mapping__isnull=False),
        RowState.REVIEW: here,
        RowState.MAPPED: here,
        RowState.IGNORED: Q(mapping__isnull=True),
        RowState.SUGGESTED: unmapped
        & proposed
        & Q(proposal__tier__in=SUGGESTED_TIERS, proposal__kind=MappingProposal.Kind.SUGGESTED),
        RowState.UNSUGGESTED: unmapped,
        RowState.UNMAPPED: unmapped,
    }
    needed = by_state[RowState(query.state)] if query.state else EVERY
    if not query.state and not query.text:  # ignored ones are shown when they are asked or searched for
        needed = Q(mapping__isnull=False) | Q(proposal__kind__in=CHOSEN_BY_HAND) | unmapped
    if query.warning:
        needed &= here
    if query.tier:
        needed &= _shows_proposal(instance, psa) & Q(proposal__tier=query.tier)
    return needed


def matching_rows(instance: int, user: int, psa: str, query: TableQuery) -> RowQuerySet:
    """The rows that the whole query chooses, in no order; ignored ones only when asked or searched for."""
    rows = searched_rows(instance, user, psa, query.text, _prefilter(instance, user, psa, query))
    if query.state not in STATES_DECIDED_BY_PREFILTER:
        rows = rows.filter(mapping_state=query.state)
    if query.company_type is not None:
        company_type = _of_shown_company("company_type", IntegerField(), instance, psa)
        rows = rows.alias(shown_type=company_type).filter(shown_type=query.company_type)
    reasons = {reason.warning: reason.q("mapping__") for reason in ReviewReason}
    reasons |= {"twin": Q(mapping__company__has_twin=True)}
    if query.warning == "shared":
        rows = rows.filter(shared=True)
    elif query.warning in reasons:
        # By an alias: what is denied of a joined row is otherwise asked of all its rows, in a query within,
        # and what few companies have is looked for among those of all instances.
        warned = Case(When(reasons[query.warning], then=True), default=False, output_field=BooleanField())
        rows = rows.alias(warned=warned).filter(warned=True)
    return rows


def chosen_rows(
    build: Callable[..., Any],
    instance: IntegrationInstance,
    user: User,
    query: TableQuery,
    part: tuple[int, int] | None = None,
) -> list[Any]:
    """What ``build(instance id, user id, psa, query)`` yields, or the (offset, number) ``part`` of it."""
    shape_of_query = replace(query, text=TEXT if query.text else "", page=1, size=PAGE_SIZES[0])
    shape = (instance.psa, shape_of_query)
    return cached_rows(build, (instance.pk, user.pk), shape, text=query.text, part=part)


def order_of(query: TableQuery) -> list[Any]:
    """The terms that put the rows into the order that the query wants."""
    return [_reversed(term) if query.descending else term for term in SORTS[query.sort]]


def whole_rows(rows: RowQuerySet) -> RowQuerySet:
    """With all that a row shows."""
    unshown = [f"{path}{name}" for path, names in UNSHOWN.items() for name in names.split()]
    return rows.select_related(*JOINED).defer(*unshown)


def _reversed(term: Any) -> OrderBy:
    # Every expression has reverse_ordering, but only an OrderBy's does anything.
    ordering = (term if isinstance(term, OrderBy) else term.asc()).copy()
    ordering.reverse_ordering()
    return ordering
