"""Every answer of the simulator, and a careful client's requests, against the vendor's description."""

from __future__ import annotations

import json

import pytest

from integrations.simulators.autotask.company_fields import COMPANY_FIELDS
from integrations.simulators.autotask.server import Simulator
from tests.simulator.conftest import EVERYTHING, USERNAME, Caller
from tests.simulator.interface_description import (
    InterfaceMismatch,
    _definitions,
    camel_case,
    needs_description,
    validate_answer,
    validate_received,
    validate_request,
)

CREDENTIALS = {"UserName": "u", "Secret": "s", "ApiIntegrationCode": "t"}
QUERY_PATH = "/ATServicesRest/V1.0/Companies/query"
pytestmark = needs_description


def test_every_endpoint_answers_as_described(simulator: Simulator) -> None:
    caller = Caller(simulator)
    content = {"MaxRecords": 2, "filter": [EVERYTHING]}
    first = caller.post("Companies/query", content).json()
    searched = caller.get("Companies/query", params={"search": json.dumps(content)}).json()
    answers = [
        caller.get("Version"),
        caller.get("ThresholdInformation"),
        caller.get("Authenticate"),
        caller.get("Companies/3"),
        caller.get("Companies/12"),
        caller.get("Companies/4"),
        caller.get("Companies/entityInformation"),
        caller.get("Companies/entityInformation/fields"),
        caller.get("Companies/entityInformation/userDefinedFields"),
        caller.post("Companies/query", {"filter": [EVERYTHING], "IncludeFields": ["id"]}),
        caller.post("Companies/query/count", content),
        caller.get("Companies/query/count", params={"search": json.dumps(content)}),
        caller.post(first["pageDetails"]["nextPageUrl"], content),
        caller.get(searched["pageDetails"]["nextPageUrl"]),
        caller.get(f"zoneInformation?user={USERNAME}"),
        caller.get(f"{simulator.api_url}VersionInformation"),
    ]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    for answer in answers:
        validate_answer(str(answer.request.method), str(answer.request.url), answer.json())


def test_a_row_has_exactly_the_described_fields() -> None:
    described = _definitions(answer=True)["CompanyModel"]["properties"]  # type: ignore[index]
    assert set(described) == {field.name for field in COMPANY_FIELDS} | {"userDefinedFields"}


@pytest.mark.parametrize(
    ("described", "wire"),
    [
        ("CompanyName", "companyName"),
        ("Id", "id"),
        ("CI", "ci"),
        ("SICCode", "sicCode"),
        ("ApiVendorID", "apiVendorID"),
        ("Address1", "address1"),
        ("IsPickList", "isPickList"),
        ("parentValue", "parentValue"),
        ("op", "op"),
    ],
)
def test_wire_names(described: str, wire: str) -> None:
    assert camel_case(described) == wire


@pytest.mark.parametrize(
    ("path", "payload", "fault"),
    [
        ("Version", {"MajorVersion": "1"}, "MajorVersion"),
        ("Version", {"majorVersion": 1}, "majorVersion"),
        ("ThresholdInformation", {"currentTimeframeRequestCount": 2**31}, "maximum"),
        ("Companies/query", {"items": []}, "pageDetails"),
        ("Companies/query", {"items": [{"id": "5"}], "pageDetails": {}}, "items"),
        ("Companies/query", {"items": [{"country": "x"}], "pageDetails": {}}, "country"),
        ("Companies/5", {"item": {"createDate": "2024-05-01T00:00:00"}}, "date-time"),
        ("Contacts/query", {}, "not described"),
    ],
)
def test_an_answer_of_another_shape_is_found(path: str, payload: object, fault: str) -> None:
    method = "POST" if path.endswith("query") else "GET"
    with pytest.raises(InterfaceMismatch, match=fault):
        validate_answer(method, f"/ATServicesRest/V1.0/{path}", payload)


def test_requests_of_a_careful_client_pass() -> None:
    condition = {"op": "or", "items": [{"op": "in", "field": "companyType", "value": [1, 7], "udf": False}]}
    body = json.dumps({"maxRecords": 500, "IncludeFields": ["id"], "Filter": [EVERYTHING, condition]})
    validate_request("POST", QUERY_PATH, {}, CREDENTIALS, body)
    validate_request("POST", f"{QUERY_PATH}/next", {"paging": "{}"}, CREDENTIALS, body)
    validate_request("GET", f"{QUERY_PATH}/count", {"search": body}, CREDENTIALS, "")
    validate_request("GET", "/atservicesrest/v1.0/zoneInformation", {"user": "u"}, {}, "")
    validate_request("GET", "/ATServicesRest/VersionInformation", {}, {}, "")


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body", "fault"),
    [
        ("POST", QUERY_PATH, {}, CREDENTIALS, '{"filter":[]}', "no filter"),
        ("POST", QUERY_PATH, {}, CREDENTIALS, "", "not JSON"),
        ("POST", QUERY_PATH, {}, CREDENTIALS, "[]", "not an object"),
        (
            "POST",
            QUERY_PATH,
            {},
            CREDENTIALS,
            '{"filter":[{"op":"and","items":[{"op":"ne","field":"id","value":1}]}]}',
            "'ne' would be dropped",
        ),
        ("POST", QUERY_PATH, {}, CREDENTIALS, '{"filter":[{"op":"eq","value":1}]}', "names no field"),
        ("POST", QUERY_PATH, {}, CREDENTIALS, '{"sort":"id","filter":[{"op":"exist","field":"id"}]}', "sort"),
        ("POST", QUERY_PATH, {}, CREDENTIALS, '{"filter":[{"op":"eq","field":"id","value":null}]}', "None"),
        ("POST", QUERY_PATH, {}, {"UserName": "u"}, "{}", "secret is missing"),
        ("DELETE", QUERY_PATH, {}, CREDENTIALS, "", "DELETE"),
        ("GET", QUERY_PATH, {}, CREDENTIALS, "", "search is missing"),
        ("GET", "/ATServicesRest/V1.0/Version", {}, CREDENTIALS, "{}", "a body"),
        ("GET", "/ATServicesRest/V1.0/ZoneInformation", {"user": "u"}, CREDENTIALS, "", "no credentials"),
        ("GET", "/ATServicesRest/V1.0/Contacts/1", {}, CREDENTIALS, "", "not described"),
    ],
)
def test_a_careless_request_is_found(
    method: str, path: str, query: dict[str, str], headers: dict[str, str], body: str, fault: str
) -> None:
    with pytest.raises(InterfaceMismatch, match=fault):
        validate_request(method, path, query, headers, body)


def test_requests_in_the_simulators_log_can_be_held_against_it(caller: Caller) -> None:
    caller.query(EVERYTHING)
    caller.search(EVERYTHING)
    caller.query({"op": "ne", "field": "id", "value": 1})
    good, searched, bad = caller.simulator.requests
    validate_received(good)
    validate_received(searched)
    with pytest.raises(InterfaceMismatch, match="'ne' would be dropped"):
        validate_received(bad)
