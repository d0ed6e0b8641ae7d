"""Deleting an instance softly, with its mappings, and bringing it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from integrations.database.transactions import transaction_required
from integrations.models import AuditEvent, IntegrationInstance, OrganizationMapping
from integrations.models.audit import Action
from integrations.services.audit import Batch, instance_change, mapping_change

RESTORABLE_FOR = dt.timedelta(days=30)
DELETING_FIELDS = ("deleted_at", "deleted_by", "is_default", "updated_at")


class NotRestorable(Exception):
    """The configuration was deleted too long ago, or its name is in use again."""


def delete_instance(batch: Batch, instance: IntegrationInstance) -> int:
    """Delete an instance softly, with its mappings; returns how many of these its table showed."""
    now = timezone.now()
    with transaction.atomic():
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
        mappings = list(instance.mappings.present().with_names().locked())
        changes = [instance_change(Action.INSTANCE_DELETED, instance, instance.snapshot(), None)]
        for mapping in mappings:
            before = mapping.snapshot()
            mapping.remove(now, with_instance=True)
            changes.append(mapping_change(Action.MAPPING_TAKEN_ALONG, mapping, before))
        OrganizationMapping.objects.write(mappings)
        take_away(batch, instance, now)
        batch.record(changes)
    return _shown(mappings)


def restore_instance(batch: Batch, instance: IntegrationInstance) -> tuple[int, int]:
    """Bring a deleted instance back within 30 days.

    Returns how many mappings its table shows again, and how many did not come back because their organization
    was mapped elsewhere since. Raises NotRestorable.
    """
    with transaction.atomic():
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk)
        if instance.deleted_at is None or instance.deleted_at < timezone.now() - RESTORABLE_FOR:
            raise NotRestorable("It was deleted more than 30 days ago, or it is not deleted.")
        present = IntegrationInstance.objects.present().filter(psa=instance.psa)
        if present.filter(name__iexact=instance.name).exists():
            raise NotRestorable(
                f"Another configuration is called “{instance.name}” now. Rename that one first."
            )
        taken_along = instance.mappings.filter(removed_with_instance=True).exclude(removed_at=None)
        mappings = list(taken_along.with_names().locked())
        lost = instance_mappings_elsewhere(instance)
        changes = []
        for mapping in mappings:
            before = mapping.snapshot()
            mapping.restore()
            changes.append(mapping_change(Action.MAPPING_BROUGHT_BACK, mapping, before))
        OrganizationMapping.objects.write(mappings)
        bring_back(instance)
        changes.append(instance_change(Action.INSTANCE_RESTORED, instance, None, instance.snapshot()))
        batch.record(changes)
    return _shown(mappings), lost


@transaction_required
def take_away(batch: Batch, instance: IntegrationInstance, now: dt.datetime) -> None:
    """Delete a locked instance softly, with what people have before them in it and its open jobs."""
    instance.proposals.all().delete()
    for job in instance.jobs.open():
        job.request_cancel()
    instance.deleted_at, instance.deleted_by, instance.is_default = now, batch.actor.account, False
    instance.save(update_fields=DELETING_FIELDS)


@transaction_required
def bring_back(instance: IntegrationInstance) -> None:
    """Let a locked instance be there again, as the default where its PSA has none."""
    present = IntegrationInstance.objects.present().filter(psa=instance.psa)
    instance.deleted_at, instance.deleted_by = None, None
    instance.is_default = not present.filter(is_default=True).exists()
    instance.save(update_fields=DELETING_FIELDS)


def _shown(mappings: Iterable[OrganizationMapping]) -> int:
    """How many have a row: those of deleted organizations go and come along unseen."""
    return sum(mapping.organization.deleted_at is None for mapping in mappings)


def instance_mappings_elsewhere(instance: IntegrationInstance) -> int:
    """How many mappings the instance had when it was deleted that belong to another instance now."""
    taken_along = AuditEvent.objects.of(Action.MAPPING_TAKEN_ALONG)
    organizations = taken_along.filter(instance=instance, at__gte=instance.deleted_at).values_list(
        "target_id", flat=True
    )
    return (
        OrganizationMapping.objects.in_tables()
        .filter(organization_id__in=[int(key) for key in organizations], psa=instance.psa)
        .exclude(instance=instance)
        .count()
    )
