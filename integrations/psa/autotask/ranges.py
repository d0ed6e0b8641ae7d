"""How one long read is shared out: id ranges that several readers work through at the same time.

Autotask pages in the order of ids and only forwards, so one chain of pages cannot be read by three
readers. A range of ids can: the plan starts with the whole, and whenever a reader is idle it cuts off the
upper part of the range with most left to read. Where to cut tell the ids that an earlier read has found;
without them it is estimated from the spacing of the ids seen so far. A bad estimate costs an empty page,
never a company, because ranges are bounds in the query itself and together always cover every id.

Pure bookkeeping: no network, no threads, no clock.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from integrations.psa.autotask.json_values import unexpected

# The figures below are the best of those tried on generated ids of several patterns, 700 to 60,000 of them
# (tests/psa/test_ranges.py keeps what they achieve).
MIN_PAGES_TO_SPLIT = 1.8
WHOLE_PAGES = 0.97
EQUAL_PARTS = 1.03
LOOK_AHEAD = 0.9
WASTED_PAGES = 6.0
WASTED_SHARE = 0.2
FIRST_RANGES = 4
MAX_EMPTY_PAGES = 3

KNOWN_ENOUGH = 2 / 3
"""Share of the companies that must have been known before, for the known ids to tell where others lie."""


@dataclass(slots=True, eq=False)
class IdRange:
    """Ids from ``start`` up to but not including ``end`` (None: no end), read by one reader.

    ``unread`` is the lowest id not yet answered for. ``asked_from`` and ``asked_end`` are the bounds that its
    query carries; ``end`` may be lower, when another reader has taken the upper part since. ``spacing`` is
    the distance between two ids, as last seen here.
    """

    start: int
    end: int | None
    spacing: float
    asked_from: int = 0
    asked_end: int | None = None
    unread: int = 0
    next_url: str = ""
    pages: int = 0
    rows: int = 0
    empty_pages: int = 0
    done: bool = False

    measured_from: int = -1
    measured_rows: int = 0

    def __post_init__(self) -> None:
        self.unread = max(self.unread, self.start)
        self.asked_from, self.asked_end = self.start, self.end

    def ask_by_id(self) -> None:
        """Go on with a new query for the ids still unread: the address of the next page is of no use.

        It is what the vendor itself recommends where pages cannot be followed.
        """
        self.next_url = ""
        self.asked_from, self.asked_end = self.unread, self.end

    @property
    def expected(self) -> float:
        """Unread rows by the range's own spacing; 0 where it has no end."""
        return 0.0 if self.end is None else max(0.0, (self.end - self.unread) / self.spacing)

    def measure(self, ids: Sequence[int]) -> None:
        """Take the spacing from all ids of the range so far, but for the first quarter of its first page.

        The ids of an old tenant begin with a few small ones, far away from all others.
        """
        if len(ids) < 2:
            return
        if self.measured_from < 0:
            skipped = len(ids) // 4
            self.measured_from = ids[skipped]
            self.measured_rows = len(ids) - skipped - 1
        else:
            self.measured_rows += len(ids)
        self.spacing = max(1.0, (ids[-1] - self.measured_from) / self.measured_rows)


@dataclass(slots=True)
class ReadPlan:
    """The ranges of one read.

    ``total`` is the count asked for beforehand; while it is unknown (0) nothing is split. ``ordered`` is
    whether ids ascend as expected, ``sharing`` whether idle readers may take parts of a range. ``known`` are
    ids that an earlier read found, ascending: they only say where to cut, never what there is.
    """

    page_size: int
    max_pages: int
    total: int = 0
    ordered: bool = True
    sharing: bool = True
    known: Sequence[int] = ()
    ranges: list[IdRange] = field(default_factory=list)
    pages: int = 0
    rows: int = 0
    wasted: float = 0.0
    seen: set[int] = field(default_factory=set)

    def begin(self, ids: Sequence[int], next_url: str, *, more: bool = False) -> IdRange:
        """Start with the first page of the whole read. Unordered ids forbid splitting, nothing else."""
        self.ordered = all(low < high for low, high in pairwise(ids))
        whole = IdRange(start=0, end=None, spacing=1.0)
        self.ranges.append(whole)
        self.record(whole, ids, next_url, more=more)
        return whole

    @property
    def finished(self) -> bool:
        """True when every range was read to its end."""
        return all(range_.done for range_ in self.ranges)

    @property
    def known_share(self) -> float:
        """How many of the known ids are expected to come again (a share); 0 when too few are known."""
        if len(self.known) < KNOWN_ENOUGH * self.total:
            return 0.0
        return min(1.0, self.total / max(1, len(self.known)))

    def _expected(self, range_: IdRange) -> float:
        """Unread rows of a range by what is known of its ids; 0 where it has no end."""
        if range_.end is None or not self.known_share:
            return range_.expected
        known = bisect.bisect_left(self.known, range_.end) - bisect.bisect_left(self.known, range_.unread)
        return known * self.known_share

    def remaining(self, range_: IdRange) -> float:
        """About how many rows of ``range_`` are unread; what is left of the total is always shared out."""
        if range_.done:
            return 0.0
        left = max(0, self.total - self.rows)
        bounded = sum(self._expected(other) for other in self.ranges if not other.done)
        open_end = any(other.end is None and not other.done for other in self.ranges)
        if range_.end is None:
            return max(0.0, left - bounded)
        expected = self._expected(range_)
        if bounded > left or (bounded and not open_end):
            return left * expected / bounded
        return expected

    def split(self, idle: int) -> IdRange | None:
        """Cut a range for one of ``idle`` readers without work; None when it would not pay."""
        if not (self.ordered and self.sharing):
            return None
        # Estimates that cost too many pages are not worth being made.
        if self.wasted > WASTED_PAGES + WASTED_SHARE * self.total / self.page_size:
            return None
        # Nothing is known yet about a range whose first page is on its way; at the start there are no others.
        known = [range_ for range_ in self.ranges if range_.pages or len(self.ranges) < FIRST_RANGES]
        widest = max(known, key=self.remaining)
        remaining = self.remaining(widest)
        if self.known_share:
            return self._split_known(widest, remaining, idle)
        if remaining < MIN_PAGES_TO_SPLIT * self.page_size:
            return None
        pages = remaining / self.page_size
        if len(self.ranges) < FIRST_RANGES:
            # Equal parts, besides the page that the looking ahead has asked for already.
            on_its_way = 1 if len(self.ranges) == 2 and not widest.pages else 0
            own = on_its_way + (pages - on_its_way) / (idle + 1) * EQUAL_PARTS
        else:
            # Whole pages, less a little: a cut that lies a few rows too high costs a whole call.
            own = math.ceil(pages / (idle + 1)) * WHOLE_PAGES
        spacing = widest.spacing if widest.end is None else (widest.end - widest.unread) / remaining
        return self._cut(widest, own * self.page_size * spacing)

    def _split_known(self, range_: IdRange, remaining: float, idle: int) -> IdRange | None:
        """Cut after whole pages of known ids; what the last page has to spare is shared among all parts."""
        pages = math.ceil(remaining / self.page_size)
        if pages < 2:  # the one page is on its way
            return None
        own = remaining * math.ceil(pages / (idle + 1)) / pages
        index = bisect.bisect_left(self.known, range_.unread) + round(own / self.known_share)
        if index >= len(self.known):
            return None
        # Right behind an id, so that a page which ends with it is seen to end the range.
        return self._cut(range_, self.known[index - 1] + 1 - range_.unread)

    def look_ahead(self) -> IdRange | None:
        """Cut the whole about one page further on, before the count is known; None for unordered ids.

        The second and the third page can then be read at the same time. For a tenant of less than three
        pages this costs one empty page.
        """
        if not self.ordered or self.finished:
            return None
        whole = self.ranges[0]
        return self._cut(whole, self.page_size * LOOK_AHEAD * whole.spacing)

    def _cut(self, range_: IdRange, width: float) -> IdRange | None:
        """Leave the next ``width`` ids to ``range_`` and give the rest to a new one."""
        cut = range_.unread + max(1, round(width))
        if range_.end is not None and cut >= range_.end:
            return None
        upper = IdRange(start=cut, end=range_.end, spacing=range_.spacing)
        range_.end = cut
        self.ranges.append(upper)
        return upper

    def record(self, range_: IdRange, ids: Sequence[int], next_url: str, *, more: bool = False) -> int:
        """Note a page of ``range_``; returns how many of its first rows belong to the range.

        ``next_url`` is where the next page is. ``more`` without it tells that there is one whose address is
        of no use: the range then goes on by its lowest unread id. Raises ``UnexpectedAnswer`` for a page that
        repeats ids, leaves the range, or never ends.
        """
        self.pages += 1
        more = more or bool(next_url)
        if not (ids or range_.next_url) and range_.pages:
            more = False  # nothing beyond the last id: the page before, which named a next one, was the last
        self._refuse_endless(range_, ids, more=more)
        kept = self._kept(range_, ids)
        if range_.end is not None or not ids:
            self.wasted += 1 - kept / max(1, len(ids))
        if self.ordered:
            range_.measure(ids)
        range_.pages += 1
        range_.rows += kept
        self.rows += kept
        self.seen.update(ids[:kept])
        # What an empty page names leads nowhere, perhaps; asking by id settles it.
        range_.next_url = next_url if ids or not self.ordered else ""
        if more and not next_url and not self.ordered:
            unexpected("a next page that cannot be asked for, of companies that are not in the order of ids")
        if ids and self.ordered:
            range_.unread = ids[-1] + 1
        beyond = self.ordered and range_.end is not None and range_.unread >= range_.end
        range_.done = beyond or not more
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

    def _refuse_endless(self, range_: IdRange, ids: Sequence[int], *, more: bool) -> None:
        range_.empty_pages = 0 if ids else range_.empty_pages + 1
        if more and range_.empty_pages >= MAX_EMPTY_PAGES:
            unexpected("empty pages that name a next one")
        allowed = self.max_pages
        if self.total:
            # Twice what the count promised, and some: pages may be cut short, the tenant may grow.
            allowed = min(allowed, 2 * -(-self.total // self.page_size) + 20)
        if self.pages > allowed:
            unexpected(f"more than {allowed} pages for {self.total or 'an unknown number of'} companies")
