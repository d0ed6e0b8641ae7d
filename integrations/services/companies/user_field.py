"""The one user-defined field that is read with the companies: an id by which other tools know them.

Its values are shown under the name of the field that they were read from (``user_field_read``), and stay
until the next refresh, which then reads everything.
"""

from __future__ import annotations

from django.db import transaction

from integrations.database.transactions import transaction_required
from integrations.models import IntegrationInstance
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change, instance_change


def set_user_field(batch: Batch, instance: IntegrationInstance, wanted: str) -> bool:
    """Choose the field by its name (``udf:Name``), or none (""); False when nothing differs."""
    with transaction.atomic():
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
        if instance.user_field == wanted:
            return False
        batch.record([change_user_field(Action.USER_FIELD_CHANGED, instance, wanted)])
    return True


@transaction_required
def change_user_field(action: Action, instance: IntegrationInstance, wanted: str) -> Change:
    """Write the name into a locked instance; returns what to record."""
    before = user_field_snapshot(instance)
    instance.user_field = wanted
    instance.save(update_fields=["user_field", "updated_at"])
    return instance_change(action, instance, before, user_field_snapshot(instance))


def user_field_snapshot(instance: IntegrationInstance) -> dict[str, object]:
    """For the audit."""
    return {"user_field": instance.user_field}
