"""The Autotask client: one tenant, one set of credentials. The door to everything else in this package."""

from __future__ import annotations

import datetime as dt
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from integrations.outbound.addresses import Gate
from integrations.psa.autotask.calls import REFERENCES, Calls
from integrations.psa.autotask.checking import ConnectionCheck
from integrations.psa.autotask.company_rows import COMPANY_FIELDS, CompanyRows
from integrations.psa.autotask.errors import SignInRefused
from integrations.psa.autotask.json_values import unexpected
from integrations.psa.autotask.queries import (
    MAX_OR_CONDITIONS,
    alternatives_of,
    company_query,
    count_query,
    wire_name,
)
from integrations.psa.autotask.reading import read_companies
from integrations.psa.autotask.settings import AutotaskSettings, RetrySettings
from integrations.psa.autotask.timing import Clock
from integrations.psa.autotask.zones import label_of, normal_api_url
from integrations.psa.base import (
    CompanyField,
    CompanyMetadata,
    CompanyPage,
    ConnectionReport,
    Credentials,
    FailureKind,
    FieldDetails,
    Filter,
    FilterCondition,
    FoundCompanies,
    PSAError,
    ReadCost,
    RemoteCompany,
    RequestBudget,
    SetAside,
    Zone,
    ZoneMoved,
)
from integrations.psa.fields import USER_DEFINED

__all__ = ["AutotaskClient", "AutotaskSettings", "Clock", "Gate", "RetrySettings"]

Value = TypeVar("Value")

_OF_ONE_CALL = frozenset({FailureKind.UNEXPECTED, FailureKind.INVALID_REQUEST, FailureKind.UNAVAILABLE})
"""Failures that say something about one call, and nothing about the next one."""


class AutotaskClient:
    """Implements ``PSAClient`` for Autotask PSA.

    ``api_url`` is the API address that an earlier check of the *same user name* found; leave it empty when
    user name or zone changed, and the zone is looked up first. ``clock`` and ``gate`` are for tests.

    When the stored address answers 401 in any method but ``check``, the zone is looked up once more. If
    Autotask names another one and accepts the credentials there, ``ZoneMoved`` is raised with the new
    zone: store it and begin again. Otherwise the refusal stands.

    Raises ``InvalidRequest`` for credentials that cannot be sent, ``DestinationRefused`` for a stored
    address outside the allowed hosts.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        settings: AutotaskSettings | None = None,
        api_url: str = "",
        clock: Clock | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.settings = settings or AutotaskSettings()
        self._calls = Calls(credentials, self.settings, clock=clock, gate=gate)
        self._api_url = normal_api_url(api_url, self.settings.extra_hosts) if api_url else ""
        self._zone_is_fresh = not api_url
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<AutotaskClient {self._api_url or 'zone not looked up'}>"

    @property
    def api_url(self) -> str:
        """The API address in use; empty before it was looked up."""
        return self._api_url

    def close(self) -> None:
        """Let go of the connections."""
        self._calls.close()

    # --- connection ---

    def check(self, chosen_zone: str = "") -> ConnectionReport:
        """Go through the connection step by step; failures are in the report, not raised.

        Credentials are sent only to the zone that Autotask names now; ``moved_from`` in the report tells
        that this is another one than the stored address. A refusal ends the check after one request.
        """
        self._calls.forget_refusal()
        report = ConnectionCheck(self._calls, stored_url=self._api_url, chosen_zone=chosen_zone).run()
        if report.passed and report.zone is not None:
            self._api_url = report.zone.api_url
            self._zone_is_fresh = True
        return report

    def budget(self) -> RequestBudget:
        """The tenant's request budget now; the call counts itself."""
        return self._at_zone(self._calls.budget)

    def known_budget(self) -> RequestBudget | None:
        """The budget as Autotask last told it to this client, and what was sent since; None before."""
        return self._calls.known_budget()

    def sent(self) -> int:
        """How many requests were sent with the credentials."""
        return self._calls.sent

    # --- companies ---

    def company_metadata(self) -> CompanyMetadata:
        """Every field of a company with its type and picklist, as this tenant's metadata names them."""
        try:
            return self._at_zone(self._calls.fields)
        except PSAError as error:
            if error.kind not in _OF_ONE_CALL:
                raise
            return CompanyMetadata(error=error.with_traceback(None))

    def field_details(self) -> FieldDetails:
        """User-defined fields, and labels of owners, countries and categories, all at the same time."""
        if not self._calls.accepted:
            self.budget()  # with refused credentials one request is sent, not four
        with ThreadPoolExecutor(
            max_workers=1 + len(REFERENCES), thread_name_prefix="autotask-details"
        ) as pool:
            user_defined = pool.submit(self._detail, self._calls.user_fields)
            labels = {
                reference: pool.submit(
                    self._detail, functools.partial(self._calls.labels, reference=reference)
                )
                for reference in REFERENCES
            }
            own = user_defined.result()
            found = {reference: answer.result() for reference, answer in labels.items()}
        oddities: list[str] = []
        fields: tuple[CompanyField, ...] = ()
        unsure: frozenset[str] = frozenset()
        if isinstance(own, PSAError):
            oddities.append(f"The user-defined fields could not be read. {own.user_text}")
            unsure = frozenset({USER_DEFINED})  # every one of them
        else:
            fields, unsure = own.fields, own.unsure
            oddities += own.oddities
        for reference, answer in found.items():
            if isinstance(answer, PSAError):
                oddities.append(f"The names of {reference.what} could not be read. {answer.user_text}")
        read = {each.word: answer for each, answer in found.items() if not isinstance(answer, PSAError)}
        return FieldDetails(fields, read, tuple(oddities), unsure)

    def _detail(self, call: Callable[[str], Value]) -> Value | PSAError:
        """What a call answers, or why it did not, when that says nothing about other calls."""
        try:
            return self._at_zone(call)
        except PSAError as error:
            if error.kind not in _OF_ONE_CALL | {FailureKind.PERMISSION}:
                raise
            return error.with_traceback(None)

    def server_time(self) -> dt.datetime | None:
        """What Autotask's clock showed at its first answer to this client."""
        return self._calls.server_time(self._api_url)

    def count_companies(self, conditions: Sequence[Filter]) -> int:
        """How many companies hold all the conditions."""
        body = count_query(conditions)
        return self._at_zone(lambda api_url: self._calls.count(api_url, body))

    def requests_for(self, companies: int) -> int:
        """Pages, the count, and where there is more than one page, the budget."""
        pages = max(1, -(-companies // self.settings.page_size))
        return pages + 1 + (pages > 1)

    def read_cost(self, conditions: Sequence[Filter], modified_since: dt.datetime) -> ReadCost:
        """What a full and an incremental read would cost now, by counting."""
        every = self.count_companies(conditions)
        body = count_query((), modified_since=modified_since)
        changed = self._at_zone(lambda api_url: self._calls.count(api_url, body))
        # Which of the changed ones are inside the filter is asked for by their ids.
        inside = -(-changed // self.settings.page_size) if conditions else 0
        return ReadCost(every, changed, self.requests_for(every), self.requests_for(changed) + inside)

    def sample_companies(self, conditions: Sequence[Filter], limit: int) -> tuple[RemoteCompany, ...]:
        """The first ``limit`` (1 to 500) companies that hold all the conditions, in one request."""
        body = company_query(conditions, max_records=limit)
        return self._at_zone(lambda api_url: self._calls.page(api_url, body, limit=limit).companies()[0])

    def companies(
        self,
        conditions: Sequence[Filter],
        *,
        modified_since: dt.datetime | None = None,
        known_ids: Sequence[str] = (),
        user_field: str = "",
    ) -> Iterator[CompanyPage]:
        """Read the companies that hold all the conditions; see ``reading`` for how.

        Pages come in no fixed order, ids ascend within each, no company comes twice. The iterator ends
        only after a complete read.
        """
        known = sorted(_numbers(known_ids))
        name = wire_name(user_field) if user_field else ""
        pages = read_companies(self._calls, self._zone_url(), conditions, modified_since, known, name)
        try:
            yield from pages
        except SignInRefused as refusal:
            failure: PSAError = self._moved(refusal) or refusal
        else:
            return
        raise failure

    def ids_in_filter(self, conditions: Sequence[Filter], ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids whose companies exist and hold all the conditions; a request for every 500."""
        numbers = sorted(_numbers(ids))
        # The ids are alternatives, too, and Autotask limits these over the whole query.
        at_once = max(1, MAX_OR_CONDITIONS - alternatives_of(conditions))
        inside: set[str] = set()
        for start in range(0, len(numbers), at_once):
            wanted = set(numbers[start : start + at_once])
            for rows in self._pages_by_id(wanted, conditions, fields=("id",)):
                inside.update(map(str, rows.ids))
        return frozenset(inside)

    def companies_by_id(self, ids: Sequence[str], *, user_field: str = "") -> FoundCompanies:
        """Those of the given companies that exist and are visible, by id, whatever the filter says.

        Texts that are no company id are left out, for no such company can exist. Raises
        ``UnexpectedAnswer`` when it cannot be told which companies were answered.
        """
        name = wire_name(user_field) if user_field else ""
        fields = (*COMPANY_FIELDS, name) if name else COMPANY_FIELDS
        numbers = sorted(_numbers(ids))
        found: dict[str, RemoteCompany] = {}
        set_aside: list[SetAside] = []
        for start in range(0, len(numbers), MAX_OR_CONDITIONS):
            wanted = set(numbers[start : start + MAX_OR_CONDITIONS])
            for rows in self._pages_by_id(wanted, (), fields=fields):
                companies, aside = rows.companies(user_field=name)
                found.update((company.id, company) for company in companies)
                set_aside += aside
        return FoundCompanies(found, tuple(set_aside))

    def _pages_by_id(
        self, wanted: set[int], conditions: Sequence[Filter], fields: Sequence[str]
    ) -> Iterator[CompanyRows]:
        """Pages with those of the wanted companies that hold the conditions.

        A next page is asked for by what is lacking, not by its address: Autotask may name one after the last.
        """
        while wanted:
            among = FilterCondition("id", "in", tuple(sorted(wanted)))
            body = company_query((*conditions, among), fields=fields)
            rows = self._at_zone(functools.partial(self._calls.page, body=body))
            if rows.unidentified or not wanted.issuperset(rows.ids):
                unexpected("other companies than those asked for by id")
            yield rows
            wanted = wanted - set(rows.ids)
            if not (rows.more and rows.ids):
                return

    # --- the zone ---

    def _zone_url(self) -> str:
        with self._lock:
            if not self._api_url:
                self._api_url = self._calls.discover().api_url
                self._zone_is_fresh = True
            return self._api_url

    def _at_zone(self, call: Callable[[str], Value]) -> Value:
        api_url = self._zone_url()
        try:
            return call(api_url)
        except SignInRefused as refusal:
            failure: PSAError = self._moved(refusal) or refusal
        raise failure

    def _moved(self, refusal: SignInRefused) -> ZoneMoved | None:
        """After a 401 at a stored address: the move that explains it, if there is one. Asked once only."""
        with self._lock:
            if self._zone_is_fresh:
                return None
            self._zone_is_fresh = True
            try:
                zone = self._calls.discover()
                if zone.api_url.lower() == self._api_url.lower():
                    return None
                self._calls.forget_refusal()
                self._calls.prove(zone.api_url)
            except PSAError:
                return None  # the refusal that led here is the one to report
            return _moved_to(zone, refusal)


def _numbers(ids: Sequence[str]) -> set[int]:
    return {int(text) for text in ids if text.isascii() and text.isdigit() and len(text) <= 18}


def _moved_to(zone: Zone, refusal: SignInRefused) -> ZoneMoved:
    return ZoneMoved(
        f"Autotask has moved you to another zone: {label_of(zone.key, zone.name)}. The portal checked it and "
        "uses it from now on; nothing else changed.",
        f"moved to {zone.api_url} after: {refusal.technical}",
        zone=zone,
    )
