"""Writing history: who did it, from where, and what it changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from integrations.models import AuditEvent, IntegrationInstance

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


@dataclass(frozen=True)
class Actor:
    """Who acts: a signed-in person, or a command (then ``user`` is None).

    ``origin`` is the network address or the command that it came from.
    """

    name: str
    origin: str
    user: AbstractBaseUser | None = None


@dataclass(frozen=True)
class Change:
    """What one event tells. ``before`` is None when something was made, ``after`` when it was removed."""

    action: str
    target_type: str
    target_id: str
    target_name: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    instance: IntegrationInstance | None = None


@dataclass(frozen=True)
class Batch:
    """The changes of one press of a button, which undo takes back together."""

    actor: Actor
    key: uuid.UUID = field(default_factory=uuid.uuid4)

    def record(self, changes: Iterable[Change]) -> None:
        """Add the changes to the audit, in one query a thousand."""
        AuditEvent.objects.bulk_create(
            [
                AuditEvent(
                    actor=self.actor.user,  # type: ignore[misc]  # the configured user model
                    actor_name=self.actor.name[:200],
                    origin=self.actor.origin[:100],
                    batch=self.key,
                    action=change.action,
                    target_type=change.target_type,
                    target_id=change.target_id,
                    target_name=change.target_name[:300],
                    instance=change.instance,
                    before=change.before,
                    after=change.after,
                )
                for change in changes
            ],
            batch_size=1000,
        )
