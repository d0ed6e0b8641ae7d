"""The single calls of Autotask's interface that the portal makes, each to a given zone.

Nothing here decides what follows from an answer: the connection check does (``checking``), the company
read does (``reading``), and the client does.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote, urlsplit

from integrations.outbound.addresses import Gate
from integrations.psa.autotask import payloads
from integrations.psa.autotask.company_rows import CompanyRows, read_page
from integrations.psa.autotask.credentials import CredentialHeaders, check_credentials_form
from integrations.psa.autotask.destinations import check_url
from integrations.psa.autotask.errors import NotFound
from integrations.psa.autotask.json_values import unexpected
from integrations.psa.autotask.metadata import read_fields, read_labels, read_user_fields
from integrations.psa.autotask.queries import label_query
from integrations.psa.autotask.settings import AutotaskSettings
from integrations.psa.autotask.throttle import call_slot
from integrations.psa.autotask.timing import Clock, Deadline
from integrations.psa.autotask.transport import Request, Transport
from integrations.psa.autotask.zones import API_VERSION, DISCOVERY_PATH, zone_from_answer
from integrations.psa.base import (
    CompanyMetadata,
    Credentials,
    CredentialsRefused,
    DestinationRefused,
    PicklistOption,
    RequestBudget,
    UnexpectedAnswer,
    Zone,
)

COMPANIES = "Companies"
THRESHOLD = "ThresholdInformation"
VERSION = "Version"

MAX_LABELS = 2000

Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """What some fields of a company refer to: its word in the metadata, its path, what makes its label."""

    word: str
    entity: str
    names: tuple[str, ...]
    what: str


REFERENCES = (
    Reference("resource", "Resources", ("firstName", "lastName"), "owners"),
    Reference("country", "Countries", ("displayName",), "countries"),
    Reference("companycategory", "CompanyCategories", ("name",), "categories"),
)


class Calls:
    """Calls with one set of credentials. Safe to use from several threads.

    After a refusal nothing more is sent with these credentials until ``forget_refusal``: repeated
    refusals lock the API user.
    """

    def __init__(
        self,
        credentials: Credentials,
        settings: AutotaskSettings,
        *,
        clock: Clock | None = None,
        gate: Gate | None = None,
    ) -> None:
        check_credentials_form(credentials)
        self.settings = settings
        self._credentials = credentials
        self._headers = CredentialHeaders(credentials)
        self._transport = Transport(
            settings,
            secrets=(credentials.secret, credentials.tracking_identifier, credentials.username),
            clock=clock,
            gate=gate,
        )
        self.clock = self._transport.clock
        self._refusal: CredentialsRefused | None = None
        self._told: tuple[RequestBudget, int] | None = None  # and how many requests had been sent then
        self.accepted = False
        """Whether the last answer to these credentials was no refusal; then calls need not go one by one."""

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def server_time(self, api_url: str) -> dt.datetime | None:
        """What the clock of the zone's host showed at its first answer, if it told."""
        return self._transport.first_dates.get(urlsplit(api_url).hostname or "")

    def forget_refusal(self) -> None:
        """Allow one more try with these credentials: a person asked for it, or the zone changed."""
        self._refusal = None
        self.accepted = False

    def deadline(self, seconds: float | None = None) -> Deadline:
        """A deadline from now; the default is that of a single call."""
        return Deadline.after(self.settings.request_deadline if seconds is None else seconds, self.clock)

    # --- without credentials ---

    # https://www.autotask.net/help/DeveloperHelp/Content/APIs/REST/API_Calls/REST_ZoneInformation.htm
    def discover(self) -> Zone:
        """The zone of the user name, its address checked. Needs no credentials and sends none.

        Raises ``UnknownUser`` when Autotask knows no such user, ``DestinationRefused`` when the answer
        names an address outside the allowed hosts.
        """
        url = (
            f"{self.settings.discovery_url.rstrip('/')}{DISCOVERY_PATH}"
            f"?user={quote(self._credentials.username, safe='')}"
        )
        answer = self._transport.call(Request("GET", url), self.deadline(), payloads.read_zone)
        return zone_from_answer(
            answer.url,
            name=answer.name,
            web_url=self._safe_link(answer.web_url),
            database_id=answer.database_id,
            extra_hosts=self.settings.extra_hosts,
        )

    def _safe_link(self, url: str) -> str:
        """``url`` when it may be shown as a link, else empty."""
        try:
            check_url(url, self.settings.extra_hosts)
        except DestinationRefused:
            return ""
        return url

    # --- with credentials ---

    # No page of its own; https://webservices5.autotask.net/ATServicesRest/swagger/docs/v1 (/V1.0/Version)
    def version(self, api_url: str) -> str:
        """Autotask's version: the cheapest call that proves the credentials."""
        return self._get(api_url, VERSION, VERSION, payloads.read_version)

    # https://www.autotask.net/help/DeveloperHelp/Content/APIs/REST/General_Topics/REST_Security_Auth.htm
    def prove(self, api_url: str) -> str:
        """Prove the credentials; returns Autotask's version, empty where there is no such call."""
        try:
            return self.version(api_url)
        except NotFound:
            self.budget(api_url)  # older systems; it needs no permission on any entity either
            return ""

    # https://www.autotask.net/help/DeveloperHelp/Content/APIs/REST/General_Topics/REST_Thresholds_Limits.htm
    def budget(self, api_url: str) -> RequestBudget:
        """The tenant's request budget; this call counts itself."""
        budget = self._get(api_url, THRESHOLD, THRESHOLD, payloads.read_budget)
        self._told = budget, self._transport.sent
        return budget

    def known_budget(self) -> RequestBudget | None:
        """The budget as it was last told, and what was sent since."""
        if self._told is None:
            return None
        budget, sent_then = self._told
        return dataclasses.replace(budget, sent_since=self.sent - sent_then)

    @property
    def sent(self) -> int:
        """How many requests were sent with these credentials."""
        return self._transport.sent

    # https://www.autotask.net/help/DeveloperHelp/Content/APIs/REST/API_Calls/REST_EntityInformationCall.htm
    def access(self, api_url: str) -> str:
        """``all``, ``restricted``, ``none`` or ``unknown``: what this API user may query of companies."""
        return self._get(api_url, f"{COMPANIES}/entityInformation", COMPANIES, payloads.read_access)

    # https://www.autotask.net/help/DeveloperHelp/Content/APIs/REST/API_Calls/REST_EntityInformationCall.htm
    def fields(self, api_url: str) -> CompanyMetadata:
        """Fields and picklists of companies."""
        return self._get(api_url, f"{COMPANIES}/entityInformation/fields", COMPANIES, read_fields)

    # https://www.autotask.net/help/DeveloperHelp/Content/APIs/REST/API_Calls/REST_EntityInformationCall.htm
    def user_fields(self, api_url: str) -> CompanyMetadata:
        """The fields that the tenant has added to companies."""
        path = f"{COMPANIES}/entityInformation/userDefinedFields"
        return self._get(api_url, path, COMPANIES, read_user_fields)

    # https://www.autotask.net/help/DeveloperHelp/Content/APIs/REST/Entities/_EntitiesOverview.htm
    # has a page for each of Resources, Countries and CompanyCategories.
    def labels(self, api_url: str, reference: Reference) -> tuple[PicklistOption, ...]:
        """What companies refer to, by id: a few pages at most.

        Raises ``UnexpectedAnswer`` when there are more than ``MAX_LABELS``: nobody chooses from so many.
        """
        found: list[PicklistOption] = []
        url = _api(api_url, f"{reference.entity}/query")
        while True:
            body = label_query(reference.names, int(found[-1].value) + 1 if found else 0)
            read = functools.partial(read_labels, names=reference.names)
            page = self._send(Request("POST", url, body, self._headers), reference.entity, read)
            found += page.options
            if not (page.more and page.options):
                return tuple(found)
            if len(found) >= MAX_LABELS:
                unexpected(f"more than {MAX_LABELS} {reference.entity}")

    # https://www.autotask.net/help/DeveloperHelp/Content/APIs/REST/API_Calls/REST_Advanced_Query_Features.htm
    def count(self, api_url: str, body: bytes, deadline: Deadline | None = None) -> int:
        """How many companies hold the filter in ``body``."""
        url = _api(api_url, f"{COMPANIES}/query/count")
        return self._send(Request("POST", url, body, self._headers), COMPANIES, payloads.read_count, deadline)

    # https://www.autotask.net/help/DeveloperHelp/Content/APIs/REST/API_Calls/REST_Basic_Query_Calls.htm
    # and, for the pages after the first, .../API_Calls/REST_Advanced_Query_Features.htm
    def page(
        self,
        api_url: str,
        body: bytes,
        next_url: str = "",
        deadline: Deadline | None = None,
        limit: int = 500,
    ) -> CompanyRows:
        """One page of companies: the first, or the one that ``next_url`` names.

        A query that began with POST goes on with POST and the same body. Raises ``UnexpectedAnswer``
        when ``next_url`` leads anywhere but into the same interface on the same host. Of the answer, an
        address that leads elsewhere is not kept: ``more`` alone tells that there is a next page.
        """
        url = _api(api_url, f"{COMPANIES}/query")
        if next_url:
            check_next_url(next_url, api_url, self.settings.extra_hosts)
            url = next_url
        request = Request("POST", url, body, self._headers)
        rows = self._send(request, COMPANIES, functools.partial(read_page, limit=limit), deadline)
        if rows.next_url and not self._leads_on(rows.next_url, api_url):
            return dataclasses.replace(rows, next_url="")
        return rows

    def _leads_on(self, next_url: str, api_url: str) -> bool:
        try:
            check_next_url(next_url, api_url, self.settings.extra_hosts)
        except UnexpectedAnswer:
            return False
        return True

    def _get(self, api_url: str, path: str, endpoint: str, read: Callable[[object], Value]) -> Value:
        return self._send(Request("GET", _api(api_url, path), auth=self._headers), endpoint, read)

    def _send(
        self,
        request: Request,
        endpoint: str,
        read: Callable[[object], Value],
        deadline: Deadline | None = None,
    ) -> Value:
        deadline = deadline or self.deadline()
        with call_slot(self._credentials.tracking_identifier, endpoint, deadline.remaining):
            if self._refusal is not None:
                raise _again(self._refusal)
            try:
                found = self._transport.call(request, deadline, read)
            except CredentialsRefused as refusal:
                self._refusal, self.accepted = _again(refusal), False
                raise
            self.accepted = True
            return found


def _again(refusal: CredentialsRefused) -> CredentialsRefused:
    """The same refusal for a further caller, without the first one's traceback."""
    return type(refusal)(refusal.user_text, refusal.technical)


def _api(api_url: str, path: str) -> str:
    return f"{api_url}{API_VERSION}/{path}"


def check_next_url(next_url: str, api_url: str, extra_hosts: frozenset[str] = frozenset()) -> None:
    """Raise ``UnexpectedAnswer`` unless ``next_url`` lies below ``api_url``: scheme, host, port and path."""
    home = check_url(api_url, extra_hosts)
    try:
        there = check_url(next_url, extra_hosts)
    except DestinationRefused:
        there = None
    path = urlsplit(next_url).path.lower() if there is not None else ""
    below = path.startswith(f"{urlsplit(api_url).path}{API_VERSION}/{COMPANIES}/".lower())
    if there != home or not below or ".." in path or "%" in path:
        raise UnexpectedAnswer(
            "Autotask named a next page on another address, so the portal did not follow it and threw the "
            "read away. Nothing was changed.",
            f"next page outside {home.host}",
        )
