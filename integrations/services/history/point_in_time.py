"""The mapping table of a configuration as it stood at a moment, put together from the audit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Lower

from integrations.models import AuditEvent, Company, IntegrationInstance, OrganizationMapping
from integrations.models.mappings import MappingSource

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class PastMapping:
    """A mapping that was in force, with the names of then, and what the organization is mapped to now.

    ``company_id`` is the PSA's own id. ``now`` is "" when nothing differs.
    """

    organization_id: int
    organization: str
    company_id: str
    company: str
    source: str
    confidence: float | None
    since: dt.datetime
    by: str
    now: str


def events_in_force(instance: IntegrationInstance, moment: dt.datetime) -> QuerySet[AuditEvent]:
    """For each organization that was mapped in the instance at that moment the event that had mapped it.

    By organization name. Organizations that were deleted at that moment are left out, as in the table of
    today.
    """
    instances = IntegrationInstance.objects.filter(psa=instance.psa).values("pk")
    past = AuditEvent.objects.filter(at__lte=moment)
    mapped = _last(past.filter(target_type="mapping", instance__in=instances))
    lives = past.filter(target_type="organization", instance=None).filter(
        Q(before__isnull=True) | Q(after__isnull=True)
    )
    ended = AuditEvent.objects.filter(pk__in=_last(lives), after__isnull=True)
    return (
        AuditEvent.objects.filter(pk__in=mapped, instance=instance, after__removed=False)
        .exclude(target_id__in=ended.values("target_id"))
        .order_by(Lower("target_name"), "pk")
    )


def _last(events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent, int]:
    """The keys of the last event of each target."""
    return events.order_by().values("target_id").annotate(last=Max("pk")).values_list("last", flat=True)


def past_mappings(instance: IntegrationInstance, events: Iterable[AuditEvent]) -> list[PastMapping]:
    """The rows of the table for some of these events."""
    events = list(events)
    companies = Company.objects.in_bulk([(event.after or {})["company"] for event in events])
    present = {
        mapping.organization_id: mapping
        for mapping in OrganizationMapping.objects.present()
        .filter(psa=instance.psa, organization_id__in=[int(event.target_id) for event in events])
        .select_related("company", "instance")
    }
    return [_row(instance, event, companies, present.get(int(event.target_id))) for event in events]


def every_past_mapping(instance: IntegrationInstance, moment: dt.datetime) -> Iterator[PastMapping]:
    """The whole table of that moment, read as it is asked for."""
    events = events_in_force(instance, moment).iterator(chunk_size=CHUNK)
    while chunk := list(islice(events, CHUNK)):
        yield from past_mappings(instance, chunk)


def _row(
    instance: IntegrationInstance,
    event: AuditEvent,
    companies: dict[int, Company],
    mapping: OrganizationMapping | None,
) -> PastMapping:
    after = event.after or {}
    company = companies.get(after["company"])
    if mapping is None:
        now = "not mapped"
    elif mapping.instance_id != instance.pk:
        now = f"{mapping.company.name} in {mapping.instance.name}"
    elif mapping.company_id != after["company"]:
        now = mapping.company.name
    else:
        now = ""
    return PastMapping(
        organization_id=int(event.target_id),
        organization=event.target_name,
        company_id=company.remote_id if company else "",
        company=after.get("company_name") or (company.name if company else ""),
        source=str(dict(MappingSource.choices).get(after["source"], after["source"])),
        confidence=after["confidence"],
        since=event.at,
        by=event.actor_name,
        now=now,
    )
