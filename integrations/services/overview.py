"""What the home page tells of each instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from integrations.models import Company, IntegrationInstance, Organization, OrganizationMapping
from integrations.models.instances import InstanceQuerySet


@dataclass(frozen=True)
class InstanceCard:
    """An instance with its numbers. ``open`` counts active organizations that no instance of its PSA maps."""

    instance: IntegrationInstance
    companies: int
    mapped: int
    review: int
    open: int


def instance_cards(instances: InstanceQuerySet) -> list[InstanceCard]:
    """One card an instance, in their order; a few queries however many there are."""
    rows = list(instances)
    companies = dict(
        Company.objects.present()
        .filter(instance__in=rows)
        .order_by()
        .values_list("instance")
        .annotate(Count("pk"))
    )
    needs_review = (
        Q(company__missing_since__isnull=False) | Q(company__is_active=False) | Q(company__in_filter=False)
    )
    mapped: dict[int, Any] = {
        row["instance"]: row
        for row in OrganizationMapping.objects.present()
        .filter(instance__in=rows, organization__deleted_at=None)
        .values("instance")
        .annotate(mapped=Count("pk"), review=Count("pk", filter=needs_review))
        .order_by()
    }
    organizations = Organization.objects.present().filter(is_active=True)
    open_by_psa = {
        psa: organizations.exclude(
            pk__in=OrganizationMapping.objects.present().filter(psa=psa).values("organization")
        ).count()
        for psa in {row.psa for row in rows}
    }
    return [
        InstanceCard(
            row,
            companies.get(row.pk, 0),
            mapped.get(row.pk, {}).get("mapped", 0),
            mapped.get(row.pk, {}).get("review", 0),
            open_by_psa[row.psa],
        )
        for row in rows
    ]
