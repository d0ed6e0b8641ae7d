"""What companies refer to, as far as a portal shows it by name: resources, countries and company categories.

They are asked for like companies, but only by the fields below; any other is refused as the service refuses
one that it does not know. Further pages are asked for by id: their address is named, and answers nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from integrations.simulators.autotask.filters import QueryError

Row = Mapping[str, object]

_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "eq": lambda held, asked: held == asked,
    "gt": lambda held, asked: held > asked,
    "gte": lambda held, asked: held >= asked,
    "lt": lambda held, asked: held < asked,
    "lte": lambda held, asked: held <= asked,
}


@dataclass(frozen=True, slots=True)
class ReferenceRows:
    """The rows of one kind, by id; ``singular`` is the word in its errors."""

    singular: str
    fields: tuple[str, ...]
    rows: tuple[Row, ...]


def _people(*names: tuple[int, str, str, bool]) -> tuple[Row, ...]:
    return tuple(
        {"id": number, "firstName": first, "lastName": last, "isActive": active}
        for number, first, last, active in names
    )


def _named(field: str, *names: tuple[int, str]) -> tuple[Row, ...]:
    return tuple({"id": number, field: name, "isActive": True} for number, name in names)


REFERENCES: Mapping[str, ReferenceRows] = MappingProxyType(
    {
        "resources": ReferenceRows(
            "Resource",
            ("id", "firstName", "lastName", "isActive"),
            _people(
                (29682885, "Autotask", "Administrator", True),
                (29682901, "Dana", "Whitlock", True),
                (29682902, "Imre", "Szabó", True),
                (29682903, "Paula", "Quist", False),
            ),
        ),
        "countries": ReferenceRows(
            "Country",
            ("id", "displayName", "isActive"),
            _named(
                "displayName",
                (40, "Canada"),
                (84, "Germany"),
                (235, "United Kingdom"),
                (237, "United States"),
            ),
        ),
        "companycategories": ReferenceRows(
            "CompanyCategory", ("id", "name", "isActive"), _named("name", (1, "Standard"), (2, "Managed"))
        ),
    }
)


@dataclass(frozen=True, slots=True)
class ReferenceQuery:
    """A query that was understood: rows from an id on, as many as a page holds, with these fields."""

    page_size: int
    fields: tuple[str, ...]
    conditions: tuple[Mapping[str, object], ...]

    def holds(self, row: Row) -> bool:
        """Whether the row holds every condition."""
        return all(_holds(row, condition) for condition in self.conditions)


def read_reference_query(content: object, kind: ReferenceRows) -> ReferenceQuery:
    """Understand a query's JSON. Raises QueryError with the text that the service would answer."""
    if not isinstance(content, dict):
        raise QueryError("Value cannot be null. Parameter name: queryModel")
    keys = {str(key).lower(): value for key, value in content.items()}
    conditions = keys.get("filter")
    if not isinstance(conditions, list) or not conditions:
        raise QueryError("Invalid query syntax. A filter is required.")
    wanted = keys.get("includefields") or list(kind.fields)
    named = [*wanted, *(each.get("field") for each in conditions)]
    known = {field.lower(): field for field in kind.fields}
    for name in named:
        if str(name).lower() not in known:
            message = f"Unable to find {name} in the {kind.singular} Entity"
            raise QueryError(message)
    size = keys.get("maxrecords", 500)
    if not isinstance(size, int) or not 1 <= size <= 500:
        raise QueryError("maxCountOfRecordsToReturn must be between 1 and 500")
    return ReferenceQuery(size, tuple(known[str(name).lower()] for name in wanted), tuple(conditions))


def _holds(row: Row, condition: Mapping[str, object]) -> bool:
    compare = _COMPARE.get(str(condition.get("op", "")).lower())
    held, asked = row[_spelling(row, str(condition["field"]))], condition.get("value")
    # An operator that does not exist is dropped without a word, as the service does.
    if compare is None or not isinstance(held, int) or not isinstance(asked, int):
        return True
    return compare(held, asked)


def _spelling(row: Row, name: str) -> str:
    return next(key for key in row if key.lower() == name.lower())


def reference_page(kind: ReferenceRows, content: object, address: str) -> dict[str, object]:
    """The payload of a page; where there are more, with the address of a next one. Raises QueryError."""
    query = read_reference_query(content, kind)
    rows = [row for row in kind.rows if query.holds(row)]
    given = rows[: query.page_size]
    following = None
    if len(rows) > len(given):
        following = f"{address}/next?paging={json.dumps({'nextIds': [given[-1]['id']]})}"
    return {
        "items": [{field: row[field] for field in query.fields} for row in given],
        "pageDetails": {
            "count": len(given),
            "requestCount": query.page_size,
            "prevPageUrl": None,
            "nextPageUrl": following,
        },
    }
