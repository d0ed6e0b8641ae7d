"""What a read becomes: taken over, unless that would break what is expected; then it waits for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from integrations.database.transactions import transaction_required
from integrations.models import IntegrationInstance
from integrations.models.drift import Changed
from integrations.services.companies.absence import (
    forget_ceased_reasons,
    mark_absent,
    mark_offered,
    mark_outside,
    untick_absent,
)
from integrations.services.companies.changes import record_changes
from integrations.services.companies.duplicates import flag_duplicate_names
from integrations.services.companies.outcome import RefreshBraked
from integrations.services.companies.reading import Reading
from integrations.services.companies.store import store_companies
from integrations.services.expectations.held import Before, Result, covers, hold, look_before, result_of


@dataclass(frozen=True)
class Wish:
    """What people want of a read: all of it taken over, or what would go with the held result they saw.

    ``new_filter``: they have changed which companies count since everything was read.
    """

    accept: bool = False
    taken: str = ""
    new_filter: bool = False


@dataclass(frozen=True)
class Taken:
    """What taking a read over changed.

    ``changed`` of those that were asked for by themselves differ, ``entered`` are offered again or anew.
    """

    changed: int
    entered: int
    changes: list[Changed]
    counts: Counter[str]


class _Held(Exception):
    """Takes back what was taken over for a try: what would have become of it."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


@transaction_required
def take_over(
    current: IntegrationInstance,
    reading: Reading,
    keys: Mapping[str, str],
    wish: Wish,
    *,
    is_first: bool,
) -> Taken | RefreshBraked:
    """Take the read over, unless that breaks an expectation that brakes: then it is kept for a person."""
    before = look_before(current)
    try:
        taken, lost = _try(current, reading, keys, wish, None if is_first or wish.new_filter else before)
    except _Held as held:
        kept = hold(
            current, reading.started, held.result, before.offered, complete=reading.incomplete is None
        )
        return RefreshBraked([each["text"] for each in kept.reasons])
    _compare(current, reading, before, None if wish.new_filter else lost, is_first=is_first)
    return taken


@transaction.atomic
def _try(
    current: IntegrationInstance,
    reading: Reading,
    keys: Mapping[str, str],
    wish: Wish,
    before: Before | None,
) -> tuple[Taken, int | None]:
    """Take the read over and look at it: what would be so is told by the same rows as what is so.

    Returns what changed, and how many companies are lost: None where a person wants them to be. ``before`` is
    None where nothing can be lost. Raises _Held, which takes it all back.
    """
    offered = before.offered if before is not None else 0
    is_first = current.last_full_read_at is None
    taken = _apply(current, reading, keys, is_first=is_first, accept_shrink=wish.accept)
    lost = offered + taken.entered - current.companies.present().count()
    breaches = before.breaches(current, lost) if before is not None else []
    if breaches and before is not None and not wish.accept:
        result = result_of(current, before, breaches, taken.changes)
        if not covers(current, wish.taken, result):
            raise _Held(result)
    return taken, None if breaches else lost


def _compare(
    current: IntegrationInstance, reading: Reading, before: Before, lost: int | None, *, is_first: bool
) -> None:
    """Put on the (unsaved) instance how many companies the read did not find; None: a person wanted it so.

    A read of changes, or one that lacks some, sees less than a complete one: it can only make it worse.
    """
    known = current.offered_before or before.offered
    if is_first:
        current.offered_before = current.offered_lost = None
    elif (
        lost is None
        or (reading.full and reading.incomplete is None)
        or lost * known > (current.offered_lost or 0) * before.offered
    ):
        current.offered_before, current.offered_lost = before.offered, lost


def _apply(
    current: IntegrationInstance,
    reading: Reading,
    keys: Mapping[str, str],
    *,
    is_first: bool,
    accept_shrink: bool,
) -> Taken:
    """Make of the read what is offered, outside or gone, and keep what that changed."""
    found = reading.found.companies.values()
    stored = store_companies(current, found, reading.started, reading.copied)
    entered = mark_offered(current, reading.seen, is_first=is_first)
    changes = [*entered, *mark_outside(current, reading.outside)]
    if reading.full:
        changes += _tell_absent(current, reading, accept_shrink=accept_shrink)
    untick_absent(current)
    forget_ceased_reasons(current)
    changes += flag_duplicate_names(current, keys)
    record_changes([*stored.changes, *changes])
    return Taken(stored.changed, len(entered), changes, Counter(change.kind for change in changes))


def _tell_absent(current: IntegrationInstance, reading: Reading, *, accept_shrink: bool) -> list[Changed]:
    """Which companies are newly gone, and newly outside the filter, after everything was read."""
    there = reading.seen | reading.outside
    narrowed = bool(reading.conditions)
    if reading.incomplete is None or accept_shrink:
        asked = set(reading.asked) if narrowed else None
        return mark_absent(current, there, asked, reading.started)
    if narrowed:  # nobody is gone because of such a read, but the filter left out whom nobody asked for
        return mark_absent(current, there.union(reading.asked), (), reading.started)
    return []
