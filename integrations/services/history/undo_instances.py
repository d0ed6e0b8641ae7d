"""Putting configurations back as the audit says they were: being there, names, schedules, filters.

Credentials are never put back, since nothing keeps the old ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from integrations.models import AuditEvent, IntegrationInstance
from integrations.services.audit import Actor, Change, instance_change
from integrations.services.companies.filters import put_back_filters
from integrations.services.instances.catch_all import catch_all_snapshot, change_catch_all
from integrations.services.instances.schedule import schedule_snapshot, set_schedule
from integrations.services.jobs.run import request_cancel

CHANGED_SINCE = "changed again since"
DESCRIBED = ("name", "description", "is_default")
# What only new credentials change.
CONNECTED = ("zone", "api_url", "username", "secrets_set")
Outcome = tuple[list[Change], list[tuple[str, str]]]


def is_description(event: AuditEvent) -> bool:
    """Whether a change of a configuration touched nothing that hangs on its credentials."""
    before, after = event.before or {}, event.after or {}
    return all(before.get(name) == after.get(name) for name in CONNECTED)


def put_back_instances(events: Sequence[AuditEvent], actor: Actor) -> Outcome:
    """Put each event's configuration back; returns the changes, and the names of those left with the reason.

    Inside a transaction that has locked the configurations.
    """
    changes: list[Change] = []
    left: list[tuple[str, str]] = []
    for event in events:
        if "filters" in (event.after or {}):
            filtered, unfiltered = put_back_filters([event], actor)
            changes += filtered
            left += unfiltered
            continue
        instance = IntegrationInstance.objects.locked().filter(pk=event.instance_id or 0).first()
        if instance is None:
            left.append((event.target_name, "no longer there"))
            continue
        if event.before is None:
            found = _unmake(instance, event.after or {}, actor)
        elif event.after is None:
            found = _make_again(instance)
        elif "catch_all" in event.after:
            found = _put_back_catch_all(instance, event.before, event.after)
        elif "refresh_every_hours" in event.after:
            found = _put_back_schedule(instance, event.before, event.after)
        else:
            found = _describe_again(instance, event)
        if isinstance(found, str):
            left.append((event.target_name, found))
        else:
            changes.append(found)
    return changes, left


def _unmake(instance: IntegrationInstance, after: Mapping[str, Any], actor: Actor) -> Change | str:
    """Delete (softly) what was made; or why not."""
    if instance.deleted_at is not None or not _is_still(instance, after, (*DESCRIBED[:2], *CONNECTED)):
        return CHANGED_SINCE
    if instance.mappings.present().exists():
        return "organizations were mapped in it since"
    before = instance.snapshot()
    instance.proposals.all().delete()
    for job in instance.jobs.open():
        request_cancel(job)
    instance.deleted_at, instance.is_default = timezone.now(), False
    instance.deleted_by_id = actor.account.pk if actor.account else None
    instance.save(update_fields=["deleted_at", "deleted_by", "is_default", "updated_at"])
    return instance_change("instance deleted by undo", instance, before, None)


def _make_again(instance: IntegrationInstance) -> Change | str:
    """Bring back what an undo deleted; or why not."""
    if instance.deleted_at is None:
        return CHANGED_SINCE
    others = IntegrationInstance.objects.present().filter(psa=instance.psa)
    if others.filter(name__iexact=instance.name).exists():
        return "another configuration has its name now"
    instance.deleted_at = instance.deleted_by_id = None
    instance.is_default = not others.filter(is_default=True).exists()
    instance.save(update_fields=["deleted_at", "deleted_by", "is_default", "updated_at"])
    return instance_change("instance restored by undo", instance, None, instance.snapshot())


def _put_back_catch_all(
    instance: IntegrationInstance, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Change | str:
    if instance.deleted_at is not None or catch_all_snapshot(instance) != after:
        return CHANGED_SINCE
    return change_catch_all("catch-all company put back", instance, before["catch_all"])


def _put_back_schedule(
    instance: IntegrationInstance, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Change | str:
    if instance.deleted_at is not None or schedule_snapshot(instance) != after:
        return CHANGED_SINCE
    set_schedule(instance, before["refresh_every_hours"], check_daily=before["check_daily"])
    return instance_change("schedule put back", instance, dict(after), schedule_snapshot(instance))


def _describe_again(instance: IntegrationInstance, event: AuditEvent) -> Change | str:
    if not is_description(event):
        return "its credentials were replaced, and the old ones are not kept"
    before, after = event.before or {}, event.after or {}
    if instance.deleted_at is not None or not _is_still(instance, after, DESCRIBED):
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
    return instance_change("instance change undone", instance, present, instance.snapshot())


def _is_still(instance: IntegrationInstance, state: Mapping[str, Any], names: Sequence[str]) -> bool:
    present = instance.snapshot()
    return all(present[name] == state.get(name) for name in names)
