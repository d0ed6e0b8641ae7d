"""How a read is shared out among readers: every company exactly once, whatever the ids, in few calls."""

from __future__ import annotations

import bisect
import heapq
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.psa.autotask.ranges import IdRange, ReadPlan
from integrations.psa.base import UnexpectedAnswer
from tests.benchmarks.refresh_read import PATTERNS
from tests.support.properties import examples

READERS = 3


@dataclass
class Outcome:
    """What a read of these ids took: time in units of one call, and calls."""

    ids: list[int]
    rounds: float
    calls: int


def page_of(ids: Sequence[int], range_: IdRange, page_size: int) -> tuple[list[int], str]:
    """What Autotask answers for the next page of a range."""
    first = bisect.bisect_left(ids, max(range_.start, range_.unread))
    last = len(ids) if range_.asked_end is None else bisect.bisect_left(ids, range_.asked_end)
    page = list(ids[first : min(first + page_size, last)])
    return page, "next" if first + page_size < last else ""


def run(ids: Sequence[int], *, page_size: int = 500, seed: int = 1, known: Sequence[int] = ()) -> Outcome:
    """Read ``ids`` with three readers whose calls take about the same time, as ``reading`` does it."""
    rng = random.Random(seed)
    plan = ReadPlan(page_size, max_pages=10_000, known=known)
    found: list[int] = []
    events: list[tuple[float, int, IdRange, list[int], str]] = []
    numbers = itertools.count()

    def send(range_: IdRange, now: float) -> None:
        heapq.heappush(
            events, (now + rng.uniform(0.95, 1.05), next(numbers), range_, *page_of(ids, range_, page_size))
        )

    first, next_url = page_of(ids, IdRange(0, None, 1.0), page_size)
    whole = plan.begin(first, next_url)
    found += first
    now, idle = 1.0, 1
    if not plan.finished and known:  # the count came along with the first page
        plan.total = len(ids)
        parts = [plan.split(spare) for spare in range(READERS - 1, 0, -1)]
        idle = parts.count(None)
        for part in (whole, *parts):
            if part is not None:
                send(part, now)
    elif not plan.finished:
        send(whole, now)
        if (ahead := plan.look_ahead()) is not None:
            send(ahead, now)
    while events:
        now, _, range_, page, next_url = heapq.heappop(events)
        found += page[: plan.record(range_, page, next_url)]
        plan.total = len(ids)
        idle += range_.done
        if not range_.done:
            send(range_, now)
        while idle and (taken := plan.split(idle)) is not None:
            idle -= 1
            send(taken, now)
    assert plan.finished
    assert plan.rows == len(found)
    return Outcome(found, now, plan.pages)


@examples(150)
@given(
    st.lists(st.integers(1, 400), max_size=300),
    st.integers(0, 10**9),
    st.integers(1, 9),
    st.integers(0, 1000),
)
def test_every_id_is_read_exactly_once(gaps: list[int], start: int, page_size: int, seed: int) -> None:
    ids = [0, *itertools.accumulate(gaps, initial=start + 1)]
    outcome = run(ids, page_size=page_size, seed=seed)
    assert sorted(outcome.ids) == ids


@examples(20)
@given(st.sets(st.integers(0, 2**62), max_size=200), st.integers(1, 9))
def test_far_scattered_ids_are_read_exactly_once(ids: set[int], page_size: int) -> None:
    assert sorted(run(sorted(ids), page_size=page_size).ids) == sorted(ids)


@pytest.mark.large
@pytest.mark.parametrize(
    ("pattern", "rounds", "calls"),
    [("close together", 15.9, 41.5), ("random gaps", 16.4, 43.0), ("clumps", 18.0, 46.0)],
)
def test_twenty_thousand_companies_cost_little_more_than_their_forty_pages(
    pattern: str, rounds: float, calls: float
) -> None:
    outcomes = [
        run(list(itertools.islice(PATTERNS[pattern](random.Random(seed)), 20_000)), seed=seed)
        for seed in range(12)
    ]
    # 40 pages by three readers are 13.3 rounds, and the first page has to come first.
    assert sum(outcome.rounds for outcome in outcomes) / len(outcomes) <= rounds
    assert sum(outcome.calls for outcome in outcomes) / len(outcomes) <= calls


@pytest.mark.large
@pytest.mark.parametrize("pattern", PATTERNS)
def test_with_the_ids_of_an_earlier_read_the_readers_share_evenly(pattern: str) -> None:
    ids = list(itertools.islice(PATTERNS[pattern](random.Random(5)), 20_000))
    outcome = run(ids, known=ids)
    assert outcome.calls == 40
    assert outcome.rounds <= 14.5  # the first page, then 13 each; calls take up to 5 % longer than usual
    # Some are gone, some are new: in between, because the filter let them in, and at the end.
    rng = random.Random(6)
    older = [number for number in ids[:19_900] if rng.random() < 0.98]
    outcome = run(ids, known=older)
    assert sorted(outcome.ids) == ids
    assert outcome.calls <= 44
    assert outcome.rounds <= 16


@examples(100)
@given(
    st.sets(st.integers(0, 3000), max_size=200),
    st.sets(st.integers(0, 3000), max_size=200),
    st.integers(1, 9),
    st.booleans(),
)
def test_ids_that_are_wrongly_known_lose_no_company(
    ids: set[int], known: set[int], page_size: int, mostly_right: bool
) -> None:
    held = sorted(ids | known) if mostly_right else sorted(known)
    assert sorted(run(sorted(ids), page_size=page_size, known=held).ids) == sorted(ids)


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 999, 1000, 1001, 1500, 2499])
def test_small_reads_need_few_calls(count: int) -> None:
    outcome = run(range(count))
    assert len(outcome.ids) == count
    pages = max(1, -(-count // 500))
    assert outcome.calls <= pages + (2 if pages > 1 else 0)


def begun(ids: Sequence[int] = (1, 2, 3)) -> tuple[ReadPlan, IdRange]:
    """A plan after its first page."""
    plan = ReadPlan(page_size=3, max_pages=10)
    return plan, plan.begin(ids, "next")


@pytest.mark.parametrize(
    ("ids", "problem"),
    [([3, 4], "repeats"), ([1, 2, 3], "repeats"), ([6, 5], "ascending"), ([5, 5], "ascending")],
)
def test_repeated_or_unordered_pages_are_refused(ids: list[int], problem: str) -> None:
    plan, whole = begun()
    with pytest.raises(UnexpectedAnswer, match=problem):
        plan.record(whole, ids, "next")


def test_ids_outside_of_the_range_are_refused() -> None:
    plan, _ = begun()
    upper = IdRange(start=100, end=200, spacing=1.0)
    plan.ranges.append(upper)
    with pytest.raises(UnexpectedAnswer, match="outside the range"):
        plan.record(upper, [150, 200], "")
    with pytest.raises(UnexpectedAnswer, match="others than asked for"):
        plan.record(upper, [99, 150], "")


def test_an_empty_page_that_names_a_next_one_is_settled_by_asking_by_id() -> None:
    plan, whole = begun()
    plan.record(whole, [], "next")
    assert (whole.next_url, whole.done) == ("", False)
    plan.record(whole, [], "next")
    assert whole.done


def test_empty_pages_that_name_a_next_one_are_refused_where_ids_tell_nothing() -> None:
    plan, whole = begun([7, 2, 9])
    plan.record(whole, [], "next")
    plan.record(whole, [], "next")
    with pytest.raises(UnexpectedAnswer, match="empty pages"):
        plan.record(whole, [], "next")


def test_a_next_page_without_a_usable_address_is_asked_for_by_the_lowest_unread_id() -> None:
    plan, whole = begun()
    plan.record(whole, [4, 5, 6], "", more=True)
    assert not whole.done
    whole.ask_by_id()
    assert (whole.asked_from, whole.asked_end, whole.next_url) == (7, None, "")
    unsorted, range_ = begun([7, 2, 9])
    with pytest.raises(UnexpectedAnswer, match="not in the order of ids"):
        unsorted.record(range_, [1, 8, 3], "", more=True)


def go_on(plan: ReadPlan, range_: IdRange) -> None:
    """A service whose pages always name a next one."""
    for number in range(4, 100):
        plan.record(range_, [number], "next")


def test_pages_without_end_are_refused() -> None:
    plan, whole = begun()
    with pytest.raises(UnexpectedAnswer, match="more than 10 pages"):
        go_on(plan, whole)


def test_more_pages_than_the_count_can_explain_are_refused() -> None:
    plan = ReadPlan(page_size=3, max_pages=10_000)
    whole = plan.begin([1, 2, 3], "next")
    plan.total = 9
    with pytest.raises(UnexpectedAnswer, match="more than 26 pages for 9"):
        go_on(plan, whole)


def test_a_service_that_does_not_sort_is_read_by_one_reader() -> None:
    plan, whole = begun([7, 2, 9])
    plan.total = 1000
    assert plan.look_ahead() is None
    assert plan.split(2) is None
    plan.record(whole, [1, 8, 3], "next")
    with pytest.raises(UnexpectedAnswer, match="repeats"):
        plan.record(whole, [4, 8, 5], "next")
