"""A file of mappings: what a row of it says.

The fields are the columns of the mapping export (what other tools call them: columns.py). An id has to look
like one: a cell that a spreadsheet would take for a formula never counts as an id, not even behind the
apostrophe that an export puts in front; only external ids, which other tools make, may begin like one.
"""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from integrations.files.formulas import is_formula, unescape_formula
from integrations.files.json_reader import json_value
from integrations.files.named_rows import LIKE_FORMULA, FileRow
from integrations.files.text import clean_text
from integrations.models.mappings import MappingSource
from integrations.services.exports.mappings import COLUMNS as EXPORTED
from integrations.services.exports.mappings import IGNORED
from integrations.services.imports.rows import RowFailed, read_portal_key

LONGEST = 300
LABELS = {field: field.replace("_", " ") for field in ("organization_id", *EXPORTED)}
IDS = ("portal_key", "organization_id", "company_id")
LENGTHS = {"reasons": 10_000, "matcher_version": 40, "confirmed_by": 150}


@dataclass(frozen=True, slots=True)
class MappingRow:
    """What a row says; "" and None where it says nothing."""

    portal_key: uuid.UUID | None = None
    organization_id: str = ""
    external_id: str = ""
    name: str = ""
    instance: str = ""
    company_id: str = ""
    company_name: str = ""
    source: str = ""
    confidence: float | None = None
    reasons: tuple[str, ...] = ()
    matcher_version: str = ""
    confirmed_name: str | None = None
    confirmed_by: str = ""
    confirmed_at: dt.datetime | None = None


def read_mapping(row: FileRow) -> MappingRow:
    """What the row says. Raises RowFailed with everything that is wrong with it."""
    problems = [row.problem] if row.problem else []
    texts: dict[str, str] = {}
    for name, cell in row.cells.items():
        text = clean_text(cell if row.is_exact or name in IDS else unescape_formula(cell))
        longest = LENGTHS.get(name, LONGEST)
        if name in IDS and is_formula(text.lstrip("'")):
            problems.append(f"{LABELS[name]} looks like a formula; an id never does")
        elif row.begins_like_formula(name):
            problems.append(f"{LABELS[name]} {LIKE_FORMULA}")
        elif len(text) > longest:
            problems.append(f"{LABELS[name]} has {len(text):,} characters; {longest:,} are allowed")
        texts[name] = text
    if texts.get("source") == IGNORED and (texts.get("company_id") or texts.get("company_name")):
        problems.append("is ignored, so it cannot name a company")
    if problems:
        raise RowFailed("; ".join(problems))
    # An empty cell says nothing, but for the name that was confirmed: a mapping can have none.
    said: dict[str, Any] = {
        name: _READERS.get(name, str)(text)
        for name, text in texts.items()
        if text or name == "confirmed_name"
    }
    return MappingRow(**said)


def _source(text: str) -> str:
    known = [*MappingSource.values, IGNORED]
    if text not in known:
        raise RowFailed(f"source must be one of {', '.join(known)}")
    return text


def _reasons(text: str) -> tuple[str, ...]:
    try:
        found = json_value(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise RowFailed('reasons must be a JSON list of texts, like ["same name"]')
    return tuple(map(clean_text, found))


def _confidence(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise RowFailed("confidence must be a number from 0 to 1")
    return share


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise RowFailed("confirmed at must be a time like 2025-03-31T14:05:00+00:00") from error
    if moment.tzinfo is None or not 1990 <= moment.year <= 9000:
        raise RowFailed("confirmed at must be a time with its offset, like 2025-03-31T14:05:00+00:00")
    return moment.astimezone(dt.UTC)


_READERS: dict[str, Callable[[str], object]] = {
    "source": _source,
    "confidence": _confidence,
    "portal_key": read_portal_key,
    "reasons": _reasons,
    "confirmed_at": _moment,
}
