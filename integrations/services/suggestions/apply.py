"""Saving suggestions that no person has ticked: only on an explicit wish, from a tier on, and undoable."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from integrations import matching
from integrations.models import Company, IntegrationInstance, OrganizationMapping
from integrations.models.audit import Action
from integrations.models.mappings import MappingSource
from integrations.services.audit import Batch, mapping_event
from integrations.services.mapping.save import SaveOutcome
from integrations.services.suggestions.suggest import free_companies, kept_confidence, open_organizations

# What may be applied, the surest first. The other tiers name no company for certain.
TIERS = (matching.Tier.SURE, matching.Tier.LIKELY)


def apply_suggestions(
    batch: Batch,
    instance: IntegrationInstance,
    suggestions: Sequence[matching.Suggestion],
    min_tier: matching.Tier,
) -> tuple[SaveOutcome, int]:
    """Save the suggestions of this tier and the surer ones, in one transaction, audited as one batch.

    Rows and companies that somebody has taken since the matcher looked are left out; also how many those are.
    """
    tiers = TIERS[: TIERS.index(min_tier) + 1]
    wanted = [each for each in suggestions if each.tier in tiers and each.company_id]
    outcome, now = SaveOutcome(batch.key), timezone.now()
    with transaction.atomic():
        instance = IntegrationInstance.objects.select_for_update().get(pk=instance.pk, deleted_at=None)
        still_open = {row.pk: row for row in open_organizations(instance)}
        companies: dict[int, Company] = {row.pk: row for row in free_companies(instance)}
        named = [int(each.organization_id) for each in wanted]
        rows = OrganizationMapping.objects.filter(psa=instance.psa, organization__in=named)
        removed = {mapping.organization_id: mapping for mapping in rows.locked()}
        written, changes = [], []
        for suggestion in wanted:
            organization = still_open.get(int(suggestion.organization_id))
            company = companies.pop(int(suggestion.company_id or 0), None)
            if organization is None or company is None:
                continue
            mapping = removed.get(organization.pk)
            before = mapping.snapshot() if mapping else None
            mapping = mapping or OrganizationMapping(organization=organization, psa=instance.psa, version=0)
            written.append(mapping)
            mapping.assign(
                company,
                by=batch.actor.account,
                at=now,
                source=MappingSource.SUGGESTED,
                confidence=kept_confidence(suggestion.confidence),
                reasons=suggestion.reasons,
                matcher_version=matching.MODEL_VERSION,
            )
            names = (organization.name, company.name)
            changes.append(mapping_event(Action.MAPPING_CREATED, mapping, before, names, instance))
        OrganizationMapping.objects.write(written)
        batch.record(changes)
    outcome.created = len(changes)
    return outcome, len(wanted) - len(changes)
