"""Putting organizations back as the audit says they were, and taking back what was decided about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils import timezone

from integrations.database.transactions import transaction_required
from integrations.models import (
    AuditEvent,
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change, organization_change
from integrations.services.history.register import CHANGED_SINCE, GONE, Outcome, puts_back
from integrations.services.suggestions.decisions import (
    allowing_change,
    discard_suggestions,
    ignoring_change,
    rejection_change,
    reopening_change,
    restore_suggestions,
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
def put_back_organizations(batch: Batch, events: Sequence[AuditEvent]) -> Outcome:
    """Delete what was made, restore what was deleted, and put changed values back."""
    organizations = {
        each.pk: each
        for each in Organization.objects.filter(pk__in={int(event.target_id) for event in events})
        .order_by("pk")
        .locked()
    }
    mapped = set(
        OrganizationMapping.objects.present()
        .filter(organization__in=organizations)
        .values_list("organization_id", flat=True)
    )
    holders = _holders(event.before for event in events if event.before)
    changes: list[Change] = []
    left: list[tuple[str, str]] = []
    for event in events:
        organization = organizations.get(int(event.target_id))
        reason = _why_not(event, organization, mapped, holders)
        if reason or organization is None:
            left.append((event.target_name, reason or GONE))
        else:
            if holders.get(organization.external_id) == organization.pk:
                del holders[organization.external_id]
            changes.append(_put_back(event, organization))
            if organization.external_id and not organization.is_deleted:
                holders[organization.external_id] = organization.pk
    changed = {int(change.target_id) for change in changes}
    Organization.objects.rewrite([organizations[pk] for pk in sorted(changed)])
    deleted = [pk for pk in changed if organizations[pk].is_deleted]
    MappingProposal.objects.filter(organization__in=deleted).delete()
    return changes, left


def _holders(states: Iterable[Mapping[str, object]]) -> dict[str, int]:
    """Which present organizations have the external ids that these states had."""
    wanted = {str(state.get("external_id") or "") for state in states} - {""}
    present = Organization.objects.present().filter(external_id__in=wanted)
    return dict(present.values_list("external_id", "pk"))


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


# --- decisions ----------------------------------------------------------------------------------------------


@puts_back(
    "map_organizations",
    Action.ORGANIZATION_IGNORED,
    Action.ORGANIZATION_REOPENED,
    Action.MATCH_REJECTED,
    Action.MATCH_ALLOWED,
)
@transaction_required
def put_back_decisions(batch: Batch, events: Sequence[AuditEvent]) -> Outcome:
    """Take back that an organization is ignored or a pair rejected, or that it is not any more."""
    organizations = Organization.objects.in_bulk([int(event.target_id) for event in events])
    instances = IntegrationInstance.objects.in_bulk([event.instance_id or 0 for event in events])
    changes: list[Change] = []
    left: list[tuple[str, str]] = []
    for event in events:
        organization = organizations.get(int(event.target_id))
        instance = instances.get(event.instance_id or 0)
        if organization is None or instance is None:
            left.append((event.target_name, GONE))
            continue
        if event.known_action in {Action.ORGANIZATION_IGNORED, Action.ORGANIZATION_REOPENED}:
            change = _put_back_ignoring(batch, event, organization, instance)
        else:
            change = _put_back_rejection(batch, event, organization, instance)
        if change is None:
            left.append((event.target_name, CHANGED_SINCE))
        else:
            changes.append(change)
    return changes, left


def _put_back_ignoring(
    batch: Batch, event: AuditEvent, organization: Organization, instance: IntegrationInstance
) -> Change | None:
    rows = IgnoredOrganization.objects.filter(organization=organization, psa=instance.psa)
    if event.known_action is Action.ORGANIZATION_IGNORED:
        if not rows.delete()[0]:
            return None
        restore_suggestions(organization, (event.after or {}).get("suggestions", ()))
        return reopening_change(organization, instance)
    _, created = rows.get_or_create(
        defaults={"organization": organization, "psa": instance.psa, "ignored_by": batch.actor.account}
    )
    if not created:
        return None
    return ignoring_change(
        organization, instance, discard_suggestions(organization, instance__psa=instance.psa)
    )


def _put_back_rejection(
    batch: Batch, event: AuditEvent, organization: Organization, instance: IntegrationInstance
) -> Change | None:
    named = event.after or event.before or {}
    company = Company.objects.filter(pk=named.get("company") or 0).first()
    if company is None:
        return None
    rows = RejectedMatch.objects.filter(organization=organization, company=company)
    if event.after is not None:
        if not rows.delete()[0]:
            return None
        restore_suggestions(organization, event.after.get("suggestions", ()))
        return allowing_change(organization, instance, company)
    _, created = rows.get_or_create(
        defaults={
            "organization": organization,
            "company": company,
            "company_name": company.name,
            "rejected_by": batch.actor.account,
        }
    )
    if not created:
        return None
    return rejection_change(
        organization, instance, company, discard_suggestions(organization, company=company)
    )
