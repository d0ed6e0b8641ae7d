"""What a program may read: rows within a token's scope, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

from integrations.models import (
    AuditEvent,
    Company,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RefreshSummary,
)
from integrations.models.review_reasons import find_all, needs_review

Row = TypeVar("Row", bound=Model)


class NotVisible(Exception):
    """There is no such row, or it lies outside the scope; a caller cannot tell which."""


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows in the order of their ids; ``next`` is the cursor of the following page, None at the end."""

    rows: Sequence[Row]
    next: int | None


@dataclass(frozen=True)
class Scope:
    """The instances that may be seen; None means all.

    Inside a limited scope lie its instances with their companies, mappings and events, and the organizations
    that are mapped there now.
    """

    instances: frozenset[int] | None = None

    def sees(self, instance_id: int | None) -> bool:
        """Whether rows of this instance may be seen."""
        return self.instances is None or instance_id in self.instances

    def instance_rows(self) -> QuerySet[IntegrationInstance]:
        """Instances that were not deleted."""
        rows = IntegrationInstance.objects.present().order_by("pk")
        return rows if self.instances is None else rows.filter(pk__in=self.instances)

    def organization_rows(self) -> QuerySet[Organization]:
        """Organizations that were not deleted, with the ids that other tools have for them."""
        rows = Organization.objects.present().order_by("pk").prefetch_related("identifiers")
        if self.instances is None:
            return rows
        mapped = OrganizationMapping.objects.in_tables().filter(instance__in=self.instances)
        return rows.filter(pk__in=mapped.values("organization"))

    def company_rows(self) -> QuerySet[Company]:
        """The last copy of each company, also of missing ones; not what an unfinished read has found."""
        rows = Company.objects.filter(instance__in=self.instance_rows(), is_pending=False)
        return rows.select_related("instance").order_by("pk")

    def mapping_rows(self) -> QuerySet[OrganizationMapping]:
        """Mappings in force of organizations and instances that were not deleted."""
        rows = OrganizationMapping.objects.in_tables().filter(instance__in=self.instance_rows())
        return rows.with_names().order_by("pk")

    def open_rows(self) -> QuerySet[OrganizationMapping]:
        """Those of the mappings that somebody has to look at: the inbox."""
        return self.mapping_rows().filter(needs_review())

    def refresh_rows(self) -> QuerySet[RefreshSummary]:
        """What refreshes of the instances changed."""
        return RefreshSummary.objects.filter(instance__in=self.instance_rows()).select_related("instance")

    def event_rows(self) -> QuerySet[AuditEvent]:
        """History. In a limited scope only what happened in one of its instances."""
        rows = AuditEvent.objects.select_related("instance")
        return rows if self.instances is None else rows.filter(instance__in=self.instances)


def visible(rows: QuerySet[Row], pk: int) -> Row:
    """The row of this id. Raises NotVisible."""
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotVisible
    return row


def of_instance(scope: Scope, rows: QuerySet[Row], instance_id: int | None) -> QuerySet[Row]:
    """The rows of the instance that a list is asked for, all when it was not asked. Raises NotVisible."""
    return rows if instance_id is None else rows.filter(instance=visible(scope.instance_rows(), instance_id))


def page_after(rows: QuerySet[Row], cursor: int, limit: int) -> Page[Row]:
    """The rows whose id is greater than the cursor, the smallest first.

    Rows that are added meanwhile come later, none is left out or repeated.
    """
    return _page(rows.filter(pk__gt=cursor).order_by("pk"), limit)


def page_before(rows: QuerySet[Row], cursor: int, limit: int) -> Page[Row]:
    """The rows whose id is smaller than the cursor (0: the newest), the greatest first."""
    if cursor:
        rows = rows.filter(pk__lt=cursor)
    return _page(rows.order_by("-pk"), limit)


def _page(rows: QuerySet[Row], limit: int) -> Page[Row]:
    found = list(rows[: limit + 1])
    find_all(row for row in found if isinstance(row, OrganizationMapping))
    return Page(found[:limit], found[limit - 1].pk if len(found) > limit else None)
