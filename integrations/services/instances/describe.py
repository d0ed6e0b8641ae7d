"""What a configuration is called, and which one is the default: changed without asking the PSA."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from integrations.database.integrity import refine_integrity_error
from integrations.models import IntegrationInstance
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change, instance_change
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.instances.connect import NameTaken


@dataclass(frozen=True)
class InstanceDetails:
    """What a configuration is called, and whether other tools use it when they name none."""

    name: str
    description: str
    is_default: bool

    @classmethod
    def of(cls, instance: IntegrationInstance) -> InstanceDetails:
        """The details as they stand."""
        return cls(instance.name, instance.description, instance.is_default)


def describe_instance(
    batch: Batch,
    instance: IntegrationInstance,
    wanted: InstanceDetails,
    *,
    seen: InstanceDetails,
) -> bool:
    """Change what a configuration is called; the connection itself changes only with its credentials.

    A PSA always has one default: it moves here from another configuration, and is not simply given up. False
    when nothing differs. Raises NameTaken, and ChangedMeanwhile when ``seen`` is no longer true.
    """
    with (
        refine_integrity_error({"instance_name_is_unique": NameTaken(wanted.name)}),
        transaction.atomic(),
    ):
        return _describe(batch, instance.pk, wanted, seen)


def _describe(batch: Batch, key: int, wanted: InstanceDetails, seen: InstanceDetails) -> bool:
    # Every present configuration is locked, in one order: two people may each make another one the default.
    present = {each.pk: each for each in IntegrationInstance.objects.present().locked().order_by("pk")}
    instance = present.get(key)
    if instance is None or InstanceDetails.of(instance) != seen:
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
    return instance_change(Action.INSTANCE_CHANGED, instance, before, instance.snapshot())
