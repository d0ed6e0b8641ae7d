"""Organizations: listing them, and adding, changing, deleting and restoring one. Every write is audited."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Prefetch, Q
from django.db.models.functions import Lower
from django.utils import timezone

from integrations.models import Organization, OrganizationMapping
from integrations.models.organizations import OrganizationQuerySet
from integrations.services.audit import Actor, Batch, Change

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


class ExternalIdTaken(Exception):
    """Another organization has this external id; ``holder`` is its name."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"“{holder}” has this external id.")
        self.holder = holder


class ChangedMeanwhile(Exception):
    """Somebody else has changed or deleted the organization since it was shown."""


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
    paginator = _CountedPaginator(rows, query.size, count=counts[query.status])
    return OrganizationList(paginator.get_page(query.page), counts, query)


class _CountedPaginator(Paginator[Organization]):
    """A paginator that is told the count instead of asking the database again."""

    def __init__(self, rows: OrganizationQuerySet, size: int, *, count: int) -> None:
        super().__init__(rows, size)
        self.count = count  # takes the place of the cached property


def add_organization(actor: Actor, values: Mapping[str, Any], *, batch: Batch | None = None) -> Organization:
    """Add an organization; ``values`` by the names of ``Organization.EDITABLE``. Raises ExternalIdTaken."""
    organization = Organization(**_editable(values))
    _save(batch or Batch(actor), "organization added", organization, before=None)
    return organization


def change_organization(
    actor: Actor,
    organization: Organization,
    values: Mapping[str, Any],
    seen: dt.datetime | None,
    *,
    batch: Batch | None = None,
) -> bool:
    """Change an organization that was last changed at ``seen`` when it was shown; False if nothing differs.

    Somebody who cannot say what they saw (None) has seen nothing. Raises ChangedMeanwhile and
    ExternalIdTaken; then nothing is written.
    """
    with transaction.atomic():
        current = Organization.objects.present().locked().filter(pk=organization.pk).first()
        if current is None or current.updated_at != seen:
            raise ChangedMeanwhile
        before = current.snapshot()
        for name, value in _editable(values).items():
            setattr(current, name, value)
        if current.snapshot() == before:
            return False
        _save(batch or Batch(actor), "organization changed", current, before)
    return True


def delete_organization(actor: Actor, organization: Organization, *, batch: Batch | None = None) -> None:
    """Delete an organization softly; its mappings stay in its row's shadow and return with it.

    Deleting one that is deleted already does nothing.
    """
    with transaction.atomic():
        current = Organization.objects.present().locked().filter(pk=organization.pk).first()
        if current is None:
            return
        current.deleted_at, current.merged_into = timezone.now(), None
        current.save(update_fields=["deleted_at", "merged_into", "updated_at"])
        current.proposals.all().delete()
        _record(batch or Batch(actor), "organization deleted", current, current.snapshot(), None)


def restore_organization(actor: Actor, organization: Organization, *, batch: Batch | None = None) -> None:
    """Bring a deleted organization back. Raises ExternalIdTaken when another one has its external id now."""
    with transaction.atomic():
        deleted = Organization.objects.filter(deleted_at__isnull=False).locked()
        current = deleted.filter(pk=organization.pk).first()
        if current is None:
            return
        current.deleted_at = None
        _save(batch or Batch(actor), "organization restored", current, before=None)


def _save(batch: Batch, action: str, organization: Organization, before: dict[str, Any] | None) -> None:
    try:
        with transaction.atomic():
            if organization.external_id and (holder := _holder(organization)):
                raise ExternalIdTaken(holder.name)
            organization.save()
            _record(batch, action, organization, before, organization.snapshot())
    except IntegrityError as error:  # somebody else was faster by a moment
        holder = _holder(organization)
        raise ExternalIdTaken(holder.name if holder else "Another organization") from error


def _holder(organization: Organization) -> Organization | None:
    present = Organization.objects.present().filter(external_id=organization.external_id)
    return present.exclude(pk=organization.pk).first()


def _editable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in Organization.EDITABLE if name in values}


def _record(
    batch: Batch,
    action: str,
    organization: Organization,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    change = Change(action, "organization", str(organization.pk), organization.name, before, after)
    batch.record([change])
