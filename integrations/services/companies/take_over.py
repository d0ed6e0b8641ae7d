"""What a read becomes: taken over, unless that would break what is expected; then it waits for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.db import transaction

from integrations.database.transactions import transaction_required
from integrations.models import IntegrationInstance
from integrations.models.drift import Changed, Kind
from integrations.services.companies.absence import (
    forget_ceased_reasons,
    mark_absent,
    mark_offered,
    mark_outside,
    untick_absent,
)
from integrations.services.companies.changes import record_changes
from integrations.services.companies.duplicates import flag_duplicate_names
from integrations.services.companies.filters import is_new_filter
from integrations.services.companies.outcome import RefreshBraked
from integrations.services.companies.reading import Reading
from integrations.services.companies.store import store_companies
from integrations.services.expectations.held import (
    Before,
    Result,
    covers,
    going,
    hold,
    is_held,
    look_before,
    result_of,
)


@dataclass(frozen=True)
class Wish:
    """What people want of a read: all of it taken over, or what would go with the held result they saw.

    ``gone`` are ids of companies that a warning named and of which somebody said that they are gone.
    """

    accept: bool = False
    taken: str = ""
    gone: frozenset[str] = frozenset()


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

    def __init__(self, result: Result, offered: int) -> None:
        super().__init__()
        self.result, self.offered = result, offered


@transaction_required
def take_over(
    current: IntegrationInstance,
    reading: Reading,
    keys: Mapping[str, str],
    wish: Wish,
    *,
    is_first: bool,
) -> Taken | RefreshBraked:
    """Take the read over, unless that breaks an expectation that brakes: then it is kept for a person.

    Who leaves a filter that is not the one of the last full read is no loss: its preview has told of them.
    """
    if wish.gone and is_held(current):
        wish = replace(wish, gone=frozenset())  # of a result that waits its own page decides
    before = look_before(current)
    new_filter = is_new_filter(current, reading.conditions)
    try:
        taken, offered, lost = _try(
            current, reading, keys, wish, before, is_first=is_first, new_filter=new_filter
        )
    except _Held as held:
        kept = hold(current, reading.started, held.result, held.offered, complete=reading.incomplete is None)
        return RefreshBraked([each["text"] for each in kept.reasons])
    _compare(current, reading, offered, lost, is_first=is_first)
    return taken


@transaction.atomic
def _try(
    current: IntegrationInstance,
    reading: Reading,
    keys: Mapping[str, str],
    wish: Wish,
    before: Before,
    *,
    is_first: bool,
    new_filter: bool,
) -> tuple[Taken, int, int | None]:
    """Take the read over and look at it: what would be so is told by the same rows as what is so.

    Returns what changed, how many companies were offered that could be lost, and how many are: None where a
    person wants them to be. Raises _Held, which takes it all back.
    """
    there = set(current.companies.present().values_list("pk", flat=True)) if new_filter else set()
    taken = _apply(current, reading, keys, wish, is_first=is_first)
    lost = before.offered + taken.entered - current.companies.present().count()
    gone_or_left = going(taken.changes)
    left = {pk for pk, kind in gone_or_left.items() if kind == Kind.LEFT and pk in there}
    offered, lost = before.offered - len(left), lost - len(left)
    breaches = [] if is_first else before.breaches(current, offered, lost, left)
    if breaches and not wish.accept:
        result = result_of(current, before, breaches, taken.changes)
        if not covers(current, wish.taken, result) and not _named(current, wish, result):
            raise _Held(result, offered)
    return taken, offered, None if breaches else lost


def _named(current: IntegrationInstance, wish: Wish, result: Result) -> bool:
    """Whether no company goes but those of which a person said so, and these alone break what is expected."""
    if not wish.gone or result.opened:
        return False
    named = current.companies.filter(remote_id__in=wish.gone).values_list("pk", flat=True)
    return result.companies.keys() <= set(named)


def _compare(
    current: IntegrationInstance, reading: Reading, offered: int, lost: int | None, *, is_first: bool
) -> None:
    """Put on the (unsaved) instance how many companies the read did not find; None: a person wanted it so.

    A read of changes, or one that lacks some, sees less than a complete one: it can only make it worse.
    """
    known = current.offered_before or offered
    if is_first:
        current.offered_before = current.offered_lost = None
    elif (
        lost is None
        or (reading.full and reading.incomplete is None)
        or lost * known > (current.offered_lost or 0) * offered
    ):
        current.offered_before, current.offered_lost = offered, lost


def _apply(
    current: IntegrationInstance,
    reading: Reading,
    keys: Mapping[str, str],
    wish: Wish,
    *,
    is_first: bool,
) -> Taken:
    """Make of the read what is offered, outside or gone, and keep what that changed."""
    found = reading.found.companies.values()
    stored = store_companies(current, found, reading.started, reading.copied)
    entered = mark_offered(current, reading.seen, is_first=is_first)
    changes = [*entered, *mark_outside(current, reading.outside)]
    if reading.full:
        changes += _tell_absent(current, reading, wish)
    untick_absent(current)
    forget_ceased_reasons(current)
    changes += flag_duplicate_names(current, keys)
    record_changes([*stored.changes, *changes])
    return Taken(stored.changed, len(entered), changes, Counter(change.kind for change in changes))


def _tell_absent(current: IntegrationInstance, reading: Reading, wish: Wish) -> list[Changed]:
    """Which companies are newly gone, and newly outside the filter, after everything was read."""
    there = reading.seen | reading.outside
    narrowed = bool(reading.conditions)
    if reading.incomplete is None or wish.accept:
        asked = set(reading.asked) if narrowed else None
        return mark_absent(current, there, asked, reading.started)
    gone = wish.gone - there  # nobody else is because of such a read
    if narrowed:  # but the filter left out whom nobody asked for
        return mark_absent(current, there.union(reading.asked) - gone, gone, reading.started)
    if gone:
        everybody = set(current.companies.values_list("remote_id", flat=True))
        return mark_absent(current, everybody - gone, gone, reading.started)
    return []
