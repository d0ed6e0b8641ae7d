"""After any sequence of changes in Autotask, refreshes, decisions and undos the inbox is what it should be.

What it should be is worked out beside it from scratch: by what each mapping was confirmed with, and what the
last refresh saw. And no refresh changes a mapping, nor does anything else but a person's recorded decision.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from integrations.models import AuditEvent, IntegrationInstance, OrganizationMapping
from integrations.models.review_reasons import ReviewReason, open_reasons
from integrations.services.audit import Batch
from integrations.services.drift import Decision, InboxQuery, decide_cases, read_inbox
from integrations.services.history.undo import undo_batch
from integrations.services.mapping.seen import row_keys
from integrations.simulators.autotask.tenant import Tenant
from tests.support.properties import examples
from tests.support.simulated import COMPANIES, actor_of, make_organization, map_to, refresh

pytestmark = pytest.mark.django_db
REMOTE: tuple[dict[str, Any], ...] = (
    {"companyName": "Zenith"}, {"companyName": "Meridian"}, {"companyType": 1}, {"companyType": 2},
    {"isActive": False}, {"isActive": True}, {"gone": True}, {"gone": False},
)  # fmt: skip
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("remote"), st.integers(0, 1), st.integers(0, len(REMOTE) - 1)),
        st.tuples(st.just("refresh"), st.just(0), st.just(0)),
        st.tuples(st.just("decide"), st.integers(0, 1), st.integers(0, 2)),
        st.tuples(st.just("undo"), st.integers(0, 1), st.just(0)),
    ),
    min_size=4,
    max_size=12,
)
DECISIONS = (Decision.KEEP, Decision.IGNORE, Decision.UNMAP)
SEEN_AS_IT_IS = {"active": ReviewReason.INACTIVE, "there": ReviewReason.GONE}


@dataclass(frozen=True)
class Copy:
    """What of a company counts, as it is or as somebody saw it."""

    name: str
    type: int = 1
    active: bool = True
    there: bool = True


@dataclass
class Expected:
    """A mapping as the test knows it: ``edited`` counts people's changes, ``moved`` those of the company."""

    confirmed: Copy
    copy: Copy
    kept: frozenset[ReviewReason] = frozenset()
    mapped: bool = True
    edited: int = 0
    moved: int = 0
    ignored: tuple[int, int] | None = None
    undo: list[tuple[uuid.UUID, dict[str, Any]]] = field(default_factory=list)

    def reasons(self) -> set[ReviewReason]:
        """Why it has to be looked at."""
        if not self.mapped or self.ignored == (self.edited, self.moved):
            return set()
        found = {reason for name, reason in SEEN_AS_IT_IS.items() if not getattr(self.copy, name)} - self.kept
        if self.copy.name != self.confirmed.name:
            found.add(ReviewReason.RENAMED)
        if self.copy.type != self.confirmed.type:
            found.add(ReviewReason.RETYPED)
        return found

    def see(self, now: Copy) -> None:
        """A refresh saw the company so; of one that is gone it sees nothing more."""
        now = now if now.there else replace(self.copy, there=False)
        self.moved += now != self.copy
        self.copy = now
        lasting = {reason for name, reason in SEEN_AS_IT_IS.items() if not getattr(now, name)}
        self.kept &= lasting

    def decide(self, decision: Decision, batch: uuid.UUID) -> None:
        """A person's decision, and what undoing it puts back."""
        names = ("ignored",) if decision is Decision.IGNORE else ("confirmed", "kept", "mapped")
        self.undo.append((batch, {name: getattr(self, name) for name in names}))
        if decision is Decision.IGNORE:
            self.ignored = (self.edited, self.moved)
            return
        self.edited += 1
        if decision is Decision.UNMAP:
            self.mapped = False
        else:
            self.confirmed = self.copy
            lasting = {reason for name, reason in SEEN_AS_IT_IS.items() if not getattr(self.copy, name)}
            self.kept = frozenset(lasting)

    def put_back(self) -> uuid.UUID:
        """Take the last decision back; its batch."""
        batch, values = self.undo.pop()
        for name, value in values.items():
            setattr(self, name, value)
        if "ignored" not in values:  # the mapping is another version now: what was before stays as it is
            self.edited += 1
            self.undo = [each for each in self.undo if "ignored" in each[1]]
        return batch


@examples(4, HealthCheck.function_scoped_fixture)
@given(steps=STEPS)
@example(steps=[("remote", 0, 3), ("refresh", 0, 0), ("decide", 0, 1), ("remote", 0, 0), ("refresh", 0, 0)])
@example(
    steps=[
        ("remote", 0, 4), ("refresh", 0, 0), ("decide", 0, 0), ("remote", 0, 5), ("refresh", 0, 0),
        ("remote", 0, 4), ("refresh", 0, 0), ("undo", 0, 0),
    ]
)  # fmt: skip
def test_the_inbox_is_a_recomputation_and_mappings_are_changed_by_people_alone(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, steps: list[tuple[str, int, int]]
) -> None:
    OrganizationMapping.objects.all().delete()
    remote, expected, mappings = [], [], []
    for row in COMPANIES[1:3]:
        tenant.companies.put({"companyType": 1, "isActive": True, **row})
        remote.append(Copy(str(row["companyName"])))
    read(refreshed)
    for row in COMPANIES[1:3]:
        number = int(str(row["id"]))
        organization = make_organization(f"Nobody's {uuid.uuid4().hex} {number}")
        mappings.append(map_to(owner, refreshed, organization, number))
        expected.append(Expected(remote[number - 101], remote[number - 101]))
    for step, which, what in steps:
        mapping, known = mappings[which], expected[which]
        if step == "remote":
            remote[which] = change(tenant, 101 + which, remote[which], REMOTE[what])
        elif step == "refresh":
            before = standing()
            read(refreshed)
            assert standing() == before, "a refresh decides nothing"
            for seen, now in zip(expected, remote, strict=True):
                seen.see(now)
        elif step == "decide" and known.reasons():
            mapping = OrganizationMapping.objects.with_names().get(pk=mapping.pk)
            batch = Batch(actor_of(owner))
            seen_now = row_keys([mapping]).values()
            decide_cases(batch, IntegrationInstance.objects.present(), DECISIONS[what], seen_now)
            known.decide(DECISIONS[what], batch.key)
        elif step == "undo" and known.undo:
            undone = undo_batch(actor_of(owner), known.undo[-1][0])
            assert not undone.left, undone.sentence()
            known.put_back()
        inbox = read_inbox(IntegrationInstance.objects.filter(pk=refreshed.pk), InboxQuery())
        shown = {row.mapping.pk: {finding.reason for finding in row.findings} for row in inbox.rows}
        should = {
            each.pk: known.reasons()
            for each, known in zip(mappings, expected, strict=True)
            if known.reasons()
        }
        assert shown == should
        at_once = open_reasons(OrganizationMapping.objects.in_tables())
        assert {pk: set(reasons) for pk, reasons in at_once.items()} == should
        assert inbox.total == len(should)
    for mapping in mappings:
        mapping.refresh_from_db()
        told = AuditEvent.objects.filter(target_type="mapping", target_id=str(mapping.organization_id))
        assert told.count() == mapping.version
        assert not told.filter(actor=None).exists()


def change(tenant: Tenant, number: int, remote: Copy, values: dict[str, Any]) -> Copy:
    """Change the company in Autotask; what it is there then."""
    if values.get("gone") is True and remote.there:
        tenant.companies.remove(number)
        return replace(remote, there=False)
    if values.get("gone") is False and not remote.there:
        row = {"id": number, "companyName": remote.name, "companyType": remote.type}
        tenant.companies.put({**row, "isActive": remote.active})
        return replace(remote, there=True)
    if not remote.there or "gone" in values:
        return remote
    tenant.companies.change(number, {**values, **named(values, number)})
    renamed = named(values, number).get("companyName", remote.name)
    kind, active = values.get("companyType", remote.type), values.get("isActive", remote.active)
    return replace(remote, name=renamed, type=kind, active=active)


def named(values: dict[str, Any], number: int) -> dict[str, str]:
    """A name that no other company has."""
    return {"companyName": f"{values['companyName']} {number}"} if "companyName" in values else {}


def read(instance: IntegrationInstance) -> None:
    job = refresh(instance, full=True)
    assert job.state == "done", job.error


def standing() -> list[tuple[Any, ...]]:
    """Every mapping, but for the reasons that somebody kept it in spite of and that have ceased."""
    names = ("pk", "company", "instance", "version", "removed_at", "confirmed_at", "confirmed_name")
    return list(OrganizationMapping.objects.order_by("pk").values_list(*names))
