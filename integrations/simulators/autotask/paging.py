"""Queries and their pages: which rows a query gives, and the addresses of the neighbouring pages.

Pages are cut by id: ``nextIds`` names the last id already given. The address that follows a GET query carries
``search=`` with the original query; the address that follows a POST query does not, because the body comes
again with the next POST.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from integrations.simulators.autotask.company_fields import (
    USER_DEFINED_FIELDS_KEY,
    FieldValueError,
    find_field,
    read_whole_number,
)
from integrations.simulators.autotask.company_store import Row, Snapshot
from integrations.simulators.autotask.filters import QueryError, RowTest, compile_filter, unknown_field

MAX_PAGE_SIZE = 500
FIRST_CURSOR = -1
KEPT_PAGES = 50  # how many earlier pages an address remembers


@dataclass(frozen=True, slots=True)
class Query:
    """A query that the service accepts. ``fields`` is None for all of them."""

    page_size: int
    holds: RowTest
    fields: tuple[str, ...] | None
    user_defined_fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after ``after``. ``earlier`` are the cursors of the pages before it."""

    page_size: int
    after: int = FIRST_CURSOR
    earlier: tuple[int, ...] = ()

    def as_parameter(self) -> str:
        """The ``paging`` parameter's JSON."""
        content = {
            "pageSize": self.page_size,
            "previousIds": list(self.earlier),
            "nextIds": [self.after],
        }
        return json.dumps(content, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page and the cursors of its neighbours (None where there is none)."""

    rows: tuple[Row, ...]
    following: Cursor | None
    preceding: Cursor | None


def read_query(content: object, *, user_defined: Sequence[str] = ()) -> Query:
    """The query in a request's JSON; key names count in any casing. Raises QueryError as the service does."""
    if content is None:
        raise QueryError("Value cannot be null. Parameter name: queryModel")
    if not isinstance(content, dict):
        raise QueryError("Invalid query syntax. The query is not an object.")
    keys = {str(key).lower(): value for key, value in content.items()}
    page_size = _page_size(keys.get("maxrecords"))
    fields, user_defined_fields = _included_fields(keys.get("includefields"), user_defined)
    holds = compile_filter(keys.get("filter"), user_defined=user_defined)
    return Query(page_size, holds, fields, user_defined_fields)


def _page_size(value: object) -> int:
    if value is None:
        return MAX_PAGE_SIZE
    try:
        size = read_whole_number(value)
    except FieldValueError as error:
        message = f"Invalid value for MaxRecords: {error}."
        raise QueryError(message) from error
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise QueryError("maxCountOfRecordsToReturn must be between 1 and 500")
    return size


def _included_fields(
    value: object, user_defined: Sequence[str]
) -> tuple[tuple[str, ...] | None, frozenset[str]]:
    own_names = {name.lower() for name in user_defined}
    if not value:
        return None, frozenset(own_names)
    if not isinstance(value, list):
        raise QueryError("Invalid value for IncludeFields: a list is required.")
    names: list[str] = []
    chosen: set[str] = set()
    for name in value:
        field = find_field(name) if isinstance(name, str) else None
        if field is not None:
            names.append(field.name)
        elif isinstance(name, str) and name.lower() in own_names:
            chosen.add(name.lower())
        elif isinstance(name, str) and name.lower() == USER_DEFINED_FIELDS_KEY.lower():
            chosen |= own_names
        else:
            raise unknown_field(name)
    return tuple(sorted(set(names), key=lambda name: (name != "id", name))), frozenset(chosen)


def read_cursor(parameter: str) -> Cursor:
    """The cursor in a ``paging`` parameter. Raises QueryError when it is none that the service gave."""
    try:
        content = json.loads(parameter)
        keys = {str(key).lower(): value for key, value in content.items()}
        (after,) = keys["nextids"]
        return Cursor(
            page_size=_page_size(keys["pagesize"]),
            after=read_whole_number(after),
            earlier=tuple(read_whole_number(each) for each in keys["previousids"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = "Invalid paging parameter."
        raise QueryError(message) from error


def read_page(snapshot: Snapshot, query: Query, cursor: Cursor) -> Page:
    """The page at ``cursor``: at most its page size of rows that hold the query's filter, ids ascending."""
    rows: list[Row] = []
    more = False
    for row in snapshot.after(cursor.after):
        if query.holds(row):
            if len(rows) == cursor.page_size:
                more = True
                break
            rows.append(row)
    following = None
    if more:
        earlier = (*cursor.earlier, cursor.after)[-KEPT_PAGES:]
        following = Cursor(cursor.page_size, _row_id(rows[-1]), earlier)
    preceding = None
    if cursor.earlier:
        preceding = Cursor(cursor.page_size, cursor.earlier[-1], cursor.earlier[:-1])
    return Page(tuple(rows), following, preceding)


def _row_id(row: Row) -> int:
    value = row["id"]
    if not isinstance(value, int):  # rows are built with an integer id
        raise TypeError(value)
    return value


def answered_row(row: Row, query: Query) -> Mapping[str, object]:
    """The row as the query asked for it; user-defined fields are always there, perhaps as an empty list."""
    if query.fields is None:
        return row
    answered = {name: row[name] for name in query.fields}
    fields = row[USER_DEFINED_FIELDS_KEY]
    answered[USER_DEFINED_FIELDS_KEY] = [
        each
        for each in (fields if isinstance(fields, list) else [])
        if each["name"].lower() in query.user_defined_fields
    ]
    return answered


def count_rows(snapshot: Snapshot, query: Query) -> int:
    """How many rows hold the query's filter."""
    return sum(1 for row in snapshot.rows if query.holds(row))


def page_address(query_address: str, cursor: Cursor | None, search: str | None) -> str | None:
    """The absolute address of the page at ``cursor``, or None without one.

    ``query_address`` ends in ``/query``; ``search`` is the text of a GET query, None after a POST.
    """
    if cursor is None:
        return None
    parameters = [("paging", cursor.as_parameter())]
    if search is not None:
        parameters.append(("search", search))
    return f"{query_address}/next?{_escaped(parameters)}"


def _escaped(parameters: Iterable[tuple[str, str]]) -> str:
    """A query string as .NET writes it: escapes in lower-case hexadecimal, a plus sign for a space."""
    return "&".join(f"{name}={_dotnet_escape(value)}" for name, value in parameters)


def _dotnet_escape(text: str) -> str:
    parts = urllib.parse.quote_plus(text, safe="!*()").split("%")
    return parts[0] + "".join(f"%{part[:2].lower()}{part[2:]}" for part in parts[1:])
