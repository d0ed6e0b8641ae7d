"""Taking changes back: a whole batch or one of its changes. The undo is a batch itself, and can be undone.

What has changed again since is left as it is, and said. Mappings come first: an organization that an import
made can only go when nothing is mapped to it any more.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q, QuerySet

from integrations.models import AuditEvent, IntegrationInstance, Organization
from integrations.models.audit import Action, AuditQuerySet, action_of
from integrations.services.audit import Actor, Batch
from integrations.services.history.register import REGISTER
from integrations.services.history.undo_instances import put_back_instances
from integrations.services.history.undo_mappings import put_back_mappings
from integrations.services.history.undo_organizations import (
    put_back_decisions,
    put_back_identifiers,
    put_back_organizations,
)
from integrations.services.history.undo_reviews import put_back_reviews

CHUNK = 1_000
ORGANIZATION_DELETED = "the organization was deleted since; restore it first"

# What is taken back first. An organization can go when nothing is mapped to it, a configuration likewise.
ORDER = (
    put_back_mappings,
    put_back_reviews,
    put_back_decisions,
    put_back_identifiers,
    put_back_organizations,
    put_back_instances,
)
# What follows by itself when the organization is put back.
FOLLOWS = [Action.MAPPING_HIDDEN.text, Action.MAPPING_SHOWN.text]
UNDOABLE = Q(action__in=[action.text for action in REGISTER])


class NothingToUndo(Exception):
    """The batch is unknown, or holds nothing that can be put back."""


class LeftRow(NamedTuple):
    """A change that was not taken back, and why."""

    name: str
    reason: str


@dataclass
class UndoOutcome:
    """What undo did, or with ``dry_run`` would do. ``batch`` takes the undo back."""

    batch: uuid.UUID
    dry_run: bool = False
    restored: int = 0
    noun: str = "mapping"
    rows_left: list[LeftRow] = field(default_factory=list)

    @property
    def left(self) -> list[str]:
        """The names of the rows that were left as they are."""
        return [row.name for row in self.rows_left]

    def sentence(self) -> str:
        """For the page and the command."""
        number = f"{self.restored:,} {self.noun}{'' if self.restored == 1 else 's'}"
        text = f"{number} would be put back." if self.dry_run else f"{number} put back as before."
        if self.rows_left:
            text += f" {len(self.rows_left):,} left as they are: "
            text += "; ".join(f"{row.name} ({row.reason})" for row in self.rows_left[:5])
            text += "; …" if len(self.rows_left) > 5 else "."
        return text


def undo_batch(actor: Actor, key: uuid.UUID, *, dry_run: bool = False) -> UndoOutcome:
    """Put everything of a batch back as it was before, unless it changed again. Raises NothingToUndo."""
    return _undo(actor, AuditEvent.objects.filter(batch=key), key, dry_run)


def undo_event(
    actor: Actor, event_id: int, *, batch: uuid.UUID | None = None, dry_run: bool = False
) -> UndoOutcome:
    """Put back what one change did (of this batch, when given), unless it changed again.

    Raises NothingToUndo.
    """
    events = AuditEvent.objects.filter(pk=event_id, **({"batch": batch} if batch else {}))
    key = events.values_list("batch", flat=True).first()
    if key is None:
        raise NothingToUndo
    return _undo(actor, events, key, dry_run)


def rights_to_undo(events: AuditQuerySet) -> set[str]:
    """The rights that taking these changes back needs; empty when nothing of them can be taken back."""
    texts = events.order_by().values_list("action", flat=True).distinct()
    actions = {action_of(text) for text in texts}
    return {undoing.right for action, undoing in REGISTER.items() if action in actions}


def batch_targets(key: uuid.UUID) -> tuple[IntegrationInstance | None, int | None]:
    """The instance, and the id of the first organization, that a batch touched, unless deleted since."""
    events = AuditEvent.objects.filter(batch=key)
    instances = events.exclude(instance=None).values_list("instance", flat=True)
    touched = events.filter(target_type__in=("mapping", "organization")).last()
    organizations = Organization.objects.present().filter(pk__in=[int(touched.target_id)] if touched else [])
    return (
        IntegrationInstance.objects.present().filter(pk__in=list(instances[:1])).first(),
        organizations.values_list("pk", flat=True).first(),
    )


def _undo(actor: Actor, events: AuditQuerySet, key: uuid.UUID, dry_run: bool) -> UndoOutcome:
    batch = Batch(actor, undoes=key)
    events = events.exclude(action__in=FOLLOWS)
    outcome = UndoOutcome(batch.key, dry_run)
    with transaction.atomic():
        if not events.filter(UNDOABLE).exists():
            raise NothingToUndo
        if events.filter(UNDOABLE).exclude(target_type="mapping").exists():
            outcome.noun = "change"
        # In the order of their keys, as everybody does who changes the mappings of several.
        involved = events.exclude(instance=None).order_by().values("instance")
        list(IntegrationInstance.objects.locked().filter(pk__in=involved).order_by("pk").only("pk"))
        hidden = dict(_without_row(events))
        outcome.rows_left += [LeftRow(name, ORGANIZATION_DELETED) for name in hidden.values()]
        events = events.exclude(pk__in=hidden)
        for put_back in ORDER:
            actions = [action for action, undoing in REGISTER.items() if undoing.put_back is put_back]
            for chunk in _newest_first(events.of(*actions)):
                for event, reason in zip(chunk, list(put_back(batch, chunk)), strict=True):
                    if reason:
                        outcome.rows_left.append(LeftRow(event.target_name, reason))
                    else:
                        outcome.restored += 1
        for name, action in events.exclude(UNDOABLE).values_list("target_name", "action")[:100]:
            outcome.rows_left.append(LeftRow(name, f"“{action}” cannot be taken back here"))
        if dry_run:
            transaction.set_rollback(True)
    return outcome


def _without_row(events: AuditQuerySet) -> QuerySet[AuditEvent, tuple[int, str]]:
    """Which would put a mapping into force that no table shows: its organization was deleted since.

    Not where the same undo brings the organization back, nor where a configuration only brings its mappings
    along, as they were.
    """
    deleted = {str(pk) for pk in Organization.objects.deleted().values_list("pk", flat=True)}
    if deleted:
        ended = events.filter(target_type="organization", instance=None, after__isnull=True)
        deleted -= set(ended.values_list("target_id", flat=True))
    mapped = events.filter(target_type="mapping", before__removed=False, target_id__in=deleted)
    return mapped.exclude(action=Action.MAPPING_TAKEN_ALONG.text).values_list("pk", "target_name")


def _newest_first(events: AuditQuerySet) -> Iterator[list[AuditEvent]]:
    """In chunks; what was done last is taken back first."""
    rows = events.order_by("-pk")
    while chunk := list(rows[:CHUNK]):
        yield chunk
        rows = rows.filter(pk__lt=chunk[-1].pk)
