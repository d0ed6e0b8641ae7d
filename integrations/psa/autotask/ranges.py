"""How one long read is shared out: id ranges that several readers work through at the same time.

Autotask pages in the order of ids and only forwards, so one chain of pages cannot be read by three
readers. A range of ids can: the plan starts with the whole, and whenever a reader is idle it cuts off the
upper part of the range with most left to read. Where to cut is estimated from the spacing of the ids seen
so far; a bad estimate costs an empty page, never a company, because ranges are bounds in the query itself
and together always cover every id.

Pure bookkeeping: no network, no threads, no clock.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from integrations.psa.autotask.payloads import unexpected

MIN_PAGES_TO_SPLIT = 2.5
MAX_EMPTY_STARTS = 4
MAX_EMPTY_PAGES = 3


@dataclass(slots=True, eq=False)
class IdRange:
    """Ids from ``start`` up to but not including ``end`` (None: no end), read by one reader.

    ``unread`` is the lowest id not yet answered for. ``asked_end`` is the bound that its query carries;
    ``end`` may be lower, when another reader has taken the upper part since. ``spacing`` is the distance
    between two ids, as last seen here.
    """

    start: int
    end: int | None
    spacing: float
    asked_end: int | None = None
    unread: int = 0
    next_url: str = ""
    pages: int = 0
    rows: int = 0
    empty_pages: int = 0
    done: bool = False

    def __post_init__(self) -> None:
        self.unread = max(self.unread, self.start)
        self.asked_end = self.end


@dataclass(slots=True)
class ReadPlan:
    """The ranges of one read. ``total`` is the count asked for beforehand (0 when unknown: no splitting)."""

    page_size: int
    max_pages: int
    total: int = 0
    ordered: bool = True
    ranges: list[IdRange] = field(default_factory=list)
    pages: int = 0
    rows: int = 0
    empty_starts: int = 0
    seen: set[int] = field(default_factory=set)

    def begin(self, ids: Sequence[int], next_url: str) -> IdRange:
        """Start with the first page of the whole read. Unordered ids forbid splitting, nothing else."""
        self.ordered = all(low < high for low, high in pairwise(ids))
        whole = IdRange(start=0, end=None, spacing=1.0)
        self.ranges.append(whole)
        self.record(whole, ids, next_url)
        return whole

    @property
    def finished(self) -> bool:
        """True when every range was read to its end."""
        return all(range_.done for range_ in self.ranges)

    def remaining(self, range_: IdRange) -> float:
        """About how many rows of ``range_`` are unread."""
        if range_.done:
            return 0.0
        left = max(0, self.total - self.rows)
        if range_.end is not None:
            return min(left, (range_.end - range_.unread) / range_.spacing)
        others = sum(self.remaining(other) for other in self.ranges if other.end is not None)
        return max(0.0, left - others)

    def split(self, idle: int) -> IdRange | None:
        """Cut a range for one of ``idle`` readers without work; None when it would not pay."""
        if not self.ordered or self.empty_starts >= MAX_EMPTY_STARTS or not self.ranges:
            return None
        widest = max(self.ranges, key=self.remaining)
        remaining = self.remaining(widest)
        if remaining < MIN_PAGES_TO_SPLIT * self.page_size:
            return None
        # Its own reader is busy with a page already; that page counts half, as it may be nearly done.
        own = self.page_size / 2 + (remaining - self.page_size / 2) / (idle + 1)
        cut = widest.unread + max(1, round(own * widest.spacing))
        if widest.end is not None and cut >= widest.end:
            return None
        upper = IdRange(start=cut, end=widest.end, spacing=widest.spacing)
        widest.end = cut
        self.ranges.append(upper)
        return upper

    def record(self, range_: IdRange, ids: Sequence[int], next_url: str) -> int:
        """Note a page of ``range_``; returns how many of its first rows belong to the range.

        Raises ``UnexpectedAnswer`` for a page that repeats ids, leaves the range, or never ends.
        """
        self.pages += 1
        self._refuse_endless(range_, ids, next_url)
        kept = self._kept(range_, ids)
        if not ids and range_.pages == 0 and range_.start > 0:
            self.empty_starts += 1
        if len(ids) > 1 and self.ordered:
            # The upper half of the page: ids of an old tenant begin with a few far-off small ones.
            half = ids[len(ids) // 2 :] if len(ids) >= 20 else ids
            range_.spacing = max(1.0, (half[-1] - half[0]) / max(1, len(half) - 1))
        range_.pages += 1
        range_.rows += kept
        self.rows += kept
        self.seen.update(ids[:kept])
        range_.next_url = next_url
        if ids and self.ordered:
            range_.unread = ids[-1] + 1
        beyond = self.ordered and range_.end is not None and range_.unread >= range_.end
        range_.done = beyond or not next_url
        return kept

    def _kept(self, range_: IdRange, ids: Sequence[int]) -> int:
        if not self.ordered:
            if any(number in self.seen for number in ids):
                unexpected("a page repeats companies of an earlier page")
            return len(ids)
        if any(low >= high for low, high in pairwise(ids)):
            unexpected("ids are not in ascending order")
        if ids and ids[0] < range_.unread:
            unexpected("a page repeats companies of an earlier page, or holds others than asked for")
        if ids and range_.asked_end is not None and ids[-1] >= range_.asked_end:
            unexpected("a page holds ids outside the range that was asked for")
        return len(ids) if range_.end is None else bisect.bisect_left(ids, range_.end)

    def _refuse_endless(self, range_: IdRange, ids: Sequence[int], next_url: str) -> None:
        range_.empty_pages = 0 if ids else range_.empty_pages + 1
        if next_url and range_.empty_pages >= MAX_EMPTY_PAGES:
            unexpected("empty pages that name a next one")
        allowed = self.max_pages
        if self.total:
            # Twice what the count promised, and some: pages may be cut short, the tenant may grow.
            allowed = min(allowed, 2 * -(-self.total // self.page_size) + 20)
        if self.pages > allowed:
            unexpected(f"more than {allowed} pages for {self.total or 'an unknown number of'} companies")
