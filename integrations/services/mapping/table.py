"""The mapping table: one page of an instance's organizations, with what is mapped and what is proposed.

The cost follows the page, not the data: one or two queries for the rows (rows.py), a few plain ones for
the counts (counts.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db import connections
from django.db.models import BooleanField, Case, QuerySet, When
from django.db.models.functions import Lower

from integrations.database.query_cache import cached_rows
from integrations.models import (
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
    RefreshSummary,
)
from integrations.models.organizations import is_unmapped
from integrations.services.mapping.counts import TableCounts, table_counts
from integrations.services.mapping.rows import (
    JOINED,
    SETTLED,
    RowQuerySet,
    RowState,
    TableQuery,
    chosen_rows,
    matching_rows,
    order_of,
    searched_rows,
    table_queryset,
    whole_rows,
)

OUTDATED = "the companies changed after this was suggested: press Suggest Values again"

MOST_HOLDERS = 250  # companies that are asked for at once; a page has 200 rows


@dataclass(frozen=True)
class MappingTable:
    """One page of rows and the counts.

    A row is an organization that carries ``mapping``, ``proposal`` and ``mapping_state``. ``counts`` tells
    the number of every ``RowState``, the group of unmapped ones among them; ``left_out`` organizations have
    no row (told with the whole table only).
    """

    page: Page[Organization]
    counts: dict[str, int]
    warnings: dict[str, int]
    tiers: dict[str, int]
    total: int
    left_out: int
    pending: dict[str, int]
    query: TableQuery


@dataclass(frozen=True)
class TableNumbers:
    """The counts of a table: of ``all_rows``, and of those in which the query's text occurs.

    These are ``found``, if there is a text, and ``counts`` tells them by state.
    """

    all_rows: TableCounts
    counts: dict[str, int]
    total: int
    found: list[FoundRow]
    query: TableQuery

    @classmethod
    def read(cls, instance: IntegrationInstance, user: User, query: TableQuery) -> TableNumbers:
        """What stands above the rows, for a page of which one row has changed."""
        counted = table_counts(instance, user)
        states, unmapped = counted.states, counted.unmapped
        found: list[FoundRow] = []
        if query.text:
            # One look at all rows tells how many of each state it occurs in, and which the page shows.
            found = row_states(instance, user, query)
            states, unmapped = dict(Counter(row.state for row in found)), sum(row.unmapped for row in found)
        counts = states | ({RowState.UNMAPPED.value: unmapped} if unmapped else {})
        total = sum(states.values()) - states.get(RowState.IGNORED, 0)
        return cls(counted, counts, total, found, query)

    def chosen(self, instance: IntegrationInstance, user: User) -> int:
        """How many rows the whole query chooses, on all pages."""
        if self.query.tier or self.query.warning or self.query.company_type is not None:
            return len(matching_organizations(instance, user, self.query))
        return self.counts.get(self.query.state, 0) if self.query.state else self.total

    @property
    def tiers(self) -> dict[str, int]:
        """How many suggestions of each tier there are."""
        return self.all_rows.tiers

    @property
    def pending(self) -> dict[str, int]:
        """What Save Mappings would do now."""
        return self.all_rows.pending


def matching_organizations(instance: IntegrationInstance, user: User, query: TableQuery) -> list[int]:
    """The ids of the organizations that the whole query chooses, in its order."""
    return chosen_rows(_ordered_ids, instance, user, query)


def mapping_table(instance: IntegrationInstance, user: User, query: TableQuery) -> MappingTable:
    """The rows and counts that the query asks for."""
    numbers = TableNumbers.read(instance, user, query)
    counted, counts, total = numbers.all_rows, numbers.counts, numbers.total
    ids = [row.pk for row in numbers.found if row.is_in(query.state)] if query.text else None
    if query.tier or query.warning or query.company_type is not None:
        ids = matching_organizations(instance, user, query)
    number = counts.get(query.state, 0) if query.state else total
    # The paginator tells the places, whose rows take its part then.
    page: Page[Any] = Paginator(range(number if ids is None else len(ids)), query.size).get_page(query.page)
    rows = _page_rows(instance, user, query, page.object_list, ids)
    _complete(rows, instance, may_share="shared" in counted.warnings or RowState.CHANGED in counts)
    page.object_list = rows
    return MappingTable(
        page=page,
        counts=counts,
        warnings=counted.warnings,
        tiers=counted.tiers,
        total=total,
        left_out=0 if query.is_narrowed else counted.left_out,
        pending=counted.pending,
        query=query,
    )


class FoundRow(NamedTuple):
    """A row in which a text occurs: its id, its state, and whether it is unmapped."""

    pk: int
    state: str
    unmapped: bool

    def is_in(self, state: str) -> bool:
        """Whether the row is in this state; every row that is not ignored is in the state ""."""
        return self.unmapped if state == RowState.UNMAPPED else state in {"", self.state}


def row_states(instance: IntegrationInstance, user: User, query: TableQuery) -> list[FoundRow]:
    """Each row in which the text occurs, whatever else is asked, in the page's order."""
    every = TableQuery(text=query.text, sort=query.sort, descending=query.descending)
    return [FoundRow(*row) for row in chosen_rows(_row_states, instance, user, every)]


def _row_states(instance: int, user: int, psa: str, query: TableQuery) -> QuerySet[Any, tuple[Any, ...]]:
    every = searched_rows(instance, user, psa, query.text)
    unmapped = Case(When(is_unmapped(psa), then=True), default=False, output_field=BooleanField())
    return every.order_by(*order_of(query)).values_list("pk", "mapping_state", unmapped)


def one_row(instance: IntegrationInstance, user: User, organization_id: int) -> Any:
    """One row of the table as it stands now. Raises Organization.DoesNotExist."""
    found = cached_rows(_one_row, (instance.pk, user.pk, organization_id), (instance.psa,))
    if not found:
        raise Organization.DoesNotExist
    _complete(found, instance, may_share=True)
    return found[0]


def _one_row(instance: int, user: int, organization: int, psa: str) -> RowQuerySet:
    return table_queryset(instance, user, psa).filter(pk=organization).select_related(*JOINED).order_by()


def _ordered_ids(instance: int, user: int, psa: str, query: TableQuery) -> QuerySet[Any, int]:
    rows = matching_rows(instance, user, psa, query)
    return rows.order_by(*order_of(query)).values_list("pk", flat=True)


def _first_rows(instance: int, user: int, psa: str, query: TableQuery) -> RowQuerySet:
    rows = matching_rows(instance, user, psa, query)
    if connections[rows.db].vendor == "sqlite":
        # Every name is at least "". That it is asked lets SQLite expect fewer rows: it read all mappings and
        # proposals into a Bloom filter (https://www.sqlite.org/releaselog/3_38_0.html) to find a page's.
        rows = rows.alias(lower_name=Lower("name")).filter(lower_name__gte="")
    return whole_rows(rows).order_by(*order_of(TableQuery()))


def _rows_with(instance: int, user: int, *ids_and_psa: Any) -> RowQuerySet:
    *ids, psa = ids_and_psa
    return whole_rows(table_queryset(instance, user, psa).filter(pk__in=ids)).order_by()


def _page_rows(
    instance: IntegrationInstance, user: User, query: TableQuery, places: Any, ids: list[int] | None
) -> list[Any]:
    """The rows at these places among the chosen ones; all ``ids`` are known where they had to be counted."""
    in_usual_order = query.sort == "organization" and not query.descending
    if places.start == 0 and in_usual_order and not query.is_narrowed:
        found = chosen_rows(_first_rows, instance, user, query, (0, len(places)))
    else:
        # In two steps: in one, all that a row shows would be read for every row before the page, too.
        if ids is None:
            shown = chosen_rows(_ordered_ids, instance, user, query, (places.start, len(places)))
        else:
            shown = [ids[place] for place in places]
        repeated = [*shown, *shown[:1] * (query.size - len(shown))]  # one shape, however few are left
        found = cached_rows(_rows_with, (instance.pk, user.pk, *repeated), (instance.psa,)) if shown else []
        place_of = {pk: place for place, pk in enumerate(shown)}
        found.sort(key=lambda row: place_of[row.pk])
    return found


def _complete(rows: Sequence[Any], instance: IntegrationInstance, *, may_share: bool) -> None:
    """Give each mapping its instance; others than the table's own are read once, without their metadata.

    Tell also whether others have the row's company, with one query more if any row ``may_share``.

    Django leaves out the attribute of a filtered relation that joined nothing; None says it better. It also
    says that a settled row shows no suggestion; who moves or restores it is still offered the ``suggested``.
    """
    for row in rows:
        row.__dict__.setdefault("mapping", None)
        row.__dict__.setdefault("proposal", None)
        row.suggested = row.proposal
        if row.mapping_state in SETTLED:
            row.proposal = None
    holders = _holders(company_of(row) for row in rows) if may_share else {}
    for row in rows:
        row.shares_company = bool(holders.get(company_of(row), set()) - {row.pk})
    mappings = [row.mapping for row in rows if row.mapping is not None]
    others = {mapping.instance_id for mapping in mappings} - {instance.pk}
    instances = IntegrationInstance.objects.only("psa", "name").in_bulk(others)
    for mapping in mappings:
        mapping.instance = instances.get(mapping.instance_id, instance)
    _tell_outdated([row.proposal for row in rows if row.proposal is not None], instance)


def _tell_outdated(proposals: Iterable[MappingProposal], instance: IntegrationInstance) -> None:
    """Why no company was suggested is true of the companies of then: say so where there are others now."""
    suggested = MappingProposal.Kind.SUGGESTED
    open_ = [
        each for each in proposals if each.company_id is None and each.kind == suggested and each.reasons
    ]
    changed_at = RefreshSummary.objects.last_change(instance) if open_ else None
    for proposal in open_:
        if changed_at is not None and proposal.updated_at < changed_at:
            proposal.explain(OUTDATED)


def company_of(row: Any) -> int | None:
    """The company that a row shows: the one that is wanted, otherwise the one that is mapped."""
    shown = row.proposal or row.mapping
    company: int | None = shown.company_id if shown is not None else None
    return company


def _holders(companies: Iterable[int | None]) -> dict[int | None, set[int]]:
    """The organizations that are mapped to each of the companies."""
    wanted = sorted({company for company in companies if company is not None})
    if not wanted:
        return {}
    # Some twice, so that there are few shapes of the query: 1, 2, 4, 8 … companies.
    places = min(1 << (len(wanted) - 1).bit_length(), MOST_HOLDERS)
    found: dict[int | None, set[int]] = defaultdict(set)
    for company, organization in cached_rows(_held, [*wanted, *wanted[:1] * (places - len(wanted))]):
        found[company].add(organization)
    return found


def _held(*companies: int) -> QuerySet[Any, tuple[Any, ...]]:
    present = OrganizationMapping.objects.present().filter(organization__deleted_at=None)
    return present.filter(company__in=companies).order_by().values_list("company_id", "organization_id")
