"""Adding, changing, deleting and restoring one organization. Every write is audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.database.integrity import broken_constraint
from integrations.database.transactions import transaction_required
from integrations.models import Organization, OrganizationMapping
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change, State, mapping_change, organization_change
from integrations.services.conflicts import ChangedMeanwhile


class ExternalIdTaken(Exception):
    """Another organization has this external id; ``holder`` is its name."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"“{holder}” has this external id.")
        self.holder = holder


def add_organization(batch: Batch, values: Mapping[str, Any]) -> Organization:
    """Add an organization; ``values`` by the names of ``Organization.EDITABLE``. Raises ExternalIdTaken."""
    organization = Organization(**_editable(values))
    _save(batch, Action.ORGANIZATION_ADDED, organization, before=None)
    return organization


@transaction.atomic
def change_organization(
    batch: Batch, organization: Organization, values: Mapping[str, Any], seen: dt.datetime | None
) -> bool:
    """Change an organization that was last changed at ``seen`` when it was shown; False if nothing differs.

    Somebody who cannot say what they saw (None) has seen nothing. Raises ChangedMeanwhile and
    ExternalIdTaken; then nothing is written.
    """
    current = Organization.objects.present().locked().filter(pk=organization.pk).first()
    if current is None or current.updated_at != seen:
        raise ChangedMeanwhile
    before = current.snapshot()
    for name, value in _editable(values).items():
        setattr(current, name, value)
    if current.snapshot() == before:
        return False
    _save(batch, Action.ORGANIZATION_CHANGED, current, before)
    return True


@transaction.atomic
def delete_organization(batch: Batch, organization: Organization) -> None:
    """Delete an organization softly; its mappings stay in its row's shadow and return with it.

    Deleting one that is deleted already does nothing.
    """
    current = Organization.objects.present().locked().filter(pk=organization.pk).first()
    if current is None:
        return
    current.deleted_at, current.merged_into = timezone.now(), None
    current.save(update_fields=["deleted_at", "merged_into", "updated_at"])
    current.proposals.all().delete()
    change = organization_change(Action.ORGANIZATION_DELETED, current, current.snapshot(), None)
    batch.record([*mappings_along([current]), change])


@transaction.atomic
def restore_organization(batch: Batch, organization: Organization) -> None:
    """Bring a deleted organization back. Raises ExternalIdTaken when another one has its external id now."""
    current = Organization.objects.deleted().locked().filter(pk=organization.pk).first()
    if current is not None:
        current.deleted_at = None
        batch.record(mappings_along([current]))
        _save(batch, Action.ORGANIZATION_RESTORED, current, before=None)


@transaction_required
def mappings_along(organizations: Collection[Organization]) -> list[Change]:
    """What is told of the mappings that leave all tables with these organizations, or come back with them.

    The mappings themselves stay as they are, in the organization's shadow. Who follows their changes keeps
    one of an organization that is deleted no longer than the tables do.
    """
    if not organizations:
        return []
    rows = OrganizationMapping.objects.present().filter(organization__in=[row.pk for row in organizations])
    is_deleted = {row.pk: row.is_deleted for row in organizations}
    changes = []
    for mapping in rows.locked().with_names():
        hidden = {**mapping.snapshot(), "removed": True}
        if is_deleted[mapping.organization_id]:
            before = mapping.snapshot()
            changes.append(mapping_change(Action.MAPPING_HIDDEN, mapping, before, removed=True))
        else:
            changes.append(mapping_change(Action.MAPPING_SHOWN, mapping, hidden))
    return changes


def _save(batch: Batch, action: Action, organization: Organization, before: State) -> None:
    try:
        with transaction.atomic():
            if organization.external_id and (holder := _holder(organization)):
                raise ExternalIdTaken(holder.name)
            organization.save()
            batch.record([organization_change(action, organization, before, organization.snapshot())])
    except IntegrityError as error:
        if broken_constraint(error) != "organization_external_id_is_unique":
            raise
        holder = _holder(organization)  # who was faster by a moment
        raise ExternalIdTaken(holder.name if holder else "Another organization") from error


def _holder(organization: Organization) -> Organization | None:
    present = Organization.objects.present().filter(external_id=organization.external_id)
    return present.exclude(pk=organization.pk).first()


def _editable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in Organization.EDITABLE if name in values}
