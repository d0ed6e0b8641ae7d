"""What is asked of the PSA in a refresh: everything, or the changes since the last read.

Everything is read wherever that costs little more, for a read of changes sees neither deletions nor companies
that were changed without a stamp. The network is never asked inside a transaction.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import transaction

from integrations.models import IntegrationInstance
from integrations.psa.base import (
    CompanyPage,
    FieldDetails,
    Filter,
    FoundCompanies,
    IncompleteRead,
    InvalidRequest,
    PSAClient,
    SetAside,
)
from integrations.services.companies.absence import ids_to_ask
from integrations.services.companies.changes import record_changes
from integrations.services.companies.duplicates import note_name_keys
from integrations.services.companies.fields import has_field, read_details, read_parents
from integrations.services.companies.store import COPIED, store_companies
from integrations.services.companies.warnings import set_aside_sentences

logger = logging.getLogger(__name__)

CLOCK_MARGIN = dt.timedelta(minutes=10)
LARGE = 2_000  # companies: of more, what belongs to the fields is read at the same time as they are
WORTH_MORE = 2  # requests more than a read of changes: what everything may cost to be read instead


class Progress(Protocol):
    """What a long piece of work reports to; a job's run, or a command's bar."""

    def report_progress(self, done: int, total: int | None, message: str = "") -> None: ...
    def assert_held(self) -> None: ...


@dataclass
class Reading:
    """One read of an instance's companies under way, and what it has brought so far.

    ``number`` companies came in order, ``unread`` are there and did not. ``seen`` are ids inside the filter,
    ``outside`` those that exist outside it. ``asked`` are the ids that a complete read lacked and that were
    asked for by themselves, ``found`` what came of them. ``incomplete`` says that a few companies are counted
    and did not come. ``keys`` are those of the names (``duplicates``), read while the next page is under way.
    ``user_field`` is read with each company; ``gone_field`` is one that was to be, and that the tenant does
    not have any more. ``details`` and ``parents`` are names that a full read brings.
    """

    instance: IntegrationInstance
    client: PSAClient
    progress: Progress
    conditions: Sequence[Filter]
    started: dt.datetime
    full: bool = False
    since: dt.datetime | None = None
    number: int = 0
    unread: int = 0
    created: int = 0
    changed: int = 0
    seen: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    found: FoundCompanies = field(default_factory=lambda: FoundCompanies({}))
    set_aside: dict[str, str] = field(default_factory=dict)
    incomplete: IncompleteRead | None = None
    keys: dict[str, str] = field(default_factory=dict)
    user_field: str = ""
    gone_field: str = ""
    beside: Future[FieldDetails] | None = None
    details: FieldDetails | None = None
    parents: Mapping[str, str] = field(default_factory=dict)

    @property
    def copied(self) -> Sequence[str]:
        """What is taken over of known companies: not the values of a field that could not be read."""
        is_kept = bool(self.gone_field) and self.gone_field == self.instance.user_field_read
        return [name for name in COPIED if name != "user_value"] if is_kept else COPIED

    def pages(self, conditions: Sequence[Filter], **options: Any) -> Iterator[CompanyPage]:
        """The companies' pages, with the user-defined field as long as the tenant has it."""
        try:
            yield from self.client.companies(conditions, user_field=self.user_field, **options)
        except InvalidRequest:
            if not self.user_field or self.number:
                raise
            self.details = read_details(self.client)
            if has_field(self.details, self.user_field):
                raise  # it is something else that the PSA does not understand
            self.gone_field, self.user_field = self.user_field, ""
            yield from self.client.companies(conditions, **options)

    def note_set_aside(self, rows: Sequence[SetAside]) -> set[str]:
        """Keep what is to be said of companies that could not be read; their ids. They are there."""
        for row in rows:
            logger.warning("company set aside in %s: %s", self.instance, row.sentence)
        self.set_aside.update(set_aside_sentences(rows))
        return {row.id for row in rows if row.id}

    def note_incomplete(self, incomplete: IncompleteRead) -> None:
        """Keep that a few companies did not come."""
        logger.warning("companies of %s: %s", self.instance, incomplete.technical)
        self.incomplete = incomplete
        self.unread += incomplete.counted - incomplete.given

    def store(self, page: CompanyPage, wanted: Collection[str] | None = None) -> None:
        """Store a page as it came, or those of it that are wanted, in a transaction of its own.

        The instance is locked first: who decides on a mapping meanwhile waits and sees what came, or was
        faster, and then the changes are dated later.
        """
        companies = [each for each in page.companies if wanted is None or each.id in wanted]
        with transaction.atomic(durable=True):
            self.progress.assert_held()
            IntegrationInstance.objects.locked().get(pk=self.instance.pk)
            stored = store_companies(self.instance, companies, self.started, self.copied)
            record_changes(stored.changes)
        self.created, self.changed = self.created + stored.created, self.changed + stored.changed
        note_name_keys(self.keys, (company.name for company in companies))
        self.number += len(page.companies)
        self.unread += len(page.set_aside)


def read_everything(reading: Reading, *, with_names: bool) -> None:
    """Read all companies of the filter, and ask by id for those that it lacked.

    ``with_names`` tells that ``read_names`` follows, which a large read begins with the companies.
    Raises PSAError.
    """
    reading.full, instance, client = True, reading.instance, reading.client
    known = list(instance.companies.present().values_list("remote_id", flat=True))
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="details") as pool:
        try:
            for page in reading.pages(reading.conditions, known_ids=known):
                if with_names and reading.beside is None and (page.total or 0) > LARGE:
                    reading.beside = pool.submit(read_details, client)
                reading.store(page)
                reading.seen.update(company.id for company in page.companies)
                reading.seen |= reading.note_set_aside(page.set_aside)
                reading.progress.report_progress(reading.number, page.total, "Reading all companies")
        except IncompleteRead as incomplete:
            if not incomplete.is_small:
                raise
            reading.note_incomplete(incomplete)
    narrowed = bool(reading.conditions)
    reading.asked = ids_to_ask(instance, reading.seen, narrowed=narrowed)
    if not reading.asked:
        return
    reading.found = client.companies_by_id(reading.asked, user_field=reading.user_field)
    there = reading.found.companies.keys() | reading.note_set_aside(reading.found.set_aside)
    inside: Collection[str] = there
    if narrowed:
        # Who was read a moment ago and lacks here, has left the filter; who was only hidden has not.
        inside = client.ids_in_filter(reading.conditions, list(there)) if reading.incomplete else ()
    reading.seen.update(inside)
    reading.outside = there - reading.seen


def read_names(reading: Reading) -> None:
    """After everything was read, what belongs to the fields: own fields, names of owners and of parents.

    In a large tenant it came at the same time as the companies. Raises PSAError.
    """
    if reading.beside is not None:
        reading.details = reading.beside.result()
    reading.details = reading.details or read_details(reading.client)
    reading.parents = read_parents(reading.instance, reading.client)


def read_changes(reading: Reading) -> bool:
    """Read what changed since the last read; False when reading everything costs hardly more.

    Changes are asked for without the filter: a company that was changed so that it left the filter would not
    be among them. Those that are outside and were never known are not kept. Raises PSAError.
    """
    instance, client = reading.instance, reading.client
    reading.since = instance.last_refreshed_at
    asked_since = instance.remote_read_at or instance.last_refreshed_at
    if asked_since is None:
        return False
    known = list(instance.companies.present().values_list("remote_id", flat=True))
    full = client.requests_for(len(known))
    if full <= client.requests_for(0) + WORTH_MORE:
        return False
    pages = reading.pages((), modified_since=asked_since - CLOCK_MARGIN, known_ids=known)
    try:
        for page in pages:
            if not reading.number and full <= _price_of_changes(reading, page) + WORTH_MORE:
                return False
            _sort(reading, page)
            reading.progress.report_progress(reading.number, page.total, "Reading changes")
    except IncompleteRead as incomplete:
        if not incomplete.is_small:
            raise
        reading.note_incomplete(incomplete)
    return True


def _price_of_changes(reading: Reading, page: CompanyPage) -> int:
    """About how many requests the changes cost, as far as their first page tells."""
    changed = reading.client.requests_for(page.total or 0)
    return changed * 2 - 1 if reading.conditions else changed  # which are inside is asked for page by page


def _sort(reading: Reading, page: CompanyPage) -> None:
    """Tell which companies of a page of changes are inside the filter, and store those and the known ones."""
    aside = reading.note_set_aside(page.set_aside)
    came = {company.id for company in page.companies} | aside
    inside: Collection[str] = came
    if reading.conditions:
        inside = reading.client.ids_in_filter(reading.conditions, list(came))
    known = set(reading.instance.companies.filter(remote_id__in=came).values_list("remote_id", flat=True))
    reading.store(page, known.union(inside))
    reading.seen.update(inside)
    reading.outside |= came - set(inside)
