"""The mapping table: one page of an instance's organizations, with what is mapped and what is proposed.

The cost follows the page, not the data: one query for the rows, a few plain ones for the counts
(mapping_counts.py). The functions that build queries take ids and not models, so that their SQL can be kept
(prepared.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db.models import (
    BooleanField,
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

from integrations.models import (
    IgnoredOrganization,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
)
from integrations.models.mappings import needs_review, review_reasons
from integrations.services import prepared
from integrations.services.mapping_counts import HAND_MADE, SUGGESTED_TIERS, RowState, table_counts

JOINED = ("mapping__company", "mapping__confirmed_by", "proposal__company")
# What no row of the table shows: half of the columns, and the half that is dear to read.
UNSHOWN = {
    "": "key phone state postal_code created_at updated_at",
    "mapping__": "matcher_version removed_at removed_with_instance",
    "mapping__confirmed_by__": (
        "password last_login date_joined first_name last_name email is_superuser is_staff is_active"
    ),
    "proposal__": "rivals matcher_version updated_at",
    **dict.fromkeys(
        ("mapping__company__", "proposal__company__"),
        "number web_address phone state postal_code parent_id modified_at seen_at is_pending searched",
    ),
}
PAGE_SIZES = (25, 50, 100, 200)
EVERY = Q()


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


def _rows_of(instance: int, user: int, psa: str, needed: Q = EVERY) -> Any:
    """Every organization that has a place in this table, joined with its mapping and this user's proposal.

    ``needed`` tells of that mapping and proposal. It belongs into the first filter: one of its own would join
    the same rows a second time. A queryset of Organization with annotations that its type cannot tell.
    """
    ignored = IgnoredOrganization.objects.filter(organization=OuterRef("pk"), psa=psa)
    organizations: Any = Organization.objects.present()
    return (
        organizations.annotate(
            mapping=FilteredRelation("mappings", condition=Q(mappings__psa=psa, mappings__removed_at=None)),
            proposal=FilteredRelation(
                "proposals", condition=Q(proposals__instance=instance, proposals__user=user)
            ),
        )
        .filter(Q(is_active=True) | Q(mapping__instance=instance), needed)
        .annotate(
            mapping_state=Case(
                When(
                    proposal__kind__in=HAND_MADE,
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


def _searched_rows(instance: int, user: int, psa: str, text: str, needed: Q = EVERY) -> Any:
    """The rows in which the text occurs."""
    rows = _rows_of(instance, user, psa, needed)
    if not text:
        return rows
    return rows.filter(
        Q(name__icontains=text)
        | Q(external_id__icontains=text)
        | Q(domain__icontains=text)
        | Q(company_name__icontains=text)
    )


def _needed(instance: int, user: int, query: TableQuery) -> Q:
    """What the mapping and the proposal of every row that the query chooses have.

    For a state that says nothing new, but lets the database begin with few rows: SQLite begins with the
    proposals because a column of theirs is compared with one value.
    """
    unmapped, here, proposed = Q(mapping__isnull=True), Q(mapping__instance=instance), Q(proposal__user=user)
    by_state = {
        RowState.CHANGED: proposed & Q(proposal__kind__in=HAND_MADE),
        RowState.ELSEWHERE: Q(mapping__isnull=False),
        RowState.REVIEW: here,
        RowState.MAPPED: here,
        RowState.IGNORED: unmapped,
        RowState.SUGGESTED: unmapped & proposed & Q(proposal__tier__in=SUGGESTED_TIERS),
        RowState.UNMAPPED: unmapped,
    }
    needed = by_state[RowState(query.state)] if query.state else EVERY
    if query.warning:
        needed &= here
    if query.warning == "twin":
        needed &= Q(mapping__company__has_twin=True)
    if query.tier:
        needed &= Q(proposal__tier=query.tier)
    if query.company_type is not None:
        mapped = Q(proposal__company=None, mapping__company__company_type=query.company_type)
        needed &= Q(proposal__company__company_type=query.company_type) | mapped
    return needed


def matching_rows(instance: int, user: int, psa: str, query: TableQuery) -> Any:
    """The rows that the whole query chooses, in no order; ignored ones only when asked or searched for."""
    rows = _searched_rows(instance, user, psa, query.text, _needed(instance, user, query))
    if query.state:
        rows = rows.filter(mapping_state=query.state)
    elif not query.text:
        rows = rows.exclude(mapping_state=RowState.IGNORED)
    reasons = review_reasons("mapping__")
    if query.warning == "shared":
        rows = rows.filter(shared=True)
    elif query.warning in reasons:
        # By an alias: what is denied of a joined row is otherwise asked of all its rows, in a query within.
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
    shape_of_query = replace(query, text=prepared.text_of(query.text), page=1, size=PAGE_SIZES[0])
    shape = (instance.psa, shape_of_query)
    return prepared.rows(build, (instance.pk, user.pk), shape, text=query.text, part=part)


def matching_organizations(instance: IntegrationInstance, user: User, query: TableQuery) -> list[int]:
    """The ids of the organizations that the whole query chooses, in no order."""
    return chosen_rows(_matching_ids, instance, user, query)


def _matching_ids(instance: int, user: int, psa: str, query: TableQuery) -> Any:
    return matching_rows(instance, user, psa, query).order_by().values_list("pk", flat=True)


def mapping_table(instance: IntegrationInstance, user: User, query: TableQuery) -> MappingTable:
    """The rows and counts that the query asks for."""
    counted = table_counts(instance, user)
    counts = searched_counts(instance, user, query.text) if query.text else counted.states
    known = _known_count(query, counts)
    number = len(matching_organizations(instance, user, query)) if known is None else known
    rows: Any = _Rows(instance, user, query, number)
    page: Page[Organization] = Paginator(rows, query.size).get_page(query.page)
    return MappingTable(
        page=page,
        counts=counts,
        warnings=counted.warnings,
        tiers=counted.tiers,
        total=sum(counts.values()) - counts.get(RowState.IGNORED, 0),
        pending=counted.pending,
        query=query,
    )


def searched_counts(instance: IntegrationInstance, user: User, text: str) -> dict[str, int]:
    """How many rows of each state the text occurs in; looks at every row."""
    shape = (instance.psa, prepared.text_of(text))
    return dict(prepared.rows(_searched_counts, (instance.pk, user.pk), shape, text=text))


def _searched_counts(instance: int, user: int, psa: str, text: str) -> Any:
    every = _searched_rows(instance, user, psa, text).order_by()
    return every.values_list("mapping_state").annotate(Count("pk"))


def has_row(instance: IntegrationInstance, organization: Organization) -> bool:
    """Whether the table has a row for the organization: it is active, or mapped here."""
    if organization.deleted_at is not None:
        return False
    return organization.is_active or instance.mappings.present().filter(organization=organization).exists()


def one_row(instance: IntegrationInstance, user: User, organization_id: int) -> Any:
    """One row of the table as it stands now. Raises Organization.DoesNotExist."""
    found = prepared.rows(_one_row, (instance.pk, user.pk, organization_id), (instance.psa,))
    if not found:
        raise Organization.DoesNotExist
    _complete(found, instance)
    return found[0]


def _one_row(instance: int, user: int, organization: int, psa: str) -> Any:
    return _rows_of(instance, user, psa).filter(pk=organization).select_related(*JOINED).order_by()


def _ordered_rows(instance: int, user: int, psa: str, query: TableQuery) -> Any:
    order = [_reversed(term) if query.descending else term for term in SORTS[query.sort]]
    rows = matching_rows(instance, user, psa, query).select_related(*JOINED)
    unshown = [f"{path}{name}" for path, names in UNSHOWN.items() for name in names.split()]
    return rows.defer(*unshown).order_by(*order)


@dataclass(frozen=True)
class _Rows:
    """The chosen rows in their order, for a paginator: what is sliced is read, ``number`` is known before."""

    instance: IntegrationInstance
    user: User
    query: TableQuery
    number: int
    ordered = True  # for the paginator, which warns otherwise

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, part: slice) -> list[Any]:
        offset, number = part.start, part.stop - part.start
        found = chosen_rows(_ordered_rows, self.instance, self.user, self.query, (offset, number))
        _complete(found, self.instance)
        return found


def _known_count(query: TableQuery, counts: dict[str, int]) -> int | None:
    """How many rows the query chooses, where that follows from the counts of the states."""
    if query.tier or query.warning or query.company_type is not None:
        return None
    if query.state:
        return counts.get(query.state, 0)
    return sum(counts.values()) - (0 if query.text else counts.get(RowState.IGNORED, 0))


def _complete(rows: Iterable[Any], instance: IntegrationInstance) -> None:
    """Give each mapping its instance; others than the table's own are read once, without their metadata.

    Django leaves out the attribute of a filtered relation that joined nothing; None says it better.
    """
    for row in rows:
        row.__dict__.setdefault("mapping", None)
        row.__dict__.setdefault("proposal", None)
    mappings = [row.mapping for row in rows if row.mapping is not None]
    others = {mapping.instance_id for mapping in mappings} - {instance.pk}
    instances = IntegrationInstance.objects.only("psa", "name").in_bulk(others)
    for mapping in mappings:
        mapping.instance = instances.get(mapping.instance_id, instance)


def _reversed(term: Any) -> Any:
    # Every expression has reverse_ordering, but only an OrderBy's does anything.
    ordering = (term if isinstance(term, OrderBy) else term.asc()).copy()
    ordering.reverse_ordering()
    return ordering
