"""The mapping table: one page of an instance's organizations, with what is mapped and what is proposed.

The cost follows the page, not the data: one query for the rows, a few plain ones for the counts
(mapping_counts.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    Value,
    When,
)
from django.db.models.expressions import OrderBy
from django.db.models.functions import Lower
from django.utils.functional import cached_property

from integrations.models import (
    IgnoredOrganization,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.models.mappings import needs_review, review_reasons
from integrations.services.mapping_counts import SUGGESTED_TIERS, RowState, table_counts

JOINED = ("mapping__company", "mapping__confirmed_by", "proposal__company")
PAGE_SIZES = (25, 50, 100, 200)


STATE_LABELS = {
    RowState.UNMAPPED: "Unmapped",
    RowState.SUGGESTED: "Suggested",
    RowState.CHANGED: "Changed",
    RowState.MAPPED: "Mapped",
    RowState.REVIEW: "Needs review",
    RowState.ELSEWHERE: "Elsewhere",
    RowState.IGNORED: "Ignored",
}

SORTS = {
    "organization": (Lower("name"), F("pk")),
    "company": (Lower("company_name"), Lower("name"), F("pk")),
    "confidence": (F("proposal__confidence").desc(nulls_last=True), Lower("name"), F("pk")),
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


@dataclass(frozen=True)
class MappingTable:
    """One page of rows and the counts.

    A row is an organization that carries ``mapping``, ``proposal`` and ``mapping_state``.
    """

    page: Page[Organization]
    counts: dict[str, int]
    warnings: dict[str, int]
    tiers: dict[str, int]
    total: int
    pending: dict[str, int]
    query: TableQuery


def rows_of(instance: IntegrationInstance, user: User) -> Any:
    """Every organization that has a place in this table, joined with its mapping and this user's proposal.

    A queryset of Organization with annotations that its type cannot tell.
    """
    ignored = IgnoredOrganization.objects.filter(organization=OuterRef("pk"), psa=instance.psa)
    organizations: Any = Organization.objects.present()
    return (
        organizations.annotate(
            mapping=FilteredRelation(
                "mappings", condition=Q(mappings__psa=instance.psa, mappings__removed_at=None)
            ),
            proposal=FilteredRelation(
                "proposals", condition=Q(proposals__instance=instance, proposals__user=user)
            ),
        )
        .filter(Q(is_active=True) | Q(mapping__instance=instance))
        .annotate(
            mapping_state=Case(
                When(
                    proposal__kind__in=[MappingProposal.Kind.CHOSEN, MappingProposal.Kind.CLEARED],
                    then=Value(RowState.CHANGED.value),
                ),
                When(
                    Q(mapping__pk__isnull=False) & ~Q(mapping__instance=instance),
                    then=Value(RowState.ELSEWHERE.value),
                ),
                When(
                    Q(mapping__pk__isnull=False) & needs_review("mapping__"),
                    then=Value(RowState.REVIEW.value),
                ),
                When(mapping__pk__isnull=False, then=Value(RowState.MAPPED.value)),
                When(Exists(ignored), then=Value(RowState.IGNORED.value)),
                When(proposal__tier__in=SUGGESTED_TIERS, then=Value(RowState.SUGGESTED.value)),
                default=Value(RowState.UNMAPPED.value),
                output_field=CharField(),
            ),
            shared=Exists(
                OrganizationMapping.objects.present()
                .filter(company=OuterRef("mapping__company"))
                .exclude(organization=OuterRef("pk"))
            ),
            company_name=Case(
                When(proposal__company__isnull=False, then=F("proposal__company__name")),
                default=F("mapping__company__name"),
                output_field=CharField(),
            ),
        )
    )


def searched_rows(instance: IntegrationInstance, user: User, query: TableQuery) -> Any:
    """The rows in which the query's text occurs."""
    rows = rows_of(instance, user)
    if not query.text:
        return rows
    return rows.filter(
        Q(name__icontains=query.text)
        | Q(external_id__icontains=query.text)
        | Q(domain__icontains=query.text)
        | Q(company_name__icontains=query.text)
    )


def matching_rows(instance: IntegrationInstance, user: User, query: TableQuery) -> Any:
    """The rows that the whole query chooses, in no order; ignored ones only when asked or searched for."""
    rows = searched_rows(instance, user, query)
    if query.state:
        rows = rows.filter(mapping_state=query.state)
    elif not query.text:
        rows = rows.exclude(mapping_state=RowState.IGNORED)
    if query.warning == "shared":
        rows = rows.filter(shared=True, mapping__instance=instance)
    elif query.warning == "twin":
        rows = rows.filter(mapping__company__has_twin=True, mapping__instance=instance)
    elif query.warning:
        rows = rows.filter(review_reasons("mapping__")[query.warning], mapping__instance=instance)
    if query.tier:
        rows = rows.filter(proposal__tier=query.tier)
    if query.company_type is not None:
        mapped = Q(proposal__company=None, mapping__company__company_type=query.company_type)
        rows = rows.filter(Q(proposal__company__company_type=query.company_type) | mapped)
    return rows


def mapping_table(instance: IntegrationInstance, user: User, query: TableQuery) -> MappingTable:
    """The rows and counts that the query asks for."""
    counted = table_counts(instance, user)
    counts = searched_counts(instance, user, query) if query.text else counted.states
    rows = matching_rows(instance, user, query)
    order = [_reversed(term) if query.descending else term for term in SORTS[query.sort]]
    rows = rows.order_by(*order).select_related(*JOINED)
    paginator = _Counted(rows, query.size)
    paginator.known_count = _known_count(query, counts)
    page = paginator.get_page(query.page)
    for row in page.object_list:
        _complete(row)
    _add_instances(page.object_list)
    return MappingTable(
        page=page,
        counts=counts,
        warnings=counted.warnings,
        tiers=counted.tiers,
        total=sum(counts.values()) - counts.get(RowState.IGNORED, 0),
        pending=counted.pending,
        query=query,
    )


def searched_counts(instance: IntegrationInstance, user: User, query: TableQuery) -> dict[str, int]:
    """How many rows of each state the query's text occurs in; looks at every row."""
    every = searched_rows(instance, user, query).order_by()
    return dict(every.values_list("mapping_state").annotate(Count("pk")))


def has_row(instance: IntegrationInstance, organization: Organization) -> bool:
    """Whether the table has a row for the organization: it is active, or mapped here."""
    if organization.deleted_at is not None:
        return False
    return organization.is_active or instance.mappings.present().filter(organization=organization).exists()


def one_row(instance: IntegrationInstance, user: User, organization_id: int) -> Any:
    """One row of the table as it stands now. Raises Organization.DoesNotExist."""
    row = rows_of(instance, user).select_related(*JOINED).get(pk=organization_id)
    _add_instances([_complete(row)])
    return row


class _Counted(Paginator[Organization]):
    """A paginator that need not ask how many rows there are when the counts of the states tell it."""

    known_count: int | None = None

    @cached_property
    def count(self) -> int:
        """How many rows all pages hold."""
        return super().count if self.known_count is None else self.known_count


def _known_count(query: TableQuery, counts: dict[str, int]) -> int | None:
    """How many rows the query chooses, where that follows from the counts of the states."""
    if query.tier or query.warning or query.company_type is not None:
        return None
    if query.state:
        return counts.get(query.state, 0)
    return sum(counts.values()) - (0 if query.text else counts.get(RowState.IGNORED, 0))


def _add_instances(rows: Iterable[Any]) -> None:
    """Give each mapping its instance, read once for all rows and without the metadata of its tenant."""
    mappings = [row.mapping for row in rows if row.mapping is not None]
    instances = IntegrationInstance.objects.only("psa", "name").in_bulk(
        {mapping.instance_id for mapping in mappings}
    )
    for mapping in mappings:
        mapping.instance = instances[mapping.instance_id]


def _complete(row: Any) -> Any:
    """Django leaves out the attribute of a filtered relation that joined nothing; None says it better."""
    for name in ("mapping", "proposal"):
        row.__dict__.setdefault(name, None)
    return row


def _reversed(term: Any) -> Any:
    # Every expression has reverse_ordering, but only an OrderBy's does anything.
    ordering = (term if isinstance(term, OrderBy) else term.asc()).copy()
    ordering.reverse_ordering()
    return ordering
