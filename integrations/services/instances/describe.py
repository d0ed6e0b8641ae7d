"""What a superuser mends in the admin, one row at a time: a mapping, or what a configuration is called.

The mapping table of the setup page is the usual way; here the same rules hold without its proposals: the
version that was seen must still be there, the change is audited, and undo takes it back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.models import Company, IntegrationInstance, Organization, OrganizationMapping
from integrations.models.mappings import MappingSource
from integrations.services.audit import Actor, Batch, Change, instance_change
from integrations.services.instances.connect import NameTaken
from integrations.services.mapping.save import CompanyNotOffered, mapping_change


class ChangedMeanwhile(Exception):
    """Somebody else has changed the row since it was shown; nothing was written."""


class OrganizationDeleted(Exception):
    """A deleted organization cannot be mapped; restore it first."""


# --- mappings ---------------------------------------------------------------------------------------------


def set_mapping(
    actor: Actor, user: User, organization: Organization, company: Company, *, seen_version: int
) -> OrganizationMapping:
    """Map an organization to a company of any configuration; one that was removed comes back in force.

    ``seen_version`` is the mapping's version as this person saw it (0: there was none). Raises
    CompanyNotOffered, OrganizationDeleted, ChangedMeanwhile.
    """
    try:
        with transaction.atomic():
            return _set_mapping(actor, user, organization, company, seen_version)
    except IntegrityError as error:  # a colleague mapped it for the first time in the same moment
        raise ChangedMeanwhile from error


def _set_mapping(
    actor: Actor, user: User, organization: Organization, company: Company, seen_version: int
) -> OrganizationMapping:
    # The order of locks that saving the mapping table keeps: the instance, then the mapping.
    instance = IntegrationInstance.objects.present().locked().filter(pk=company.instance_id).first()
    if instance is None or company.is_own:
        raise CompanyNotOffered
    if not Organization.objects.present().filter(pk=organization.pk).exists():
        raise OrganizationDeleted
    mapping = (
        OrganizationMapping.objects.filter(organization=organization, psa=instance.psa)
        .select_for_update(of=("self",))
        .select_related("organization", "company", "instance")
        .first()
    )
    if (mapping.version if mapping else 0) != seen_version:
        raise ChangedMeanwhile
    if mapping is None:
        action, before = "mapping created", None
        mapping = OrganizationMapping(organization=organization, psa=instance.psa, version=0)
    else:
        before = mapping.snapshot()
        if mapping.removed_at is not None:
            action = "mapping created"
        elif mapping.company_id == company.pk:
            return mapping
        else:
            action = "mapping changed" if mapping.instance_id == instance.pk else "mapping moved"
    mapping.instance, mapping.company = instance, company
    mapping.source, mapping.confidence = MappingSource.CHOSEN, None
    mapping.reasons, mapping.matcher_version = [], ""
    mapping.confirm(user, timezone.now())
    mapping.confirmed_name = company.name
    mapping.removed_at, mapping.removed_with_instance = None, False
    mapping.version += 1
    mapping.save()
    Batch(actor).record([mapping_change(action, mapping, before)])
    return mapping


def remove_mappings(actor: Actor, user: User, keys: Collection[int]) -> int:
    """Take the mappings of these primary keys out of force, in one batch; returns how many were in force."""
    now = timezone.now()
    with transaction.atomic():
        mappings = list(
            OrganizationMapping.objects.present()
            .filter(pk__in=keys)
            .order_by("organization_id")
            .select_for_update(of=("self",))
            .select_related("organization", "company", "instance")
        )
        changes = []
        for mapping in mappings:
            before = mapping.snapshot()
            mapping.removed_at, mapping.removed_with_instance = now, False
            mapping.confirm(user, now)
            mapping.version += 1
            changes.append(mapping_change("mapping removed", mapping, before))
        OrganizationMapping.objects.bulk_update(
            mappings,
            [
                "removed_at",
                "removed_with_instance",
                "confirmed_by",
                "confirmed_by_name",
                "confirmed_at",
                "version",
            ],
            batch_size=200,
        )
        Batch(actor).record(changes)
    return len(mappings)


# --- configurations ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Description:
    """What a configuration is called, and whether other tools use it when they name none."""

    name: str
    description: str
    is_default: bool


def description_of(instance: IntegrationInstance) -> Description:
    """The instance's description as it stands."""
    return Description(instance.name, instance.description, instance.is_default)


def describe_instance(
    actor: Actor,
    instance: IntegrationInstance,
    wanted: Description,
    *,
    seen: Description,
    batch: Batch | None = None,
) -> bool:
    """Change what a configuration is called; the connection itself changes only with its credentials.

    A PSA always has one default: it moves here from another configuration, and is not simply given up. False
    when nothing differs. Raises NameTaken, and ChangedMeanwhile when ``seen`` is no longer true.
    """
    try:
        with transaction.atomic():
            return _describe(batch or Batch(actor), instance.pk, wanted, seen)
    except IntegrityError as error:
        raise NameTaken(wanted.name) from error


def _describe(batch: Batch, key: int, wanted: Description, seen: Description) -> bool:
    # Every present configuration is locked, in one order: two people may each make another one the default.
    present = {each.pk: each for each in IntegrationInstance.objects.present().locked().order_by("pk")}
    instance = present.get(key)
    if instance is None or description_of(instance) != seen:
        raise ChangedMeanwhile
    others = [each for each in present.values() if each.psa == instance.psa and each.pk != key]
    changes = []
    for other in others:
        if wanted.is_default and other.is_default:
            before = other.snapshot()
            other.is_default = False
            other.save(update_fields=["is_default", "updated_at"])
            changes.append(_instance_change(other, before))
    before = instance.snapshot()
    instance.name, instance.description = wanted.name, wanted.description
    instance.is_default = wanted.is_default or not any(other.is_default for other in others)
    if instance.snapshot() == before:
        return False
    instance.save(update_fields=["name", "description", "is_default", "updated_at"])
    batch.record([*changes, _instance_change(instance, before)])
    return True


def _instance_change(instance: IntegrationInstance, before: dict[str, object]) -> Change:
    return instance_change("instance changed", instance, before, instance.snapshot())
