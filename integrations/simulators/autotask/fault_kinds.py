"""The faults that there are: name, what each does in one line, and its own options with their defaults."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

OptionValue = str | int | float | bool | None


class FaultName(enum.StrEnum):
    """Every fault, by the name under which it is switched on."""

    WRONG_TRACKING_IDENTIFIER_500 = "wrong-tracking-identifier-500"
    TRACKING_IDENTIFIER_REFUSED = "tracking-identifier-refused"
    LOCKED_USER = "locked-user"
    UNKNOWN_USER = "unknown-user"
    NO_COMPANY_PERMISSION = "no-company-permission"
    RESTRICTED_ROWS = "restricted-rows"
    THREAD_LIMIT = "thread-limit"
    HOURLY_LIMIT = "hourly-limit"
    LATENCY_BY_USAGE = "latency-by-usage"
    LATENCY = "latency"
    ZONE_MOVED = "zone-moved"
    ZONE_ELSEWHERE = "zone-elsewhere"
    ZONE_URL_UNTIDY = "zone-url-untidy"
    NO_VERSION = "no-version"
    MISSING_ID_404 = "missing-id-404"
    ACCESS_AS_NUMBERS = "access-as-numbers"
    FIELD_NAMES_IN_OTHER_CASE = "field-names-in-other-case"
    SLOW_ANSWER = "slow-answer"
    DROPPED_BEFORE_ANSWER = "dropped-before-answer"
    DROPPED_MID_BODY = "dropped-mid-body"
    TRUNCATED_JSON = "truncated-json"
    EMPTY_BODY = "empty-body"
    BAD_ENCODING = "bad-encoding"
    HTML_PAGE = "html-page"
    HUGE_BODY = "huge-body"
    GATEWAY_ERROR = "gateway-error"
    SERVER_ERROR = "server-error"
    ERRORS_IN_200 = "errors-in-200"
    ENDLESS_PAGING = "endless-paging"
    REPEATED_PAGE = "repeated-page"
    PAGING_ENDS_EARLY = "paging-ends-early"
    DUPLICATE_ROWS = "duplicate-rows"
    NEXT_PAGE_ELSEWHERE = "next-page-elsewhere"
    SEARCH_AFTER_POST = "search-after-post"
    NEXT_PAGE_WANTS_GET = "next-page-wants-get"
    REDIRECT = "redirect"
    WRONG_TYPES = "wrong-types"
    DEEP_JSON = "deep-json"
    STRANGE_NAMES = "strange-names"
    GZIP = "gzip"
    GZIP_BOMB = "gzip-bomb"
    CHANGED_BETWEEN_PAGES = "changed-between-pages"
    ODD_METADATA = "odd-metadata"
    ODD_COMPANY = "odd-company"
    NEXT_PAGE_AFTER_THE_LAST = "next-page-after-the-last"
    NEXT_PAGE_UNUSABLE = "next-page-unusable"
    COUNTED_BUT_NOT_GIVEN = "counted-but-not-given"
    PASSING_FAULT = "passing-fault"
    CLOCK_OFF = "clock-off"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What a fault does, in one line, and its own options with their defaults."""

    name: FaultName
    description: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)


def _kinds() -> Mapping[FaultName, FaultKind]:
    elsewhere = "http://127.0.0.2:9"
    rows: tuple[tuple[FaultName, str, dict[str, OptionValue]], ...] = (
        (
            FaultName.WRONG_TRACKING_IDENTIFIER_500,
            "A wrong tracking identifier is answered with 500 'IntegrationCode is invalid' instead of 401.",
            {},
        ),
        (
            FaultName.TRACKING_IDENTIFIER_REFUSED,
            "Every tracking identifier counts as wrong; status is 401 or 500.",
            {"status": 401},
        ),
        (FaultName.LOCKED_USER, "The API user is locked: 401 to every call with credentials.", {}),
        (
            FaultName.UNKNOWN_USER,
            "Nobody knows the API user: discovery answers 500, the zone itself 'status' 401 or 500.",
            {"status": 401},
        ),
        (
            FaultName.NO_COMPANY_PERMISSION,
            "The API user may not query companies; status is 500 (as live) or 403 (as documented).",
            {"status": 500},
        ),
        (
            FaultName.RESTRICTED_ROWS,
            "Companies whose id is divisible by 'every' are left out without a word.",
            {"every": 3},
        ),
        (
            FaultName.THREAD_LIMIT,
            "Too many calls at once; with 'retry_after' seconds, or a moment as in 'date:5'.",
            {"status": 429, "retry_after": ""},
        ),
        (
            FaultName.HOURLY_LIMIT,
            "The hour's request budget is used up; the status may be another than 429.",
            {"status": 429},
        ),
        (
            FaultName.LATENCY_BY_USAGE,
            "Answers are delayed by the used share of the hour (0.5 s from 50 %, 1 s from 75 %) by 'scale'.",
            {"scale": 1.0},
        ),
        (FaultName.LATENCY, "Every answer is delayed by 'seconds'.", {"seconds": 1.0}),
        (
            FaultName.ZONE_MOVED,
            "The tenants (or 'tenant') live in 'zone' now: the old host answers 401, discovery the new.",
            {"zone": 5},
        ),
        (
            FaultName.ZONE_ELSEWHERE,
            "Zone discovery answers 'url', on a host that is none of the service's.",
            {"url": f"{elsewhere}/ATServicesRest/"},
        ),
        (
            FaultName.ZONE_URL_UNTIDY,
            "Zone discovery answers its address in lower case and without the final slash.",
            {},
        ),
        (FaultName.NO_VERSION, "The Version endpoint does not exist (404), as before 2026.", {}),
        (FaultName.MISSING_ID_404, "A company that does not exist is answered with 404, not 200.", {}),
        (
            FaultName.ACCESS_AS_NUMBERS,
            "What the user may do is said by 0, 1 and 2 as the help page has it, not by words.",
            {},
        ),
        (
            FaultName.FIELD_NAMES_IN_OTHER_CASE,
            "The metadata spell field names another way than the rows: CompanyName.",
            {},
        ),
        (
            FaultName.SLOW_ANSWER,
            "The body arrives in pieces of 'bytes', 'pause' seconds apart.",
            {"bytes": 64, "pause": 0.1},
        ),
        (FaultName.DROPPED_BEFORE_ANSWER, "The connection is closed before the answer begins.", {}),
        (
            FaultName.DROPPED_MID_BODY,
            "The connection is closed after the 'share' of the body.",
            {"share": 0.5},
        ),
        (FaultName.TRUNCATED_JSON, "The JSON ends after the 'share' of its length.", {"share": 0.5}),
        (FaultName.EMPTY_BODY, "Status 200 without a body.", {}),
        (FaultName.BAD_ENCODING, "The JSON holds bytes that are not UTF-8.", {}),
        (FaultName.HTML_PAGE, "A web page instead of JSON, with 'status' 200 or 503.", {"status": 200}),
        (FaultName.HUGE_BODY, "A valid JSON answer of 'bytes' bytes.", {"bytes": 64 * 1024 * 1024}),
        (
            FaultName.GATEWAY_ERROR,
            "A gateway's error 502, 503 or 504, with 'retry_after' as above.",
            {"status": 503, "retry_after": ""},
        ),
        (
            FaultName.SERVER_ERROR,
            "An error of the service itself: 'status' with 'text' in the service's own shape.",
            {"status": 500, "text": "An unexpected error occurred."},
        ),
        (FaultName.ERRORS_IN_200, "Status 200, but the body says {'errors': [...]}.", {}),
        (FaultName.ENDLESS_PAGING, "Every page has a next one, with new companies for ever.", {}),
        (FaultName.REPEATED_PAGE, "The next page is the same page again.", {}),
        (
            FaultName.PAGING_ENDS_EARLY,
            "There is no next page although companies remain.",
            {},
        ),
        (
            FaultName.DUPLICATE_ROWS,
            "A company comes twice; 'over' is page (within one) or pages (last of one, first of the next).",
            {"over": "page"},
        ),
        (
            FaultName.NEXT_PAGE_ELSEWHERE,
            "The next page is said to be on another host, 'base'.",
            {"base": elsewhere},
        ),
        (
            FaultName.SEARCH_AFTER_POST,
            "The address of the page after a POST carries 'search' too, but still wants a POST.",
            {},
        ),
        (
            FaultName.NEXT_PAGE_WANTS_GET,
            "The address of the page after a POST carries 'search' and wants a GET: 405 to a POST.",
            {},
        ),
        (
            FaultName.REDIRECT,
            "A redirect with 'status' to 'location'.",
            {"status": 302, "location": f"{elsewhere}/ATServicesRest/V1.0/Companies/query"},
        ),
        (
            FaultName.WRONG_TYPES,
            "JSON of the wrong types; 'where' is values, containers, null or list.",
            {"where": "values"},
        ),
        (FaultName.DEEP_JSON, "JSON nested 'depth' lists deep.", {"depth": 100_000}),
        (
            FaultName.STRANGE_NAMES,
            "Company names with control characters, right-to-left marks, and 10,000 characters.",
            {"length": 10_000},
        ),
        (FaultName.GZIP, "Every answer is compressed, asked for or not.", {}),
        (
            FaultName.GZIP_BOMB,
            "A small compressed body that grows to 'bytes' bytes.",
            {"bytes": 256 * 1024 * 1024},
        ),
        (
            FaultName.CHANGED_BETWEEN_PAGES,
            "Before a next page is read, its first company is removed, its last renamed, and one added.",
            {},
        ),
        (
            FaultName.ODD_METADATA,
            "One entry of the fields is odd; 'what' is sort-order, twice, length, null-value, flag or type.",
            {"what": "sort-order"},
        ),
        (
            FaultName.ODD_COMPANY,
            "Company 'id', or each whose id 'every' divides, is odd; 'what' is parent, phone, name or id.",
            {"what": "parent", "id": -1, "every": 1},
        ),
        (
            FaultName.NEXT_PAGE_AFTER_THE_LAST,
            "The last page names a next one, which is empty.",
            {},
        ),
        (
            FaultName.NEXT_PAGE_UNUSABLE,
            "The next page's address is of no use; 'what' is relative, long, longer or number.",
            {"what": "relative"},
        ),
        (
            FaultName.COUNTED_BUT_NOT_GIVEN,
            "Companies whose id is divisible by 'every' are counted, but no page holds them.",
            {"every": 400},
        ),
        (
            FaultName.PASSING_FAULT,
            "A 500 of those that pass by themselves; 'what' is deadlock, timeout or support.",
            {"what": "deadlock"},
        ),
        (
            FaultName.CLOCK_OFF,
            "The Date of every answer is 'minutes' ahead of this machine's clock.",
            {"minutes": 20.0},
        ),
    )
    return MappingProxyType({name: FaultKind(name, text, options) for name, text, options in rows})


FAULTS: Mapping[FaultName, FaultKind] = _kinds()
