"""“Why (not)?”: the matcher's reasoning for one organization and one company of an instance."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from django.contrib.auth.models import User

from integrations import matching
from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.services.suggestions.suggest import (
    company_record,
    free_companies,
    kept_confidence,
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
class ToldConfidence:
    """How sure the table and the review say that a pair is, and since when: until somebody asks anew."""

    confidence: float
    tier: str  # "" in a mapping
    since: dt.datetime
    is_mapped: bool


@dataclass(frozen=True)
class ExplainedMatch:
    """The matcher's reasoning about a pair, and what a person decided about it before.

    ``told`` is what other pages say of it; None where they say nothing.
    """

    explanation: matching.Explanation
    earlier: EarlierDecision | None
    told: ToldConfidence | None


def explain_match(
    user: User, instance: IntegrationInstance, organization: Organization, company: Company
) -> ExplainedMatch:
    """Weigh the pair among everything that is open now, the pair itself included. Writes nothing.

    ``user`` is whose table is told of.
    """
    organizations = {row.pk: row for row in open_organizations(instance)} | {organization.pk: organization}
    companies = {row.pk: row for row in free_companies(instance)} | {company.pk: company}
    explanation = matching.explain(
        str(organization.pk),
        str(company.pk),
        [organization_record(row) for row in organizations.values()],
        [company_record(row) for row in companies.values()],
        knowledge=knowledge_of(instance),
    )
    return ExplainedMatch(
        replace(explanation, confidence=kept_confidence(explanation.confidence)),
        _earlier_decision(instance, organization, company),
        _told(user, instance, organization, company),
    )


def _told(
    user: User, instance: IntegrationInstance, organization: Organization, company: Company
) -> ToldConfidence | None:
    """The confidence that the pair's row has in this person's table."""
    pair = {"instance": instance, "organization": organization, "company": company}
    proposal = MappingProposal.objects.filter(user=user, kind=MappingProposal.Kind.SUGGESTED, **pair).first()
    if proposal is not None and proposal.confidence is not None:
        return ToldConfidence(proposal.confidence, proposal.tier, proposal.updated_at, is_mapped=False)
    mapping = OrganizationMapping.objects.present().filter(**pair).first()
    if mapping is not None and mapping.confidence is not None:
        return ToldConfidence(mapping.confidence, "", mapping.confirmed_at, is_mapped=True)
    return None


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
