"""What a person says of companies that did not come: they are gone. Never more than was shown to them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from integrations.models import HeldRefresh, IntegrationInstance
from integrations.models.audit import Action
from integrations.services.audit import Batch, instance_change


class NothingToAccept(Exception):
    """No warning names a company that did not come, or a held result has to be decided first."""


@dataclass(frozen=True)
class Absence:
    """Companies that did not come, by ids; None: whatever a read lacks."""

    instance: IntegrationInstance
    ids: list[str] | None = None

    @classmethod
    def named(cls, instance: IntegrationInstance) -> Absence:
        """The companies that the last incomplete read's warning names. Raises NothingToAccept."""
        warning = instance.read_warnings.get("count") or {}
        ids = [str(each) for each in warning.get("ids", ())]
        if not ids or HeldRefresh.objects.filter(instance=instance).exists():
            raise NothingToAccept
        return cls(instance, ids)

    def note_accepted(self, batch: Batch) -> None:
        """Record that a person takes them for gone."""
        told: dict[str, object] = {"gone": "whatever does not come"}
        if self.ids is not None:
            rows = self.instance.companies.filter(remote_id__in=self.ids).order_by("pk")
            told = {"gone": [f"{name} ({number})" for number, name in rows.values_list("remote_id", "name")]}
        with transaction.atomic():
            batch.record([instance_change(Action.ABSENCE_ACCEPTED, self.instance, None, told)])
