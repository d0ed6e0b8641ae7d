"""Why a mapping has to be looked at, asked of one mapping or of many."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from integrations.models.mappings import OrganizationMapping


class ReviewReason(models.TextChoices):
    """Why a mapping has to be looked at."""

    GONE = "company_missing", "No longer in Autotask"
    INACTIVE = "company_inactive", "Company is inactive"
    OUTSIDE = "company_outside_filter", "Outside the filter"
    RENAMED = "company_renamed", "Renamed since"

    @property
    def warning(self) -> str:
        """Its short name in the addresses of the mapping table."""
        return self.name.lower()

    def q(self, prefix: str = "") -> models.Q:
        """The mappings that ask for a review by it; ``prefix`` leads to the mapping from another model.

        Those that somebody has kept nevertheless do not. A new name is kept by becoming the confirmed one.
        """

        def on(**conditions: Any) -> models.Q:
            return models.Q(**{f"{prefix}{name}": value for name, value in conditions.items()})

        kept = on(kept_despite__contains=self.warning)
        match self:
            case ReviewReason.GONE:
                return on(company__missing_since__isnull=False) & ~kept
            case ReviewReason.INACTIVE:
                return on(company__is_active=False) & ~kept
            case ReviewReason.OUTSIDE:
                return on(company__in_filter=False) & ~kept
            case ReviewReason.RENAMED:
                return ~on(confirmed_name="") & ~on(confirmed_name=models.F(f"{prefix}company__name"))

    def asks(self, mapping: OrganizationMapping) -> bool:
        """Whether this mapping asks for a review by it; the same for one row as ``q`` for many."""
        return self.holds(mapping) and self not in mapping.kept_reasons

    def holds(self, mapping: OrganizationMapping) -> bool:
        """Whether it is so of this mapping, kept or not; the company is read where it was not."""
        company = mapping.company
        match self:
            case ReviewReason.GONE:
                return company.missing_since is not None
            case ReviewReason.INACTIVE:
                return not company.is_active
            case ReviewReason.OUTSIDE:
                return not company.in_filter
            case ReviewReason.RENAMED:
                return mapping.confirmed_name not in {"", company.name}


def needs_review(prefix: str = "") -> models.Q:
    """Any of the reasons."""
    return reduce(or_, (reason.q(prefix) for reason in ReviewReason))
