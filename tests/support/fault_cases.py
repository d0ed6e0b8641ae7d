"""The faults of docs/autotask-faults.md: how each is made, and how a refresh under it is meant to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.models import Job
from integrations.simulators.autotask.fault_kinds import FaultName


@dataclass(frozen=True)
class Case:
    """A fault with its options, in words, and how the refresh under it is meant to end.

    ``tenant`` is what else changed in Autotask since the portal was connected (attributes of the simulated
    tenant), ``deleted`` are companies that are gone there.
    """

    words: str
    fault: FaultName | None
    ends: str = Job.State.FAILED
    options: dict[str, Any] = field(default_factory=dict)
    refused: int = 0  # answers that refuse the credentials: one, and one where the zone is a new one
    refused_by: int = 401  # the status of such an answer
    used: int = 0  # requests of the hour that were used before
    tenant: Mapping[str, Any] = field(default_factory=dict)
    deleted: tuple[int, ...] = ()
    slow: Mapping[str, Any] = field(default_factory=dict)  # answered after what is asked for beside it

    @property
    def moves(self) -> bool:
        """Whether the tenant lives elsewhere: the check looks the zone up first and asks there alone."""
        return self.fault is FaultName.ZONE_MOVED


QUERY = {"path": "companies/query"}
BUDGET = {"path": "thresholdinformation"}
DISCOVERY = {"path": "zoneinformation"}
NEXT_PAGE = {"path": "companies/query/next"}
TWICE = {"times": 2, **QUERY}
ONCE = {"times": 1, **QUERY}
ERROR = {"status": 500}
FAILS, DONE = Job.State.FAILED, Job.State.DONE
ANOTHER = {"tracking_identifier": "ANOTHERTRACKINGIDENTIFIER"}
BY_USAGE = FaultName.LATENCY_BY_USAGE
NO_SUCH_FIELD = "Unable to find territoryID in the Company Entity."
NO_SUCH_PATH = "No HTTP resource was found that matches the request URI."

CREDENTIALS = (
    Case("password changed in Autotask", None, refused=1, tenant={"secret": "Another-Password-5"}),
    Case("wrong tracking identifier, answered 401", None, refused=1, tenant=ANOTHER),
    Case(
        "wrong tracking identifier, answered 500 IntegrationCode is invalid, as by older systems",
        FaultName.WRONG_TRACKING_IDENTIFIER_500, refused=1, refused_by=500, tenant=ANOTHER,
    ),
    Case("every tracking identifier refused by 401", FaultName.TRACKING_IDENTIFIER_REFUSED, refused=1),
    Case(
        "every tracking identifier refused by 500",
        FaultName.TRACKING_IDENTIFIER_REFUSED, FAILS, ERROR, refused=1, refused_by=500,
    ),
    Case("API user switched off", None, refused=1, tenant={"active": False}),
    Case("locked API user", FaultName.LOCKED_USER, refused=1),
    Case("API user locked after the first answer", FaultName.LOCKED_USER, options={"skip": 1}, refused=1),
    Case("nobody knows the API user, answered 401", FaultName.UNKNOWN_USER, refused=1),
    Case(
        "nobody knows the API user, answered 500",
        FaultName.UNKNOWN_USER, FAILS, ERROR, refused=1, refused_by=500,
    ),
    Case(
        "password changed, and the tenant moved to another zone",
        FaultName.ZONE_MOVED, options={"zone": 5}, refused=2, tenant={"secret": "Another-Password-5"},
    ),
    Case("no permission to read companies, 500", FaultName.NO_COMPANY_PERMISSION),
    Case("no permission to read companies, 403", FaultName.NO_COMPANY_PERMISSION, options={"status": 403}),
    Case("half of the companies silently left out", FaultName.RESTRICTED_ROWS, options={"every": 2}),
    Case("permissions told by numbers", FaultName.ACCESS_AS_NUMBERS, DONE),
)  # fmt: skip
LIMITS = (
    Case("too many calls at once, 429", FaultName.THREAD_LIMIT, options=QUERY),
    Case("too many calls at once, said with 500", FaultName.THREAD_LIMIT, options={"status": 500, **QUERY}),
    Case("too many calls at once, twice", FaultName.THREAD_LIMIT, DONE, TWICE),
    Case("the hour's requests are used up", FaultName.HOURLY_LIMIT),
    Case("the hour's requests are used up, said with 500", FaultName.HOURLY_LIMIT, options=ERROR),
    Case("slow service", FaultName.LATENCY, DONE, {"seconds": 0.02}),
    Case("latency by usage, 60 % of the hour used", BY_USAGE, DONE, {"scale": 0.05}, used=6000),
    Case("latency by usage, 92 % of the hour used", BY_USAGE, options={"scale": 0.05}, used=9200),
    Case("no word about the budget, 503", FaultName.GATEWAY_ERROR, DONE, {"status": 503, **BUDGET}),
    Case(
        "too many calls at once, and a moment to come back",
        FaultName.THREAD_LIMIT,
        DONE,
        {"retry_after": "date:0", **TWICE},
    ),
)
ZONES = (
    Case("tenant moved to another zone", FaultName.ZONE_MOVED, DONE, {"zone": 5}, refused=1),
    Case("tenant moved to a zone that no list knows", FaultName.ZONE_MOVED, DONE, {"zone": 31}, refused=1),
    Case("zone look-up does not answer", FaultName.GATEWAY_ERROR, DONE, {"status": 503, **DISCOVERY}),
    Case("zone answer names a foreign host", FaultName.ZONE_ELSEWHERE, DONE),
    Case("zone address without its slash", FaultName.ZONE_URL_UNTIDY, DONE),
    Case("no Version endpoint", FaultName.NO_VERSION, DONE),
)
TRANSPORT = (
    Case("answer too slow", FaultName.SLOW_ANSWER, options={"bytes": 8, "pause": 0.05, **QUERY}),
    Case("connection dropped before the answer", FaultName.DROPPED_BEFORE_ANSWER, options=QUERY),
    Case("connection dropped once", FaultName.DROPPED_BEFORE_ANSWER, DONE, ONCE),
    Case("connection dropped within the answer", FaultName.DROPPED_MID_BODY, options=QUERY),
    Case("gateway error 502", FaultName.GATEWAY_ERROR, options={"status": 502, **QUERY}),
    Case("gateway error 504, twice", FaultName.GATEWAY_ERROR, DONE, {"status": 504, **TWICE}),
    Case("500 without a word", FaultName.GATEWAY_ERROR, options={"status": 500, **QUERY}),
    Case("500 with the service's own words", FaultName.SERVER_ERROR, options=QUERY),
    Case("500 of a deadlock, twice", FaultName.PASSING_FAULT, DONE, TWICE),
    Case("500 of a SQL timeout, once", FaultName.PASSING_FAULT, DONE, {"what": "timeout", **ONCE}),
    Case(
        "500 of an unexpected error that names support, again and again",
        FaultName.PASSING_FAULT,
        options={"what": "support", **QUERY},
    ),
    Case("Autotask's clock is 20 minutes ahead", FaultName.CLOCK_OFF, DONE),
    Case("errors inside a 200", FaultName.ERRORS_IN_200, options=QUERY),
    Case("no such path, 404", FaultName.SERVER_ERROR, options={"status": 404, "text": NO_SUCH_PATH, **QUERY}),
    Case("a field that is gone, 500", FaultName.SERVER_ERROR, options={"text": NO_SUCH_FIELD, **QUERY}),
    Case("redirect", FaultName.REDIRECT, options=QUERY),
    Case("compressed answers", FaultName.GZIP, DONE),
)
CONTENTS = (
    Case("truncated JSON", FaultName.TRUNCATED_JSON, options=QUERY),
    Case("empty body", FaultName.EMPTY_BODY, options=QUERY),
    Case("bytes that are no text", FaultName.BAD_ENCODING, options=QUERY),
    Case("HTML page with 200", FaultName.HTML_PAGE, options=QUERY),
    Case("HTML page with 503", FaultName.HTML_PAGE, options={"status": 503, **QUERY}),
    Case("huge body", FaultName.HUGE_BODY, options={"bytes": 1024 * 1024, **QUERY}),
    Case("compression bomb", FaultName.GZIP_BOMB, options={"bytes": 8 * 1024 * 1024, **QUERY}),
    Case("JSON of the wrong types", FaultName.WRONG_TYPES, options=QUERY),
    Case("JSON nested without end", FaultName.DEEP_JSON, options=QUERY),
    Case("names with control signs and 10,000 letters", FaultName.STRANGE_NAMES, DONE, QUERY),
    Case("field names spelt CompanyName", FaultName.FIELD_NAMES_IN_OTHER_CASE, DONE),
    Case("a picklist's sort order is true", FaultName.ODD_METADATA, DONE),
    Case("a field described twice", FaultName.ODD_METADATA, DONE, {"what": "twice"}),
    Case("a field's length as text", FaultName.ODD_METADATA, DONE, {"what": "length"}),
    Case("a picklist value that is null", FaultName.ODD_METADATA, DONE, {"what": "null-value"}),
    Case('a picklist\'s isActive is "1"', FaultName.ODD_METADATA, DONE, {"what": "flag"}),
    Case("a field without a type", FaultName.ODD_METADATA, DONE, {"what": "type"}),
    Case(
        "the fields cannot be read, 503", FaultName.GATEWAY_ERROR, DONE, {"path": "entityinformation/fields"}
    ),
    Case("a company with parentCompanyID -1", FaultName.ODD_COMPANY, DONE, {"id": 104}),
    Case("a company whose phone is a list", FaultName.ODD_COMPANY, DONE, {"id": 101, "what": "phone"}),
    Case("a company whose id is null", FaultName.ODD_COMPANY, options={"id": 104, "what": "id"}),
    Case("every company with parentCompanyID -1", FaultName.ODD_COMPANY),
)
PAGES = (
    Case("endless paging", FaultName.ENDLESS_PAGING, options=QUERY),
    Case("the same page again", FaultName.REPEATED_PAGE, options=QUERY),
    Case("paging ends early", FaultName.PAGING_ENDS_EARLY, options=QUERY),
    Case("a company twice in one page", FaultName.DUPLICATE_ROWS, options=QUERY),
    Case("a company again on the next page", FaultName.DUPLICATE_ROWS, options={"over": "pages", **QUERY}),
    Case("next page on another host", FaultName.NEXT_PAGE_ELSEWHERE, DONE, QUERY),
    Case("next page's address carries the search", FaultName.SEARCH_AFTER_POST, DONE),
    Case("next page refuses the POST, 405", FaultName.NEXT_PAGE_WANTS_GET, DONE),
    Case("next page's address is relative", FaultName.NEXT_PAGE_UNUSABLE, DONE),
    Case("next page's address has over 2,048 characters", FaultName.NEXT_PAGE_UNUSABLE, DONE,
         {"what": "long"}),
    Case("next page's address has over 20,000 characters", FaultName.NEXT_PAGE_UNUSABLE, DONE,
         {"what": "longer"}),
    Case("next page's address is a number", FaultName.NEXT_PAGE_UNUSABLE, DONE, {"what": "number"}),
    Case("the last page names a next one", FaultName.NEXT_PAGE_AFTER_THE_LAST, DONE),
    Case("companies counted that no page holds", FaultName.COUNTED_BUT_NOT_GIVEN, options={"every": 109}),
    Case("one company counted that no page holds", FaultName.COUNTED_BUT_NOT_GIVEN, DONE, {"every": 999}),
    Case("next page asked without its query, 500", FaultName.SERVER_ERROR, DONE,
         {"text": "Value cannot be null. Parameter name: queryModel", **NEXT_PAGE}),
    Case("data changed between pages", FaultName.CHANGED_BETWEEN_PAGES, DONE, ONCE, slow=NEXT_PAGE),
    Case("mapped company deleted in Autotask", None, DONE, deleted=(101,)),
    Case("mapped company deleted, its id answered 404", FaultName.MISSING_ID_404, DONE, deleted=(101,)),
)  # fmt: skip
CASES = (*CREDENTIALS, *LIMITS, *ZONES, *TRANSPORT, *CONTENTS, *PAGES)
