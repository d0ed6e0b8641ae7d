"""Pages: cut by id, followed by the verb of the first query, addressed as the service does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.simulators.autotask.server import Simulator
from tests.simulator.conftest import EVERYTHING, Caller, make_tenant, numbered_companies

QUERY = {"MaxRecords": 2, "filter": [EVERYTHING], "IncludeFields": ["id", "companyName"]}


@pytest.fixture(scope="module")
def many() -> Iterator[Caller]:
    """A caller of a tenant with 20,000 companies."""
    with Simulator([make_tenant(companies=numbered_companies(20_000))]) as simulator:
        yield Caller(simulator)


def next_address(answer: object) -> str:
    address = answer["pageDetails"]["nextPageUrl"]  # type: ignore[index]
    assert isinstance(address, str)
    return address


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_every_company_comes_once_whatever_the_verb(caller: Caller, verb: str) -> None:
    def read(address: str) -> dict[str, object]:
        if verb == "POST":
            return dict(caller.post(address, QUERY).json())
        parameters = None if "next?" in address else {"search": json.dumps(QUERY)}
        return dict(caller.get(address, params=parameters).json())

    pages = [read("Companies/query")]
    while address := pages[-1]["pageDetails"]["nextPageUrl"]:  # type: ignore[index]
        pages.append(read(address))
    ids = [[item["id"] for item in page["items"]] for page in pages]  # type: ignore[attr-defined]
    assert ids == [[0, 3], [6, 7], [12]]
    details = [page["pageDetails"] for page in pages]
    assert [each["count"] for each in details] == [2, 2, 1]  # type: ignore[index]
    assert {each["requestCount"] for each in details} == {2}  # type: ignore[index]
    assert details[0]["prevPageUrl"] is None  # type: ignore[index]
    back = read(details[2]["prevPageUrl"])  # type: ignore[index]
    assert back["items"] == pages[1]["items"]
    assert back["pageDetails"] == details[1]


def test_the_address_after_a_get_is_written_as_the_service_writes_it(caller: Caller) -> None:
    search = '{"MaxRecords":2,"filter":[{"op":"exist","field":"isActive"}]}'
    address = next_address(caller.get("Companies/query", params={"search": search}).json())
    assert address == (
        f"{caller.simulator.base_url}/ATServicesRest/V1.0/Companies/query/next"
        "?paging=%7b%22pageSize%22%3a2%2c%22previousIds%22%3a%5b-1%5d%2c%22nextIds%22%3a%5b3%5d%7d"
        "&search=%7b%22MaxRecords%22%3a2%2c%22filter%22%3a%5b%7b%22op%22%3a%22exist%22%2c"
        "%22field%22%3a%22isActive%22%7d%5d%7d"
    )


def test_the_address_after_a_post_holds_the_place_only(caller: Caller) -> None:
    address = next_address(caller.post("Companies/query", QUERY).json())
    parameters = parse_qs(urlsplit(address).query)
    assert set(parameters) == {"paging"}
    assert json.loads(parameters["paging"][0]) == {"pageSize": 2, "previousIds": [-1], "nextIds": [3]}


def test_a_get_after_a_post_is_405(caller: Caller) -> None:
    address = next_address(caller.post("Companies/query", QUERY).json())
    answer = caller.get(address)
    assert answer.status_code == 405
    assert answer.json() == {"Message": "The requested resource does not support http method 'GET'."}


def test_a_post_after_a_get_is_405(caller: Caller) -> None:
    answer = caller.get("Companies/query", params={"search": json.dumps(QUERY)})
    assert caller.post(next_address(answer.json()), QUERY).status_code == 405


def test_a_post_of_a_next_page_without_a_body_is_refused(caller: Caller) -> None:
    address = next_address(caller.post("Companies/query", QUERY).json())
    answer = caller.post(address)
    assert answer.status_code == 500
    assert answer.json() == {"errors": ["Value cannot be null. Parameter name: queryModel"]}


@pytest.mark.parametrize(
    "paging",
    ["", "x", "[]", '{"pageSize":2}', '{"pageSize":2,"previousIds":[],"nextIds":["x"]}', "[" * 20_000],
)
def test_a_place_that_the_service_never_gave_is_refused(caller: Caller, paging: str) -> None:
    address = f"{caller.simulator.api_url}V1.0/Companies/query/next"
    answer = caller.call("POST", address, json=QUERY, params={"paging": paging})
    assert answer.status_code == 500


def test_a_get_query_needs_its_search(caller: Caller) -> None:
    assert caller.get("Companies/query").status_code == 405
    assert caller.get("Companies/query", params={"search": "{"}).status_code == 500


def test_a_full_last_page_has_no_next_one(caller: Caller) -> None:
    answer = caller.query(EVERYTHING, MaxRecords=5).json()
    assert (answer["pageDetails"]["count"], answer["pageDetails"]["nextPageUrl"]) == (5, None)


@pytest.mark.large
def test_20000_companies_are_read_quickly(many: Caller) -> None:
    content = {"filter": [EVERYTHING], "IncludeFields": ["id", "companyName", "isActive"]}
    started, ids = time.perf_counter(), []
    address: str | None = "Companies/query"
    while address:
        answer = many.session.post(
            address if "://" in address else f"{many.simulator.api_url}V1.0/{address}",
            json=content,
            timeout=10,
        ).json()
        ids += [item["id"] for item in answer["items"]]
        address = answer["pageDetails"]["nextPageUrl"]
    assert ids == list(range(1, 20_001))
    assert time.perf_counter() - started < 5  # 0.25 s where it was measured
    assert len(many.simulator.requests.to("Companies/query")) == 40
