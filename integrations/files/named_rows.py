"""Rows of a file by what their columns mean; and files whose columns have known names, the portal's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from integrations.files.column_words import header_key
from integrations.files.formulas import is_formula
from integrations.files.shape import ImportRefused, Shape, TableRow
from integrations.files.table import open_table
from integrations.files.text import clean_text

# What is said of such a cell, after the column's name.
LIKE_FORMULA = "begins like a formula; if that is meant, put an apostrophe (') in front"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row: the line that it begins on (in JSON: its number), its cells by field, what is wrong with it.

    ``is_exact``: the cells are texts as they were, not what an export made harmless for spreadsheets.
    ``several`` are the cells of fields that several columns may have: field, the column's name, cell.
    """

    line: int
    cells: dict[str, str]
    problem: str = ""
    is_exact: bool = False
    several: tuple[tuple[str, str, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        """True for a row of empty cells, which spreadsheets leave behind."""
        return not any(map(str.strip, self.cells.values())) and not any(
            cell.strip() for _, _, cell in self.several
        )

    def begins_like_formula(self, name: str) -> bool:
        """Whether a spreadsheet would run the cell, which has no apostrophe in front that makes it text."""
        return not self.is_exact and is_formula(clean_text(self.cells[name]))


@dataclass(frozen=True)
class NamedTable:
    """An opened file: how it is laid out, columns that mean nothing to us, the rows yet to be read."""

    shape: Shape
    ignored: tuple[str, ...]
    rows: Iterator[FileRow]


@contextmanager
def open_named_rows(
    stream: BinaryIO, names: Mapping[str, Sequence[str]], required: Sequence[str]
) -> Iterator[NamedTable]:
    """Read a file whose columns are called by ``names``: by field, our own name first.

    All fields of ``required`` have to be there. The stream (seekable) stays open. Raises ImportRefused, also
    while rows are read.
    """
    with open_table(stream) as table:
        fields = _fields(table.columns, names)
        missing = [field for field in required if field not in fields]
        if missing:
            shown = ", ".join(table.columns[:20])
            raise ImportRefused(f'The file has no column "{names[missing[0]][0]}". Its columns are: {shown}.')
        unused = [name for name, field in zip(table.columns, fields, strict=True) if not field]
        yield NamedTable(table.shape, tuple(unused), (_named(row, fields) for row in table.rows))


def _named(row: TableRow, fields: Sequence[str]) -> FileRow:
    cells = {field: cell for field, cell in zip(fields, row.cells, strict=True) if field}
    return FileRow(row.line, cells, row.problem, row.is_exact)


def _fields(columns: Sequence[str], names: Mapping[str, Sequence[str]]) -> list[str]:
    """The field of each column, "" for none. Raises ImportRefused where two mean the same."""
    keys = {header_key(name): field for field, known in names.items() for name in known}
    places: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        if field := keys.get(header_key(column)):
            places.setdefault(field, []).append(place)
    result = [""] * len(columns)
    for field, found in places.items():
        ours = [
            place for place in found if header_key(columns[place]) == header_key(names[field][0])
        ] or found
        if len(ours) > 1:
            doubles = " and ".join(f'"{columns[place]}"' for place in ours)
            raise ImportRefused(f"The columns {doubles} all mean {names[field][0]}. Keep one of them.")
        result[ours[0]] = field
    return result
