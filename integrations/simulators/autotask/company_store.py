"""The companies of one tenant, in id order, as rows that are ready to be answered."""

from __future__ import annotations

import bisect
import datetime as dt
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from integrations.simulators.autotask.company_fields import (
    COMPANY_FIELDS,
    USER_DEFINED_FIELDS_KEY,
    FieldValueError,
    find_field,
    moment_text,
    typed_value,
)

Row = dict[str, object]

# The number is never null: a published client stores it in a column that must not be, and works.
_DEFAULTS: Mapping[str, object] = {
    "companyNumber": "",
    "companyType": 1,
    "isActive": True,
    "ownerResourceID": 29682885,
    "createDate": "2019-03-04T09:00:00.000Z",
    "lastActivityDate": "2024-01-15T10:30:00.000Z",
    "lastTrackedModifiedDateTime": "2024-01-15T10:30:00.000Z",
}


class CompanyRowError(ValueError):
    """A company cannot be served. ``column`` names the field at fault."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(f"column {column}: {problem}")
        self.column = column
        self.problem = problem


def company_row(values: Mapping[str, object]) -> Row:
    """A complete row from some of its fields: typed, named as the API does, defaults for the rest.

    Raises CompanyRowError for an unknown field, a value of the wrong type, a missing or negative id, or a
    missing name. Texts longer than the field are kept: length is the caller's matter.
    """
    given = {}
    user_defined: object = None
    for name, value in values.items():
        if name.lower() == USER_DEFINED_FIELDS_KEY.lower():
            user_defined = value
            continue
        field = find_field(name)
        if field is None:
            raise CompanyRowError(name, "companies have no such field")
        try:
            given[field.name] = typed_value(field, value)
        except FieldValueError as error:
            raise CompanyRowError(field.name, str(error)) from error
    company_id = given.get("id")
    if not isinstance(company_id, int):
        raise CompanyRowError("id", "missing")
    if company_id < 0:
        raise CompanyRowError("id", f"{company_id} is negative")
    if not given.get("companyName"):
        raise CompanyRowError("companyName", "missing")
    row: Row = {}
    for field in COMPANY_FIELDS:
        value = given.get(field.name)
        if value is None:
            value = _DEFAULTS.get(field.name, False if field.data_type == "boolean" else None)
        row[field.name] = value
    row[USER_DEFINED_FIELDS_KEY] = _user_defined_fields(user_defined)
    return row


def _user_defined_fields(value: object) -> list[dict[str, str | None]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise CompanyRowError(USER_DEFINED_FIELDS_KEY, "is not a list")
    fields: list[dict[str, str | None]] = []
    for entry in value:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise CompanyRowError(USER_DEFINED_FIELDS_KEY, "an entry is not {name, value}")
        held = entry.get("value")
        fields.append({"name": entry["name"], "value": None if held is None else str(held)})
    return fields


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The companies at one moment; never changed afterwards. ``ids`` and ``rows`` run in step."""

    ids: tuple[int, ...]
    rows: tuple[Row, ...]
    user_defined_names: tuple[str, ...]

    def after(self, company_id: int) -> Iterator[Row]:
        """The rows whose id is greater than ``company_id``, ascending."""
        start = bisect.bisect_right(self.ids, company_id)
        for index in range(start, len(self.rows)):
            yield self.rows[index]

    def find(self, company_id: int) -> Row | None:
        """The row of that id, or None."""
        index = bisect.bisect_left(self.ids, company_id)
        if index < len(self.ids) and self.ids[index] == company_id:
            return self.rows[index]
        return None


class CompanyStore:
    """Companies that may change while requests are served: a reader always sees one whole snapshot.

    Rows are shared with readers and therefore never changed in place.
    """

    def __init__(self, companies: Iterable[Mapping[str, object]]) -> None:
        rows: dict[int, Row] = {}
        for values in companies:
            row = company_row(values)
            company_id = cast("int", row["id"])
            if company_id in rows:
                raise CompanyRowError("id", f"{company_id} occurs twice")
            rows[company_id] = row
        self._lock = threading.Lock()
        self._snapshot = _snapshot(rows)

    def snapshot(self) -> Snapshot:
        """The companies as they are now."""
        return self._snapshot

    def put(self, values: Mapping[str, object]) -> None:
        """Add a company, or replace the one of the same id."""
        row = company_row(values)
        self._edit({cast("int", row["id"]): row})

    def change(self, company_id: int, values: Mapping[str, object], *, touch: bool = True) -> None:
        """Change some fields of a company; ``touch`` sets its time of change to now, as the API does.

        Raises KeyError when there is no such company.
        """
        row = self._snapshot.find(company_id)
        if row is None:
            raise KeyError(company_id)
        changed = {**row, **values, "id": company_id}
        if touch and "lastTrackedModifiedDateTime" not in values:
            changed["lastTrackedModifiedDateTime"] = moment_text(dt.datetime.now(dt.UTC))
        self._edit({company_id: company_row(changed)})

    def remove(self, company_id: int) -> None:
        """Remove a company. Raises KeyError when there is none of that id."""
        if self._snapshot.find(company_id) is None:
            raise KeyError(company_id)
        self._edit({company_id: None})

    def _edit(self, edits: Mapping[int, Row | None]) -> None:
        with self._lock:
            rows = dict(zip(self._snapshot.ids, self._snapshot.rows, strict=True))
            for company_id, row in edits.items():
                if row is None:
                    rows.pop(company_id, None)
                else:
                    rows[company_id] = row
            self._snapshot = _snapshot(rows)


def _snapshot(rows: Mapping[int, Row]) -> Snapshot:
    ids = tuple(sorted(rows))
    ordered = tuple(rows[company_id] for company_id in ids)
    names: dict[str, None] = {}
    for row in ordered:
        fields = row[USER_DEFINED_FIELDS_KEY]
        for each in fields if isinstance(fields, list) else ():
            names.setdefault(each["name"])
    return Snapshot(ids, ordered, tuple(names))
