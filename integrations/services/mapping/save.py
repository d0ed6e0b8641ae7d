"""Mappings: what a person has before them, and saving it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.database.bulk import insert_rows, update_rows
from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.models.mappings import MappingSource
from integrations.services.audit import Actor, Batch, Change
from integrations.services.mapping.ticked import (
    Conflict,
    Refusal,
    Wish,
    conflicts_of,
    reason_against,
    standing_mappings,
    wishes_of,
)

SAVE_ATTEMPTS = 3
MAPPING_FIELDS = (
    "instance_id", "company_id", "source", "confidence", "reasons", "matcher_version", "confirmed_by_id",
    "confirmed_by_name", "confirmed_at", "confirmed_name", "version", "removed_at", "removed_with_instance",
)  # fmt: skip


class CompanyNotOffered(Exception):
    """The chosen company is not one of this instance's, was never read completely, or is the MSP itself."""


class OrganizationElsewhere(Exception):
    """The organization is mapped in another instance and was not asked to be moved."""


@dataclass
class SaveOutcome:
    """What a save did. ``batch`` takes it back (services/history/undo.py)."""

    batch: uuid.UUID
    created: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def saved(self) -> int:
        """How many rows were written."""
        return self.created + self.changed + self.moved + self.removed

    def sentence(self) -> str:
        """For the page."""
        parts = [
            f"{count:,} {word}"
            for count, word in (
                (self.created, "new"),
                (self.changed, "changed"),
                (self.moved, "moved here"),
                (self.removed, "removed"),
            )
            if count
        ]
        if not parts:
            return "Nothing was saved: nothing was ticked or changed."
        return f"Mappings saved: {', '.join(parts)}."


# --- what a person has before them ------------------------------------------------------------------


def choose_company(
    user: User,
    instance: IntegrationInstance,
    organization: Organization,
    company: Company | None,
    *,
    moves: bool = False,
) -> MappingProposal | None:
    """Note that this person wants the organization mapped to the company; None clears the mapping.

    Choosing what is saved already takes the note away. Raises CompanyNotOffered, OrganizationElsewhere.
    """
    if company is not None and (company.instance_id != instance.pk or company.is_own or company.is_pending):
        raise CompanyNotOffered
    with transaction.atomic():
        mapping = (
            OrganizationMapping.objects.select_for_update()
            .filter(organization=organization, psa=instance.psa)
            .first()
        )
        present = mapping if mapping and mapping.removed_at is None else None
        if present and present.instance_id != instance.pk and not moves:
            raise OrganizationElsewhere(present.instance.name)
        own = MappingProposal.objects.filter(user=user, instance=instance, organization=organization)
        same = (
            present is not None
            and present.instance_id == instance.pk
            and present.company_id == getattr(company, "pk", None)
        )
        if same or (company is None and present is None):
            own.delete()
            return None
        proposal, _ = own.update_or_create(
            defaults={
                "company": company,
                "kind": MappingProposal.Kind.CHOSEN if company else MappingProposal.Kind.CLEARED,
                "selected": True,
                "moves": moves,
                "tier": "",
                "confidence": None,
                "reasons": [],
                "matcher_version": "",
                "seen_version": mapping.version if mapping else 0,
            },
            create_defaults={
                "user": user,
                "instance": instance,
                "organization": organization,
                "company": company,
                "kind": MappingProposal.Kind.CHOSEN if company else MappingProposal.Kind.CLEARED,
                "selected": True,
                "moves": moves,
                "seen_version": mapping.version if mapping else 0,
            },
        )
    return proposal


def accept_company(
    user: User, instance: IntegrationInstance, organization: Organization, company: Company
) -> None:
    """Tick the suggestion of this company for the row, with its confidence; otherwise choose it by hand.

    Raises CompanyNotOffered, OrganizationElsewhere.
    """
    suggested = MappingProposal.objects.filter(
        user=user, instance=instance, organization=organization, company=company, kind="suggested"
    )
    if not suggested.update(selected=True):
        choose_company(user, instance, organization, company)


def select_every(
    user: User, instance: IntegrationInstance, organizations: Iterable[int], ticked: bool
) -> int:
    """Tick or untick the proposals of these organizations; returns how many. Rows without a company stay."""
    own = MappingProposal.objects.filter(
        user=user, instance=instance, organization_id__in=list(organizations)
    )
    return own.exclude(kind="suggested", company=None).update(selected=ticked)


def discard_proposal(user: User, instance: IntegrationInstance, organization: Organization) -> None:
    """Forget what this person wanted for the row."""
    MappingProposal.objects.filter(user=user, instance=instance, organization=organization).delete()


def select_proposals(
    user: User, instance: IntegrationInstance, shown: Collection[int], ticked: Collection[int]
) -> None:
    """Keep which of the shown rows (organization ids) are ticked."""
    own = MappingProposal.objects.filter(user=user, instance=instance, organization_id__in=shown)
    own.filter(organization_id__in=ticked).update(selected=True)
    own.exclude(organization_id__in=ticked).update(selected=False)


# --- saving -----------------------------------------------------------------------------------------


def save_mappings(
    actor: Actor, user: User, instance: IntegrationInstance, *, only: Organization | None = None
) -> SaveOutcome:
    """Save everything that this person has ticked for the instance, in one transaction.

    A row that changed since they saw it is left as it is and reported with both values. ``only`` saves the
    row of one organization.
    """
    for attempt in range(SAVE_ATTEMPTS):
        try:
            with transaction.atomic():
                return _save(actor, user, instance, only)
        except IntegrityError:  # a colleague created one of the rows in the same moment: look again
            if attempt == SAVE_ATTEMPTS - 1:
                raise
    raise AssertionError  # the loop returns or raises


def _save(actor: Actor, user: User, instance: IntegrationInstance, only: Organization | None) -> SaveOutcome:
    batch = Batch(actor)
    outcome = SaveOutcome(batch.key)
    instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
    wishes = wishes_of(user, instance, only)
    mappings = standing_mappings(instance, wishes)
    instances = _instances_of(instance, mappings.values())
    now = timezone.now()
    new: list[OrganizationMapping] = []
    changed: list[OrganizationMapping] = []
    changes: list[Change] = []
    applied: list[int] = []
    refused: list[Refusal] = []
    for wish in wishes:
        mapping: Any = mappings.get(wish.organization_id)
        reason = reason_against(wish, mapping, instance, instances)
        if reason:
            refused.append(Refusal(wish, mapping, reason))
            continue
        applied.append(wish.pk)
        before = mapping.snapshot() if mapping else None
        was_present = mapping is not None and mapping.removed_at is None
        if wish.company_id is None and not was_present:
            outcome.unchanged += 1
            continue
        if mapping is None:
            mapping = OrganizationMapping(organization_id=wish.organization_id, psa=instance.psa, version=0)
            new.append(mapping)
        else:
            changed.append(mapping)
        action = _apply(wish, mapping, instance, user, now, was_present)
        setattr(outcome, action, getattr(outcome, action) + 1)
        company_name = mapping.company_name if action == "removed" else wish.company_name
        names = (wish.organization_name, company_name or "")
        changes.append(
            mapping_event(f"mapping {action}", mapping, before, names, instances[mapping.instance_id])
        )
    write_mappings(new, changed)
    MappingProposal.objects.filter(pk__in=applied).delete()
    batch.record(changes)
    outcome.conflicts = conflicts_of(refused)
    return outcome


def _instances_of(
    instance: IntegrationInstance, mappings: Iterable[OrganizationMapping]
) -> dict[int, IntegrationInstance]:
    """The instances that the mappings are in, each read once."""
    others = {mapping.instance_id for mapping in mappings} - {instance.pk}
    return {instance.pk: instance, **(IntegrationInstance.objects.in_bulk(others) if others else {})}


def write_mappings(new: Collection[OrganizationMapping], changed: Collection[OrganizationMapping]) -> None:
    """Write rows, in one call each however many; the changed ones are locked by the caller.

    The new ones do not learn their ids.
    """
    values = attrgetter(*MAPPING_FIELDS)
    if new:
        names = (*MAPPING_FIELDS, "organization_id", "psa")
        insert_rows(OrganizationMapping, names, ((*values(row), row.organization_id, row.psa) for row in new))
    if changed:
        update_rows(OrganizationMapping, MAPPING_FIELDS, ((*values(row), row.pk) for row in changed))


def _apply(
    wish: Wish,
    mapping: OrganizationMapping,
    instance: IntegrationInstance,
    user: User,
    now: dt.datetime,
    was_present: bool,
) -> str:
    """Put the wish on the (unsaved) mapping; returns what happened in the words of SaveOutcome."""
    moved = was_present and mapping.instance_id != instance.pk
    mapping.version += 1
    mapping.confirmed_by_id, mapping.confirmed_at = user.pk, now
    mapping.removed_with_instance = False
    if wish.company_id is None:
        mapping.removed_at = now
        return "removed"
    suggested = wish.kind == MappingProposal.Kind.SUGGESTED
    mapping.instance_id, mapping.company_id, mapping.removed_at = instance.pk, wish.company_id, None
    mapping.source = MappingSource.SUGGESTED if suggested else MappingSource.CHOSEN
    mapping.confidence, mapping.reasons = wish.confidence, wish.reasons
    mapping.matcher_version, mapping.confirmed_name = wish.matcher_version, wish.company_name or ""
    if moved:
        return "moved"
    return "changed" if was_present else "created"


def mapping_change(action: str, mapping: OrganizationMapping, before: dict[str, Any] | None) -> Change:
    """A mapping's event for the audit, from the rows that it names."""
    return mapping_event(
        action, mapping, before, (mapping.organization.name, mapping.company.name), mapping.instance
    )


def mapping_event(
    action: str,
    mapping: OrganizationMapping,
    before: dict[str, Any] | None,
    names: tuple[str, str],
    instance: IntegrationInstance,
) -> Change:
    """The same where thousands are told: the organization's and the company's name are known already."""
    organization, company = names
    after = {**mapping.snapshot(), "company_name": company}
    return Change(action, "mapping", str(mapping.organization_id), organization, before, after, instance)


def confirm_mapping(
    actor: Actor, user: User, instance: IntegrationInstance, organization: Organization
) -> uuid.UUID | None:
    """Say that a mapping is still right although its company was renamed; returns the batch for undo.

    None when the organization is not mapped in the instance any more.
    """
    batch = Batch(actor)
    with transaction.atomic():
        mapping = (
            instance.mappings.present()
            .filter(organization=organization)
            .select_related("organization", "company", "instance")
            .select_for_update(of=("self",))
            .first()
        )
        if mapping is None:
            return None
        before = mapping.snapshot()
        mapping.confirmed_name, mapping.version = mapping.company.name, mapping.version + 1
        mapping.confirm(user, timezone.now())
        mapping.save()
        batch.record([mapping_change("mapping confirmed", mapping, before)])
    return batch.key
