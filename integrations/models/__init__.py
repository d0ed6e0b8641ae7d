"""The portal's rows, one module a noun."""

from integrations.models.audit import AuditEvent
from integrations.models.companies import Company, FilterOption
from integrations.models.instances import CompanyFilter, IntegrationInstance
from integrations.models.jobs import Job
from integrations.models.mappings import (
    IgnoredOrganization,
    MappingProposal,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.models.organizations import Organization

__all__ = [
    "AuditEvent",
    "Company",
    "CompanyFilter",
    "FilterOption",
    "IgnoredOrganization",
    "IntegrationInstance",
    "Job",
    "MappingProposal",
    "Organization",
    "OrganizationMapping",
    "RejectedMatch",
]
