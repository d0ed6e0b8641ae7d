"""The list of organizations: filtered, sorted, counted, one page at a time."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Prefetch, Q
from django.db.models.functions import Lower

from integrations.models import Organization, OrganizationMapping
from integrations.models.organizations import OrganizationQuerySet

PAGE_SIZES = (25, 50, 100, 200)


SORTS: dict[str, F | Lower] = {
    "name": Lower("name"),
    "external_id": Lower("external_id"),
    "domain": Lower("domain"),
    "city": Lower("city"),
    "state": Lower("state"),
    "active": F("is_active"),
    "updated": F("updated_at"),
}


class Status(enum.StrEnum):
    """Which organizations a list shows. Those that were deleted are in no other list."""

    ALL = "all"
    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"


STATUS_CONDITIONS = {
    Status.ALL: Q(deleted_at=None),
    Status.ACTIVE: Q(deleted_at=None, is_active=True),
    Status.INACTIVE: Q(deleted_at=None, is_active=False),
    Status.DELETED: Q(deleted_at__isnull=False),
}


@dataclass(frozen=True)
class ListQuery:
    """What the page's address asks for. Unknown values are the form's business, not ours."""

    text: str = ""
    status: Status = Status.ALL
    sort: str = "name"
    descending: bool = False
    page: int = 1
    size: int = 50


@dataclass(frozen=True)
class OrganizationList:
    """One page of organizations, each with ``mappings_in_force``, and how many each status has."""

    page: Page[Organization]
    counts: dict[Status, int]
    query: ListQuery


def list_organizations(visible: OrganizationQuerySet, query: ListQuery) -> OrganizationList:
    """The organizations that the query asks for, of those that are visible. Three queries for any page."""
    found = visible.search(query.text) if query.text else visible
    numbers = found.aggregate(
        **{status.value: Count("pk", filter=condition) for status, condition in STATUS_CONDITIONS.items()}
    )
    term = SORTS[query.sort]
    order = term.desc() if query.descending else term.asc()
    rows = (
        found.filter(STATUS_CONDITIONS[query.status])
        .order_by(order, Lower("name"), "pk")
        .select_related("merged_into")
        .prefetch_related(
            Prefetch(
                "mappings",
                OrganizationMapping.objects.present().select_related("company", "instance").order_by("psa"),
                to_attr="mappings_in_force",
            )
        )
    )
    counts = {status: numbers[status.value] for status in Status}
    paginator = Paginator(rows, query.size)
    paginator.count = counts[query.status]  # so that it does not ask the database again
    return OrganizationList(paginator.get_page(query.page), counts, query)
