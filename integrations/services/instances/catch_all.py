"""The catch-all company: what programs that ask for it are told for an organization without a mapping.

Its id in the PSA is what is kept, so that a restored portal has it before its companies are read.
"""

from __future__ import annotations

from django.db import transaction

from integrations.database.transactions import transaction_required
from integrations.models import Company, IntegrationInstance
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change, instance_change


class NotUsable(Exception):
    """The company is of another configuration, inactive, or was not in the last complete read."""


def set_catch_all(batch: Batch, instance: IntegrationInstance, company: Company | None) -> bool:
    """Set the catch-all company, or that there is none; False when nothing differs. Raises NotUsable."""
    if company is not None and (company.instance_id != instance.pk or not company.is_usable):
        raise NotUsable
    return set_catch_all_id(batch, instance, company.remote_id if company else "")


def set_catch_all_id(batch: Batch, instance: IntegrationInstance, wanted: str) -> bool:
    """Set the company's id in the PSA ("": none), read or not; False when nothing differs."""
    with transaction.atomic():
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
        if instance.catch_all_id == wanted:
            return False
        batch.record([change_catch_all(Action.CATCH_ALL_CHANGED, instance, wanted)])
    return True


@transaction_required
def change_catch_all(action: Action, instance: IntegrationInstance, wanted: str) -> Change:
    """Write the id into a locked instance; returns what to record."""
    before = catch_all_snapshot(instance)
    instance.catch_all_id = wanted
    instance.save(update_fields=["catch_all_id", "updated_at"])
    return instance_change(action, instance, before, catch_all_snapshot(instance))


def catch_all_snapshot(instance: IntegrationInstance) -> dict[str, object]:
    """For the audit."""
    return {"catch_all": instance.catch_all_id}
