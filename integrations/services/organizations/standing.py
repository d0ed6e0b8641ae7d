"""Where one organization stands: its mappings, who ignores it, what was refused, what was merged into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integrations.models import (
    IgnoredOrganization,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RejectedMatch,
)

SHOWN = 20  # of what may be many


@dataclass(frozen=True)
class Standing:
    """What is known of one organization beside its own values.

    ``mappings`` are those in force, one a PSA at most; ``open_in`` the configurations in whose tables it
    waits for a company; ``merged`` the first of those that became this one.
    """

    mappings: Sequence[OrganizationMapping]
    ignored: Sequence[IgnoredOrganization]
    open_in: Sequence[IntegrationInstance]
    rejected: Sequence[RejectedMatch]
    merged: Sequence[Organization]


def standing_of(organization: Organization) -> Standing:
    """Read it. Six queries at most, however many mappings there are."""
    in_force = organization.mappings.present().with_names().select_related("confirmed_by").order_by("psa")
    mappings = list(in_force)
    ignored = list(organization.ignored_in.select_related("ignored_by").order_by("psa"))
    settled = {mapping.psa for mapping in mappings} | {each.psa for each in ignored}
    waits = organization.is_active and not organization.is_deleted
    tables = IntegrationInstance.objects.present().exclude(psa__in=settled).order_by("name")
    rejected = organization.rejected_matches.select_related("company__instance", "rejected_by")
    return Standing(
        mappings=mappings,
        ignored=ignored,
        open_in=list(tables[:SHOWN]) if waits else [],
        rejected=list(rejected[:SHOWN]),
        merged=list(Organization.objects.merged().filter(merged_into=organization).order_by("name")[:SHOWN]),
    )
