"""Reading all companies of a filter: complete or not at all, three pages at a time, kind to the budget.

How a read goes:

1. The first page: for a small tenant it is already the whole read. It goes alone, unless these credentials
   were accepted a moment ago: with refused ones only one request is sent.
2. The count (for progress and for the check at the end) and the request budget: beside the first page where
   that may go in company and more will follow, else beside the second and the third.
3. All further pages by up to three readers on id ranges (``ranges``); with pauses and without further
   sharing when more than half of the budget is used, not at all above nine tenths.
4. At the end as many companies must have come as Autotask counted. A small difference is looked into
   range by range, because companies may have changed meanwhile. What is lacking then is told: nothing may be
   concluded from what did not come.

The next page is asked for at the address that Autotask names. Where that is of no use (relative, too long, on
another host, refused), the rest is asked for by id, and so it goes on for the rest of the read.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from integrations.psa.autotask.calls import Calls
from integrations.psa.autotask.company_rows import COMPANY_FIELDS, CompanyRows
from integrations.psa.autotask.errors import HOURLY_LIMIT_WAIT, HourUsedUp, NotFound
from integrations.psa.autotask.json_values import unexpected
from integrations.psa.autotask.queries import company_query, count_query
from integrations.psa.autotask.ranges import IdRange, ReadPlan
from integrations.psa.autotask.timing import Deadline
from integrations.psa.base import (
    CompanyPage,
    CredentialsRefused,
    Filter,
    IncompleteRead,
    InvalidRequest,
    PSAError,
    RemoteCompany,
    RequestBudget,
    SetAside,
)

logger = logging.getLogger("integrations.psa.autotask")

MAX_READY_PAGES = 6
"""Pages held for a slow consumer; the readers wait then, so that memory stays small."""

SMALL_DIFFERENCE = 25

FEW_PAGES = 5
"""A read of so many pages is no burden on any budget, and goes on where that cannot be read."""


@dataclass(slots=True)
class CompanyRead:
    """One read: what is asked for, where, and until when."""

    calls: Calls
    api_url: str
    conditions: tuple[Filter, ...]
    modified_since: dt.datetime | None
    deadline: Deadline
    user_field: str = ""
    """The user-defined field that is read with each company, as Autotask spells it."""

    follows: bool = True
    """Whether the addresses of next pages are followed; not any more after one of them was refused."""

    def page(self, range_: IdRange | None = None) -> CompanyRows:
        """The first page of the whole read, or the next one of a range."""
        if range_ is None:
            return self._asked(None)
        if range_.next_url and self.follows:
            try:
                return self._asked(range_, range_.next_url)
            except (InvalidRequest, NotFound) as refusal:
                logger.info("next page refused, going on by id: %s", refusal.technical)
                self.follows = False
        if range_.pages:
            range_.ask_by_id()
        return self._asked(range_)

    def _asked(self, range_: IdRange | None, next_url: str = "") -> CompanyRows:
        size = self.calls.settings.page_size
        body = company_query(
            self.conditions,
            max_records=size,
            modified_since=self.modified_since,
            id_from=range_.asked_from if range_ is not None and range_.asked_from else None,
            id_below=None if range_ is None else range_.asked_end,
            fields=(*COMPANY_FIELDS, self.user_field) if self.user_field else COMPANY_FIELDS,
        )
        return self.calls.page(self.api_url, body, next_url, self.deadline, limit=size)

    def count(self, range_: IdRange | None = None) -> int:
        """How many companies Autotask counts, in all or in a range."""
        body = count_query(
            self.conditions,
            modified_since=self.modified_since,
            id_from=range_.start if range_ is not None and range_.start else None,
            id_below=None if range_ is None else range_.end,
        )
        return self.calls.count(self.api_url, body, self.deadline)

    def found(self, rows: CompanyRows, kept: int | None = None) -> Found:
        """The companies of a page, and those of it that have to be set aside."""
        return rows.companies(kept, user_field=self.user_field)

    def budget(self) -> RequestBudget:
        """The tenant's request budget now."""
        return self.calls.budget(self.api_url)


def read_companies(
    calls: Calls,
    api_url: str,
    conditions: Sequence[Filter],
    modified_since: dt.datetime | None = None,
    known_ids: Sequence[int] = (),
    user_field: str = "",
) -> Iterator[CompanyPage]:
    """All companies that hold ``conditions``, page by page; see ``PSAClient.companies``.

    ``known_ids`` ascend; of a read of changes they only tell how large the tenant is. Raises any
    ``PSAError``; ``UnexpectedAnswer`` when the read is not complete, ``RateLimited`` when the budget is
    nearly used up.
    """
    settings = calls.settings
    deadline = calls.deadline(settings.read_deadline)
    read = CompanyRead(calls, api_url, tuple(conditions), modified_since, deadline, user_field)
    cuts = known_ids if modified_since is None else ()  # changes lie anywhere
    plan = ReadPlan(settings.page_size, settings.max_pages, known=cuts)
    # An incremental read usually finds nothing, a small one ends with its first page.
    large = modified_since is None and not 0 < len(known_ids) <= settings.page_size
    together = large and calls.accepted and settings.readers > 1
    number = aside = given = 0
    for (companies, set_aside), total in (
        _begun_together(read, plan) if together else _begun_alone(read, plan)
    ):
        aside, given = aside + len(set_aside), given + len(companies)
        _refuse_odd(aside, max(total, len(known_ids)), set_aside, alone=not (given or known_ids))
        if companies or set_aside:
            number += 1
            yield CompanyPage(companies, number, total, set_aside)


Found = tuple[tuple[RemoteCompany, ...], tuple[SetAside, ...]]
"""The companies of a page, and those of it that were set aside."""

Pages = Iterator[tuple[Found, int]]
"""What a page held, and how many companies Autotask counts in all."""


def _refuse_odd(aside: int, among: int, last: tuple[SetAside, ...], *, alone: bool) -> None:
    """One company with an impossible value stops nothing, more than one in a hundred void the read.

    A hundred of those that the tenant has: of a few changes, or of a narrow filter, one may be all. Where
    no other is known either (``alone``), nothing tells an odd company from an odd Autotask.
    """
    if last and (alone or aside > max(1, among // 100)):
        unexpected(f"{aside} of {among} companies hold impossible values; the last: {last[-1].reason}")


def _begun_together(read: CompanyRead, plan: ReadPlan) -> Pages:
    """First page, count and budget at the same time; then as many readers as the budget allows."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="autotask-first") as pool:
        page: Future[CompanyRows] = pool.submit(read.page)
        total, budget = _count_and_budget(read)
        first = page.result()
    whole = plan.begin(first.ids, first.next_url, more=first.more)
    if plan.finished:
        yield read.found(first), total
    else:
        _refuse_used_up(budget, read, total)
        readers = _Readers(read, plan)
        try:
            readers.go_on(total, budget, whole)
            yield from _with_total(read.found(first), readers, total)
        finally:
            readers.stop()
    yield from _missing(read, plan, total)


def _begun_alone(read: CompanyRead, plan: ReadPlan) -> Pages:
    """The first page by itself; where it is not the last, count and budget beside the next two."""
    first = read.page()
    whole = plan.begin(first.ids, first.next_url, more=first.more)
    if plan.finished:
        total = read.count()
        yield read.found(first), total
    else:
        readers = _Readers(read, plan)
        try:
            readers.start(whole, plan.look_ahead() if read.calls.settings.readers > 1 else None)
            total, budget = _count_and_budget(read)
            _refuse_used_up(budget, read, total)
            readers.go_on(total, budget)
            yield from _with_total(read.found(first), readers, total)
        finally:
            readers.stop()
    yield from _missing(read, plan, total)


def _with_total(found: Found, readers: _Readers, total: int) -> Pages:
    yield found, total
    for found in readers.pages():
        yield found, total


def _count_and_budget(read: CompanyRead) -> tuple[int, RequestBudget | PSAError]:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="autotask-count") as pool:
        counted: Future[int] = pool.submit(read.count)
        budget: RequestBudget | PSAError
        try:
            budget = read.budget()
        except PSAError as error:
            if isinstance(error, HourUsedUp | CredentialsRefused):
                raise
            budget = error
        return counted.result(), budget


def _refuse_used_up(budget: RequestBudget | PSAError, read: CompanyRead, total: int) -> None:
    """Raise where the budget forbids the read, or is not known and the read has more than a few pages."""
    settings = read.calls.settings
    if isinstance(budget, PSAError):
        if total > FEW_PAGES * settings.page_size:
            raise budget
        logger.info("reading %d companies without knowing the budget: %s", total, budget.technical)
        return
    if budget.share <= settings.budget_refuse:
        return
    raise HourUsedUp(
        f"{budget.used:,} of the {budget.limit:,} requests that this Autotask allows all integrations "
        f"together in {budget.timeframe_minutes} minutes are used. Reading {total:,} companies now could "
        "stop the others, so nothing was read. Try again in about 15 minutes.",
        f"budget {budget.used}/{budget.limit}",
        retry_after=HOURLY_LIMIT_WAIT,
    )


class _Readers:
    """Up to three threads that read pages of a plan, and the queue between them and the consumer."""

    def __init__(self, read: CompanyRead, plan: ReadPlan) -> None:
        self._read = read
        self._plan = plan
        self._changed = threading.Condition()
        self._ready: deque[tuple[CompanyRows, int]] = deque()
        self._threads: list[threading.Thread] = []
        self._failure: Exception | None = None
        self._stopped = False
        self._going_on = False
        self._idle = 0
        self._pause = 0.0

    def start(self, *ranges: IdRange | None) -> None:
        """Begin with one reader for each of the ranges, and one page each."""
        for range_ in ranges:
            if range_ is not None:
                self._add(range_)

    def go_on(self, total: int, budget: RequestBudget | PSAError, *ranges: IdRange) -> None:
        """Now that count and budget are known: readers for these ranges and more, or pauses.

        Without knowing the budget, no more readers than there are.
        """
        settings = self._read.calls.settings
        slow = isinstance(budget, PSAError) or budget.share > settings.budget_slow
        with self._changed:
            self._plan.total = total
            self._plan.sharing = not slow
            if slow and isinstance(budget, RequestBudget):
                # Autotask itself answers more slowly above 75 %; twice the pause goes along with that.
                self._pause = settings.slow_pause * (2 if budget.share > 0.75 else 1)
            self._going_on = True
            # Cut for all readers at once: one after the other would each take half of what is left.
            spare = 0 if slow else settings.readers - len(self._threads) - len(ranges)
            taken = [self._plan.split(idle) for idle in range(spare, 0, -1)]
            self._changed.notify_all()
        for range_ in (*ranges, *taken):
            self._add(range_)

    def pages(self) -> Iterator[Found]:
        """Pages as they arrive; ends after the last one, raises what a reader raised."""
        while True:
            with self._changed:
                while not self._ready and self._failure is None and not self._plan.finished:
                    self._changed.wait()
                if self._failure is not None:
                    raise self._failure
                if not self._ready:
                    return
                rows, kept = self._ready.popleft()
                self._changed.notify_all()
            yield self._read.found(rows, kept)

    def stop(self) -> None:
        """Let the readers end after the call they are in, and wait a moment for them."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=2.0)

    def _add(self, range_: IdRange | None) -> None:
        thread = threading.Thread(
            target=self._work, args=(range_,), name=f"autotask-reader-{len(self._threads) + 1}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _work(self, range_: IdRange | None) -> None:
        try:
            range_ = range_ or self._next(None)
            while range_ is not None:
                if self._pause:
                    self._read.calls.clock.sleep(self._pause)
                rows = self._read.page(range_)
                with self._changed:
                    kept = self._plan.record(range_, rows.ids, rows.next_url, more=rows.more)
                    self._ready.append((rows, kept))
                    self._changed.notify_all()
                range_ = self._next(range_)
        except Exception as error:  # handed to the consumer, who raises it
            with self._changed:
                self._failure = self._failure or error
                self._stopped = True
                self._changed.notify_all()

    def _next(self, range_: IdRange | None) -> IdRange | None:
        """The range to read a page of: the reader's own, or a new one; None when there is no more to do."""
        with self._changed:
            while not self._stopped and (not self._going_on or len(self._ready) >= MAX_READY_PAGES):
                self._changed.wait()
            if range_ is not None and not range_.done and not self._stopped:
                return range_
            self._idle += 1
            try:
                while not self._stopped and not self._plan.finished:
                    if (taken := self._plan.split(self._idle)) is not None:
                        return taken
                    self._changed.wait()
            finally:
                self._idle -= 1
            return None


def _missing(read: CompanyRead, plan: ReadPlan, total: int) -> Pages:
    """Companies that were counted but did not come; raises when they do not come now either.

    A company that changes while pages are read can slip between two of them. The ranges that came short
    are read once more; a large difference has other reasons, and reading again would only cost requests.
    """
    if plan.rows >= total:
        return
    expected = min(total, read.count())
    if plan.rows >= expected:
        return
    if expected - plan.rows <= max(SMALL_DIFFERENCE, total // 50):
        for range_ in list(plan.ranges):
            if read.count(range_) > range_.rows:
                for found in _read_again(read, plan, range_):
                    yield found, total
    if plan.rows < expected:
        raise IncompleteRead(
            f"Autotask counts {expected:,} companies for this filter but gave only {plan.rows:,}, so the "
            "read was thrown away and nothing was changed. Try again; if it stays like this, the API user's "
            "security level in Autotask probably hides some companies from it.",
            f"incomplete read: {plan.rows} of {expected} companies",
            counted=expected,
            given=plan.rows,
        )


def _read_again(read: CompanyRead, plan: ReadPlan, range_: IdRange) -> Iterator[Found]:
    settings = read.calls.settings
    again = ReadPlan(settings.page_size, settings.max_pages, ordered=plan.ordered)
    copy = IdRange(range_.start, range_.end, range_.spacing)
    again.ranges.append(copy)
    while not copy.done:
        rows = read.page(copy)
        kept = again.record(copy, rows.ids, rows.next_url, more=rows.more)
        new = {str(number) for number in rows.ids[:kept] if number not in plan.seen}
        companies, set_aside = read.found(rows, kept)
        plan.seen.update(rows.ids[:kept])
        plan.rows += len(new)
        range_.rows += len(new)
        yield (
            tuple(company for company in companies if company.id in new),
            tuple(each for each in set_aside if each.id in new),
        )
