"""Results of refreshes that wait for a person: kept, shown, taken or left.

What is taken is what was shown: the companies are read once more, and the result is taken over where no more
would go than the person saw. Whatever else the tenant has become meanwhile waits anew.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.contrib.auth.models import User
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
    Job,
    OrganizationMapping,
    RecordChange,
)
from integrations.models.audit import Action
from integrations.models.drift import Changed
from integrations.models.mappings import MappingQuerySet
from integrations.models.review_reasons import open_reasons
from integrations.services.audit import Batch, instance_change
from integrations.services.expectations.limits import is_too_little, too_many_lost
from integrations.services.expectations.measures import (
    lost_text,
    mapped_here,
    mapped_text,
    open_in_inbox,
)
from integrations.services.expectations.terms import Expected, terms_of

Kind = ExpectationKind
PAGE_SIZE = 50
GOING = (RecordChange.Kind.GONE, RecordChange.Kind.LEFT)


class HeldChanged(Exception):
    """The result is not what the person saw, or nothing waits any more: a sentence that says so."""


# --- while a refresh ends -----------------------------------------------------------------------------


class Breach(NamedTuple):
    """An expectation that brakes, and would be broken by a result."""

    kind: ExpectationKind
    text: str
    value: int
    total: int = 0


@dataclass(frozen=True)
class Before:
    """How an instance is before a result is taken over, as far as its brakes have to know."""

    braking: Expected
    offered: int
    mapped: int = 0
    inbox: int = 0
    open: frozenset[int] = frozenset()

    def breaches(
        self, instance: IntegrationInstance, offered: int, lost: int, excused: Collection[int] = ()
    ) -> list[Breach]:
        """Which of the brakes the result pulls that is being taken over.

        ``lost`` of the ``offered`` companies are not offered any more; ``excused`` ones (ids) have left a
        filter that a person changed, and count nowhere. A result that makes nothing worse is taken over,
        however it stands.
        """
        found = []
        for kind, terms in self.braking.items():
            if kind is Kind.FEWER:
                if too_many_lost(offered, lost, terms.limit):
                    found.append(Breach(kind, f"{lost_text(offered, lost)}.", lost, offered))
            elif kind is Kind.MAPPED:
                value, total = mapped_here(instance)
                if value < self.mapped and is_too_little(value, total, terms.limit):
                    found.append(Breach(kind, f"With it {mapped_text(value, total)}.", value, total))
            elif (number := open_in_inbox(instance, excused)) > max(self.inbox, terms.limit):
                plural = "" if number == 1 else "s"
                text = f"{number:,} mapping{plural} would be open in the inbox."
                found.append(Breach(kind, text, number))
        return found


def look_before(instance: IntegrationInstance) -> Before:
    """How the instance is before a result is taken over."""
    braking = {
        kind: terms
        for kind, terms in terms_of(instance).items()
        if kind.may_brake and terms.effect == Expectation.Effect.BRAKE
    }
    is_open = frozenset(open_reasons(_in_force(instance))) if Kind.INBOX in braking else frozenset()
    return Before(
        braking,
        instance.companies.present().count(),
        mapped_here(instance)[0] if Kind.MAPPED in braking else 0,
        len(is_open),
        is_open,
    )


@dataclass(frozen=True)
class Result:
    """What a read would become: why it waits, which companies would go, and how, and which mappings would be
    open in the inbox beside those to them, and why.
    """

    breaches: Sequence[Breach]
    companies: dict[int, str]
    opened: list[tuple[int, int, list[str]]] = field(default_factory=list)  # mapping, company, why
    touched: list[list[int]] = field(default_factory=list)

    @property
    def kinds(self) -> set[str]:
        """The expectations that it would break."""
        return {each.kind.value for each in self.breaches}

    def is_within(self, held: HeldRefresh) -> bool:
        """Whether nothing of it is beyond what this held result shows."""
        shown = {(mapping, company): set(why) for mapping, company, why in held.opened}
        return (
            self.kinds <= {each["kind"] for each in held.reasons}
            and self.companies.items() <= _companies(held).items()
            and all(set(why) <= shown.get((pk, company), set()) for pk, company, why in self.opened)
        )


@transaction_required
def result_of(
    instance: IntegrationInstance, before: Before, breaches: Sequence[Breach], changes: Sequence[Changed]
) -> Result:
    """What the read would become that is being taken over, as a person has to see it."""
    companies = going(changes)
    touched = _touched(instance, companies)
    opened: list[tuple[int, int, list[str]]] = []
    if any(each.kind is Kind.INBOX for each in breaches):
        known = before.open.union(mapping for _, mapping in touched)
        found = open_reasons(_in_force(instance))
        new = {pk: [each.label for each in why] for pk, why in found.items() if pk not in known}
        rows = _in_force(instance).order_by("pk").values_list("pk", "company")
        opened = [(pk, company, new[pk]) for pk, company in rows if pk in new]
    return Result(breaches, companies, opened, touched)


def _in_force(instance: IntegrationInstance) -> MappingQuerySet:
    return OrganizationMapping.objects.in_tables().filter(instance=instance)


def _touched(instance: IntegrationInstance, companies: Collection[int]) -> list[list[int]]:
    """The mappings in force that lead to these companies, as [company, mapping]."""
    rows = _in_force(instance).order_by("pk").values_list("company", "pk") if companies else ()
    return [[company, pk] for company, pk in rows if company in companies]


def going(changes: Sequence[Changed]) -> dict[int, str]:
    """The companies that go with these changes, and how."""
    return {change.company: change.kind for change in changes if change.kind in GOING and change.company}


@transaction_required
def covers(instance: IntegrationInstance, taken: str, result: Result) -> bool:
    """Whether a person took the result of this key, nobody left it since, and all of this was in it."""
    held = HeldRefresh.objects.filter(instance=instance, key=uuid.UUID(taken)).first() if taken else None
    if held is None or held.taken_at is None or not held.waits or not result.is_within(held):
        return False
    seen = {(company, mapping) for company, mapping in held.touched}
    return all((company, mapping) in seen for company, mapping in result.touched)


@transaction_required
def hold(
    instance: IntegrationInstance, at: dt.datetime, result: Result, offered: int, *, complete: bool
) -> HeldRefresh:
    """Keep a result for a person. What was left stays left, as long as nothing is added to it.

    A read that lacks some knows less than the one before: it takes the place of none.
    """
    last = HeldRefresh.objects.filter(instance=instance).first()
    if last is not None and not complete:
        return last
    reasons = [
        {"kind": each.kind.value, "text": each.text, "value": each.value, "total": each.total}
        for each in result.breaches
    ]
    held = HeldRefresh(
        instance=instance, at=at, reasons=reasons, before=offered, opened=[[*each] for each in result.opened]
    )
    if last is not None:
        if not last.waits and result.is_within(last):
            held.left_at, held.left_by_id = last.left_at, last.left_by_id
        last.delete()
    held.key = _key(held, result.companies, result.touched)  # the same as long as the same is shown
    held.save()
    rows = ((held.pk, pk, kind) for pk, kind in result.companies.items())
    insert_rows(HeldCompany, ("held_id", "company_id", "kind"), rows)
    return held


def _key(held: HeldRefresh, companies: dict[int, str], touched: list[list[int]]) -> uuid.UUID:
    """The digest of everything that its page shows."""
    decided = [
        held.left_at and held.left_at.timestamp(), held.left_by_id,
        held.taken_at and held.taken_at.timestamp(), held.taken_by_id,
    ]  # fmt: skip
    shown = [held.instance_id, held.reasons, sorted(companies.items()), held.opened, touched, decided]
    return uuid.UUID(bytes=hashlib.sha256(json.dumps(shown).encode()).digest()[:16])


def _key_now(held: HeldRefresh) -> uuid.UUID:
    """Of what is shown now: mappings come and go while a result waits."""
    companies = _companies(held)
    return _key(held, companies, _touched(held.instance, companies))


def is_held(instance: IntegrationInstance) -> bool:
    """Whether a result waits, or was left."""
    return HeldRefresh.objects.filter(instance=instance).exists()


@transaction_required
def end_hold(instance: IntegrationInstance) -> None:
    """A read was taken over: whatever waited before is no news any more."""
    HeldRefresh.objects.filter(instance=instance).delete()


def _companies(held: HeldRefresh) -> dict[int, str]:
    return dict(held.companies.order_by().values_list("company", "kind"))


# --- by a person --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeldPage:
    """A result that waits, and a page of the companies that would go, those that are mapped first."""

    held: HeldRefresh
    companies: Page[Any]
    total: int
    gone: int
    mappings: int
    key: uuid.UUID
    opened: Page[Any]
    is_being_taken: bool

    @property
    def outside(self) -> int:
        """How many exist, and would be outside the filter."""
        return self.total - self.gone


def held_of(instance: IntegrationInstance) -> HeldRefresh | None:
    """The result that waits or was left, if there is one."""
    return HeldRefresh.objects.filter(instance=instance).select_related("left_by", "taken_by").first()


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
    opened = Paginator(_opened(held), PAGE_SIZE).get_page(number)
    key, taking = _key_now(held), _is_being_taken(held)
    return HeldPage(held, page, page.paginator.count, gone, touched, key, opened, taking)


def _opened(held: HeldRefresh) -> list[tuple[OrganizationMapping, list[str]]]:
    """The mappings that would be open beside those to companies that go, by name, and why."""
    why = {(mapping, company): labels for mapping, company, labels in held.opened}
    rows = _mappings().filter(instance=held.instance_id) if why else ()
    found = [(row, why[row.pk, row.company_id]) for row in rows if (row.pk, row.company_id) in why]
    return sorted(found, key=lambda each: str(each[0].organization).casefold())


def _is_being_taken(held: HeldRefresh) -> bool:
    """Whether a refresh is to take it over that has not ended yet."""
    if held.taken_at is None:
        return False
    return Job.objects.open().filter(instance=held.instance_id, options__taken=str(held.key)).exists()


def _mappings() -> QuerySet[OrganizationMapping]:
    return OrganizationMapping.objects.in_tables().select_related("organization", "company")


def take_held(batch: Batch, instance: IntegrationInstance, key: uuid.UUID, now: dt.datetime) -> HeldRefresh:
    """Note that the person takes this result; a refresh that is given its new key takes it over.

    Raises HeldChanged where the person of ``key`` has not seen it as it is, or somebody has taken it.
    """
    with transaction.atomic():
        held = _locked(instance, key)
        if _is_being_taken(held):
            raise HeldChanged(_instead(held))
        companies = _companies(held)
        held.left_at = held.left_by = None
        held.taken_at, held.taken_by = now, batch.actor.account
        held.touched = _touched(held.instance, companies)
        held.key = _key(held, companies, held.touched)
        held.save(update_fields=["key", "left_at", "left_by", "taken_at", "taken_by", "touched"])
        batch.record([instance_change(Action.HELD_TAKEN, held.instance, None, held.snapshot())])
    return held


def leave_held(batch: Batch, instance: IntegrationInstance, key: uuid.UUID, now: dt.datetime) -> HeldRefresh:
    """Note that the person takes this result for wrong: all stays as it is, and whoever took it gets nothing.

    Raises HeldChanged where the person of ``key`` has not seen it as it is, or somebody has left it.
    """
    with transaction.atomic():
        held = _locked(instance, key)
        if not held.waits:
            raise HeldChanged(_instead(held))
        held.left_at, held.left_by = now, batch.actor.account
        held.taken_at = held.taken_by = None
        held.touched, held.key = [], _key_now(held)  # a refresh that was given the one before takes nothing
        held.save(update_fields=["key", "left_at", "left_by", "taken_at", "taken_by", "touched"])
        batch.record([instance_change(Action.HELD_LEFT, held.instance, None, held.snapshot())])
    return held


def _locked(instance: IntegrationInstance, key: uuid.UUID) -> HeldRefresh:
    instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
    held = held_of(instance)
    if held is None:
        raise HeldChanged("nothing waits any more.")
    held.instance = instance
    if _key_now(held) != key:
        raise HeldChanged(_instead(held))
    return held


def _instead(held: HeldRefresh) -> str:
    """What is so instead of what the person saw."""
    if not held.waits:
        return f"{_name(held.left_by)} has left it. Look again."
    if _is_being_taken(held):
        return f"{_name(held.taken_by)} has taken it, and the companies are read once more."
    return "what waits is another result by now, or touches other mappings. Look again."


def _name(person: User | None) -> str:
    return (person.get_full_name() or person.get_username()) if person else "Somebody"
