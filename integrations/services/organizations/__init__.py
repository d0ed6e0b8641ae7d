"""Our organizations: listed, edited, merged."""

from integrations.services.organizations.edit import (
    ExternalIdTaken,
    add_organization,
    change_organization,
    delete_organization,
    restore_organization,
)
from integrations.services.organizations.listing import (
    PAGE_SIZES,
    SORTS,
    ListQuery,
    Status,
    list_organizations,
)
from integrations.services.organizations.merge import (
    CompanyUndecided,
    MergePlan,
    alike,
    merge_organizations,
    plan_merge,
)
from integrations.services.organizations.standing import Standing, standing_of
from integrations.services.organizations.values import LABELS, LENGTHS, ValueProblem, read_value

__all__ = [
    "LABELS", "LENGTHS", "PAGE_SIZES", "SORTS", "CompanyUndecided", "ExternalIdTaken",
    "ListQuery", "MergePlan", "Standing", "Status", "ValueProblem", "add_organization", "alike",
    "change_organization", "delete_organization", "list_organizations", "merge_organizations",
    "plan_merge", "read_value", "restore_organization", "standing_of",
]  # fmt: skip
