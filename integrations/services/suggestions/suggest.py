"""Suggest Values: what the matcher proposes for the organizations of an instance that are not mapped yet."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from integrations import matching
from integrations.database.bulk import renew_statistics
from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationIdentifier,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.models.companies import CompanyQuerySet
from integrations.models.organizations import OrganizationQuerySet

RIVALS_KEPT = 5
BACKGROUND_FROM = 3_000_000  # pairs; about half a second on two cores


@dataclass(frozen=True)
class SuggestionSummary:
    """How a press of Suggest Values came out, by tier; ``open`` organizations were asked about.

    ``obstacle`` says why no company could be suggested at all, and what to do; "" where some could.
    """

    open: int
    tiers: dict[str, int]
    obstacle: str = ""

    def sentence(self) -> str:
        """For the page."""
        if not self.open:
            return "Every organization is mapped already; there is nothing to suggest."
        if self.obstacle:
            return f"Nothing can be suggested: {self.obstacle}"
        sure, likely, ambiguous, none = (self.tiers.get(tier.value, 0) for tier in matching.Tier)
        found = sure + likely + ambiguous
        return (
            f"{found:,} of {self.open:,} open organizations have suggestions: {sure:,} sure, "
            f"{likely:,} likely, {ambiguous:,} ambiguous. None was found for {none:,}. Nothing is saved yet."
        )


def open_organizations(instance: IntegrationInstance) -> OrganizationQuerySet:
    """The organizations that suggestions are made for, in the matcher's order."""
    return Organization.objects.unmapped_in(instance.psa).order_by("pk")


def free_companies(instance: IntegrationInstance) -> CompanyQuerySet:
    """The companies that can be proposed, in the matcher's order."""
    return instance.companies.offered().free().order_by("pk")


def suggest_mappings(
    instance: IntegrationInstance,
    *,
    include_inactive: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[matching.Suggestion]:
    """The matcher's answer for every open organization; ids are the rows' primary keys as text.

    No network, and nothing is written.
    """
    return matching.suggest(
        [organization_record(row) for row in open_organizations(instance)],
        [company_record(row) for row in free_companies(instance)],
        knowledge=knowledge_of(instance),
        include_inactive=include_inactive,
        progress=progress,
    )


def kept_confidence(confidence: float) -> float:
    """A confidence as rows keep it: whoever weighs the pair again must not come to another percent by it."""
    return round(confidence, 4)


def knowledge_of(instance: IntegrationInstance) -> matching.Knowledge:
    """What people have settled, and which companies other tools say that organizations are.

    People: pairs they rejected, and names they accepted in an instance since deleted. Tools: the ids that
    imports brought, of a company of this configuration or of a Microsoft tenant.
    """
    rejected: set[tuple[str, str]] = set()
    rejected_names: dict[str, tuple[str, ...]] = {}
    pairs = RejectedMatch.objects.order_by("pk").values_list("organization_id", "company_id", "company_name")
    for organization, company, name in pairs:
        key = str(organization)
        rejected.add((key, str(company)))
        rejected_names[key] = (*rejected_names.get(key, ()), name)
    aliases: dict[str, tuple[str, ...]] = {}
    taken_along = OrganizationMapping.objects.filter(psa=instance.psa, removed_with_instance=True)
    for organization, name in taken_along.order_by("pk").values_list("organization_id", "company__name"):
        aliases[str(organization)] = (*aliases.get(str(organization), ()), name)
    told_ids, tenant_ids = _known_ids(instance)
    return matching.Knowledge(
        aliases=aliases,
        rejected=frozenset(rejected),
        rejected_names=rejected_names,
        told_ids=told_ids,
        tenant_ids=tenant_ids,
    )


def _known_ids(
    instance: IntegrationInstance,
) -> tuple[dict[str, tuple[tuple[str, str], ...]], dict[str, str]]:
    """By organization: the companies of the configuration that tools name, with the tools; tenant ids."""
    rows = OrganizationIdentifier.objects.present().order_by("kind", "source", "pk")
    told: dict[str, tuple[tuple[str, str], ...]] = {}
    tenants: dict[str, str] = {}
    for organization, value in rows.filter(kind=OrganizationIdentifier.Kind.TENANT_ID).values_list(
        "organization_id", "value"
    ):
        tenants.setdefault(str(organization), value)
    known = rows.filter(kind=f"{instance.psa}_company_id").values_list("organization_id", "value", "source")
    named = {value for _, value, _ in known}
    companies = dict(
        instance.companies.filter(remote_id__in=named).values_list("remote_id", "pk") if named else ()
    )
    for organization, value, source in known:
        if value in companies:
            key = str(organization)
            told[key] = (*told.get(key, ()), (str(companies[value]), source))
    return told, tenants


def _tenant_of(row: Company) -> str:
    """The Microsoft tenant's id, where the configuration reads it as its user-defined field."""
    try:
        return str(uuid.UUID(row.user_value))
    except ValueError:
        return ""


def organization_record(row: Organization) -> matching.Organization:
    """An organization as the matcher takes it."""
    return matching.Organization(
        str(row.pk), row.name, row.domain, row.phone, row.city, row.state, row.postal_code
    )


def company_record(row: Company) -> matching.Company:
    """A company as the matcher takes it."""
    return matching.Company(
        str(row.pk), row.name, row.web_address, row.phone, row.city, row.state, row.postal_code,
        row.is_active, row.number, _tenant_of(row),
    )  # fmt: skip


def takes_long(instance: IntegrationInstance) -> bool:
    """Whether a suggestion would keep a page waiting, so that a background job should do it."""
    return open_organizations(instance).count() * free_companies(instance).count() > BACKGROUND_FROM


def propose_mappings(
    user: User,
    instance: IntegrationInstance,
    *,
    include_inactive: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SuggestionSummary:
    """Put fresh suggestions before this person; only *sure* ones are ticked, and choices by hand stay."""
    obstacle = _obstacle(instance)
    suggestions = (
        [] if obstacle else suggest_mappings(instance, include_inactive=include_inactive, progress=progress)
    )
    with transaction.atomic():
        # One at a time: a second press of the button waits here instead of colliding with the first.
        IntegrationInstance.objects.locked().get(pk=instance.pk)
        own = MappingProposal.objects.filter(user=user, instance=instance)
        by_hand = {
            str(key) for key in own.exclude(kind="suggested").values_list("organization_id", flat=True)
        }
        own.filter(kind="suggested").delete()
        # Somebody may have mapped a row or a company while the matcher was at work.
        still_open = {str(key) for key in open_organizations(instance).values_list("pk", flat=True)}
        still_free = {str(key) for key in free_companies(instance).values_list("pk", flat=True)}
        versions = dict(
            OrganizationMapping.objects.filter(psa=instance.psa).values_list("organization_id", "version")
        )
        proposals = [
            _proposal(user, instance, suggestion, versions.get(int(suggestion.organization_id), 0))
            for suggestion in suggestions
            if suggestion.organization_id in still_open
            and suggestion.organization_id not in by_hand
            and (suggestion.company_id is None or suggestion.company_id in still_free)
        ]
        MappingProposal.objects.bulk_create(proposals, batch_size=500)
    renew_statistics(len(suggestions), MappingProposal)
    if obstacle:
        return SuggestionSummary(open_organizations(instance).count(), {}, obstacle)
    return SuggestionSummary(len(suggestions), dict(Counter(item.tier.value for item in suggestions)))


def _obstacle(instance: IntegrationInstance) -> str:
    """Why there is no company to suggest, and what to do about it; "" where there is one."""
    if free_companies(instance).exists():
        return ""
    if instance.companies.offered().exists():
        return "each company is mapped already. Refresh Options shows whether there are new ones."
    if instance.last_full_read_at is None:
        return "no companies have been read yet. Press Refresh Options first."
    if instance.filters.exists():
        return "the company filter leaves no company. Change the filter, then refresh."
    return "there are no companies. Look at what the API user may see in Autotask, then refresh."


def _proposal(
    user: User, instance: IntegrationInstance, suggestion: matching.Suggestion, version: int
) -> MappingProposal:
    """A suggestion before this person, who sees the organization's mapping in this version; unsaved."""
    return MappingProposal(
        user=user,
        instance=instance,
        organization_id=int(suggestion.organization_id),
        company_id=int(suggestion.company_id) if suggestion.company_id else None,
        kind=MappingProposal.Kind.SUGGESTED,
        selected=suggestion.tier is matching.Tier.SURE,
        tier=suggestion.tier.value,
        confidence=kept_confidence(suggestion.confidence),
        reasons=list(suggestion.reasons),
        rivals=[
            {
                "company": int(rival.company_id),
                "confidence": kept_confidence(rival.confidence),
                "reasons": list(rival.reasons),
            }
            for rival in suggestion.alternatives[:RIVALS_KEPT]
        ],
        matcher_version=matching.MODEL_VERSION,
        match_kind=suggestion.kind.value if suggestion.company_id else "",
        seen_version=version,
    )
