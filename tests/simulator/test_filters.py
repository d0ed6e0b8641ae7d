"""Filters: every operator against an oracle written apart, and what the service refuses."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.simulators.autotask.server import Simulator
from tests.simulator.conftest import EVERYTHING, Caller, make_tenant
from tests.simulator.filter_oracle import expected_ids
from tests.support.properties import examples

NAMES = ("Abel", "abel & Sons", "ABEL", "Baker", "Straße 5", "STRASSE 5", "Ångström", "ångström", "", " x ")
TEXT_FIELDS = ("companyName", "city", "postalCode")
NUMBER_FIELDS = ("id", "companyType", "territoryID", "surveyCompanyRating")
MOMENTS = ("2024-01-15T10:30:00Z", "2024-01-15T10:30:00.001Z", "2025-02-28T23:59:59.999Z", "2019-07-01")


def _companies() -> list[dict[str, Any]]:
    chance = random.Random(20)
    companies = []
    for company_id in range(60):
        company: dict[str, Any] = {
            "id": company_id,
            "companyName": chance.choice([name for name in NAMES if name]) + chance.choice(["", " 2", "é"]),
            "city": chance.choice([*NAMES, None]),
            "postalCode": chance.choice(["12061", "D-50667", None]),
            "companyType": chance.choice([1, 2, 3, 4, 6, 7, 8]),
            "isActive": chance.random() < 0.7,
            "territoryID": chance.choice([29683453, 29683454, None]),
            "surveyCompanyRating": chance.choice([1.5, 4.0, None]),
            "lastTrackedModifiedDateTime": chance.choice(MOMENTS),
        }
        if chance.random() < 0.5:
            company["userDefinedFields"] = [{"name": "Tier", "value": chance.choice(["Gold", "gold", None])}]
        companies.append(company)
    return companies


@pytest.fixture(scope="module")
def tenant_caller() -> Iterator[Caller]:
    """A caller of a tenant with sixty made-up companies."""
    with Simulator([make_tenant(companies=_companies())]) as simulator:
        yield Caller(simulator)


def _in_any_casing(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from([text, text.lower(), text.upper()])


_texts = st.one_of(st.sampled_from(NAMES), st.text(max_size=3), st.sampled_from(["ab", "2", "SS", "5066"]))
_numbers = st.one_of(
    st.integers(-2, 70), st.sampled_from([29683453, 29683454, 1.5, 4, 2**40]), st.floats(-10, 80)
)
_moments = st.sampled_from(
    [*MOMENTS, "2024-01-15T12:30:00+02:00", "2024-01-15T10:30:00", "2030-01-01T00:00:00Z"]
)


def _comparison(
    fields: tuple[str, ...], values: st.SearchStrategy[Any], operators: tuple[str, ...]
) -> st.SearchStrategy[dict[str, Any]]:
    plain = st.fixed_dictionaries(
        {
            "op": st.sampled_from(operators).flatmap(_in_any_casing),
            "field": st.sampled_from(fields).flatmap(_in_any_casing),
            "value": values,
        }
    )
    member = st.fixed_dictionaries(
        {
            "op": st.sampled_from(["in", "notIn"]).flatmap(_in_any_casing),
            "field": st.sampled_from(fields),
            "value": st.lists(values, max_size=4),
        }
    )
    presence = st.fixed_dictionaries(
        {"op": st.sampled_from(["exist", "notExist"]), "field": st.sampled_from(fields)}
    )
    return st.one_of(plain, member, presence)


_ORDER = ("eq", "noteq", "gt", "gte", "lt", "lte")
_condition = st.one_of(
    _comparison(TEXT_FIELDS, _texts, (*_ORDER, "beginsWith", "endsWith", "contains")),
    _comparison(NUMBER_FIELDS, _numbers, _ORDER),
    _comparison(("lastTrackedModifiedDateTime",), _moments, _ORDER),
    _comparison(("isActive",), st.booleans(), ("eq", "noteq")),
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(["ne", "isNull", "between", "noteExist", "like", "xor"]),
            "field": st.sampled_from(["companyName", "noSuchField"]),
            "value": _texts,
        }
    ),
)
_tree = st.recursive(
    _condition,
    lambda inner: st.fixed_dictionaries(
        {"op": st.sampled_from(["and", "or", "AND", "Or"]), "items": st.lists(inner, min_size=1, max_size=4)}
    ),
    max_leaves=8,
)


@examples(40)
@given(conditions=st.lists(_tree, min_size=1, max_size=4))
def test_a_query_gives_what_the_oracle_gives(tenant_caller: Caller, conditions: list[dict[str, Any]]) -> None:
    tenant = tenant_caller.simulator.tenants["api@msp.example"]
    rows = tenant.companies.snapshot().rows
    expected = expected_ids(rows, conditions)
    tenant.budget.set_used(0)
    assert tenant_caller.ids(*conditions, IncludeFields=["id"]) == expected
    answer = tenant_caller.post("Companies/query/count", {"filter": conditions})
    assert answer.json() == {"queryCount": len(expected)}


@pytest.mark.parametrize("operator", ["eq", "noteq", "contains", "in", "exist", "notExist"])
def test_user_defined_fields_can_be_asked_for(tenant_caller: Caller, operator: str) -> None:
    condition: dict[str, Any] = {"op": operator, "field": "TIER", "udf": True}
    if operator not in {"exist", "notExist"}:
        condition["value"] = ["GOLD"] if operator == "in" else "GOLD"
    rows = tenant_caller.simulator.tenants["api@msp.example"].companies.snapshot().rows
    expected = expected_ids(rows, [condition])
    assert tenant_caller.ids(condition) == expected
    assert operator == "noteq" or 0 < len(expected) < 60


def test_an_operator_that_does_not_exist_is_dropped_without_a_word(caller: Caller) -> None:
    dropped = {"op": "ne", "field": "companyType", "value": 1}
    assert caller.ids(dropped) == caller.ids(EVERYTHING)
    assert caller.ids({"op": "or", "items": [dropped]}) == caller.ids(EVERYTHING)
    assert caller.ids(dropped, {"op": "eq", "field": "id", "value": 3}) == [3]


@pytest.mark.parametrize(
    ("value", "expected"), [(True, [0, 3, 6, 12]), (False, [7]), ("true", [0, 3, 6, 12]), ("FALSE", [7])]
)
def test_booleans_are_true_and_false_or_their_words(
    caller: Caller, value: object, expected: list[int]
) -> None:
    assert caller.ids({"op": "eq", "field": "isActive", "value": value}) == expected


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (
            {"op": "eq", "field": "accountName", "value": "x"},
            "Unable to find accountName in the Company Entity",
        ),
        ({"op": "eq", "value": "x"}, "Unable to find None in the Company Entity"),
        ({"op": "gt", "field": "assetValue", "value": 1}, "Unable to find assetValue in the Company Entity"),
        (
            {"op": "eq", "field": "NoSuch", "udf": True, "value": "x"},
            "Unable to find NoSuch in the Company Entity",
        ),
        ({"op": "eq", "field": "isActive", "value": None}, "Invalid value for isActive"),
        ({"op": "eq", "field": "isActive", "value": 1}, "Invalid value for isActive"),
        ({"op": "eq", "field": "companyType", "value": "Customer"}, "Invalid value for companyType"),
        ({"op": "eq", "field": "companyName", "value": ["x"]}, "Invalid value for companyName"),
        ({"op": "in", "field": "companyType", "value": 1}, "Invalid value for companyType"),
        ({"op": "gt", "field": "createDate", "value": "yesterday"}, "Invalid value for createDate"),
        ({"op": "contains", "field": "companyType", "value": 1}, "Invalid operator for companyType"),
        ({"op": "and", "items": {"op": "eq"}}, "Invalid query syntax"),
        ("eq", "Invalid query syntax"),
    ],
)
def test_mistakes_in_a_condition_are_refused(caller: Caller, condition: Any, text: str) -> None:
    answer = caller.query(condition)
    assert answer.status_code == 500
    assert answer.json()["errors"][0].startswith(text)


@pytest.mark.parametrize("content", [{}, {"filter": []}, {"filter": None}, {"MaxRecords": 5}])
def test_a_filter_is_required(caller: Caller, content: object) -> None:
    for path in ("Companies/query", "Companies/query/count"):
        answer = caller.post(path, content)
        assert answer.status_code == 500
        assert answer.json() == {"errors": ["Invalid query syntax. A filter is required."]}


@pytest.mark.parametrize("size", [0, -1, 501])
def test_a_page_has_1_to_500_rows(caller: Caller, size: int) -> None:
    answer = caller.query(EVERYTHING, MaxRecords=size)
    assert answer.status_code == 500
    assert answer.json() == {"errors": ["maxCountOfRecordsToReturn must be between 1 and 500"]}


def test_at_most_500_or_conditions(caller: Caller) -> None:
    def query(count: int) -> dict[str, object]:
        return {"op": "or", "items": [{"op": "eq", "field": "id", "value": each} for each in range(count)]}

    assert caller.ids(query(500)) == [0, 3, 6, 7, 12]
    answer = caller.query({"op": "and", "items": [query(250), query(251)]})
    assert answer.status_code == 500
    assert "500 or fewer 'OR' conditions" in answer.json()["errors"][0]


def test_at_most_one_user_defined_field(caller: Caller) -> None:
    condition = {"op": "eq", "field": "Contract", "udf": True, "value": "gold"}
    assert caller.ids(condition) == [12]
    assert caller.query(condition, condition).status_code == 500


def test_conditions_may_not_nest_without_end(caller: Caller) -> None:
    condition: dict[str, object] = dict(EVERYTHING)
    for _ in range(150):
        condition = {"op": "and", "items": [condition]}
    assert caller.query(condition).status_code == 500


@pytest.mark.parametrize("body", ["", "{", "null", "[" * 100_000])
def test_a_post_without_a_query_is_refused(caller: Caller, body: str) -> None:
    answer = caller.call("POST", "Companies/query", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 500
    assert answer.json() == {"errors": ["Value cannot be null. Parameter name: queryModel"]}
