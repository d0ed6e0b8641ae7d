"""Putting mappings back as the audit says they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import starmap

from django.contrib.auth.models import User
from django.utils import timezone

from integrations.database.transactions import transaction_required
from integrations.models import AuditEvent, Company, IntegrationInstance, Organization, OrganizationMapping
from integrations.models.audit import Action
from integrations.models.companies import CompanyRef
from integrations.services.audit import Batch, Change, mapping_event
from integrations.services.history.register import CHANGED_SINCE, GONE, puts_back
from integrations.services.mapping.taken import TakenBack, put_suggestions_back, told_again


@puts_back(
    "map_organizations",
    Action.MAPPING_CREATED,
    Action.MAPPING_CHANGED,
    Action.MAPPING_MOVED,
    Action.MAPPING_REMOVED,
    Action.MAPPING_CONFIRMED,
    Action.MAPPING_IMPORTED,
    Action.MAPPING_CHANGE_UNDONE,
    Action.MAPPING_TAKEN_ALONG,
    Action.MAPPING_BROUGHT_BACK,
)
@transaction_required
def put_back_mappings(batch: Batch, events: Sequence[AuditEvent]) -> Iterator[str]:
    """Make each mapping what it was before the event."""
    instances = IntegrationInstance.objects.in_bulk()
    named = OrganizationMapping.objects.filter(organization__in=[int(event.target_id) for event in events])
    mappings = {(mapping.organization_id, mapping.psa): mapping for mapping in named.locked()}
    organizations = dict(
        Organization.objects.filter(pk__in=[place[0] for place in mappings]).values_list("pk", "name")
    )
    wanted = {event.before["company"] for event in events if event.before}
    wanted.update(mapping.company_id for mapping in mappings.values())
    found = Company.objects.filter(pk__in=wanted).values_list("pk", "name", "instance_id")
    companies = {ref.pk: ref for ref in starmap(CompanyRef, found)}
    # Who confirmed the mappings then, as far as their accounts are there.
    authors = {event.before.get("confirmed_by") for event in events if event.before} - {None}
    people, now = User.objects.in_bulk(authors), timezone.now()
    changed: dict[int, OrganizationMapping] = {}
    changes: list[Change] = []
    taken_back: list[TakenBack] = []
    for event in events:
        # An instance that was purged took its mappings along for good.
        instance = instances.get(event.instance_id or 0)
        mapping = mappings.get((int(event.target_id), instance.psa)) if instance else None
        if mapping is None:
            yield GONE
            continue
        if event.after is None or mapping.version != event.after["version"]:
            yield CHANGED_SINCE
            continue
        target = companies.get(event.before["company"]) if event.before else None
        its_instance = instances[target.instance_id] if target else None
        if event.before and its_instance and its_instance.is_deleted and not event.before["removed"]:
            yield f"“{its_instance.name}” was deleted since"
            continue
        before = mapping.snapshot()
        if event.before and target:
            mapping.put_back(event.before, target, people, now)
        else:
            mapping.remove(now)
        changed[mapping.pk] = mapping
        taken_back.append(TakenBack(mapping, event.after))
        names = (organizations[mapping.organization_id], companies[mapping.company_id].name)
        instance = instances[mapping.instance_id]
        more = told_again(event.after)
        changes.append(mapping_event(Action.MAPPING_CHANGE_UNDONE, mapping, before, names, instance, **more))
        yield ""
    OrganizationMapping.objects.write(changed.values())
    put_suggestions_back(taken_back)
    batch.record(changes)
