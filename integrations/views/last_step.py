"""What somebody did last, offered to be taken back later, too: a message with Undo goes with its page."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.utils import timezone

from integrations.models import AuditEvent, IntegrationInstance
from integrations.views.common import SignedInRequest, may_undo

OFFERED_FOR = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class LastStep:
    """A press of a button that can be taken back: its batch, moment, size, and the first of its changes."""

    batch: uuid.UUID
    at: dt.datetime
    size: int
    name: str
    action: str


def last_step(request: SignedInRequest, instance: IntegrationInstance | None = None) -> LastStep | None:
    """What this person decided last within some minutes, and may take back; None if there is nothing."""
    if not request.user.has_perm("integrations.view_auditevent"):
        return None
    key = instance.pk if instance else None
    events = AuditEvent.objects.last_step(request.user.pk, timezone.now() - OFFERED_FOR, key)
    first = None if events.query.is_empty() else events.order_by("pk").first()
    if first is None or not may_undo(request, events):
        return None
    return LastStep(first.batch, first.at, events.count(), first.target_name, first.action)
