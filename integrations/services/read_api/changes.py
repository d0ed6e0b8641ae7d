"""The feed of mapping changes: what happened to organizations' mappings, in the order of the commits.

An entry's position is its audit event's id. Events become visible in the order of their ids
(``audit.serialize_followed_events``), so that a reader who asks for everything after the last position
it has seen misses nothing, however many write meanwhile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Q

from integrations.models import AuditEvent, Company, IntegrationInstance, Organization
from integrations.services.read_api.scope import Scope

MAPPING = "mapping"


@dataclass(frozen=True)
class MappedCompany:
    """Where an organization is mapped: the instance, and the company by the PSA's own id."""

    instance_id: int
    instance_name: str
    psa: str
    company_id: str
    company_name: str


@dataclass(frozen=True)
class MappingChange:
    """One change; ``before`` and ``after`` are None where the organization was not mapped.

    ``external_id`` is the organization's present one.
    """

    position: int
    at: dt.datetime
    action: str
    batch: str
    organization_id: int
    organization_name: str
    external_id: str
    before: MappedCompany | None
    after: MappedCompany | None


@dataclass(frozen=True)
class Changes:
    """Changes after a position; ask again from ``next``, at once when there is ``more``."""

    items: Sequence[MappingChange]
    next: int
    more: bool


def latest_position(targets: Collection[str] = (MAPPING,)) -> int:
    """The position of the last change of such a target."""
    found = AuditEvent.objects.filter(target_type__in=targets).aggregate(last=Max("pk"))["last"]
    return int(found or 0)


def changes_after(scope: Scope, position: int, limit: int) -> Changes:
    """The first changes after a position that touch an instance of the scope."""
    events = AuditEvent.objects.filter(target_type=MAPPING, pk__gt=position)
    if scope.instances is not None:
        seen = list(scope.instances)
        events = events.filter(Q(instance__in=seen) | Q(before__instance__in=seen))
    found = list(events.order_by("pk")[: limit + 1])
    items = described(found[:limit], scope)
    last = items[-1].position if items else position
    return Changes(items, last, len(found) > limit)


def described(events: Iterable[AuditEvent], scope: Scope) -> list[MappingChange]:
    """The changes that the events tell.

    What lies outside the scope is shown as not mapped, and so is what came of an organization that is deleted
    now: no table shows it. When it comes back, a change tells that.
    """
    events = list(events)
    states = [state for event in events for state in (event.before, event.after) if state]
    companies = Company.objects.in_bulk({state["company"] for state in states})
    instances = IntegrationInstance.objects.in_bulk({state["instance"] for state in states})
    organizations = Organization.objects.in_bulk({int(event.target_id) for event in events})
    deleted = {str(pk) for pk, organization in organizations.items() if organization.is_deleted}

    def place(state: dict[str, Any] | None) -> MappedCompany | None:
        if not state or state["removed"] or not scope.sees(state["instance"]):
            return None
        company, instance = companies.get(state["company"]), instances.get(state["instance"])
        return MappedCompany(
            state["instance"],
            instance.name if instance else "",
            instance.psa if instance else "",
            company.remote_id if company else "",
            company.name if company else str(state.get("company_name", "")),
        )

    return [
        MappingChange(
            position=event.pk,
            at=event.at,
            action=event.action,
            batch=str(event.batch),
            organization_id=int(event.target_id),
            organization_name=event.target_name,
            external_id=getattr(organizations.get(int(event.target_id)), "external_id", ""),
            before=place(event.before),
            after=None if event.target_id in deleted else place(event.after),
        )
        for event in events
    ]
