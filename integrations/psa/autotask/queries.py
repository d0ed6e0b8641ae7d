"""Query bodies in Autotask's filter language, checked before they are sent.

Autotask silently drops an operator that it does not know and answers with everything (status 200), so a
misspelt operator would widen a filter without a word. Nothing leaves here but the thirteen operators and
the two groupings, with values of the right shape.

The names of a query's parts are written ``maxRecords``, ``includeFields`` and ``filter``. The vendor's older
interface description and its help page write them with a capital, its description of 2026 and the published
clients (all of them ``filter``) do not, and the service takes either. So small letters are right for a
reader that holds to the present description, and for one that does not care.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Sequence

from integrations.psa.autotask.company_rows import COMPANY_FIELDS, MODIFIED_FIELD
from integrations.psa.base import (
    Filter,
    FilterCondition,
    FilterGroup,
    FilterValue,
    InvalidRequest,
)
from integrations.psa.fields import USER_DEFINED

NO_VALUE = frozenset({"exist", "notExist"})
MANY_VALUES = frozenset({"in", "notIn"})
ONE_VALUE = frozenset({"eq", "noteq", "gt", "gte", "lt", "lte", "beginsWith", "endsWith", "contains"})
TEXT_ONLY = frozenset({"beginsWith", "endsWith", "contains"})
OPERATIONS = NO_VALUE | MANY_VALUES | ONE_VALUE
GROUPINGS = frozenset({"and", "or"})

MAX_OR_CONDITIONS = 500
"""Autotask refuses a query with more alternatives than this; a list's values count as alternatives."""

MAX_USER_DEFINED = 1
"""Autotask takes one condition on a user-defined field in a query."""

MAX_TEXT = 2000
MAX_NESTING = 10

_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_USER_NAME = re.compile(r"\S(.{0,94}\S)?")
_INT64 = 2**63


def company_query(
    conditions: Sequence[Filter],
    *,
    max_records: int = 500,
    modified_since: dt.datetime | None = None,
    id_from: int | None = None,
    id_below: int | None = None,
    fields: Sequence[str] = COMPANY_FIELDS,
) -> bytes:
    """The body of ``Companies/query``: rows that hold all ``conditions`` and lie in the id range.

    Raises ``InvalidRequest`` for an unknown operator, a bad field name or a value of the wrong shape.
    """
    if not 1 <= max_records <= 500:
        raise _invalid(f"{max_records} rows a page; Autotask allows 1 to 500")
    query = {
        "maxRecords": max_records,
        "includeFields": list(fields),
        "filter": [_filter(conditions, modified_since, id_from, id_below)],
    }
    return _body(query)


def count_query(
    conditions: Sequence[Filter],
    *,
    modified_since: dt.datetime | None = None,
    id_from: int | None = None,
    id_below: int | None = None,
) -> bytes:
    """The body of ``Companies/query/count`` for the same rows. Raises ``InvalidRequest``."""
    return _body({"filter": [_filter(conditions, modified_since, id_from, id_below)]})


def _body(query: dict[str, object]) -> bytes:
    return json.dumps(query, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def label_query(names: Sequence[str], id_from: int) -> bytes:
    """The body of a query for the labels of what companies refer to, from an id on."""
    conditions = [_wire_condition(FilterCondition("id", "gte", id_from))]
    return _body({"maxRecords": 500, "includeFields": ["id", *names, "isActive"], "filter": conditions})


def _filter(
    conditions: Sequence[Filter],
    modified_since: dt.datetime | None,
    id_from: int | None,
    id_below: int | None,
) -> dict[str, object]:
    items = [_wire(condition, 0) for condition in conditions]
    if modified_since is not None:
        items.append({"op": "gte", "field": MODIFIED_FIELD, "value": moment_text(modified_since)})
    if id_from is not None or not items:
        # A filter is required; from id 0, because 0 is the MSP's own company.
        items.append({"op": "gte", "field": "id", "value": id_from or 0})
    if id_below is not None:
        items.append({"op": "lt", "field": "id", "value": id_below})
    query: dict[str, object] = {"op": "and", "items": items}
    if _user_defined(query) > MAX_USER_DEFINED:
        raise _invalid("more than one row with a user-defined field, of which Autotask takes one")
    if _alternatives(query) > MAX_OR_CONDITIONS:
        raise _invalid(f"more than {MAX_OR_CONDITIONS} alternatives")
    return query


def moment_text(moment: dt.datetime) -> str:
    """``2026-01-31T08:00:00.000Z``. Raises ``InvalidRequest`` when ``moment`` has no time zone."""
    if moment.tzinfo is None:
        raise _invalid("a moment without a time zone")
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _wire(condition: Filter, depth: int) -> dict[str, object]:
    if isinstance(condition, FilterGroup):
        if condition.grouping not in GROUPINGS:
            raise _invalid(f"unknown grouping {condition.grouping!r}")
        if not condition.items or depth >= MAX_NESTING:
            raise _invalid("an empty or too deeply nested group")
        return {"op": condition.grouping, "items": [_wire(item, depth + 1) for item in condition.items]}
    return _wire_condition(condition)


def _wire_condition(condition: FilterCondition) -> dict[str, object]:
    operation, value = condition.operation, condition.value
    if operation not in OPERATIONS:
        raise _invalid(f"unknown operation {operation!r}")
    name = wire_name(condition.field)
    wire: dict[str, object] = {"op": operation, "field": name}
    if name != condition.field:
        wire["udf"] = True
    if operation in NO_VALUE:
        if value is not None:
            raise _invalid(f"{operation} takes no value")
        return wire
    if operation in MANY_VALUES:
        if not isinstance(value, tuple) or not value:
            raise _invalid(f"{operation} needs a list of values")
        for entry in value:
            _check_scalar(entry, operation)
        wire["value"] = list(value)
        return wire
    _check_scalar(value, operation)
    wire["value"] = value
    return wire


def wire_name(field: str) -> str:
    """A field's name as a query carries it. Raises ``InvalidRequest`` for what can be no name."""
    name = field.removeprefix(USER_DEFINED)
    is_name = _USER_NAME if field.startswith(USER_DEFINED) else _FIELD_NAME
    if not (is_name.fullmatch(name) and name.isprintable()):
        raise _invalid(f"{field[:60]!r} is no field name")
    return name


def _check_scalar(value: FilterValue, operation: str) -> None:
    if isinstance(value, str):
        if len(value) > MAX_TEXT or "\x00" in value:
            raise _invalid("a text value that is too long or holds a NUL")
        return
    if operation in TEXT_ONLY:
        raise _invalid(f"{operation} needs text")
    if isinstance(value, bool):
        return
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return
    if isinstance(value, float) and math.isfinite(value):
        return
    raise _invalid(f"{operation} needs one value")


def _alternatives(item: dict[str, object]) -> int:
    """How many alternatives a filter spells out: entries of ``or`` groups and of value lists."""
    items = item.get("items")
    if isinstance(items, list):
        own = len(items) if item["op"] == "or" else 0
        return own + sum(_alternatives(entry) for entry in items)
    value = item.get("value")
    return len(value) if isinstance(value, list) else 0


def alternatives_of(conditions: Sequence[Filter]) -> int:
    """How many alternatives the conditions spell out. Raises ``InvalidRequest``."""
    return sum(_alternatives(_wire(condition, 0)) for condition in conditions)


def _user_defined(item: dict[str, object]) -> int:
    """How many conditions name a user-defined field."""
    items = item.get("items")
    if isinstance(items, list):
        return sum(_user_defined(entry) for entry in items)
    return int("udf" in item)


def _invalid(what: str) -> InvalidRequest:
    return InvalidRequest(
        f"The company filter cannot be sent to Autotask: {what}. Correct the filter and save it again.",
        f"query refused before sending: {what}",
    )
