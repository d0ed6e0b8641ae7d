"""Writing tables a row at a time: CSV with formulas made harmless, or JSON with one object a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from integrations.files.formulas import escape_formula
from integrations.files.text import cell_text

Row = Mapping[str, object]


class _Echo:
    """What the CSV writer writes to: it gives each line back."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[str]:
    """A header and a line a row. Lists are written as JSON, yes and no as words, None as nothing."""
    writer: Any = csv.writer(_Echo(), lineterminator="\n")
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([escape_formula(cell_text(row[column])) for column in columns])


def json_lines(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[str]:
    """An array with one object a line. Texts stay as they are: nothing runs them."""
    count = 0
    yield "["
    for count, row in enumerate(rows, start=1):
        values = {column: row[column] for column in columns}
        yield ("\n" if count == 1 else ",\n") + json.dumps(values, ensure_ascii=False)
    yield "\n]\n"


WRITERS: dict[str, Callable[[Iterable[Row], Sequence[str]], Iterator[str]]] = {
    "csv": csv_lines,
    "json": json_lines,
}
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
