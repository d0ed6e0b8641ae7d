"""Company filters: from the JSON of a query to a test for one row.

What the real service does, as far as it is known: an unknown operator is dropped without a word, an unknown
field is an error, field and operator names match in any casing, texts compare without regard to case, and
everything in the outer list must hold. Where nothing is known this module decides as a SQL database would: a
field without a value fails every comparison (also ``noteq`` and ``notIn``) and passes ``notExist`` alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from integrations.simulators.autotask.company_fields import (
    USER_DEFINED_FIELDS_KEY,
    CompanyField,
    FieldValueError,
    find_field,
    read_boolean,
    read_moment,
    read_number,
    read_whole_number,
)
from integrations.simulators.autotask.company_store import Row

Comparable = str | float | bool | dt.datetime
RowTest = Callable[[Row], bool]
Reader = Callable[[Row], Comparable | None]

MAX_OR_CONDITIONS = 500
MAX_DEPTH = 100

_ORDER: Mapping[str, Callable[[Comparable, Comparable], bool]] = {
    "eq": lambda held, asked: held == asked,
    "noteq": lambda held, asked: held != asked,
    "gt": lambda held, asked: held > asked,  # type: ignore[operator]  # one field, one type
    "gte": lambda held, asked: held >= asked,  # type: ignore[operator]
    "lt": lambda held, asked: held < asked,  # type: ignore[operator]
    "lte": lambda held, asked: held <= asked,  # type: ignore[operator]
}
_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "beginswith": lambda held, asked: held.startswith(asked),
    "endswith": lambda held, asked: held.endswith(asked),
    "contains": lambda held, asked: asked in held,
}
_PRESENCE = frozenset({"exist", "notexist"})
_MEMBERSHIP = frozenset({"in", "notin"})
_GROUPS = frozenset({"and", "or"})
OPERATORS = frozenset({*_ORDER, *_TEXT, *_PRESENCE, *_MEMBERSHIP})


class QueryError(ValueError):
    """The service answers this query with status 500 and this text."""


def unknown_field(name: object) -> QueryError:
    """The error for a field that companies do not have."""
    return QueryError(f"Unable to find {name} in the Company Entity")


@dataclass
class _Compiler:
    """Compiles one filter; counts what the service limits over the whole of it."""

    user_defined: Container[str]
    or_conditions: int = 0
    user_defined_conditions: int = field(default=0)

    def items(self, items: object, *, depth: int, in_or: bool) -> list[RowTest]:
        if not isinstance(items, list):
            raise QueryError("Invalid query syntax. A list of conditions is required.")
        if depth > MAX_DEPTH:
            raise QueryError("Invalid query syntax. The conditions are nested too deeply.")
        tests = (self.condition(item, depth=depth, in_or=in_or) for item in items)
        return [test for test in tests if test is not None]

    def condition(self, item: object, *, depth: int, in_or: bool) -> RowTest | None:
        """The test of one condition or group; None when it is dropped."""
        if not isinstance(item, dict):
            raise QueryError("Invalid query syntax. A condition is not an object.")
        keys = {str(key).lower(): value for key, value in item.items()}
        operator = str(keys.get("op") or "").lower()
        if operator in _GROUPS:
            tests = self.items(keys.get("items"), depth=depth + 1, in_or=in_or or operator == "or")
            return _group(operator, tests)
        if operator not in OPERATORS:
            return None
        if in_or:
            self.or_conditions += 1
            if self.or_conditions > MAX_OR_CONDITIONS:
                raise QueryError("Invalid query syntax. Queries are limited to 500 or fewer 'OR' conditions.")
        return self.comparison(operator, keys)

    def comparison(self, operator: str, keys: Mapping[str, object]) -> RowTest:
        name = keys.get("field")
        if not isinstance(name, str):
            raise unknown_field(name)
        if keys.get("udf") is True:
            self.user_defined_conditions += 1
            if self.user_defined_conditions > 1:
                raise QueryError("Invalid query syntax. Queries are limited to one user-defined field.")
            if name.lower() not in self.user_defined:
                raise unknown_field(name)
            company_field = CompanyField(name, "string")
            read = _user_defined_reader(name)
        else:
            found = find_field(name)
            if found is None or not found.is_queryable:
                raise unknown_field(name)
            company_field, read = found, _reader(found)
        return _comparison(operator, company_field, read, keys.get("value"))


def compile_filter(conditions: object, *, user_defined: Iterable[str] = ()) -> RowTest:
    """The test that a row must pass to be part of the answer.

    ``conditions`` is the value of the query's ``filter`` key, ``user_defined`` the names of the tenant's
    user-defined fields. Raises QueryError when the service would refuse the filter.
    """
    if not conditions:
        raise QueryError("Invalid query syntax. A filter is required.")
    compiler = _Compiler({name.lower() for name in user_defined})
    tests = compiler.items(conditions, depth=0, in_or=False)
    return _group("and", tests) or (lambda _row: True)


def _group(operator: str, tests: list[RowTest]) -> RowTest | None:
    """All or any of the tests; None when every one of them was dropped."""
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    if operator == "and":
        return lambda row: all(test(row) for test in tests)
    return lambda row: any(test(row) for test in tests)


def _comparison(operator: str, company_field: CompanyField, read: Reader, value: object) -> RowTest:
    if operator == "exist":
        return lambda row: read(row) is not None
    if operator == "notexist":
        return lambda row: read(row) is None
    if operator in _MEMBERSHIP:
        return _membership(operator, company_field, read, value)
    asked = _asked_value(company_field, value)
    if operator in _TEXT:
        return _text_comparison(operator, company_field, read, asked)
    holds = _ORDER[operator]

    def compare(row: Row) -> bool:
        held = read(row)
        return held is not None and holds(held, asked)

    return compare


def _membership(operator: str, company_field: CompanyField, read: Reader, value: object) -> RowTest:
    if not isinstance(value, list):
        raise QueryError(f"Invalid value for {company_field.name}: a list is required.")
    asked = frozenset(_asked_value(company_field, each) for each in value)
    wanted = operator == "in"

    def belongs(row: Row) -> bool:
        held = read(row)
        return held is not None and (held in asked) is wanted

    return belongs


def _text_comparison(operator: str, company_field: CompanyField, read: Reader, asked: Comparable) -> RowTest:
    if not isinstance(asked, str):
        raise QueryError(f"Invalid operator for {company_field.name}: the field is not a text.")
    holds, text = _TEXT[operator], asked

    def compare(row: Row) -> bool:
        held = read(row)
        return isinstance(held, str) and holds(held, text)

    return compare


def _asked_value(company_field: CompanyField, value: object) -> Comparable:
    """The value of a condition, comparable with what the field's reader gives."""
    try:
        match company_field.data_type:
            case "string":
                if value is None or isinstance(value, bool | list | dict):
                    raise QueryError(f"Invalid value for {company_field.name}: a text is required.")
                return str(value).casefold()
            case "boolean":
                return read_boolean(value)
            case "datetime":
                return read_moment(value)
            case "double" | "decimal":
                return read_number(value)
            case _:
                return _read_integer_or_number(value)
    except FieldValueError as error:
        message = f"Invalid value for {company_field.name}: {error}."
        raise QueryError(message) from error


def _read_integer_or_number(value: object) -> float:
    try:
        return read_whole_number(value)  # exact, also past the 53 bits of a float
    except FieldValueError:
        return read_number(value)


def _reader(company_field: CompanyField) -> Reader:
    name = company_field.name
    match company_field.data_type:
        case "string":

            def read_text(row: Row) -> str | None:
                value = row[name]
                return value.casefold() if isinstance(value, str) else None

            return read_text
        case "datetime":

            def read_stored_moment(row: Row) -> dt.datetime | None:
                value = row[name]
                return _moment(value) if isinstance(value, str) else None

            return read_stored_moment
        case _:

            def read_plain(row: Row) -> float | bool | None:
                value = row[name]
                return value if isinstance(value, int | float) else None

            return read_plain


@lru_cache(maxsize=65536)
def _moment(text: str) -> dt.datetime:
    return read_moment(text)


def _user_defined_reader(name: str) -> Reader:
    wanted = name.lower()

    def read(row: Row) -> str | None:
        fields = row[USER_DEFINED_FIELDS_KEY]
        if isinstance(fields, list):
            for each in fields:
                if each["name"].lower() == wanted and each["value"] is not None:
                    return str(each["value"]).casefold()
        return None

    return read
