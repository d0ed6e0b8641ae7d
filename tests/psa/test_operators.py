"""The unknown-operator trap: what the client asks for is exactly what the data say, for every operator.

Expected sets are computed here from the rows, by the rules that Autotask is known to follow: texts compare
without regard to case, and a field without a value holds no comparison but ``notExist``.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from integrations.psa.autotask.client import AutotaskClient, AutotaskSettings
from integrations.psa.autotask.queries import GROUPINGS, OPERATIONS
from integrations.psa.base import Filter, FilterCondition, FilterGroup
from integrations.simulators.autotask.company_fields import COMPANY_FIELDS
from integrations.simulators.autotask.server import Simulator
from tests.psa.conftest import CREDENTIALS, Row, northwind, read_all
from tests.support.properties import examples

WORDS = ("Harbour", "harbour dental", "DENTAL", "Oak & Ash", "Köln", "O'Neil", "50% off", "a_b", "12")
MOMENTS = ("2024-01-15T10:30:00.000Z", "2025-06-30T22:00:00.000Z", "2026-02-01T00:00:00.000Z")
RATINGS = (0.0, 1.25, 2.5, 4.999, 10.0)

ORDER = ("eq", "noteq", "gt", "gte", "lt", "lte")
CHOICE = ("eq", "noteq", "in", "notIn")
PRESENCE = ("exist", "notExist")
TEXT = ("beginsWith", "endsWith", "contains")


@dataclass(frozen=True)
class Kind:
    """A kind of field: fields of it, what a company may hold there, what is asked for, and how."""

    fields: tuple[str, ...]
    held: st.SearchStrategy[Any]
    asked: st.SearchStrategy[Any]
    operations: tuple[str, ...]


KINDS: dict[str, Kind] = {
    "id": Kind(("id",), st.nothing(), st.integers(0, 60), (*ORDER, "in", "notIn", *PRESENCE)),
    "whole": Kind(
        ("companyType", "classification", "ownerResourceID"),  # picklist, picklist, reference
        st.integers(1, 8),
        st.integers(0, 9),
        (*ORDER, "in", "notIn", *PRESENCE),
    ),
    "decimal": Kind(
        ("surveyCompanyRating",),
        st.sampled_from(RATINGS),
        st.sampled_from([*RATINGS, 2, 10, -0.5]),
        (*ORDER, *PRESENCE),
    ),
    "text": Kind(
        ("companyName", "city"),
        st.sampled_from(WORDS),
        st.sampled_from([*WORDS, "dent", "H", "%"]),
        (*CHOICE, *TEXT, *PRESENCE),
    ),
    "boolean": Kind(("isActive",), st.booleans(), st.booleans(), ("eq", "noteq", *PRESENCE)),
    "moment": Kind(
        ("lastTrackedModifiedDateTime", "lastActivityDate"),
        st.sampled_from(MOMENTS),
        st.sampled_from(["2025-06-30T22:00:00Z", "2026-01-01T00:00:00Z", "2025-07-01T00:00:00+02:00"]),
        (*ORDER, *PRESENCE),
    ),
}
PAIRS = [(kind, operation) for kind in KINDS for operation in KINDS[kind].operations]


def rows_strategy(*, at_least: int = 0) -> st.SearchStrategy[list[Row]]:
    """Up to 12 companies with every kind of field, filled or empty."""
    # What the simulated Autotask fills in by itself is always given.
    filled = {"companyName", "companyType", "isActive", "ownerResourceID", *KINDS["moment"].fields}
    always, sometimes = {}, {}
    for kind in KINDS.values():
        for name in kind.fields:
            if name in filled:
                always[name] = kind.held
            elif name != "id":
                sometimes[name] = kind.held
    row = st.fixed_dictionaries(always, optional=sometimes)
    return st.lists(row, min_size=at_least, max_size=12).map(
        lambda rows: [{"id": 5 * number, **values} for number, values in enumerate(rows)]
    )


def condition_strategy(kind: str, operation: str) -> st.SearchStrategy[FilterCondition]:
    """Conditions with this operation on a field of this kind."""
    of_kind = KINDS[kind]
    value: st.SearchStrategy[Any] = of_kind.asked
    if operation in PRESENCE:
        value = st.none()
    elif operation in {"in", "notIn"}:
        value = st.lists(value, min_size=1, max_size=4).map(tuple)
    return st.builds(FilterCondition, st.sampled_from(of_kind.fields), st.just(operation), value)


any_condition = st.sampled_from(PAIRS).flatmap(lambda pair: condition_strategy(*pair))
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
    with Simulator([northwind([], hourly_limit=10**9)]) as simulator:  # a long search uses up an hour's
        client = AutotaskClient(
            CREDENTIALS,
            settings=AutotaskSettings(extra_hosts=frozenset({simulator.base_url.partition("//")[2]})),
            api_url=simulator.api_url,
        )
        yield simulator, client
        client.close()


def expected(rows: list[Row], conditions: tuple[Filter, ...]) -> set[str]:
    """The ids of the rows that hold all the conditions."""
    return {str(row["id"]) for row in rows if all(holds(row, condition) for condition in conditions)}


def check(world: tuple[Simulator, AutotaskClient], rows: list[Row], conditions: tuple[Filter, ...]) -> None:
    """The client's answers against the rows themselves."""
    simulator, client = world
    (tenant,) = simulator.tenants.values()
    store = tenant.companies
    for old in store.snapshot().ids:
        store.remove(old)
    for row in rows:
        store.put(row)
    ids = expected(rows, conditions)
    assert {company.id for company in read_all(client.companies(conditions))} == ids
    assert client.count_companies(conditions) == len(ids)


SHARED = HealthCheck.function_scoped_fixture


@pytest.mark.parametrize(("kind", "operation"), PAIRS)
@examples(6, SHARED)
@given(data=st.data(), rows=rows_strategy())
def test_each_operator_gives_exactly_its_rows_for_each_kind_of_field(
    world: tuple[Simulator, AutotaskClient], kind: str, operation: str, data: st.DataObject, rows: list[Row]
) -> None:
    check(world, rows, (data.draw(condition_strategy(kind, operation)),))


def test_no_operator_and_no_type_of_field_is_left_out() -> None:
    assert {operation for _, operation in PAIRS} == OPERATIONS
    tried = {name for kind in KINDS.values() for name in kind.fields}
    types = {field.data_type for field in COMPANY_FIELDS if field.is_queryable}
    assert {field.data_type for field in COMPANY_FIELDS if field.name in tried} == types
    assert {field.is_picklist for field in COMPANY_FIELDS if field.name in tried} == {True, False}


def turned(filter_: Filter, level: int) -> Filter:
    """The same filter with the other grouping at this level (0: the outer one)."""
    assert isinstance(filter_, FilterGroup)
    if level == 0:
        other = {"and": "or", "or": "and"}[filter_.grouping]
        return FilterGroup(other, filter_.items)
    return FilterGroup(filter_.grouping, (turned(filter_.items[0], level - 1), *filter_.items[1:]))


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "groupings",
    [*itertools.product(sorted(GROUPINGS), repeat=1), *itertools.product(sorted(GROUPINGS), repeat=2)],
)
def test_each_grouping_alone_and_within_another_decides(
    world: tuple[Simulator, AutotaskClient], groupings: tuple[str, ...]
) -> None:
    """Each example holds; and often enough "and" in the place of "or" would have given other rows."""
    decided: Counter[int] = Counter()

    @examples(40, SHARED)
    @given(rows=rows_strategy(at_least=4), conditions=st.lists(any_condition, min_size=4, max_size=4))
    def every_example(rows: list[Row], conditions: list[FilterCondition]) -> None:
        made: Filter = FilterGroup(groupings[-1], tuple(conditions[:2]))
        if len(groupings) == 2:
            made = FilterGroup(groupings[0], (made, *conditions[2:3]))
        check(world, rows, (made,))
        for level in range(len(groupings)):
            decided[level] += expected(rows, (made,)) != expected(rows, (turned(made, level),))

    every_example()
    assert all(decided[level] >= 5 for level in range(len(groupings))), decided


@pytest.mark.exhaustive
@examples(40, SHARED)
@given(rows=rows_strategy(), conditions=st.lists(any_filter, max_size=3).map(tuple))
def test_nested_groups_and_several_rows_give_exactly_their_rows(
    world: tuple[Simulator, AutotaskClient], rows: list[Row], conditions: tuple[Filter, ...]
) -> None:
    check(world, rows, conditions)
