"""One text of a configuration that is set by itself: written, recorded, and taken back by itself."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from integrations.database.transactions import transaction_required
from integrations.models import AuditEvent, IntegrationInstance
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change, instance_change


@dataclass(frozen=True)
class OwnText:
    """The ``field`` of the instance, what the audit calls it, and the actions that set it and put it back."""

    field: str
    name: str
    changed: Action
    put_back: Action


def set_text(batch: Batch, instance: IntegrationInstance, text: OwnText, wanted: str) -> bool:
    """Set it ("": none); False when nothing differs."""
    with transaction.atomic():
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
        if getattr(instance, text.field) == wanted:
            return False
        batch.record([_write(text.changed, instance, text, wanted)])
    return True


@transaction_required
def put_back_text(instance: IntegrationInstance, text: OwnText, event: AuditEvent) -> Change | None:
    """Put it back in a locked instance; what to record, or None if it is not what the event left."""
    if instance.is_deleted or _snapshot(instance, text) != event.after:
        return None
    return _write(text.put_back, instance, text, (event.before or {})[text.name])


def _write(action: Action, instance: IntegrationInstance, text: OwnText, wanted: str) -> Change:
    before = _snapshot(instance, text)
    setattr(instance, text.field, wanted)
    instance.save(update_fields=[text.field, "updated_at"])
    return instance_change(action, instance, before, _snapshot(instance, text))


def _snapshot(instance: IntegrationInstance, text: OwnText) -> dict[str, object]:
    return {text.name: getattr(instance, text.field)}
