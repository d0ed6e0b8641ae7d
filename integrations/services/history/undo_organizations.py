"""Putting organizations back as the audit says they were, and taking back what was decided about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils import timezone

from integrations.database.transactions import transaction_required
from integrations.models import (
    AuditEvent,
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationIdentifier,
    OrganizationMapping,
)
from integrations.models.audit import Action
from integrations.models.identifiers import KnownId
from integrations.services.audit import Batch, Change, organization_change
from integrations.services.history.register import CHANGED_SINCE, GONE, puts_back
from integrations.services.organizations.edit import mappings_along
from integrations.services.organizations.identifiers import ids_of_event, write_ids
from integrations.services.suggestions.decisions import (
    StillMapped,
    allow_match,
    ignore_organization,
    reject_match,
    stop_ignoring,
)

# --- organizations ------------------------------------------------------------------------------------------


@puts_back(
    "delete_organization",
    Action.ORGANIZATION_ADDED,
    Action.ORGANIZATION_IMPORTED,
    Action.ORGANIZATION_MERGED,
    Action.ORGANIZATION_DELETED,
    Action.ORGANIZATION_RESTORED,
    Action.ORGANIZATION_DELETED_BY_UNDO,
    Action.ORGANIZATION_RESTORED_BY_UNDO,
)
@puts_back(
    "change_organization",
    Action.ORGANIZATION_CHANGED,
    Action.ORGANIZATION_UPDATED,
    Action.ORGANIZATION_CHANGE_UNDONE,
)
@transaction_required
def put_back_organizations(batch: Batch, events: Sequence[AuditEvent]) -> Iterator[str]:
    """Delete what was made, restore what was deleted, and put changed values back."""
    named = Organization.objects.filter(pk__in={int(event.target_id) for event in events})
    organizations = {each.pk: each for each in named.order_by("pk").locked()}
    in_force = OrganizationMapping.objects.present().filter(organization__in=organizations)
    mapped = set(in_force.values_list("organization_id", flat=True))
    # Which present organizations have the external ids that these had.
    had = {str(event.before.get("external_id") or "") for event in events if event.before} - {""}
    there = Organization.objects.present().filter(external_id__in=had)
    holders = dict(there.values_list("external_id", "pk"))
    changes: list[Change] = []
    for event in events:
        organization = organizations.get(int(event.target_id))
        reason = _why_not(event, organization, mapped, holders)
        if organization and not reason:
            if holders.get(organization.external_id) == organization.pk:
                del holders[organization.external_id]
            changes.append(_put_back(event, organization))
            if organization.external_id and not organization.is_deleted:
                holders[organization.external_id] = organization.pk
        yield reason
    changed = {int(change.target_id) for change in changes}
    Organization.objects.rewrite([organizations[pk] for pk in sorted(changed)])
    deleted = [pk for pk in changed if organizations[pk].is_deleted]
    MappingProposal.objects.filter(organization__in=deleted).delete()
    told = AuditEvent.objects.filter(batch=batch.key, target_type="mapping").values_list(
        "target_id", flat=True
    )
    back = {int(each.target_id) for each in changes if each.action is Action.ORGANIZATION_RESTORED_BY_UNDO}
    along = mappings_along([organizations[pk] for pk in back - set(map(int, told))])
    batch.record([*along, *changes])


def _why_not(
    event: AuditEvent, organization: Organization | None, mapped: set[int], holders: dict[str, int]
) -> str:
    """What stands in the way of putting the organization back, "" if nothing."""
    if organization is None:
        return GONE
    is_deleted = organization.is_deleted
    expected = event.before if event.after is None else event.after
    known = {name: (expected or {}).get(name) for name in Organization.EDITABLE}
    if is_deleted is not (event.after is None) or organization.snapshot() != known:
        return CHANGED_SINCE
    if event.before is None:
        return "mapped since" if organization.pk in mapped else ""
    external_id = str(event.before.get("external_id") or "")
    if external_id and holders.get(external_id, organization.pk) != organization.pk:
        return "another organization has its external id now"
    return ""


def _put_back(event: AuditEvent, organization: Organization) -> Change:
    """Change the organization in memory as the event says it was; returns what to record."""
    state = organization.snapshot()
    if event.before is None:
        organization.deleted_at = timezone.now()
        return organization_change(Action.ORGANIZATION_DELETED_BY_UNDO, organization, state, None)
    if event.after is None:
        organization.deleted_at = None
        return organization_change(Action.ORGANIZATION_RESTORED_BY_UNDO, organization, None, state)
    for field in Organization.EDITABLE:
        setattr(organization, field, event.before[field])
    after = organization.snapshot()
    return organization_change(Action.ORGANIZATION_CHANGE_UNDONE, organization, state, after)


# --- their ids ----------------------------------------------------------------------------------------------


@puts_back("change_organization", Action.IDENTIFIERS_CHANGED, Action.IDENTIFIERS_PUT_BACK)
@transaction_required
def put_back_identifiers(batch: Batch, events: Sequence[AuditEvent]) -> Iterator[str]:
    """Let organizations, deleted or not, have the ids of other tools that they had."""
    organizations = Organization.objects.locked().in_bulk([int(event.target_id) for event in events])
    known = OrganizationIdentifier.objects.by_organization(organizations)
    wanted: dict[int, list[KnownId]] = {}
    for event in events:
        pk = int(event.target_id)
        if pk not in organizations:
            yield GONE
        elif wanted.get(pk, known.get(pk, [])) != ids_of_event(event.after):
            yield CHANGED_SINCE
        else:
            wanted[pk] = ids_of_event(event.before)
            yield ""
    batch.record(write_ids(wanted, organizations, Action.IDENTIFIERS_PUT_BACK))


# --- decisions ----------------------------------------------------------------------------------------------


@puts_back(
    "map_organizations",
    Action.ORGANIZATION_IGNORED,
    Action.ORGANIZATION_REOPENED,
    Action.MATCH_REJECTED,
    Action.MATCH_ALLOWED,
)
@transaction_required
def put_back_decisions(batch: Batch, events: Sequence[AuditEvent]) -> Iterator[str]:
    """Take back that an organization is ignored or a pair rejected, or that it is not any more."""
    organizations = Organization.objects.in_bulk([int(event.target_id) for event in events])
    instances = IntegrationInstance.objects.in_bulk([event.instance_id or 0 for event in events])
    named = {event.pk: (event.after or event.before or {}).get("company", 0) for event in events}
    companies = Company.objects.in_bulk(named.values())
    for event in events:
        organization = organizations.get(int(event.target_id))
        instance, company = instances.get(event.instance_id or 0), companies.get(named[event.pk])
        suggestions = (event.after or {}).get("suggestions", ())
        if organization is None or instance is None:
            yield GONE
            continue
        match event.known_action:
            case Action.ORGANIZATION_IGNORED:
                is_done = stop_ignoring(batch, instance, organization, suggestions)
            case Action.ORGANIZATION_REOPENED:
                is_done = ignore_organization(batch, instance, organization)
            case Action.MATCH_REJECTED if company:
                is_done = allow_match(batch, instance, organization, company, suggestions)
            case Action.MATCH_ALLOWED if company:
                try:
                    is_done = reject_match(batch, instance, organization, company)
                except StillMapped:
                    is_done = False
            case _:
                is_done = False
        yield "" if is_done else CHANGED_SINCE
