"""What the portal asks of any PSA: values that cross the seam, the client protocol, and how it fails.

Nothing here knows Django, the database or a vendor. A PSA package (``psa/autotask``) turns its remote
API into these values; services turn these values into rows.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from integrations.psa.fields import CompanyField as CompanyField
from integrations.psa.fields import FieldDetails as FieldDetails
from integrations.psa.fields import Filter as Filter
from integrations.psa.fields import FilterCondition as FilterCondition
from integrations.psa.fields import FilterGroup as FilterGroup
from integrations.psa.fields import FilterValue as FilterValue
from integrations.psa.fields import PicklistOption as PicklistOption

# --- failures -------------------------------------------------------------------------------------


class FailureKind(enum.StrEnum):
    """Every way a remote call can fail, as far as the portal acts on the difference."""

    CREDENTIALS = "credentials"
    PERMISSION = "permission"
    MOVED_ZONE = "moved_zone"
    RATE = "rate"
    UNAVAILABLE = "unavailable"
    UNEXPECTED = "unexpected"
    INVALID_REQUEST = "invalid_request"
    DESTINATION = "destination"


class PSAError(Exception):
    """A remote call failed.

    ``user_text`` is one or two sentences for the page: what happened and what to do next.
    ``technical`` is for the log: status, host, the server's own words. Neither ever holds a secret.
    ``retry_after`` (seconds) is set when waiting is the remedy. ``fields`` are those of the connection form
    that it is about: one of them, where there are several.
    """

    kind = FailureKind.UNEXPECTED
    retryable = False
    fields: tuple[str, ...] = ()

    def __init__(self, user_text: str, technical: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(technical or user_text)
        self.user_text = user_text
        self.technical = technical or user_text
        self.retry_after = retry_after


class CredentialsRefused(PSAError):
    """The PSA does not accept the credentials. Never retried: repeated failures lock the API user."""

    kind = FailureKind.CREDENTIALS


class PermissionRefused(PSAError):
    """The credentials work, but this API user may not do what was asked."""

    kind = FailureKind.PERMISSION


class ZoneMoved(PSAError):
    """The tenant lives in another zone than the one that was asked.

    ``zone`` is where it lives now; the credentials were accepted there. Store it, its key as the chosen
    platform too where one was chosen, and begin again.
    """

    kind = FailureKind.MOVED_ZONE

    def __init__(self, user_text: str, technical: str = "", *, zone: Zone | None = None) -> None:
        super().__init__(user_text, technical)
        self.zone = zone


class RateLimited(PSAError):
    """The request budget or the number of simultaneous calls is used up; waiting helps."""

    kind = FailureKind.RATE
    retryable = True


class Unavailable(PSAError):
    """No answer, a dropped connection, or a gateway error; a later try may work."""

    kind = FailureKind.UNAVAILABLE
    retryable = True


class UnexpectedAnswer(PSAError):
    """The answer is not what the interface describes (HTML, truncated JSON, wrong types, endless pages)."""


class IncompleteRead(UnexpectedAnswer):
    """The PSA counts more companies than it gives, also when asked again. Raised after the last page.

    What came may be used, but nothing may be concluded from what did not come: no company is gone because
    of such a read. ``is_small`` tells a difference of a few companies, which stays and which a person may
    accept, from a read that broke off.
    """

    def __init__(self, user_text: str, technical: str = "", *, counted: int, given: int) -> None:
        super().__init__(user_text, technical)
        self.counted = counted
        self.given = given

    @property
    def is_small(self) -> bool:
        """At most one company in a hundred is lacking, or just one."""
        return 0 < self.counted - self.given <= max(1, self.counted // 100) and self.given > 0


class InvalidRequest(PSAError):
    """The PSA understood the call and refused it as a mistake of the caller (unknown field, bad value)."""

    kind = FailureKind.INVALID_REQUEST


class DestinationRefused(PSAError):
    """The portal itself refused to connect: the address is outside the allowed hosts."""

    kind = FailureKind.DESTINATION


# --- values ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves who we are. ``repr`` shows the user name only."""

    username: str
    secret: str = field(repr=False)
    tracking_identifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Zone:
    """Where a tenant lives.

    ``key`` is the platform choice; ``api_url`` ends in a slash and holds no version.
    """

    key: str
    name: str
    api_url: str
    web_url: str = ""
    database_id: int | None = None


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """Requests used of those allowed in the timeframe (minutes), all integrations of the tenant together.

    ``sent_since`` are those that the portal has sent after the PSA told this.
    """

    used: int
    limit: int
    timeframe_minutes: int
    sent_since: int = 0

    @property
    def share(self) -> float:
        """Used share, 0 to 1 (and above, when the limit was passed)."""
        return self.used / self.limit if self.limit > 0 else 1.0


class StepState(enum.StrEnum):
    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step of the connection check: what was found and, when it failed, what to do next.

    ``next_step`` has one instruction a line, in the order in which to follow them.
    """

    key: str
    title: str
    state: StepState
    detail: str = ""
    next_step: str = ""

    @property
    def sentence(self) -> str:
        """All of it in one line, for terminals, messages and the list of jobs."""
        return " ".join(f"{self.title}: {self.detail} {self.next_step}".split())


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """The outcome of a connection check, step by step. ``error`` is the failure that ended it, if any.

    ``platform`` is the platform to store: the chosen one, or where the PSA has moved the tenant to.
    ``better_zone`` is the one to choose instead when another one was chosen than the user name's.
    """

    steps: tuple[CheckStep, ...]
    zone: Zone | None = None
    budget: RequestBudget | None = None
    company_count: int | None = None
    moved_from: str = ""
    platform: str = ""
    better_zone: str = ""
    error: PSAError | None = field(default=None, compare=False)

    @property
    def passed(self) -> bool:
        """True when no step failed."""
        return bool(self.steps) and all(
            step.state in {StepState.PASSED, StepState.WARNING} for step in self.steps
        )


@dataclass(frozen=True, slots=True)
class CompanyMetadata:
    """The fields of the tenant's companies, as far as they could be understood.

    ``oddities`` names, in sentences, every entry that was left out or put right. ``unsure`` are the names of
    fields of whose values some may be lacking here: what an earlier read knew of them stays true. ``error``
    is why nothing at all could be read; companies can be read all the same.
    """

    fields: tuple[CompanyField, ...] = ()
    oddities: tuple[str, ...] = ()
    unsure: frozenset[str] = frozenset()
    error: PSAError | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RemoteCompany:
    """A company as the PSA answered it. ``id`` is the PSA's id as text; 0 is the MSP itself.

    ``user_value`` is that of the one user-defined field that the read asked for. ``notes`` says what was
    cleaned or cut on reading ("name cut at 300 characters").
    """

    id: str
    name: str
    number: str = ""
    company_type: int | None = None
    is_active: bool = True
    web_address: str = ""
    phone: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    parent_id: str = ""
    tax_id: str = ""
    user_value: str = ""
    modified_at: dt.datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetAside:
    """A company with a value that cannot be: it exists, and was left out. ``id`` is empty if that is odd."""

    id: str
    name: str
    reason: str

    @property
    def sentence(self) -> str:
        """Which company it is, and why it was left out."""
        return f"{self.name} (id {self.id or 'not readable'}): {self.reason}."


@dataclass(frozen=True, slots=True)
class CompanyPage:
    """Some companies of a read in progress. ``total`` is the count asked for beforehand (None if unknown).

    ``set_aside`` are companies that exist but could not be read: neither changed nor gone.
    """

    companies: tuple[RemoteCompany, ...]
    number: int
    total: int | None = None
    set_aside: tuple[SetAside, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadCost:
    """What a read would cost, in requests: of all ``companies`` of the filter, or of those ``changed``."""

    companies: int
    changed: int
    full: int
    incremental: int


@dataclass(frozen=True, slots=True)
class FoundCompanies:
    """What was found of companies asked for by id: those that are in neither part do not exist."""

    companies: Mapping[str, RemoteCompany]
    set_aside: tuple[SetAside, ...] = ()


# --- the client -----------------------------------------------------------------------------------


class PSAClient(Protocol):
    """One tenant of one PSA, seen with one set of credentials. Every method may raise ``PSAError``."""

    def check(self, chosen_zone: str = "") -> ConnectionReport:
        """Go through the connection step by step; failures are in the report, not raised.

        ``chosen_zone`` is the platform picked in the form, empty for "detect from the user name".
        """

    def budget(self) -> RequestBudget:
        """The tenant's request budget now."""

    def known_budget(self) -> RequestBudget | None:
        """The budget as the PSA last told it to this client, if it did. Asks nobody."""

    def sent(self) -> int:
        """How many requests this client has sent with its credentials. Asks nobody."""

    def company_metadata(self) -> CompanyMetadata:
        """Every field of a company, with types and picklists.

        Raises ``PSAError`` only for what would stop every other call too; that the fields alone could not
        be read is in the answer.
        """

    def field_details(self) -> FieldDetails:
        """User-defined fields, and labels of what the fields refer to (owners, countries, categories).

        Several requests at the same time. Raises ``PSAError`` only for what would stop every other call too.
        """

    def server_time(self) -> dt.datetime | None:
        """What the PSA's own clock showed at its first answer to this client; None before, or if not told.

        Ask for changes since this moment, never since one of the portal's clock.
        """

    def count_companies(self, conditions: Sequence[Filter]) -> int:
        """How many companies hold all the conditions."""

    def requests_for(self, companies: int) -> int:
        """About how many requests it takes to read so many companies. Asks nobody."""

    def read_cost(self, conditions: Sequence[Filter], modified_since: dt.datetime) -> ReadCost:
        """What a full and an incremental read would cost now, by counting: two requests."""

    def companies(
        self,
        conditions: Sequence[Filter],
        *,
        modified_since: dt.datetime | None = None,
        known_ids: Sequence[str] = (),
        user_field: str = "",
    ) -> Iterator[CompanyPage]:
        """Read the companies that hold all the conditions, page by page.

        Ids ascend within a page; pages may come in any order, because several may be read at once. No
        company comes twice. The iterator ends only after a complete read; an incomplete one raises, a nearly
        complete one ``IncompleteRead`` after its last page. A company with an odd value is set aside and does
        not stop the read; more than one in a hundred of them do. With
        ``modified_since`` only companies changed at or after that moment are read. ``known_ids``, those that
        an earlier read found, may help to share the work out; they never change what is read.
        ``user_field`` (``udf:Name``) is read with each company, as its ``user_value``.

        For changes leave ``conditions`` empty: a company that was changed so that it left the filter would
        not be among them. ``ids_in_filter`` tells which of them are inside. Deleted companies and those
        changed without a stamp are seen by a full read alone.
        """

    def sample_companies(self, conditions: Sequence[Filter], limit: int) -> tuple[RemoteCompany, ...]:
        """The first ``limit`` (1 to 500) companies that hold all the conditions."""

    def ids_in_filter(self, conditions: Sequence[Filter], ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids whose companies exist and hold all the conditions; a request for every 500."""

    def companies_by_id(self, ids: Sequence[str], *, user_field: str = "") -> FoundCompanies:
        """Those of the given companies that exist and are visible, by id, whatever the filter says."""

    def close(self) -> None:
        """Let go of the connections."""
