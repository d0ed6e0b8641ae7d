"""Putting mappings back as the audit says they were."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import AuditEvent, Company, IntegrationInstance, Organization, OrganizationMapping
from integrations.services.audit import Actor, Change, mapping_event
from integrations.services.mapping.save import write_mappings

CHANGED_SINCE = "changed again since"


class _Company(NamedTuple):
    """What is told of a company, and where it is; whole rows of thousands would cost more than the rest."""

    pk: int
    name: str
    instance: IntegrationInstance


Outcome = tuple[list[Change], list[tuple[str, str]]]


def put_back_mappings(events: Sequence[AuditEvent], actor: Actor) -> Outcome:
    """Put each event's mapping back; returns the changes, and the names of those left with the reason.

    Inside a transaction that has locked the instances.
    """
    instances = IntegrationInstance.objects.in_bulk()
    mappings = {
        (mapping.organization_id, mapping.psa): mapping
        for mapping in OrganizationMapping.objects.filter(
            organization_id__in=[int(event.target_id) for event in events]
        )
        .order_by("organization_id")
        .select_for_update(of=("self",))
    }
    organizations = dict(
        Organization.objects.filter(pk__in=[place[0] for place in mappings]).values_list("pk", "name")
    )
    wanted = {event.before["company"] for event in events if event.before}
    wanted.update(mapping.company_id for mapping in mappings.values())
    companies = {
        pk: _Company(pk, name, instances[instance])
        for pk, name, instance in Company.objects.filter(pk__in=wanted).values_list("pk", "name", "instance")
    }
    people = _people(events)
    changed: dict[int, OrganizationMapping] = {}
    changes: list[Change] = []
    left: list[tuple[str, str]] = []
    for event in events:
        # An instance that was purged took its mappings along for good.
        instance = instances.get(event.instance_id or 0)
        mapping = mappings.get((int(event.target_id), instance.psa)) if instance else None
        if mapping is None:
            left.append((event.target_name, "no longer there"))
            continue
        if event.after is None or mapping.version != event.after["version"]:
            left.append((event.target_name, CHANGED_SINCE))
            continue
        target = companies.get(event.before["company"]) if event.before else None
        if target and event.before and target.instance.deleted_at is not None and not event.before["removed"]:
            left.append((event.target_name, f"“{target.instance.name}” was deleted since"))
            continue
        before = mapping.snapshot()
        _put_back(mapping, event.before, target, people)
        changed[mapping.pk] = mapping
        names = (organizations[mapping.organization_id], companies[mapping.company_id].name)
        changes.append(
            mapping_event("mapping change undone", mapping, before, names, instances[mapping.instance_id])
        )
    write_mappings([], changed.values())
    return changes, left


def _people(events: Sequence[AuditEvent]) -> set[int]:
    """The accounts that still exist of those who confirmed the mappings then."""
    named = {event.before.get("confirmed_by") for event in events if event.before} - {None}
    return set(User.objects.filter(pk__in=named).values_list("pk", flat=True))


def _put_back(
    mapping: OrganizationMapping, before: dict[str, Any] | None, company: _Company | None, people: set[int]
) -> None:
    mapping.version += 1
    mapping.removed_with_instance = False
    if before is None or company is None:
        mapping.removed_at = timezone.now()
        return
    mapping.company_id, mapping.instance_id = company.pk, company.instance.pk
    mapping.source, mapping.confidence = before["source"], before["confidence"]
    mapping.reasons, mapping.matcher_version = before["reasons"], before["matcher_version"]
    mapping.confirmed_name = before.get("confirmed_name", "")
    mapping.removed_at = timezone.now() if before["removed"] else None
    if "confirmed_at" in before:  # history of before 0007 does not know it
        mapping.confirmed_at = dt.datetime.fromisoformat(before["confirmed_at"])
        mapping.confirmed_by_id = before["confirmed_by"] if before["confirmed_by"] in people else None
        mapping.confirmed_by_name = before.get("confirmed_by_name", "")
