"""Mapping one organization without proposals, as the admin does: the same rules, in force at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations.database.integrity import refine_integrity_error
from integrations.database.transactions import transaction_required
from integrations.models import Company, IntegrationInstance, Organization, OrganizationMapping
from integrations.models.audit import Action
from integrations.models.mappings import MappingSource
from integrations.services.audit import Batch, mapping_change
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.mapping.proposals import CompanyNotOffered
from integrations.services.mapping.seen import Seen, lock_mappings


class OrganizationDeleted(Exception):
    """A deleted organization cannot be mapped; restore it first."""


@refine_integrity_error({"one_mapping_per_organization_and_psa": ChangedMeanwhile})
@transaction.atomic
def set_mapping(
    batch: Batch, organization: Organization, company: Company, *, seen_version: int
) -> OrganizationMapping:
    """Map an organization to a company of any configuration; one that was removed comes back in force.

    ``seen_version`` is the mapping's version as this person saw it (0: there was none). Raises
    CompanyNotOffered, OrganizationDeleted, ChangedMeanwhile.
    """
    # The order of locks that saving the mapping table keeps: the instance, then the mapping.
    instance = IntegrationInstance.objects.present().locked().filter(pk=company.instance_id).first()
    if instance is None or company.is_own or company.is_pending:
        raise CompanyNotOffered
    if not Organization.objects.present().filter(pk=organization.pk).exists():
        raise OrganizationDeleted
    standing = OrganizationMapping.objects.filter(organization=organization, psa=instance.psa)
    mapping = standing.locked().with_names().first()
    if (mapping.version if mapping else 0) != seen_version:
        raise ChangedMeanwhile
    before = mapping.snapshot() if mapping else None
    if mapping is None or not mapping.is_in_force:
        action = Action.MAPPING_CREATED
    elif mapping.company_id == company.pk:
        return mapping
    else:
        action = Action.MAPPING_CHANGED if mapping.instance_id == instance.pk else Action.MAPPING_MOVED
    if company.missing_since is not None:
        raise CompanyNotOffered
    mapping = mapping or OrganizationMapping(organization=organization, psa=instance.psa, version=0)
    mapping.assign(company, by=batch.actor.account, at=timezone.now(), source=MappingSource.CHOSEN)
    mapping.save()
    batch.record([mapping_change(action, mapping, before)])
    return mapping


@transaction.atomic
def remove_mappings(
    batch: Batch,
    keys: Collection[int] = (),
    *,
    instance: IntegrationInstance | None = None,
    organizations: Collection[int] = (),
    seen: Seen | None = None,
) -> int:
    """Take the mappings of these primary keys, or of an instance's organizations, out of force, in one batch.

    Returns how many were in force. Those that are not what was ``seen`` are left.
    """
    which = Q(instance=instance, organization__in=organizations) if instance else Q(pk__in=keys)
    mappings = lock_mappings(OrganizationMapping.objects.present().filter(which))
    mappings = mappings if seen is None else seen.unchanged(mappings)
    remove_locked(batch, mappings)
    return len(mappings)


@transaction_required
def remove_locked(batch: Batch, mappings: Sequence[OrganizationMapping]) -> None:
    """The same for mappings that the caller has locked with all that they are seen with (`lock_mappings`)."""
    now, changes = timezone.now(), []
    for mapping in mappings:
        before = mapping.snapshot()
        mapping.remove(now)
        mapping.confirm(batch.actor.account, now)
        changes.append(mapping_change(Action.MAPPING_REMOVED, mapping, before))
    OrganizationMapping.objects.write(mappings)
    batch.record(changes)
