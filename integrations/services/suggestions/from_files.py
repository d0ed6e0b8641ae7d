"""Suggestions for two files, without a database: reading organizations and companies.

Columns of the organizations: ``id, name, domain, phone, city, state, postal_code``; of the companies, named
as the Autotask API names them: ``id, companyName, webAddress, phone, city, state, postalCode, isActive,
companyNumber``. The id and the name must be there, the others may be missing or empty, and further ones are
ignored. This module imports neither Django nor the portal's models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from integrations.files.formulas import unescape_formula
from integrations.files.named_rows import FileRow, open_named_rows
from integrations.files.shape import ImportRefused
from integrations.matching import Company, Organization, Suggestion

#: The columns of the answer as CSV, one row an organization; other programs read them by these names.
ANSWER_COLUMNS = ("organization_id", "company_id", "confidence", "tier", "reasons")

ORGANIZATION_COLUMNS = {
    "id": ("id",), "name": ("name",), "domain": ("domain",), "phone": ("phone",), "city": ("city",),
    "state": ("state",), "postal_code": ("postal code",),
}  # fmt: skip
COMPANY_COLUMNS = {
    "id": ("id",), "name": ("companyname",), "web_address": ("webaddress",), "phone": ("phone",),
    "city": ("city",), "state": ("state",), "postal_code": ("postalcode",), "is_active": ("isactive",),
    "number": ("companynumber",),
}  # fmt: skip
YES = {"", "true", "yes", "1"}  # not said is active, as in Autotask
NO = {"false", "no", "0"}

Record = TypeVar("Record", Organization, Company)


class FileRefused(Exception):
    """A file does not hold what it should; the text names the file, and the line where there is one."""


def read_organizations(path: Path) -> list[Organization]:
    """The organizations of a file. Raises FileRefused, and OSError when it cannot be opened."""
    return _records(path, ORGANIZATION_COLUMNS, lambda values: Organization(**values))


def read_companies(path: Path) -> list[Company]:
    """The companies of a file. Raises FileRefused, and OSError when it cannot be opened."""
    return _records(path, COMPANY_COLUMNS, _company)


def _company(values: dict[str, str]) -> Company:
    word = values.pop("is_active", "").lower()
    if word not in YES | NO:
        raise ValueError(f"isActive must be true or false, not “{word[:40]}”")
    return Company(**values, is_active=word in YES)


def _records(
    path: Path, columns: Mapping[str, tuple[str, ...]], make: Callable[[dict[str, str]], Record]
) -> list[Record]:
    records: dict[str, Record] = {}
    try:
        with path.open("rb") as stream, open_named_rows(stream, columns, ["id"]) as file:
            for row in file.rows:
                if row.is_empty and not row.problem:
                    continue
                try:
                    record = make(_values(row))
                    if record.id in records:
                        raise ValueError(f"the id “{record.id}” was used before")  # noqa: TRY301
                except ValueError as error:
                    raise FileRefused(f"{path.name}, line {row.line}: {error}.") from error
                records[record.id] = record
    except ImportRefused as error:
        raise FileRefused(f"{path.name}: {error}") from error
    return list(records.values())


def _values(row: FileRow) -> dict[str, str]:
    """The row's values by field. Raises ValueError."""
    if row.problem:
        raise ValueError(row.problem)
    values = {field: unescape_formula(cell.strip()) for field, cell in row.cells.items()}
    if "name" not in values:
        raise ValueError("the column of the name is missing")
    if not values.get("id"):
        raise ValueError("the id is missing")
    return values


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
