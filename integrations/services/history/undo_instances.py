"""Putting configurations back as the audit says they were: being there, names, schedules, filters.

Credentials are never put back, since nothing keeps the old ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.utils import timezone

from integrations.database.transactions import transaction_required
from integrations.models import AuditEvent, IntegrationInstance
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change, instance_change
from integrations.services.companies.filters import put_back_filters
from integrations.services.companies.user_field import USER_FIELD
from integrations.services.expectations.terms import put_back_expectations
from integrations.services.history.register import CHANGED_SINCE, GONE, puts_back
from integrations.services.instances.catch_all import CATCH_ALL
from integrations.services.instances.delete import bring_back, take_away
from integrations.services.instances.own_text import put_back_text
from integrations.services.instances.schedule import schedule_snapshot, set_schedule

DESCRIBED = ("name", "description", "is_default")
# What only new credentials change.
CONNECTED = ("zone", "api_url", "username", "secrets_set")
# Puts one configuration back; tells what it did, or why it did not.
PutBackOne = Callable[[Batch, IntegrationInstance, AuditEvent], Change | str]
_ONE: dict[Action | None, PutBackOne] = {}


def is_description(event: AuditEvent) -> bool:
    """Whether a change of a configuration touched nothing that hangs on its credentials."""
    before, after = event.before or {}, event.after or {}
    return all(before.get(name) == after.get(name) for name in CONNECTED)


@transaction_required
def put_back_instances(batch: Batch, events: Sequence[AuditEvent]) -> Iterator[str]:
    """Put each configuration back, one after the other: an undone import is taken back in all its steps."""
    for event in events:
        instance = IntegrationInstance.objects.locked().filter(pk=event.instance_id or 0).first()
        found = GONE if instance is None else _ONE[event.known_action](batch, instance, event)
        if isinstance(found, Change):
            batch.record([found])
        yield "" if isinstance(found, Change) else found


def _puts_back_one(right: str, *actions: Action) -> Callable[[PutBackOne], PutBackOne]:
    puts_back(right, *actions)(put_back_instances)

    def register(put_back: PutBackOne) -> PutBackOne:
        _ONE.update(dict.fromkeys(actions, put_back))
        return put_back

    return register


@_puts_back_one(
    "delete_integrationinstance",
    Action.INSTANCE_CONNECTED,
    Action.INSTANCE_IMPORTED,
    Action.INSTANCE_RESTORED_BY_UNDO,
)
def _unmake(batch: Batch, instance: IntegrationInstance, event: AuditEvent) -> Change | str:
    """Delete (softly) what was made."""
    if instance.is_deleted or not _is_still(instance, event.after or {}, (*DESCRIBED[:2], *CONNECTED)):
        return CHANGED_SINCE
    if instance.mappings.present().exists():
        return "organizations were mapped in it since"
    before = instance.snapshot()
    take_away(batch, instance, timezone.now())
    return instance_change(Action.INSTANCE_DELETED_BY_UNDO, instance, before, None)


@_puts_back_one("delete_integrationinstance", Action.INSTANCE_DELETED_BY_UNDO)
def _make_again(batch: Batch, instance: IntegrationInstance, event: AuditEvent) -> Change | str:
    """Bring back what an undo deleted."""
    if not instance.is_deleted:
        return CHANGED_SINCE
    others = IntegrationInstance.objects.present().filter(psa=instance.psa)
    if others.filter(name__iexact=instance.name).exists():
        return "another configuration has its name now"
    bring_back(instance)
    return instance_change(Action.INSTANCE_RESTORED_BY_UNDO, instance, None, instance.snapshot())


@_puts_back_one("map_organizations", Action.FILTER_CHANGED, Action.FILTER_PUT_BACK)
def _put_back_filters(batch: Batch, instance: IntegrationInstance, event: AuditEvent) -> Change | str:
    if instance.is_deleted:
        return GONE
    before, after = (event.before or {}).get("filters", []), (event.after or {}).get("filters", [])
    return put_back_filters(instance, before, after) or CHANGED_SINCE


@_puts_back_one("change_integrationinstance", CATCH_ALL.changed, CATCH_ALL.put_back)
def _put_back_catch_all(batch: Batch, instance: IntegrationInstance, event: AuditEvent) -> Change | str:
    return put_back_text(instance, CATCH_ALL, event) or CHANGED_SINCE


@_puts_back_one("change_integrationinstance", Action.EXPECTATIONS_CHANGED, Action.EXPECTATIONS_PUT_BACK)
def _put_back_expectations(batch: Batch, instance: IntegrationInstance, event: AuditEvent) -> Change | str:
    if instance.is_deleted:
        return GONE
    return put_back_expectations(instance, event.before or {}, event.after or {}) or CHANGED_SINCE


@_puts_back_one("change_integrationinstance", USER_FIELD.changed, USER_FIELD.put_back)
def _put_back_user_field(batch: Batch, instance: IntegrationInstance, event: AuditEvent) -> Change | str:
    return put_back_text(instance, USER_FIELD, event) or CHANGED_SINCE


# Who may set a filter or a schedule may take it back.
@_puts_back_one("map_organizations", Action.SCHEDULE_CHANGED, Action.SCHEDULE_PUT_BACK)
def _put_back_schedule(batch: Batch, instance: IntegrationInstance, event: AuditEvent) -> Change | str:
    before = event.before or {}
    if instance.is_deleted or schedule_snapshot(instance) != event.after:
        return CHANGED_SINCE
    set_schedule(instance, before["refresh_every_hours"], check_daily=before["check_daily"])
    return instance_change(Action.SCHEDULE_PUT_BACK, instance, event.after, schedule_snapshot(instance))


@_puts_back_one("change_integrationinstance", Action.INSTANCE_CHANGED, Action.INSTANCE_CHANGE_UNDONE)
def _describe_again(batch: Batch, instance: IntegrationInstance, event: AuditEvent) -> Change | str:
    if not is_description(event):
        return "its credentials were replaced, and the old ones are not kept"
    before, after = event.before or {}, event.after or {}
    if instance.is_deleted or not _is_still(instance, after, DESCRIBED):
        return CHANGED_SINCE
    others = IntegrationInstance.objects.present().filter(psa=instance.psa).exclude(pk=instance.pk)
    if others.filter(name__iexact=before["name"]).exists():
        return "another configuration has its old name now"
    if before["is_default"] and others.filter(is_default=True).exists():
        return "another configuration is the default now"
    present = instance.snapshot()
    for name in DESCRIBED:
        setattr(instance, name, before[name])
    instance.save(update_fields=[*DESCRIBED, "updated_at"])
    return instance_change(Action.INSTANCE_CHANGE_UNDONE, instance, present, instance.snapshot())


def _is_still(instance: IntegrationInstance, state: Mapping[str, Any], names: Sequence[str]) -> bool:
    present = instance.snapshot()
    return all(present[name] == state.get(name) for name in names)
