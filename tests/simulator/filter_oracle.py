"""Which rows a filter should give, worked out row by row from the JSON of the filter.

Written apart from the simulator's own filters, on purpose in another way: no compilation, one plain
interpretation of the remote API's rules. A dropped condition is None.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, cast

Row = Mapping[str, Any]

_MOMENTS = {"createdate", "lastactivitydate", "lasttrackedmodifieddatetime"}
_COMPARING = {"eq", "noteq", "gt", "gte", "lt", "lte", "beginswith", "endswith", "contains", "in", "notin"}


def expected_ids(rows: Sequence[Row], conditions: Sequence[Mapping[str, Any]]) -> list[int]:
    """The ids of the rows that the conditions (all of them) let through, ascending."""
    whole = {"op": "and", "items": list(conditions)}
    return sorted(row["id"] for row in rows if verdict(row, whole) in (True, None))


def verdict(row: Row, condition: Mapping[str, Any]) -> bool | None:
    """Whether the row holds the condition; None when the service would drop the condition."""
    operator = str(condition["op"]).lower()
    if operator in {"and", "or"}:
        verdicts = [verdict(row, item) for item in condition["items"]]
        counted = [each for each in verdicts if each is not None]
        if not counted:
            return None
        return False not in counted if operator == "and" else True in counted
    if operator not in _COMPARING | {"exist", "notexist"}:
        return None
    held = _held(row, condition)
    if operator == "exist":
        return held is not None
    if operator == "notexist":
        return held is None
    if held is None:
        return False
    if operator in {"in", "notin"}:
        found = any(held == _comparable(condition, each) for each in condition["value"])
        return found == (operator == "in")
    return _compare(operator, held, _comparable(condition, condition["value"]))


def _held(row: Row, condition: Mapping[str, Any]) -> Any:
    name = condition["field"].lower()
    if condition.get("udf"):
        values = {each["name"].lower(): each["value"] for each in row["userDefinedFields"]}
        value = values.get(name)
    else:
        value = {key.lower(): each for key, each in row.items()}[name]
    return None if value is None else _comparable(condition, value)


def _comparable(condition: Mapping[str, Any], value: Any) -> Any:
    if condition["field"].lower() in _MOMENTS:
        moment = dt.datetime.fromisoformat(str(value))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return moment.timestamp()
    return value.casefold() if isinstance(value, str) else value


def _compare(operator: str, held: Any, asked: Any) -> bool:
    if operator == "beginswith":
        return bool(str(held)[: len(asked)] == asked)
    if operator == "endswith":
        return asked == "" or bool(str(held)[-len(asked) :] == asked)
    if operator == "contains":
        return cast("str", held).find(asked) >= 0
    order = int(held > asked) - int(held < asked)
    return {
        "eq": order == 0,
        "noteq": order != 0,
        "gt": order > 0,
        "gte": order >= 0,
        "lt": order < 0,
        "lte": order <= 0,
    }[operator]
