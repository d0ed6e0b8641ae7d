"""“Why (not)?”: the matcher's reasoning for one organization and one company of an instance."""

from __future__ import annotations

from integrations import matching
from integrations.models import Company, IntegrationInstance, Organization
from integrations.services.suggestions.suggest import (
    company_record,
    free_companies,
    knowledge_of,
    open_organizations,
    organization_record,
)


def explain_match(
    instance: IntegrationInstance, organization: Organization, company: Company
) -> matching.Explanation:
    """Weigh the pair among everything that is open now, the pair itself included. Writes nothing."""
    organizations = {row.pk: row for row in open_organizations(instance)} | {organization.pk: organization}
    companies = {row.pk: row for row in free_companies(instance)} | {company.pk: company}
    return matching.explain(
        str(organization.pk),
        str(company.pk),
        [organization_record(row) for row in organizations.values()],
        [company_record(row) for row in companies.values()],
        knowledge=knowledge_of(instance),
    )
