"""“Why (not)?”: the matcher's reasoning for one organization and one company of an instance."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from integrations import matching
from integrations.models import Company, IntegrationInstance, Organization, OrganizationMapping, RejectedMatch
from integrations.services.suggestions.suggest import (
    company_record,
    free_companies,
    knowledge_of,
    open_organizations,
    organization_record,
)


@dataclass(frozen=True)
class EarlierDecision:
    """What a person once decided about the pair, which comes before any comparison of names.

    A rejection can be taken back in the instance of ``rejected``; one of another instance holds here because
    its company has the same name.
    """

    said_no: bool
    by: str
    on: dt.datetime
    rejected: Company | None = None


@dataclass(frozen=True)
class ExplainedMatch:
    """The matcher's reasoning about a pair, and what a person decided about it before."""

    explanation: matching.Explanation
    earlier: EarlierDecision | None


def explain_match(
    instance: IntegrationInstance, organization: Organization, company: Company
) -> ExplainedMatch:
    """Weigh the pair among everything that is open now, the pair itself included. Writes nothing."""
    organizations = {row.pk: row for row in open_organizations(instance)} | {organization.pk: organization}
    companies = {row.pk: row for row in free_companies(instance)} | {company.pk: company}
    explanation = matching.explain(
        str(organization.pk),
        str(company.pk),
        [organization_record(row) for row in organizations.values()],
        [company_record(row) for row in companies.values()],
        knowledge=knowledge_of(instance),
    )
    return ExplainedMatch(explanation, _earlier_decision(instance, organization, company))


def _earlier_decision(
    instance: IntegrationInstance, organization: Organization, company: Company
) -> EarlierDecision | None:
    """The decision that the matcher remembers of this pair, by the company or by its name; None without."""
    rejections = RejectedMatch.objects.filter(organization=organization).select_related(
        "company__instance", "rejected_by"
    )
    for row in sorted(rejections, key=lambda each: each.company_id != company.pk):
        if row.company_id == company.pk or matching.is_same_text(row.company_name, company.name):
            by = row.rejected_by.get_username() if row.rejected_by else ""
            return EarlierDecision(True, by, row.rejected_at, row.company)
    accepted = OrganizationMapping.objects.filter(
        organization=organization, psa=instance.psa, removed_with_instance=True
    ).select_related("company")
    for mapping in accepted:
        if matching.is_same_text(mapping.company.name, company.name):
            return EarlierDecision(False, mapping.confirmed_by_name, mapping.confirmed_at)
    return None
