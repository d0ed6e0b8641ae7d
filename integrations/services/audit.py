"""Writing history: who did it, from where, and what it changed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone

from integrations.database.bulk import insert_rows
from integrations.database.transactions import wait_for_turn
from integrations.models import (
    AuditEvent,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RecordChange,
)
from integrations.models.audit import Action
from integrations.models.drift import NO, YES, Changed

# What other programs follow by the ids of its events: the changes feed of the API, and webhooks.
STREAMED_TARGETS = frozenset({"mapping", "review", "alert", "expectation"})
_COMMIT_ORDER = 7_301_548  # any number that nothing else waits by


def serialize_followed_events() -> None:
    """Let no other transaction record followed events before this one ends.

    PostgreSQL gives out ids before the commit, so that a reader who has seen id 8 could miss a 7 that is
    committed later. With this lock ids become visible in their order. Call it last: what comes after it in
    the transaction keeps all others waiting.
    """
    wait_for_turn(_COMMIT_ORDER)


@dataclass(frozen=True)
class Actor:
    """Who acts: a signed-in person, or a command (then ``user`` is None).

    ``origin`` is the network address or the command that it came from.
    """

    name: str
    origin: str
    user: AbstractBaseUser | None = None

    @classmethod
    def person(cls, user: User, origin: str) -> Actor:
        """Somebody with an account."""
        return cls(user.get_full_name() or user.get_username(), origin, user)

    @property
    def account(self) -> User | None:
        """The person's account, None for a command."""
        return cast("User | None", self.user)


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person, with the address that the request came from."""
    assert isinstance(request.user, User)  # noqa: S101  # the door has seen to it
    return Actor.person(request.user, request.META.get("REMOTE_ADDR", ""))


State = dict[str, Any] | None  # a row as its ``snapshot()`` tells it; None where there is none


class Change(NamedTuple):
    """What one event tells. ``before`` is None when something was made, ``after`` when it was removed."""

    action: Action
    target_type: str
    target_id: str
    target_name: str
    before: State = None
    after: State = None
    instance: IntegrationInstance | None = None


def mapping_event(
    action: Action,
    mapping: OrganizationMapping,
    before: State,
    names: tuple[str, str],
    instance: IntegrationInstance,
    **more: Any,
) -> Change:
    """What an event tells of a mapping, by the organization's and the company's name, which are known.

    ``more`` is told of it beside what its row says, or instead.
    """
    organization, company = names
    after = {**mapping.snapshot(), "company_name": company, **more}
    return Change(action, "mapping", str(mapping.organization_id), organization, before, after, instance)


def mapping_change(action: Action, mapping: OrganizationMapping, before: State, **more: Any) -> Change:
    """The same, by the names that its rows have."""
    names = (mapping.organization.name, mapping.company.name)
    return mapping_event(action, mapping, before, names, mapping.instance, **more)


def instance_change(action: Action, instance: IntegrationInstance, before: State, after: State) -> Change:
    """What an event tells of an instance."""
    return Change(action, "instance", str(instance.pk), instance.name, before, after, instance)


def organization_change(action: Action, organization: Organization, before: State, after: State) -> Change:
    """What an event tells of an organization as a whole."""
    return Change(action, "organization", str(organization.pk), organization.name, before, after)


@dataclass(frozen=True)
class Batch:
    """The changes of one press of a button, which undo takes back together.

    ``undoes`` is the batch that this one takes back, if any.
    """

    actor: Actor
    key: uuid.UUID = field(default_factory=uuid.uuid4)
    undoes: uuid.UUID | None = None

    def record(self, changes: Iterable[Change]) -> None:
        """Add the changes to the audit, in one query however many; belongs at the transaction's end."""
        changes = list(changes)
        user = self.actor.user
        common = {
            "at": timezone.now(),
            "actor_id": user.pk if user else None,
            "actor_name": self.actor.name[:200],
            "origin": self.actor.origin[:100],
            "batch": self.key,
            "undoes": self.undoes,
        }
        told = ("action", "target_type", "target_id", "target_name", "instance_id", "before", "after")
        rows = (
            (
                *common.values(),
                change.action.text,
                change.target_type,
                change.target_id,
                change.target_name[:300],
                change.instance.pk if change.instance else None,
                change.before,
                change.after,
            )
            for change in changes
        )
        with transaction.atomic():
            if any(change.target_type in STREAMED_TARGETS for change in changes):
                serialize_followed_events()
            insert_rows(AuditEvent, (*common, *told), rows)
            RecordChange.objects.record(_told_of_records(changes, user), timezone.now())


# --- what of it others may have to look at again ----------------------------------------------------------

NO_LONGER_NOW = frozenset({Action.MAPPING_CHANGE_UNDONE, Action.MAPPING_BROUGHT_BACK})
FEW = 500


def _told_of_records(changes: Iterable[Change], user: AbstractBaseUser | None) -> Iterator[Changed]:
    """What became different of organizations, and which companies several of them have from now on."""
    came: dict[int, list[Change]] = {}
    for change in changes:
        before, after = change.before or {}, change.after or {}
        if change.target_type == "organization" and before and after and change.instance is None:
            yield from _told_of_organization(int(change.target_id), before, after)
        elif change.target_type == "mapping" and _comes_to_company(before, after):
            came.setdefault(after["company"], []).append(change)
    shared = _shared(came, user)
    for company, newcomers in came.items():
        for change in newcomers if company in shared else ():
            confirmed = None if change.action in NO_LONGER_NOW else (change.after or {})["confirmed_at"]
            at = dt.datetime.fromisoformat(confirmed) if confirmed else None
            kind, organization = RecordChange.Kind.JOINED, int(change.target_id)
            yield Changed(kind, company, "", change.target_name, organization, at)


def _comes_to_company(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether the organization of a mapping has its company from now on, and had not before."""
    if after.get("removed", True):
        return False
    return bool(before.get("removed", True) or before["company"] != after["company"])


def _told_of_organization(pk: int, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Changed]:
    kinds = RecordChange.Kind
    for name, kind in (
        ("name", kinds.ORGANIZATION_RENAMED),
        ("is_active", kinds.ORGANIZATION_INACTIVE),
        ("domain", kinds.ORGANIZATION_READDRESSED),
    ):
        if name in before and name in after and before[name] != after[name]:
            was, now = before[name], after[name]
            if name == "is_active":
                was, now = (NO if value else YES for value in (was, now))
            yield Changed(kind, None, was, now, pk)


def _shared(came: Mapping[int, object], user: AbstractBaseUser | None) -> set[int]:
    """Those of the companies that several organizations have now, and not all by this person's word."""
    if not came:
        return set()
    standing = OrganizationMapping.objects.in_tables().order_by()
    if len(came) <= FEW:
        standing = standing.filter(company__in=list(came))
    by_them = Q(confirmed_by=user.pk) if user else Q(confirmed_by__isnull=True)
    by_others = Count("pk", filter=~by_them)
    several = standing.values("company").annotate(number=Count("pk"), others=by_others)
    return set(several.filter(number__gt=1, others__gt=0).values_list("company", flat=True))
