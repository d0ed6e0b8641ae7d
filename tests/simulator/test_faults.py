"""Each fault: what a caller sees while it is on, that it stops when it is cleared, and how it is limited."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
import time
import zlib
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from integrations.simulators.autotask.fault_kinds import FAULTS, FaultName
from integrations.simulators.autotask.faults import FaultError
from integrations.simulators.autotask.server import Simulator
from tests.simulator.conftest import EVERYTHING, SECRET, TRACKING_IDENTIFIER, USERNAME, Caller, make_tenant

QUERY = "Companies/query"


def page(caller: Caller, **more: object) -> dict[str, object]:
    """The first page of everything, as JSON."""
    return dict(caller.query(EVERYTHING, **more).json())


def listed_ids(answer: dict[str, object]) -> list[int]:
    return [item["id"] for item in answer["items"]]  # type: ignore[attr-defined]


def following(answer: dict[str, object]) -> str:
    return str(answer["pageDetails"]["nextPageUrl"])  # type: ignore[index]


# --- credentials, permission, limits -----------------------------------------------------------------


def wrong_tracking_identifier_500(caller: Caller) -> None:
    wrong = Caller(caller.simulator, tracking_identifier="wrong")
    answer = wrong.get("Version")
    assert (answer.status_code, answer.json()) == (500, {"errors": ["IntegrationCode is invalid"]})
    assert caller.get("Version").status_code == 200


def tracking_identifier_refused(caller: Caller) -> None:
    answer = caller.get("Version")
    assert (answer.status_code, answer.content) == (401, b"")
    caller.simulator.clear()
    caller.simulator.inject("tracking-identifier-refused", status=500)
    assert caller.get("Version").json() == {"errors": ["IntegrationCode is invalid"]}


def locked_user(caller: Caller) -> None:
    assert caller.get("Version").status_code == 401
    assert caller.get(f"zoneInformation?user={USERNAME}").status_code == 200


def unknown_user(caller: Caller) -> None:
    unknown = {"errors": ["Zone information could not be determined"]}
    assert caller.get(f"zoneInformation?user={USERNAME}").json() == unknown
    answer = caller.get("Version")
    assert (answer.status_code, answer.content) == (401, b"")
    caller.simulator.clear()
    caller.simulator.inject("unknown-user", status=500)
    answer = caller.get("Version")
    assert (answer.status_code, answer.json()) == (500, unknown)


def no_company_permission(caller: Caller) -> None:
    for answer in (caller.query(EVERYTHING), caller.get("Companies/3"), caller.post(f"{QUERY}/count", {})):
        assert answer.status_code == 500
        assert "does not have the adequate permissions" in answer.json()["errors"][0]
    assert caller.get("Companies/entityInformation").json()["info"]["userAccessForQuery"] == "None"
    assert caller.get("Version").status_code == 200
    caller.simulator.clear()
    caller.simulator.inject("no-company-permission", status=403)
    assert caller.query(EVERYTHING).status_code == 403


def restricted_rows(caller: Caller) -> None:
    assert listed_ids(page(caller)) == [7]
    assert caller.post(f"{QUERY}/count", {"filter": [EVERYTHING]}).json() == {"queryCount": 1}
    assert caller.get("Companies/3").json() == {"item": None}
    assert caller.get("Companies/entityInformation").json()["info"]["userAccessForQuery"] == "Restricted"


def thread_limit(caller: Caller) -> None:
    assert caller.query(EVERYTHING).status_code == 429
    caller.simulator.clear()
    caller.simulator.inject("thread-limit", status=500, times=2)
    answers = [caller.query(EVERYTHING) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert "Itgenatr005" in answers[0].json()["errors"][0]


def hourly_limit(caller: Caller) -> None:
    assert caller.get("Version").status_code == 429
    assert caller.get(f"zoneInformation?user={USERNAME}").status_code == 200
    caller.simulator.clear()
    caller.simulator.inject("hourly-limit", status=500)
    assert caller.get("Version").status_code == 500


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def latency_by_usage(caller: Caller) -> None:
    caller.simulator.clear()
    caller.simulator.inject("latency-by-usage", scale=0.1)
    budget = caller.simulator.tenants[USERNAME].budget
    budget.set_used(8_000)
    assert _seconds(lambda: caller.get("Version")) >= 0.1
    budget.set_used(5_000)
    assert _seconds(lambda: caller.get("Version")) >= 0.05


def latency(caller: Caller) -> None:
    caller.simulator.clear()
    caller.simulator.inject("latency", seconds=0.1)
    assert _seconds(lambda: caller.get(f"zoneInformation?user={USERNAME}")) >= 0.1


# --- zones -------------------------------------------------------------------------------------------


def zone(caller: Caller) -> str:
    return str(caller.get(f"zoneInformation?user={USERNAME}").json()["url"])


def zone_moved(caller: Caller) -> None:
    assert caller.get("Version").status_code == 401
    address = zone(caller)
    assert not address.startswith(caller.simulator.base_url)
    assert caller.get("Version", base=address).status_code == 200
    caller.simulator.clear()
    assert zone(caller) == caller.simulator.api_url
    assert caller.get("Version").status_code == 200
    caller.simulator.inject("zone-moved")  # once cleared, it can be switched on again


def zone_elsewhere(caller: Caller) -> None:
    assert zone(caller) == "http://127.0.0.2:9/ATServicesRest/"


def zone_url_untidy(caller: Caller) -> None:
    assert zone(caller) == f"{caller.simulator.base_url}/atservicesrest"


def no_version(caller: Caller) -> None:
    assert caller.get("Version").status_code == 404
    assert caller.get("ThresholdInformation").status_code == 200


def missing_id_404(caller: Caller) -> None:
    assert caller.get("Companies/1").status_code == 404
    assert caller.get("Companies/3").status_code == 200


def access_as_numbers(caller: Caller) -> None:
    info = caller.get("Companies/entityInformation").json()["info"]
    assert (info["userAccessForQuery"], info["userAccessForUpdate"]) == (1, 0)


def field_names_in_other_case(caller: Caller) -> None:
    fields = caller.get("Companies/entityInformation/fields").json()["fields"]
    assert {"Id", "CompanyName", "CompanyType"} <= {field["name"] for field in fields}
    assert "companyName" in page(caller)["items"][0]  # type: ignore[index]


# --- broken answers ----------------------------------------------------------------------------------


def slow_answer(caller: Caller) -> None:
    caller.simulator.clear()
    caller.simulator.inject("slow-answer", bytes=30, pause=0.02)
    assert _seconds(lambda: caller.get("Version")) >= 0.04
    assert caller.get("Version").json()["customerType"] == "Production"


def dropped_before_answer(caller: Caller) -> None:
    with pytest.raises(requests.ConnectionError):
        caller.get("Version")
    assert caller.simulator.requests[-1].status == 0


def dropped_mid_body(caller: Caller) -> None:
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        page(caller)


def truncated_json(caller: Caller) -> None:
    answer = caller.query(EVERYTHING)
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def empty_body(caller: Caller) -> None:
    assert (caller.query(EVERYTHING).status_code, caller.query(EVERYTHING).content) == (200, b"")


def bad_encoding(caller: Caller) -> None:
    with pytest.raises(UnicodeDecodeError):
        caller.query(EVERYTHING).content.decode("utf-8")


def html_page(caller: Caller) -> None:
    answer = caller.query(EVERYTHING)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<html>" in answer.text
    caller.simulator.clear()
    caller.simulator.inject("html-page", status=503)
    assert caller.query(EVERYTHING).status_code == 503


def huge_body(caller: Caller) -> None:
    caller.simulator.clear()
    caller.simulator.inject("huge-body", bytes=3_000_000)
    answer = caller.query(EVERYTHING)
    assert len(answer.content) == 3_000_000
    assert "Content-Encoding" not in answer.headers
    assert answer.json()["items"] == []


def gateway_error(caller: Caller) -> None:
    caller.simulator.clear()
    caller.simulator.inject("gateway-error", status=502, times=1)
    caller.simulator.inject("gateway-error", status=504, times=1)
    assert [caller.query(EVERYTHING).status_code for _ in range(3)] == [502, 504, 200]


def server_error(caller: Caller) -> None:
    answer = caller.query(EVERYTHING)
    assert (answer.status_code, answer.json()) == (500, {"errors": ["An unexpected error occurred."]})


def errors_in_200(caller: Caller) -> None:
    answer = caller.query(EVERYTHING)
    assert answer.status_code == 200
    assert set(answer.json()) == {"errors"}


def redirect(caller: Caller) -> None:
    answer = caller.query(EVERYTHING)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("http://127.0.0.2:9/")


def wrong_types(caller: Caller) -> None:
    answer = page(caller)
    assert answer["items"][0]["id"] == "number 0"  # type: ignore[index]
    assert isinstance(answer["items"][0]["companyName"], int)  # type: ignore[index]
    for where, kind in (("containers", "dict"), ("null", "NoneType"), ("list", "list")):
        caller.simulator.clear()
        caller.simulator.inject("wrong-types", where=where)
        payload: Any = caller.query(EVERYTHING).json()
        assert type(payload).__name__ == kind
        assert where != "containers" or type(payload["items"]) is dict


def deep_json(caller: Caller) -> None:
    answer = caller.query(EVERYTHING)
    assert answer.text.count("[") == answer.text.count("]") == 100_000
    with pytest.raises(RecursionError):
        json.loads(answer.text)


def strange_names(caller: Caller) -> None:
    names = [item["companyName"] for item in page(caller)["items"]]  # type: ignore[attr-defined]
    assert "\x00" in names[0]
    assert "\u202e" in names[1]
    assert len(names[2]) > 10_000


def compressed_anyhow(caller: Caller) -> None:
    answer = caller.get("Version", headers={"Accept-Encoding": "identity"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.json()["customerType"] == "Production"


def gzip_bomb(caller: Caller) -> None:
    caller.simulator.clear()
    caller.simulator.inject("gzip-bomb", bytes=20 * 1024 * 1024)
    answer = caller.session.get(f"{caller.simulator.api_url}V1.0/Version", stream=True, timeout=10)
    body = answer.raw.read(decode_content=False)
    assert len(body) < 60_000
    assert len(zlib.decompress(body, wbits=31)) == 20 * 1024 * 1024


# --- broken pages ------------------------------------------------------------------------------------


def endless_paging(caller: Caller) -> None:
    content = {"MaxRecords": 4, "filter": [EVERYTHING], "IncludeFields": ["id", "companyName"]}
    ids: list[int] = []
    address = QUERY
    for _ in range(6):
        answer = caller.post(address, content).json()
        ids += listed_ids(answer)
        address = following(answer)
    assert len(ids) == len(set(ids)) == 24
    assert ids == sorted(ids)


def repeated_page(caller: Caller) -> None:
    content = {"MaxRecords": 2, "filter": [EVERYTHING]}
    first = caller.post(QUERY, content).json()
    second = caller.post(following(first), content).json()
    assert listed_ids(second) == listed_ids(first) == [0, 3]
    assert following(second) == following(first)


def paging_ends_early(caller: Caller) -> None:
    answer = page(caller, MaxRecords=2)
    assert listed_ids(answer) == [0, 3]
    assert answer["pageDetails"]["nextPageUrl"] is None  # type: ignore[index]


def duplicate_rows(caller: Caller) -> None:
    assert listed_ids(page(caller)) == [0, 0, 3, 6, 7, 12]
    caller.simulator.clear()
    caller.simulator.inject("duplicate-rows", over="pages")
    content = {"MaxRecords": 2, "filter": [EVERYTHING]}
    first = caller.post(QUERY, content).json()
    assert listed_ids(first) == [0, 3]
    assert listed_ids(caller.post(following(first), content).json()) == [3, 6, 7]


def next_page_elsewhere(caller: Caller) -> None:
    elsewhere = "http://127.0.0.2:9/ATServicesRest/V1.0/Companies/query/next?paging=%7b"
    assert following(page(caller)).startswith(elsewhere)
    assert following(page(caller, MaxRecords=2)).startswith(elsewhere)


def changed_between_pages(caller: Caller) -> None:
    content = {"MaxRecords": 2, "filter": [EVERYTHING], "IncludeFields": ["id", "companyName"]}
    first = caller.post(QUERY, content).json()
    assert listed_ids(first) == [0, 3]
    caller.simulator.clear()
    caller.simulator.inject("changed-between-pages", times=1)
    second = caller.post(following(first), content).json()
    assert [item["companyName"] for item in second["items"]] == [
        "Cedar Dental Group (renamed)",
        "Delta Freight",
    ]
    assert listed_ids(caller.post(following(second), content).json()) == [13]


def search_after_post(caller: Caller) -> None:
    content = {"MaxRecords": 2, "filter": [EVERYTHING]}
    address = following(caller.post(QUERY, content).json())
    assert "&search=%7b%22MaxRecords%22" in address
    assert caller.get(address).status_code == 405
    assert listed_ids(caller.post(address, content).json()) == [6, 7]


def next_page_wants_get(caller: Caller) -> None:
    content = {"MaxRecords": 2, "filter": [EVERYTHING]}
    address = following(caller.post(QUERY, content).json())
    assert caller.post(address, content).status_code == 405
    assert listed_ids(caller.get(address).json()) == [6, 7]


def odd_metadata(caller: Caller) -> None:
    def fields() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = caller.get("Companies/entityInformation/fields").json()["fields"]
        return found

    def first_value() -> dict[str, Any]:
        values: dict[str, Any] = next(each for each in fields() if each["picklistValues"])["picklistValues"][
            0
        ]
        return values

    assert first_value()["sortOrder"] is True
    for what, key, odd in (("null-value", "value", None), ("flag", "isActive", "1")):
        caller.simulator.clear()
        caller.simulator.inject("odd-metadata", what=what)
        assert first_value()[key] == odd
    for what, seen in (
        ("twice", lambda: fields()[-1]["name"] == "ID"),
        ("length", lambda: fields()[0]["length"] == "a hundred"),
        ("type", lambda: fields()[0]["dataType"] is None),
    ):
        caller.simulator.clear()
        caller.simulator.inject("odd-metadata", what=what)
        assert seen()


def odd_company(caller: Caller) -> None:
    assert {item["parentCompanyID"] for item in page(caller)["items"]} == {-1}  # type: ignore[attr-defined]
    for what, name, kind in (
        ("phone", "phone", list),
        ("name", "companyName", dict),
        ("id", "id", type(None)),
    ):
        caller.simulator.clear()
        caller.simulator.inject("odd-company", what=what, id=3)
        items = page(caller)["items"]
        assert [isinstance(item[name], kind) for item in items] == [  # type: ignore[attr-defined]
            False, True, *([False] * (len(items) - 2)),  # type: ignore[arg-type]
        ]  # fmt: skip
    caller.simulator.clear()
    caller.simulator.inject("odd-company", every=6)
    odd = [item["id"] for item in page(caller)["items"] if item["parentCompanyID"] == -1]  # type: ignore[attr-defined]
    assert odd == [0, 6, 12]


def next_page_after_the_last(caller: Caller) -> None:
    content = {"filter": [EVERYTHING]}
    first = caller.post(QUERY, content).json()
    assert listed_ids(first) == [0, 3, 6, 7, 12]
    after = caller.post(following(first), content).json()
    assert (after["items"], after["pageDetails"]["nextPageUrl"]) == ([], None)


def next_page_unusable(caller: Caller) -> None:
    assert following(page(caller, MaxRecords=2)).startswith(
        "/ATServicesRest/V1.0/Companies/query/next?paging="
    )
    for what, length in (("long", 2048), ("longer", 20_000)):
        caller.simulator.clear()
        caller.simulator.inject("next-page-unusable", what=what)
        assert len(following(page(caller, MaxRecords=2))) > length
    caller.simulator.clear()
    caller.simulator.inject("next-page-unusable", what="number")
    assert page(caller, MaxRecords=2)["pageDetails"]["nextPageUrl"] == 7  # type: ignore[index]
    assert page(caller)["pageDetails"]["nextPageUrl"] is None  # type: ignore[index]


def counted_but_not_given(caller: Caller) -> None:
    caller.simulator.clear()
    caller.simulator.inject("counted-but-not-given", every=6)
    assert listed_ids(page(caller)) == [3, 7]
    assert caller.post(f"{QUERY}/count", {"filter": [EVERYTHING]}).json() == {"queryCount": 5}


def passing_fault(caller: Caller) -> None:
    for what, words in (
        ("deadlock", "deadlock victim"),
        ("timeout", "Timeout Expired"),
        ("support", "support"),
    ):
        caller.simulator.clear()
        caller.simulator.inject("passing-fault", what=what)
        answer = caller.query(EVERYTHING)
        assert answer.status_code == 500
        assert words in answer.json()["errors"][0]


def clock_off(caller: Caller) -> None:
    for answer in (caller.query(EVERYTHING), caller.get("Companies/0/x")):
        ahead = parsedate_to_datetime(answer.headers["Date"]) - dt.datetime.now(dt.UTC)
        assert dt.timedelta(minutes=19) < ahead < dt.timedelta(minutes=21)


CHECKS: dict[FaultName, Callable[[Caller], None]] = {
    FaultName.WRONG_TRACKING_IDENTIFIER_500: wrong_tracking_identifier_500,
    FaultName.TRACKING_IDENTIFIER_REFUSED: tracking_identifier_refused,
    FaultName.LOCKED_USER: locked_user,
    FaultName.UNKNOWN_USER: unknown_user,
    FaultName.NO_COMPANY_PERMISSION: no_company_permission,
    FaultName.RESTRICTED_ROWS: restricted_rows,
    FaultName.THREAD_LIMIT: thread_limit,
    FaultName.HOURLY_LIMIT: hourly_limit,
    FaultName.LATENCY_BY_USAGE: latency_by_usage,
    FaultName.LATENCY: latency,
    FaultName.ZONE_MOVED: zone_moved,
    FaultName.ZONE_ELSEWHERE: zone_elsewhere,
    FaultName.ZONE_URL_UNTIDY: zone_url_untidy,
    FaultName.NO_VERSION: no_version,
    FaultName.MISSING_ID_404: missing_id_404,
    FaultName.ACCESS_AS_NUMBERS: access_as_numbers,
    FaultName.FIELD_NAMES_IN_OTHER_CASE: field_names_in_other_case,
    FaultName.SLOW_ANSWER: slow_answer,
    FaultName.DROPPED_BEFORE_ANSWER: dropped_before_answer,
    FaultName.DROPPED_MID_BODY: dropped_mid_body,
    FaultName.TRUNCATED_JSON: truncated_json,
    FaultName.EMPTY_BODY: empty_body,
    FaultName.BAD_ENCODING: bad_encoding,
    FaultName.HTML_PAGE: html_page,
    FaultName.HUGE_BODY: huge_body,
    FaultName.GATEWAY_ERROR: gateway_error,
    FaultName.SERVER_ERROR: server_error,
    FaultName.ERRORS_IN_200: errors_in_200,
    FaultName.ENDLESS_PAGING: endless_paging,
    FaultName.REPEATED_PAGE: repeated_page,
    FaultName.PAGING_ENDS_EARLY: paging_ends_early,
    FaultName.DUPLICATE_ROWS: duplicate_rows,
    FaultName.NEXT_PAGE_ELSEWHERE: next_page_elsewhere,
    FaultName.SEARCH_AFTER_POST: search_after_post,
    FaultName.NEXT_PAGE_WANTS_GET: next_page_wants_get,
    FaultName.REDIRECT: redirect,
    FaultName.WRONG_TYPES: wrong_types,
    FaultName.DEEP_JSON: deep_json,
    FaultName.STRANGE_NAMES: strange_names,
    FaultName.GZIP: compressed_anyhow,
    FaultName.GZIP_BOMB: gzip_bomb,
    FaultName.CHANGED_BETWEEN_PAGES: changed_between_pages,
    FaultName.ODD_METADATA: odd_metadata,
    FaultName.ODD_COMPANY: odd_company,
    FaultName.NEXT_PAGE_AFTER_THE_LAST: next_page_after_the_last,
    FaultName.NEXT_PAGE_UNUSABLE: next_page_unusable,
    FaultName.COUNTED_BUT_NOT_GIVEN: counted_but_not_given,
    FaultName.PASSING_FAULT: passing_fault,
    FaultName.CLOCK_OFF: clock_off,
}


@pytest.mark.parametrize("name", list(FaultName))
def test_fault(caller: Caller, name: FaultName) -> None:
    caller.simulator.inject(name)
    CHECKS[name](caller)
    caller.simulator.clear()
    caller.simulator.tenants[USERNAME].budget.set_used(0)
    assert len(caller.simulator.faults) == 0
    assert caller.get("Version").status_code == 200
    assert caller.query(EVERYTHING).json()["pageDetails"]["nextPageUrl"] is None


def test_every_fault_is_described_in_one_line() -> None:
    assert set(FAULTS) == set(FaultName) == set(CHECKS)
    for kind in FAULTS.values():
        assert re.fullmatch(r"[^\n]{10,120}\.", kind.description), kind.name


def test_a_fault_can_be_limited_to_a_path_a_verb_a_number_and_a_tenant() -> None:
    second = make_tenant(username="second@msp.example")
    with Simulator([make_tenant(), second]) as simulator:
        caller, other = Caller(simulator), Caller(simulator, username="SECOND@msp.example")
        simulator.inject(
            "gateway-error", path="companies/QUERY", method="post", tenant=USERNAME, skip=1, times=2
        )
        assert caller.get("Companies/3").status_code == 200
        assert caller.search(EVERYTHING).status_code == 200
        assert other.query(EVERYTHING).status_code == 200
        assert [caller.query(EVERYTHING).status_code for _ in range(4)] == [200, 503, 503, 200]
        (fault,) = simulator.faults
        assert fault.hits == 2


def test_a_busy_service_says_when_to_come_back(caller: Caller) -> None:
    caller.simulator.inject("thread-limit", retry_after=7)
    assert caller.query(EVERYTHING).headers["Retry-After"] == "7"
    caller.simulator.clear()
    caller.simulator.inject("gateway-error", retry_after="date:30")
    answer = caller.query(EVERYTHING)
    wait = parsedate_to_datetime(answer.headers["Retry-After"]) - parsedate_to_datetime(
        answer.headers["Date"]
    )
    assert dt.timedelta(seconds=28) < wait < dt.timedelta(seconds=32)


def test_faults_of_one_kind_take_turns(caller: Caller) -> None:
    caller.simulator.inject("html-page", status=200, times=1)
    caller.simulator.inject("html-page", status=503, times=1)
    assert [caller.get("Version").status_code for _ in range(3)] == [200, 503, 200]


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("no-such-fault", {}, "unknown fault 'no-such-fault'; known are: wrong-tracking"),
        ("latency", {"minutes": 1}, "fault 'latency' has no option 'minutes'; known are: seconds, times"),
        ("latency", {"seconds": "long"}, "fault 'latency', option 'seconds': 'long' is not a number"),
        ("latency", {"times": "x"}, "option 'times': 'x' is not a whole number"),
        ("latency", {"skip": -1}, "option 'skip': -1 is negative"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    simulator: Simulator, name: str, options: dict[str, str | int], text: str
) -> None:
    with pytest.raises(FaultError, match=re.escape(text)):
        simulator.inject(name, **options)
    assert len(simulator.faults) == 0


def test_faults_can_be_switched_from_another_process(simulator: Simulator) -> None:
    control = f"{simulator.base_url}/__control__/faults"
    assert requests.get(control, timeout=10).json()["active"] == []
    answer = requests.post(control, json={"name": "gateway-error", "status": 504, "times": 1}, timeout=10)
    assert answer.json()["active"][0]["name"] == "gateway-error"
    assert Caller(simulator).get("Version").status_code == 504
    known = requests.get(control, timeout=10).json()["known"]
    assert known["gateway-error"]["options"] == {"status": 503, "retry_after": ""}
    requests.post(control, json=[{"name": "locked-user"}, {"name": "latency", "seconds": 0}], timeout=10)
    assert Caller(simulator).get("Version").status_code == 401
    assert requests.delete(control, timeout=10).json()["active"] == []
    assert Caller(simulator).get("Version").status_code == 200


@pytest.mark.parametrize("content", [{"name": "none"}, {"fault": "latency"}, "latency", [{"name": 1}], None])
def test_the_control_endpoint_refuses_what_makes_no_sense(simulator: Simulator, content: object) -> None:
    answer = requests.post(f"{simulator.base_url}/__control__/faults", json=content, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_the_control_endpoint_shows_and_empties_the_log(simulator: Simulator) -> None:
    control = f"{simulator.base_url}/__control__/requests"
    Caller(simulator).query(EVERYTHING)
    (entry,) = requests.get(control, timeout=10).json()["requests"]
    assert (entry["method"], entry["status"]) == ("POST", 200)
    assert SECRET not in json.dumps(entry)
    assert requests.delete(control, timeout=10).json() == {"requests": []}
    assert len(simulator.requests) == 0
    assert requests.put(control, timeout=10).status_code == 405
    assert requests.get(f"{simulator.base_url}/__control__/none", timeout=10).status_code == 404


def test_the_log_tells_what_was_asked_without_secrets(caller: Caller) -> None:
    caller.query(EVERYTHING, MaxRecords=1)
    Caller(caller.simulator, secret="wrong-secret").get("Version?x=1")
    good, bad = caller.simulator.requests
    assert (good.method, good.route, good.status) == ("POST", "/atservicesrest/v1.0/companies/query", 200)
    assert json.loads(good.body) == {"filter": [EVERYTHING], "MaxRecords": 1}
    assert (good.tenant, good.zone) == (USERNAME, 14)
    assert good.headers["username"] == USERNAME
    assert (good.headers["secret"], good.headers["apiintegrationcode"]) == ("accepted", "accepted")
    assert (bad.headers["secret"], bad.headers["apiintegrationcode"]) == ("refused", "accepted")
    assert (bad.status, dict(bad.query), bad.sent) == (401, {"x": "1"}, 0)
    assert good.ended is not None
    assert good.started <= good.ended <= bad.started
    for secret in (SECRET, TRACKING_IDENTIFIER, "wrong-secret"):
        assert secret not in repr(caller.simulator.requests.all())
    assert caller.simulator.requests.to("companies/query", "post") == (good,)


def test_large_answers_are_compressed_for_those_who_accept_it(caller: Caller) -> None:
    plain = caller.query(EVERYTHING)
    assert plain.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in caller.get("Version").headers
    unpacked = caller.post(QUERY, {"filter": [EVERYTHING]}, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in unpacked.headers
    assert unpacked.json() == plain.json()
    assert len(gzip.compress(unpacked.content)) < len(unpacked.content)


def test_this_module_knows_every_fault_by_its_constant() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in FaultName if f"FaultName.{name.name}:" not in text] == []
