"""Mappings: what a person has before them, and saving it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.models.mappings import MappingSource
from integrations.services.audit import Actor, Batch, Change

SAVE_ATTEMPTS = 3
ROWS_A_QUERY = 10_000
MAPPING_FIELDS = (
    "instance", "company", "source", "confidence", "reasons", "matcher_version", "confirmed_by",
    "confirmed_by_name", "confirmed_at", "confirmed_name", "version", "removed_at", "removed_with_instance",
)  # fmt: skip


class CompanyNotOffered(Exception):
    """The chosen company is not one of this instance's, was never read completely, or is the MSP itself."""


class OrganizationElsewhere(Exception):
    """The organization is mapped in another instance and was not asked to be moved."""


@dataclass(frozen=True)
class Conflict:
    """A row that was not saved: what was wanted, and what stands there now."""

    organization: Organization
    wanted: str
    present: str
    reason: str

    def sentence(self) -> str:
        """For the page: both values, and what to do."""
        return (
            f"{self.organization.name} was not saved. {self.reason} Now: {self.present}. "
            f"Yours: {self.wanted}. Choose again to overwrite it."
        )


@dataclass
class SaveOutcome:
    """What a save did. ``batch`` takes it back (services/undoing.py)."""

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
    proposals = list(
        MappingProposal.objects.filter(user=user, instance=instance, selected=True)
        .exclude(kind=MappingProposal.Kind.SUGGESTED, company=None)
        .filter(**({"organization": only} if only else {}))
        .select_related("organization", "company")
        .order_by("organization_id")
    )
    mappings = {
        mapping.organization_id: mapping
        for mapping in OrganizationMapping.objects.filter(
            organization__in=[proposal.organization_id for proposal in proposals], psa=instance.psa
        )
        .order_by("organization_id")
        .select_for_update(of=("self",))
        .select_related("organization", "company", "instance", "confirmed_by")
    }
    new: list[OrganizationMapping] = []
    changed: list[OrganizationMapping] = []
    changes: list[Change] = []
    applied: list[int] = []
    for proposal in proposals:
        mapping = mappings.get(proposal.organization_id)
        conflict = _conflict(proposal, mapping, instance)
        if conflict:
            outcome.conflicts.append(conflict)
            continue
        applied.append(proposal.pk)
        before = mapping.snapshot() if mapping else None
        was_present = mapping is not None and mapping.removed_at is None
        if proposal.company is None and not was_present:
            outcome.unchanged += 1
            continue
        if mapping is None:
            mapping = OrganizationMapping(organization=proposal.organization, psa=instance.psa, version=0)
            new.append(mapping)
        else:
            changed.append(mapping)
        action = _apply(proposal, mapping, instance, user, was_present)
        setattr(outcome, action, getattr(outcome, action) + 1)
        changes.append(mapping_change(f"mapping {action}", mapping, before))
    write_mappings(new, changed)
    MappingProposal.objects.filter(pk__in=applied).delete()
    batch.record(changes)
    return outcome


def write_mappings(new: Sequence[OrganizationMapping], changed: Sequence[OrganizationMapping]) -> None:
    """Write rows in one query each for up to ten thousand; the changed ones are locked by the caller.

    They go in as an insert that updates where the row is. Django's bulk update writes a CASE a row and
    field, which took forty times as long for 5,000 rows.
    """
    OrganizationMapping.objects.bulk_create(new, batch_size=ROWS_A_QUERY)
    OrganizationMapping.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=MAPPING_FIELDS,
        batch_size=ROWS_A_QUERY,
    )


def _conflict(
    proposal: MappingProposal, mapping: OrganizationMapping | None, instance: IntegrationInstance
) -> Conflict | None:
    """Why this proposal cannot be saved as things stand now, if so."""
    wanted = proposal.company.name if proposal.company else "no company"
    present = mapping.company.name if mapping and mapping.removed_at is None else "not mapped"
    if proposal.organization.deleted_at is not None:
        return Conflict(proposal.organization, wanted, present, "The organization was deleted meanwhile.")
    if mapping is None:
        return None
    elsewhere = mapping.removed_at is None and mapping.instance_id != instance.pk
    if elsewhere and not proposal.moves:
        return Conflict(
            proposal.organization, wanted, present, f"It is mapped in “{mapping.instance.name}” now."
        )
    if mapping.version != proposal.seen_version:
        who = mapping.confirmed_by.get_username() if mapping.confirmed_by else "somebody else"
        return Conflict(proposal.organization, wanted, present, f"Changed by {who} since you saw it.")
    return None


def _apply(
    proposal: MappingProposal,
    mapping: OrganizationMapping,
    instance: IntegrationInstance,
    user: User,
    was_present: bool,
) -> str:
    """Put the proposal on the (unsaved) mapping; returns what happened in the words of SaveOutcome."""
    now = timezone.now()
    moved = was_present and mapping.instance_id != instance.pk
    mapping.version += 1
    mapping.confirm(user, now)
    mapping.removed_with_instance = False
    if proposal.company is None:
        mapping.removed_at = now
        return "removed"
    suggested = proposal.kind == MappingProposal.Kind.SUGGESTED
    mapping.instance, mapping.company, mapping.removed_at = instance, proposal.company, None
    mapping.source = MappingSource.SUGGESTED if suggested else MappingSource.CHOSEN
    mapping.confidence, mapping.reasons = proposal.confidence, proposal.reasons
    mapping.matcher_version, mapping.confirmed_name = proposal.matcher_version, proposal.company.name
    if moved:
        return "moved"
    return "changed" if was_present else "created"


def mapping_change(action: str, mapping: OrganizationMapping, before: dict[str, Any] | None) -> Change:
    """A mapping's event for the audit."""
    after = {**mapping.snapshot(), "company_name": mapping.company.name}
    return Change(
        action,
        "mapping",
        str(mapping.organization_id),
        mapping.organization.name,
        before,
        after,
        mapping.instance,
    )


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
