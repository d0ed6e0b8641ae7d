"""Saving what a person has ticked: one transaction that compares versions, writes and tells the audit."""

from __future__ import annotations

import copy
import datetime as dt
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.database.integrity import broken_constraint
from integrations.database.transactions import transaction_required
from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.models.audit import Action
from integrations.models.companies import CompanyRef
from integrations.models.mappings import MappingSource
from integrations.services.audit import Batch, Change, mapping_change, mapping_event
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.mapping.proposals import accept_company
from integrations.services.mapping.seen import Seen, lock_mappings, pair_key, row_keys
from integrations.services.mapping.taken import suggestion_of
from integrations.services.mapping.ticked import (
    BlockedProposal,
    Conflict,
    TickedProposal,
    blocking_reason,
    describe_conflicts,
    describe_lost_rows,
    standing_mappings,
    ticked_proposals,
)

SAVE_ATTEMPTS = 3


@dataclass
class SaveOutcome:
    """What a save did. ``batch`` takes it back (services/history/undo.py)."""

    batch: uuid.UUID
    created: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    settled: int = 0  # shown ticked, and saved or discarded already by another page
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
        if not parts and self.settled:
            rows = "1 ticked row was" if self.settled == 1 else f"{self.settled:,} ticked rows were"
            return f"Nothing was saved here: the {rows} saved or discarded already, in another tab."
        if not parts:
            return "Nothing was saved: nothing was ticked or changed."
        return f"Mappings saved: {', '.join(parts)}."


def save_mappings(
    batch: Batch,
    user: User,
    instance: IntegrationInstance,
    *,
    only: Organization | None = None,
    ticked: Collection[int] = (),
) -> SaveOutcome:
    """Save everything that this person has ticked for the instance and the table shows, in one transaction.

    A row that changed since they saw it is left as it is and reported with both values. ``only`` saves the
    row of one organization. ``ticked`` are organizations whose rows the page showed ticked: one that was lost
    from the table since is reported.
    """
    for attempt in range(SAVE_ATTEMPTS):
        try:
            with transaction.atomic():
                return _save(batch, user, instance, only, ticked)
        except IntegrityError as error:
            # A colleague created one of the rows in the same moment: look again.
            raced = broken_constraint(error) == "one_mapping_per_organization_and_psa"
            if not raced or attempt == SAVE_ATTEMPTS - 1:
                raise
    raise AssertionError  # the loop returns or raises


@transaction.atomic
def accept_match(
    batch: Batch,
    user: User,
    instance: IntegrationInstance,
    organization: Organization,
    company: Company,
    *,
    seen: str | None = None,
    seen_pair: str | None = None,
) -> SaveOutcome:
    """Take this company for the organization and save the row, as a step of the review does.

    ``seen`` is the key of its mapping (`row_keys`) when it was shown, "" if it had none in force, and
    ``seen_pair`` that of the two (`pair_key`). Raises CompanyNotOffered, OrganizationElsewhere,
    ChangedMeanwhile.
    """
    standing = OrganizationMapping.objects.present().filter(organization=organization, psa=instance.psa)
    involved = [instance.pk, *standing.values_list("instance", flat=True)]
    list(IntegrationInstance.objects.locked().filter(pk__in=involved).order_by("pk").only("pk"))
    list(Organization.objects.locked().filter(pk=organization.pk).only("pk"))
    mappings = lock_mappings(standing)
    if seen is not None and seen != "".join(row_keys(mappings).values()):
        raise ChangedMeanwhile
    if seen_pair is not None and seen_pair != pair_key(organization.pk, company.pk):
        raise ChangedMeanwhile
    accept_company(user, instance, organization, company)
    ticked = [organization.pk]
    return save_mappings(batch, user, instance, only=organization, ticked=ticked)


def _save(
    batch: Batch,
    user: User,
    instance: IntegrationInstance,
    only: Organization | None,
    ticked: Collection[int],
) -> SaveOutcome:
    outcome = SaveOutcome(batch.key)
    user = copy.copy(user)  # the account itself: what stands for it in a request looks it up at each use
    instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
    proposals = ticked_proposals(user, instance, only)
    gone = set(ticked) - {each.organization_id for each in proposals}
    lost = describe_lost_rows(user, instance, gone)
    outcome.settled = len(gone) - len(lost)
    mappings = standing_mappings(instance, proposals)
    others = {mapping.instance_id for mapping in mappings.values()} - {instance.pk}
    instances = {instance.pk: instance} | (IntegrationInstance.objects.in_bulk(others) if others else {})
    now = timezone.now()
    written: list[OrganizationMapping] = []
    changes: list[Change] = []
    applied: list[int] = []
    blocked: list[BlockedProposal] = []
    for proposal in proposals:
        mapping: Any = mappings.get(proposal.organization_id)
        reason = blocking_reason(proposal, mapping, instance, instances)
        if reason:
            blocked.append(BlockedProposal(proposal, mapping, reason))
            continue
        applied.append(proposal.pk)
        before = mapping.snapshot() if mapping else None
        was_present = mapping is not None and mapping.is_in_force
        if proposal.company_id is None and not was_present:
            outcome.unchanged += 1
            continue
        mapping = mapping or OrganizationMapping.of(proposal.organization_id, instance.psa)
        written.append(mapping)
        action = _apply(proposal, mapping, instance, user, now, was_present)
        company_name = mapping.company_name if action is Action.MAPPING_REMOVED else proposal.company_name
        names = (proposal.organization_name, company_name or "")
        told = suggestion_of(user, proposal, was_present=was_present)
        changes.append(mapping_event(action, mapping, before, names, instances[mapping.instance_id], **told))
    OrganizationMapping.objects.write(written)
    MappingProposal.objects.filter(pk__in=applied).delete()
    batch.record(changes)
    counts = Counter(change.action for change in changes)
    outcome.created, outcome.changed = counts[Action.MAPPING_CREATED], counts[Action.MAPPING_CHANGED]
    outcome.moved, outcome.removed = counts[Action.MAPPING_MOVED], counts[Action.MAPPING_REMOVED]
    outcome.conflicts = [*describe_conflicts(blocked), *lost]
    return outcome


def _apply(
    proposal: TickedProposal,
    mapping: OrganizationMapping,
    instance: IntegrationInstance,
    user: User,
    now: dt.datetime,
    was_present: bool,
) -> Action:
    """Put the proposal on the (unsaved) mapping; returns what that did."""
    if proposal.company_id is None:
        mapping.remove(now)
        mapping.confirm(user, now)
        return Action.MAPPING_REMOVED
    moved = was_present and mapping.instance_id != instance.pk
    suggested = proposal.kind == MappingProposal.Kind.SUGGESTED
    mapping.assign(
        CompanyRef(proposal.company_id, proposal.company_name or "", instance.pk),
        by=user,
        at=now,
        source=MappingSource.SUGGESTED if suggested else MappingSource.CHOSEN,
        confidence=proposal.confidence,
        reasons=proposal.reasons,
        matcher_version=proposal.matcher_version,
    )
    if moved:
        return Action.MAPPING_MOVED
    return Action.MAPPING_CHANGED if was_present else Action.MAPPING_CREATED


@transaction.atomic
def confirm_mappings(
    batch: Batch, instance: IntegrationInstance, organizations: Collection[int], seen: Seen | None = None
) -> list[OrganizationMapping]:
    """Say that the mappings of these organizations (ids) are right as they are; returns those in force here.

    A new name of the company is the known one from now on. Whatever else asks for a review, that the company
    is inactive, say, does so no more until it has ceased and come back. Those that are not what was ``seen``
    are left.
    """
    mappings = instance.mappings.present().filter(organization__in=organizations)
    confirmed = lock_mappings(mappings)
    confirmed = confirmed if seen is None else seen.unchanged(confirmed)
    confirm_locked(batch, confirmed)
    return confirmed


@transaction_required
def confirm_locked(batch: Batch, mappings: Sequence[OrganizationMapping]) -> None:
    """The same for mappings that the caller has locked with all that they are seen with (`lock_mappings`)."""
    now, changes = timezone.now(), []
    for mapping in mappings:
        before = mapping.snapshot()
        mapping.keep(batch.actor.account, now)
        changes.append(mapping_change(Action.MAPPING_CONFIRMED, mapping, before))
    OrganizationMapping.objects.write(mappings)
    batch.record(changes)
