"""Results of refreshes that wait for a person: kept, shown, taken or left.

What is taken is what was shown: the companies are read once more, and the result is taken over where no more
would go than the person saw. Whatever else the tenant has become meanwhile waits anew.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.db.models.functions import Lower

from integrations.database.bulk import insert_rows
from integrations.database.transactions import transaction_required
from integrations.models import (
    Expectation,
    ExpectationKind,
    HeldCompany,
    HeldRefresh,
    IntegrationInstance,
    OrganizationMapping,
    RecordChange,
)
from integrations.models.audit import Action
from integrations.models.drift import Changed
from integrations.services.audit import Batch, instance_change
from integrations.services.expectations.measures import (
    lost_text,
    mapped_here,
    mapped_text,
    open_in_inbox,
    too_many_lost,
)
from integrations.services.expectations.terms import Expected, terms_of

Kind = ExpectationKind
PAGE_SIZE = 50
GOING = (RecordChange.Kind.GONE, RecordChange.Kind.LEFT)


class HeldChanged(Exception):
    """The result is not the one that the person saw, or nothing waits any more."""


# --- while a refresh ends -----------------------------------------------------------------------------


class Breach(NamedTuple):
    """An expectation that brakes, and would be broken by a result."""

    kind: ExpectationKind
    text: str


@dataclass(frozen=True)
class Before:
    """How an instance is before a result is taken over, as far as its brakes have to know."""

    braking: Expected
    offered: int
    mapped: int = 0
    inbox: int = 0

    def breaches(self, instance: IntegrationInstance, lost: int) -> list[Breach]:
        """Which of the brakes the result pulls that is being taken over; ``lost`` companies are not offered
        any more.

        A result that makes nothing worse is taken over, however it stands.
        """
        found = []
        for kind, terms in self.braking.items():
            if kind is Kind.FEWER:
                if too_many_lost(self.offered, lost, terms.limit):
                    found.append(Breach(kind, f"{lost_text(self.offered, lost)}."))
            elif kind is Kind.MAPPED:
                value, total = mapped_here(instance)
                if value < self.mapped and value * 100 < terms.limit * total:
                    found.append(Breach(kind, f"With it {mapped_text(value, total)}."))
            elif (number := open_in_inbox(instance)) > max(self.inbox, terms.limit):
                found.append(Breach(kind, f"{number:,} mappings would be open in the inbox."))
        return found


def look_before(instance: IntegrationInstance) -> Before:
    """How the instance is before a result is taken over."""
    braking = {
        kind: terms
        for kind, terms in terms_of(instance).items()
        if kind.may_brake and terms.effect == Expectation.Effect.BRAKE
    }
    return Before(
        braking,
        instance.companies.present().count(),
        mapped_here(instance)[0] if Kind.MAPPED in braking else 0,
        open_in_inbox(instance) if Kind.INBOX in braking else 0,
    )


def going(changes: Sequence[Changed]) -> dict[int, str]:
    """The companies that go with these changes, and how."""
    return {change.company: change.kind for change in changes if change.kind in GOING and change.company}


@transaction_required
def covers(instance: IntegrationInstance, taken: str, companies: Collection[int]) -> bool:
    """Whether a person took the result of this key and saw that all these companies would go with it."""
    held = HeldRefresh.objects.filter(instance=instance, key=uuid.UUID(taken)).first() if taken else None
    return held is not None and set(companies) <= _companies(held)


@transaction_required
def hold(
    instance: IntegrationInstance,
    at: dt.datetime,
    breaches: Sequence[Breach],
    offered: int,
    companies: dict[int, str],
) -> HeldRefresh:
    """Keep a result for a person. What was left stays left, as long as no more would go."""
    last = HeldRefresh.objects.filter(instance=instance).first()
    still_left = last is not None and not last.waits and set(companies) <= _companies(last)
    reasons = [{"kind": kind.value, "text": text} for kind, text in breaches]
    held = HeldRefresh(instance=instance, at=at, reasons=reasons, before=offered)
    if last is not None:
        if still_left:
            held.left_at, held.left_by_id = last.left_at, last.left_by_id
        if set(companies) == _companies(last):
            held.key = last.key  # it is what somebody may be looking at
        last.delete()
    held.save()
    rows = ((held.pk, pk, kind) for pk, kind in companies.items())
    insert_rows(HeldCompany, ("held_id", "company_id", "kind"), rows)
    return held


def is_held(instance: IntegrationInstance) -> bool:
    """Whether a result waits, or was left."""
    return HeldRefresh.objects.filter(instance=instance).exists()


@transaction_required
def end_hold(instance: IntegrationInstance) -> None:
    """A read was taken over: whatever waited before is no news any more."""
    HeldRefresh.objects.filter(instance=instance).delete()


def _companies(held: HeldRefresh) -> set[int]:
    return set(held.companies.order_by().values_list("company", flat=True))


# --- by a person --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeldPage:
    """A result that waits, and a page of the companies that would go, those that are mapped first."""

    held: HeldRefresh
    companies: Page[Any]
    total: int
    gone: int
    mappings: int

    @property
    def outside(self) -> int:
        """How many exist, and would be outside the filter."""
        return self.total - self.gone


def held_of(instance: IntegrationInstance) -> HeldRefresh | None:
    """The result that waits or was left, if there is one."""
    return HeldRefresh.objects.filter(instance=instance).select_related("left_by").first()


def read_held(instance: IntegrationInstance, number: int = 1) -> HeldPage | None:
    """What would go with the result that waits; None when none does."""
    held = held_of(instance)
    if held is None:
        return None
    mapped = _mappings().filter(company=OuterRef("company"))
    rows = held.companies.annotate(is_mapped=Exists(mapped)).select_related("company")
    rows = rows.order_by("-is_mapped", Lower("company__name"), "pk").prefetch_related(
        Prefetch("company__mappings", _mappings().order_by(Lower("organization__name")), to_attr="in_force")
    )
    page = Paginator(rows, PAGE_SIZE).get_page(number)
    touched = _mappings().filter(company__in=held.companies.order_by().values("company")).count()
    gone = held.companies.filter(kind=RecordChange.Kind.GONE).count()
    return HeldPage(held, page, page.paginator.count, gone, touched)


def _mappings() -> QuerySet[OrganizationMapping]:
    return OrganizationMapping.objects.in_tables().select_related("organization")


def take_held(batch: Batch, instance: IntegrationInstance, key: uuid.UUID) -> HeldRefresh:
    """Note that the person wants this result; the refresh that follows takes it over. Raises HeldChanged."""
    with transaction.atomic():
        instance, held = _locked(instance, key)
        if not held.waits:
            held.left_at = held.left_by = None
            held.save(update_fields=["left_at", "left_by"])
        batch.record([instance_change(Action.HELD_TAKEN, instance, None, held.snapshot())])
    return held


def leave_held(batch: Batch, instance: IntegrationInstance, key: uuid.UUID, now: dt.datetime) -> HeldRefresh:
    """Note that the person takes this result for wrong: all stays as it is. Raises HeldChanged."""
    with transaction.atomic():
        instance, held = _locked(instance, key)
        if held.waits:
            held.left_at, held.left_by = now, batch.actor.account
            held.save(update_fields=["left_at", "left_by"])
            batch.record([instance_change(Action.HELD_LEFT, instance, None, held.snapshot())])
    return held


def _locked(instance: IntegrationInstance, key: uuid.UUID) -> tuple[IntegrationInstance, HeldRefresh]:
    instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
    held = HeldRefresh.objects.filter(instance=instance, key=key).first()
    if held is None:
        raise HeldChanged
    return instance, held
