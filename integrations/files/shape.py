"""What a file of rows is made of: how it is laid out, its columns, its rows, and why it cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_CHARACTERS = 50_000_000
MAX_ROWS = 100_000
MAX_LINE = 100_000  # characters of one line, one cell, or one JSON object
MAX_COLUMNS = 200
MAX_NAME = 60  # characters of a column's name that are kept
MAX_ABOVE = 1_000  # lines that the names of the columns may be among
SAMPLE = 100  # rows that are looked at to find out how a file is laid out


class ImportRefused(Exception):
    """The file as a whole cannot be imported; the text says why and what to do about it."""


@dataclass(frozen=True)
class Shape:
    """How a file is laid out. As a wish: what is empty is found out. As an answer: what was found."""

    format: str = ""  # "csv", "json", "jsonl", "workbook"
    encoding: str = ""  # codec: one of files/encoding.py: ENCODINGS
    delimiter: str = ""  # one sign, csv only; as an answer "" for a file of one column
    sheet: str = ""  # workbook only
    header_line: int = 0  # line (row of the sheet) that names the columns, from 1; as a wish 0: find out
    envelope: str = ""  # json: path of the list inside: "sites", "data[].attributes", "" for a bare list


class TableRow(NamedTuple):
    """One row, its cells in the order of the table's columns, "" where it has none."""

    line: int  # line of the file, row of the sheet, or number of the object
    cells: tuple[str, ...]
    problem: str = ""  # why the row cannot be taken
    is_exact: bool = False  # from JSON or a workbook: not an export's text that an apostrophe protects


@dataclass(frozen=True)
class Table:
    """An opened file: what was found out about it, and the rows yet to be read.

    ``rows`` raises ImportRefused naming the place. ``late_columns`` fills while rows are read: names that a
    JSON object brought after the columns were settled, and that are not used.
    """

    shape: Shape
    columns: tuple[str, ...]
    rows: Iterator[TableRow]
    notes: tuple[str, ...] = ()  # what was assumed or left out, as sentences for people
    sheets: tuple[str, ...] = ()  # of a workbook: all that could be chosen
    envelopes: tuple[str, ...] = ()  # of JSON: all paths of lists that could be chosen
    late_columns: list[str] = field(default_factory=list)
