"""The rows of a company filter as they are kept: in the database, the audit and files.

A row is ``[field, operation, value]``, or ``[field, operation, value, group]`` where it is enough that one of
the rows with this number holds. Such rows stand behind one another, and their numbers count from 1; of rows
that come otherwise, ``filters_of`` makes the same filter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from integrations.models import CompanyFilter
from integrations.psa.fields import Filter, FilterCondition, FilterGroup

OR = "or"
MOST_ROWS = 50
Row = list[Any]


def rows_of(filters: Iterable[Filter]) -> list[Row]:
    """The rows of a filter. Raises ValueError for what rows cannot say: a group in a group, or of *and*."""
    rows: list[Row] = []
    groups = 0
    for each in filters:
        if isinstance(each, FilterCondition):
            rows.append(_row(each))
            continue
        groups += 1
        for item in each.items:
            if each.grouping != OR or not isinstance(item, FilterCondition):
                raise ValueError("rows of a filter are joined by and, their alternatives by or")
            rows.append([*_row(item), groups])
    return rows


def _row(condition: FilterCondition) -> Row:
    value = condition.value
    return [condition.field, condition.operation, list(value) if isinstance(value, tuple) else value]


def filters_of(rows: Iterable[Sequence[Any]]) -> list[Filter]:
    """The filter that rows say; a group stands where its first row is, and one of a single row is none."""
    places: list[list[FilterCondition]] = []
    groups: dict[int, list[FilterCondition]] = {}
    for field, operation, value, *group in rows:
        condition = FilterCondition(field, operation, tuple(value) if isinstance(value, list) else value)
        number = group[0] if group else None
        if number is None or number not in groups:
            places.append([])
            if number is not None:
                groups[number] = places[-1]
        (places[-1] if number is None else groups[number]).append(condition)
    return [place[0] if len(place) == 1 else FilterGroup(OR, tuple(place)) for place in places]


def is_row(value: object) -> bool:
    """Whether it has the shape of a row."""
    if not isinstance(value, list) or len(value) not in {3, 4}:
        return False
    number = value[3] if len(value) == 4 else None
    return number is None or (isinstance(number, int) and not isinstance(number, bool))


def stored_rows(rows: Iterable[CompanyFilter]) -> list[Row]:
    """The rows as the database has them, in order."""
    return [
        [row.field, row.operation, row.value, *([] if row.group is None else [row.group])] for row in rows
    ]
