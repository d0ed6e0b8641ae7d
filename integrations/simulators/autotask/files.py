"""Companies and tenants from files: CSV or JSON, columns named as the API names its fields."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from integrations.simulators.autotask.company_fields import USER_DEFINED_FIELDS_KEY, find_field
from integrations.simulators.autotask.company_store import CompanyRowError, company_row

OWN_ORGANIZATION: Mapping[str, object] = {
    "id": 0,
    "companyName": "Our own organization",
    "companyType": 8,
    "isActive": True,
}
_USER_DEFINED_PREFIX = "udf:"


class CompanyFileError(ValueError):
    """A file of companies or tenants cannot be served. The message names file, row and column."""


def load_companies(path: str | Path) -> list[dict[str, object]]:
    """The companies of a ``.csv`` or ``.json`` file, typed by field, company 0 added when absent.

    CSV: UTF-8, a header row with API field names (any casing) and perhaps ``udf:<name>`` columns; an empty
    cell is no value. JSON: a list of objects, or ``{"items": [...]}`` as a query answers it. ``id`` and
    ``companyName`` are required. Raises CompanyFileError naming the row (a spreadsheet's row number for CSV,
    the place in the list for JSON) and the column of the first fault, and OSError when it cannot be read.
    """
    file = Path(path)
    rows = _json_rows(file) if file.suffix.lower() == ".json" else _csv_rows(file)
    companies: list[dict[str, object]] = []
    seen: dict[object, str] = {}
    for place, values in rows:
        try:
            row = company_row(values)
        except CompanyRowError as error:
            message = f"{file.name}, {place}, {error}"
            raise CompanyFileError(message) from error
        if row["id"] in seen:
            message = f"{file.name}, {place}, column id: {row['id']} was already given in {seen[row['id']]}"
            raise CompanyFileError(message)
        seen[row["id"]] = place
        companies.append(_given_fields(row, values))
    if 0 not in seen:
        companies.insert(0, dict(OWN_ORGANIZATION))
    return companies


def _given_fields(row: Mapping[str, object], values: Iterable[str]) -> dict[str, object]:
    given = {name.lower() for name in values}
    return {name: value for name, value in row.items() if name.lower() in given}


def _csv_rows(file: Path) -> Iterator[tuple[str, dict[str, object]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{file.name}: not UTF-8 (byte {error.start})"
        raise CompanyFileError(message) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = [cell.strip() for cell in next(reader, [])]
    if not header:
        message = f"{file.name}: empty; the first row must name the columns"
        raise CompanyFileError(message)
    _check_header(file, header)
    number = reader.line_num
    try:
        for cells in reader:
            number, first_line = reader.line_num, number + 1
            if not any(cell.strip() for cell in cells):
                continue
            place = f"row {first_line}"
            if len(cells) != len(header):
                message = f"{file.name}, {place}: {len(cells)} cells, but {len(header)} columns"
                raise CompanyFileError(message)
            yield place, _csv_values(header, cells)
    except csv.Error as error:
        message = f"{file.name}, row {number + 1}: {error}"
        raise CompanyFileError(message) from error


def _check_header(file: Path, header: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in header:
        if name.lower() in seen:
            message = f"{file.name}, row 1, column {name}: occurs twice"
            raise CompanyFileError(message)
        seen.add(name.lower())
        if not name.lower().startswith(_USER_DEFINED_PREFIX) and find_field(name) is None:
            message = f"{file.name}, row 1, column {name}: companies have no such field"
            raise CompanyFileError(message)
    for required in ("id", "companyName"):
        if required.lower() not in seen:
            message = f"{file.name}, row 1, column {required}: missing"
            raise CompanyFileError(message)


def _csv_values(header: Iterable[str], cells: Iterable[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    user_defined: list[dict[str, object]] = []
    for name, cell in zip(header, cells, strict=True):
        value = cell if cell.strip() else None
        if name.lower().startswith(_USER_DEFINED_PREFIX):
            user_defined.append({"name": name[len(_USER_DEFINED_PREFIX) :].strip(), "value": value})
        else:
            values[name] = value
    if user_defined:
        values[USER_DEFINED_FIELDS_KEY] = user_defined
    return values


def _json_rows(file: Path) -> Iterator[tuple[str, dict[str, object]]]:
    content = read_json(file)
    if isinstance(content, dict):
        content = content.get("items")
    if not isinstance(content, list):
        message = f"{file.name}: neither a list of companies nor an object with 'items'"
        raise CompanyFileError(message)
    for number, entry in enumerate(content, start=1):
        if not isinstance(entry, dict):
            message = f"{file.name}, row {number}: not an object"
            raise CompanyFileError(message)
        yield f"row {number}", entry


def read_json(file: Path) -> object:
    """The JSON of a file. Raises CompanyFileError naming line and column when it is none."""
    try:
        content: object = json.loads(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        message = f"{file.name}: not UTF-8 (byte {error.start})"
        raise CompanyFileError(message) from error
    except (json.JSONDecodeError, RecursionError) as error:
        message = f"{file.name}: not JSON ({error})"
        raise CompanyFileError(message) from error
    return content
