"""Query bodies: only what Autotask understands ever leaves the portal."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.psa.autotask import queries
from integrations.psa.autotask.queries import company_query, count_query
from integrations.psa.base import Filter, FilterCondition, FilterGroup, InvalidRequest


def body_of(*conditions: Filter, **options: Any) -> dict[str, Any]:
    """The JSON of a company query."""
    content = json.loads(company_query(conditions, **options))
    assert isinstance(content, dict)
    return content


def test_everything_is_asked_for_from_id_zero() -> None:
    body = body_of()
    assert body["filter"] == [{"op": "and", "items": [{"op": "gte", "field": "id", "value": 0}]}]
    assert body["maxRecords"] == 500
    assert body["includeFields"][:2] == ["id", "companyName"]


def test_rows_ranges_and_moments_are_joined_by_and() -> None:
    since = dt.datetime(2026, 1, 31, 10, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    body = body_of(
        FilterCondition("companyType", "in", (1, 7)),
        FilterGroup("or", (FilterCondition("city", "exist"), FilterCondition("isActive", "eq", True))),
        modified_since=since,
        id_from=100,
        id_below=200,
        max_records=25,
    )
    assert body["maxRecords"] == 25
    assert body["filter"] == [
        {
            "op": "and",
            "items": [
                {"op": "in", "field": "companyType", "value": [1, 7]},
                {
                    "op": "or",
                    "items": [
                        {"op": "exist", "field": "city"},
                        {"op": "eq", "field": "isActive", "value": True},
                    ],
                },
                {"op": "gte", "field": "lastTrackedModifiedDateTime", "value": "2026-01-31T08:00:00.000Z"},
                {"op": "gte", "field": "id", "value": 100},
                {"op": "lt", "field": "id", "value": 200},
            ],
        }
    ]


@pytest.mark.parametrize(
    "operation", ["ne", "EQ", "isNull", "between", "like", "notExists", "noteExist", "", "and", "or", "eq "]
)
def test_an_unknown_operation_is_never_sent(operation: str) -> None:
    with pytest.raises(InvalidRequest, match="unknown operation"):
        company_query((FilterCondition("companyType", operation, 1),))


@given(st.text(max_size=12))
def test_no_text_but_the_thirteen_words_is_an_operation(operation: str) -> None:
    assert len(queries.OPERATIONS) == 13
    if operation not in queries.OPERATIONS:
        with pytest.raises(InvalidRequest):
            count_query((FilterCondition("companyType", operation, 1),))


@pytest.mark.parametrize(
    "condition",
    [
        FilterCondition("companyType", "eq"),
        FilterCondition("companyType", "eq", (1, 2)),
        FilterCondition("companyType", "eq", float("nan")),
        FilterCondition("companyType", "eq", float("inf")),
        FilterCondition("companyType", "eq", 2**63),
        FilterCondition("companyType", "in"),
        FilterCondition("companyType", "in", 1),
        FilterCondition("companyType", "in", ()),
        FilterCondition("companyType", "in", (1, None)),  # type: ignore[arg-type]
        FilterCondition("companyType", "exist", 1),
        FilterCondition("companyName", "contains", 5),
        FilterCondition("companyName", "contains", "x" * 2001),
        FilterCondition("companyName", "eq", "nul\x00"),
        FilterCondition("company name", "eq", "x"),
        FilterCondition("", "eq", "x"),
        FilterCondition("id\n", "eq", 1),
        FilterCondition("id", "in", tuple(range(501))),
        FilterGroup("xor", (FilterCondition("id", "eq", 1),)),
        FilterGroup("or", ()),
        FilterGroup("or", tuple(FilterCondition("id", "eq", number) for number in range(501))),
    ],
)
def test_values_of_the_wrong_shape_are_never_sent(condition: Filter) -> None:
    with pytest.raises(InvalidRequest) as refused:
        company_query((condition,))
    assert "cannot be sent" in refused.value.user_text


def test_other_limits() -> None:
    nested: Filter = FilterCondition("id", "eq", 1)
    for _ in range(12):
        nested = FilterGroup("and", (nested,))
    with pytest.raises(InvalidRequest, match="nested"):
        company_query((nested,))
    with pytest.raises(InvalidRequest, match="501 rows"):
        company_query((), max_records=501)
    with pytest.raises(InvalidRequest, match="time zone"):
        company_query((), modified_since=dt.datetime(2026, 1, 1))  # noqa: DTZ001  # the mistake under test


def test_a_user_defined_field_is_told_as_one() -> None:
    group = FilterGroup(
        "or", (FilterCondition("udf:Customer key", "eq", "K-7"), FilterCondition("city", "exist"))
    )
    (joined,) = body_of(group)["filter"]
    assert joined["items"][0] == {
        "op": "or",
        "items": [
            {"op": "eq", "field": "Customer key", "udf": True, "value": "K-7"},
            {"op": "exist", "field": "city"},
        ],
    }


def test_a_query_holds_one_user_defined_field() -> None:
    one = FilterCondition("udf:Customer key", "exist")
    assert json.loads(count_query((one,)))["filter"]
    for two in ((one, one), (FilterGroup("or", (one, FilterCondition("udf:Other", "exist"))),)):
        with pytest.raises(InvalidRequest, match="more than one row with a user-defined field"):
            company_query(two)


@pytest.mark.parametrize("name", ["udf:", "udf: x", "udf:x ", "udf:a\nb", f"udf:{'x' * 100}", "Customer key"])
def test_what_is_no_name_of_a_field_is_not_sent(name: str) -> None:
    with pytest.raises(InvalidRequest, match="no field name"):
        company_query((FilterCondition(name, "exist"),))


def test_alternatives_are_counted() -> None:
    types = FilterCondition("companyType", "in", (1, 2, 3))
    either = FilterGroup("or", (types, FilterCondition("city", "exist")))
    assert queries.alternatives_of((types, either, FilterCondition("city", "exist"))) == 3 + 5
