"""The unknown-operator trap: what the client asks for is exactly what the data say, for every operator.

Expected sets are computed here from the rows, by the rules that Autotask is known to follow: texts compare
without regard to case, and a field without a value holds no comparison but ``notExist``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.psa.autotask.client import AutotaskClient, AutotaskSettings
from integrations.psa.autotask.queries import GROUPINGS, OPERATIONS, Filter, FilterGroup
from integrations.psa.base import FilterCondition
from integrations.simulators.autotask.server import Simulator
from tests.psa.conftest import CREDENTIALS, Row, northwind, read_all

WORDS = ("Harbour", "harbour dental", "DENTAL", "Oak & Ash", "Köln", "O'Neil", "50% off", "a_b", "12")
MOMENTS = ("2024-01-15T10:30:00.000Z", "2025-06-30T22:00:00.000Z", "2026-02-01T00:00:00.000Z")


def rows_strategy() -> st.SearchStrategy[list[Row]]:
    """Up to 12 companies with every kind of field, filled or empty."""
    row = st.fixed_dictionaries(
        {
            "companyName": st.sampled_from(WORDS),
            "companyType": st.integers(1, 8),
            "isActive": st.booleans(),
            "lastTrackedModifiedDateTime": st.sampled_from(MOMENTS),
        },
        optional={"city": st.sampled_from(WORDS), "classification": st.integers(1, 4)},
    )
    return st.lists(row, max_size=12).map(
        lambda rows: [{"id": 5 * number, **values} for number, values in enumerate(rows)]
    )


def condition_strategy(operation: str) -> st.SearchStrategy[Filter]:
    """Conditions with this operation on fields for which it makes sense."""
    numbers = st.sampled_from(["id", "companyType", "classification"])
    texts = st.sampled_from(["companyName", "city"])
    number, text = st.integers(0, 30), st.sampled_from([*WORDS, "dent", "H", "%"])
    if operation in {"exist", "notExist"}:
        return st.builds(
            FilterCondition, st.sampled_from(["city", "classification", "id"]), st.just(operation)
        )
    if operation in {"beginsWith", "endsWith", "contains"}:
        return st.builds(FilterCondition, texts, st.just(operation), text)
    if operation in {"in", "notIn"}:
        return st.one_of(
            st.builds(FilterCondition, numbers, st.just(operation), st.lists(number, min_size=1).map(tuple)),
            st.builds(FilterCondition, texts, st.just(operation), st.lists(text, min_size=1).map(tuple)),
        )
    choices = [
        st.builds(FilterCondition, numbers, st.just(operation), number),
        st.builds(
            FilterCondition,
            st.just("lastTrackedModifiedDateTime"),
            st.just(operation),
            st.sampled_from(["2025-06-30T22:00:00Z", "2026-01-01T00:00:00Z"]),
        ),
    ]
    if operation in {"eq", "noteq"}:
        choices.append(st.builds(FilterCondition, texts, st.just(operation), text))
        choices.append(st.builds(FilterCondition, st.just("isActive"), st.just(operation), st.booleans()))
    return st.one_of(*choices)


any_condition = st.sampled_from(sorted(OPERATIONS)).flatmap(condition_strategy)
any_filter = st.recursive(
    any_condition,
    lambda inner: st.builds(
        FilterGroup, st.sampled_from(sorted(GROUPINGS)), st.lists(inner, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=5,
)


def comparable(value: Any) -> Any:
    """A value as it is compared: texts without case, moments as moments."""
    if not isinstance(value, str):
        return value
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        return value.casefold()


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda held, asked: held == asked,
    "noteq": lambda held, asked: held != asked,
    "gt": lambda held, asked: held > asked,
    "gte": lambda held, asked: held >= asked,
    "lt": lambda held, asked: held < asked,
    "lte": lambda held, asked: held <= asked,
    "beginsWith": lambda held, asked: held.startswith(asked),
    "endsWith": lambda held, asked: held.endswith(asked),
    "contains": lambda held, asked: asked in held,
    "in": lambda held, asked: held in asked,
    "notIn": lambda held, asked: held not in asked,
}


def holds(row: Row, condition: Filter) -> bool:
    """Whether the row belongs to the answer."""
    if isinstance(condition, FilterGroup):
        joined = {"and": all, "or": any}[condition.grouping]
        return joined(holds(row, item) for item in condition.items)
    held = row.get(condition.field)
    if condition.operation in {"exist", "notExist"}:
        return (held is not None) == (condition.operation == "exist")
    if held is None:
        return False
    asked = condition.value
    wanted = [comparable(each) for each in asked] if isinstance(asked, tuple) else comparable(asked)
    return COMPARISONS[condition.operation](comparable(held), wanted)


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Simulator, AutotaskClient]]:
    """One simulator and client for all examples; the companies change between them."""
    with Simulator([northwind([])]) as simulator:
        client = AutotaskClient(
            CREDENTIALS,
            settings=AutotaskSettings(extra_hosts=frozenset({simulator.base_url.partition("//")[2]})),
            api_url=simulator.api_url,
        )
        yield simulator, client
        client.close()


def check(world: tuple[Simulator, AutotaskClient], rows: list[Row], conditions: tuple[Filter, ...]) -> None:
    """The client's answers against the rows themselves."""
    simulator, client = world
    (tenant,) = simulator.tenants.values()
    store = tenant.companies
    for old in store.snapshot().ids:
        store.remove(old)
    for row in rows:
        store.put(row)
    expected = {str(row["id"]) for row in rows if all(holds(row, condition) for condition in conditions)}
    assert {company.id for company in read_all(client.companies(conditions))} == expected
    assert client.count_companies(conditions) == len(expected)


MODEST = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@MODEST
@given(data=st.data(), rows=rows_strategy())
def test_each_operator_gives_exactly_its_rows(
    world: tuple[Simulator, AutotaskClient], operation: str, data: st.DataObject, rows: list[Row]
) -> None:
    check(world, rows, (data.draw(condition_strategy(operation)),))


@settings(MODEST, max_examples=40)
@given(rows=rows_strategy(), conditions=st.lists(any_filter, max_size=3).map(tuple))
def test_nested_groups_and_several_rows_give_exactly_their_rows(
    world: tuple[Simulator, AutotaskClient], rows: list[Row], conditions: tuple[Filter, ...]
) -> None:
    check(world, rows, conditions)
