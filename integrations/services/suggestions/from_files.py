"""Suggestions for two CSV files, without a database: reading organizations and companies.

Columns of the organizations: ``id, name, domain, phone, city, state, postal_code``; of the companies, named
as the Autotask API names them: ``id, companyName, webAddress, phone, city, state, postalCode, isActive,
companyNumber``. The id and the name must be there, the others may be missing or empty, and further ones are
ignored. This module imports neither Django nor the portal's models.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from integrations.files.formulas import unescape_formula
from integrations.matching import Company, Organization, Suggestion

#: The columns of the answer as CSV, one row an organization; other programs read them by these names.
ANSWER_COLUMNS = ("organization_id", "company_id", "confidence", "tier", "reasons")

# Column of the file (letter case does not count) to field of the record. The first two must be there.
ORGANIZATION_COLUMNS = {
    "id": "id", "name": "name", "domain": "domain", "phone": "phone", "city": "city", "state": "state",
    "postal_code": "postal_code",
}  # fmt: skip
COMPANY_COLUMNS = {
    "id": "id", "companyName": "name", "webAddress": "web_address", "phone": "phone", "city": "city",
    "state": "state", "postalCode": "postal_code", "isActive": "is_active", "companyNumber": "number",
}  # fmt: skip
YES = {"", "true", "yes", "1"}  # not said is active, as in Autotask
NO = {"false", "no", "0"}

Record = TypeVar("Record", Organization, Company)


class FileRefused(Exception):
    """A file does not hold what it should; the text names the file, and the line where there is one."""


def read_organizations(path: Path) -> list[Organization]:
    """The organizations of a CSV file. Raises FileRefused, and OSError when it cannot be opened."""
    return _records(path, ORGANIZATION_COLUMNS, lambda values: Organization(**values))


def read_companies(path: Path) -> list[Company]:
    """The companies of a CSV file. Raises FileRefused, and OSError when it cannot be opened."""
    return _records(path, COMPANY_COLUMNS, _company)


def _company(values: dict[str, str]) -> Company:
    word = values.pop("is_active", "").lower()
    if word not in YES | NO:
        raise ValueError(f"isActive must be true or false, not “{word[:40]}”")
    return Company(**values, is_active=word in YES)


def _records(
    path: Path, columns: Mapping[str, str], make: Callable[[dict[str, str]], Record]
) -> list[Record]:
    records: dict[str, Record] = {}
    for line, values in _rows(path, columns):
        try:
            record = make(values)
        except ValueError as error:
            raise FileRefused(f"{path.name}, line {line}: {error}.") from error
        if not record.id:
            raise FileRefused(f"{path.name}, line {line}: the id is missing.")
        if record.id in records:
            raise FileRefused(f"{path.name}, line {line}: the id “{record.id}” was used before.")
        records[record.id] = record
    return list(records.values())


def _rows(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row's line number and its values by field; rows of empty cells are passed over."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        try:
            header = next(reader, [])
            places = _places(path, header, columns)
            for cells in reader:
                if not any(map(str.strip, cells)):
                    continue
                if len(cells) != len(header):
                    raise FileRefused(
                        f"{path.name}, line {reader.line_num}: "
                        f"{len(cells)} cells under a header of {len(header)}."
                    )
                yield (
                    reader.line_num,
                    {field: unescape_formula(cells[place].strip()) for field, place in places.items()},
                )
        except UnicodeDecodeError as error:
            raise FileRefused(f"{path.name} is not UTF-8. Save it as “CSV UTF-8” and try again.") from error
        except csv.Error as error:
            raise FileRefused(
                f"{path.name}, line {reader.line_num}: not readable as CSV ({error})."
            ) from error


def _places(path: Path, header: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Where each field's column stands. Raises FileRefused when one is missing or comes twice."""
    names = [name.strip().casefold() for name in header]
    places = {}
    for number, (column, field) in enumerate(columns.items()):
        count = names.count(column.casefold())
        if count > 1:
            raise FileRefused(f"{path.name}: the column “{column}” comes {count} times.")
        if count:
            places[field] = names.index(column.casefold())
        elif number < 2:
            shown = ", ".join(header[:20]) or "nothing"
            raise FileRefused(
                f"{path.name}: the column “{column}” is missing. The first line holds: {shown}."
            )
    return places


def answer_row(suggestion: Suggestion, organization: str, company_id: str, company: str) -> dict[str, object]:
    """One row of the answer, of an organization by name and its best candidate ("" where nothing came near).

    Every tier has a best candidate, with the calibrated chance that it is right; only *sure* and *likely*
    are suggestions.
    """
    return {
        "organization_id": suggestion.organization_id,
        "organization": organization,
        "company_id": company_id,
        "company": company,
        "confidence": f"{suggestion.confidence:.10f}",
        "tier": suggestion.tier.value,
        "reasons": list(suggestion.reasons),
    }
