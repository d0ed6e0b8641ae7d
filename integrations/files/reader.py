"""Reading a table that somebody made by hand, CSV or JSON: from bytes to cells with line numbers.

The file is read as a stream. What makes the rest of a file unreadable (its encoding, a quotation mark that is
never closed, a missing column) refuses the whole file; what is wrong with one row is that row's problem.
JSON is an array of objects, or one object after another (files/json_reader.py).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from integrations.files.formulas import is_formula
from integrations.files.json_reader import JsonRefused, json_rows
from integrations.files.shape import MAX_CHARACTERS, MAX_COLUMNS, MAX_LINE, MAX_ROWS, ImportRefused
from integrations.files.text import clean_text

__all__ = [
    "LIKE_FORMULA",
    "MAX_CHARACTERS",
    "MAX_COLUMNS",
    "MAX_LINE",
    "MAX_ROWS",
    "Columns",
    "FileRow",
    "ImportRefused",
    "TableFile",
    "open_table_file",
]

_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
_BAD_BYTE = re.compile("[\ud800-\udfff]")
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Columns:
    """What the columns of a kind of table are called: by field, our own name first, then other tools'.

    Of ``required`` one has to be there. Letter case, blanks, "_" and "-" do not count.
    """

    names: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]

    def field_of(self, name: str) -> str:
        """The field that a column of this name fills, "" for none."""
        wanted = _normalised(name)
        return next((field for field, names in self.names.items() if wanted in names), "")


# What is said of such a cell, after the column's name.
LIKE_FORMULA = "begins like a formula; if that is meant, put an apostrophe (') in front"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row: the line that it begins on (in JSON: its number), its cells by field, what is wrong with it.

    ``is_exact``: the cells are texts as they were, not what an export made harmless for spreadsheets.
    """

    line: int
    cells: dict[str, str]
    problem: str = ""
    is_exact: bool = False

    @property
    def is_empty(self) -> bool:
        """True for a row of empty cells, which spreadsheets leave behind."""
        return not any(map(str.strip, self.cells.values()))

    def begins_like_formula(self, name: str) -> bool:
        """Whether a spreadsheet would run the cell, which has no apostrophe in front that makes it text."""
        return not self.is_exact and is_formula(clean_text(self.cells[name]))


@dataclass(frozen=True)
class TableFile:
    """An opened file: the columns that mean nothing to us, and the rows yet to be read."""

    delimiter: str
    ignored: tuple[str, ...]
    rows: Iterator[FileRow]


class _Lines:
    """The lines of a stream as text, counted, capped and checked. Raises ImportRefused."""

    def __init__(self, stream: BinaryIO) -> None:
        # Undecodable bytes come through as lone surrogates, so that the line they stand on can be named.
        self._text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self.number = 0
        self._read = 0

    def let_go(self) -> None:
        """Leave the stream open to whoever gave it."""
        self._text.detach()

    def chunks(self) -> Iterator[str]:
        """The text in pieces, for a file that has no lines to speak of."""
        while piece := self._text.read(MAX_LINE // 2):
            self._check(piece, self.number + 1)
            self.number += piece.count("\n")
            yield piece

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._check(line, self.number)
        if len(line) > MAX_LINE:
            raise ImportRefused(
                f"Line {self.number} has more than {MAX_LINE:,} characters. Is this a CSV file?"
            )
        return line

    def _check(self, text: str, line: int) -> None:
        """Refuse what is no UTF-8 text or more than is read; ``line`` is the one that the text begins on."""
        self._read += len(text)
        if line == 1 and text.startswith(("\udcff\udcfe", "\udcfe\udcff")):
            raise ImportRefused('The file is UTF-16. Save it as "CSV UTF-8" and try again.')
        if "\0" in text:
            number = line + text.count("\n", 0, text.index("\0"))
            raise ImportRefused(
                f"Line {number} holds NUL bytes, so this is no text file, or one in UTF-16. "
                'Save it as "CSV UTF-8" and try again.'
            )
        if bad := _BAD_BYTE.search(text):
            number = line + text.count("\n", 0, bad.start())
            raise ImportRefused(
                f"Line {number} holds the byte 0x{ord(bad[0]) & 0xFF:02X}, which is not UTF-8. "
                'Save the file as "CSV UTF-8" and try again.'
            )
        if self._read > MAX_CHARACTERS:
            raise ImportRefused(
                f"The file has more than {MAX_CHARACTERS:,} characters. Split it and import the parts."
            )


@contextmanager
def open_table_file(stream: BinaryIO, columns: Columns) -> Iterator[TableFile]:
    """Read the header; the rows follow as they are asked for. The stream (seekable) itself stays open.

    Raises ImportRefused, also while rows are read.
    """
    start = stream.tell()
    head = stream.read(1_000).removeprefix(b"\xef\xbb\xbf").lstrip()
    stream.seek(start)
    lines = _Lines(stream)
    try:
        if head[:1] in {b"[", b"{"}:
            yield TableFile("JSON", (), _capped(_json_rows(lines, columns)))
        else:
            yield _csv(lines, columns)
    finally:
        lines.let_go()


def _csv(lines: _Lines, columns: Columns) -> TableFile:
    header = next(lines, "")
    delimiter = ""
    if stated := _SEPARATOR_LINE.fullmatch(header):
        delimiter, header = stated[1], next(lines, "")
    if not header.strip():
        raise ImportRefused(
            "The first line is empty. It has to name the columns." if header else "The file is empty."
        )
    delimiter = delimiter if delimiter in _DELIMITER_NAMES else _detect_delimiter(header, columns)
    names = [clean_text(name)[:60] for name in _header_cells(header, delimiter, lines.number)]
    fields = _fields(names, columns)
    ignored = tuple(name for name, field in zip(names, fields, strict=True) if name and not field)
    return TableFile(
        delimiter=_DELIMITER_NAMES[delimiter],
        ignored=ignored,
        rows=_capped(_csv_rows(lines, delimiter, fields)),
    )


def _capped(rows: Iterator[FileRow]) -> Iterator[FileRow]:
    """The rows, refused where there are more than are read."""
    for count, row in enumerate(rows, start=1):
        if count > MAX_ROWS:
            raise ImportRefused(f"The file has more than {MAX_ROWS:,} rows. Split it and import the parts.")
        yield row


def _json_rows(lines: _Lines, columns: Columns) -> Iterator[FileRow]:
    known: dict[str, str] = {}
    try:
        for number, row in enumerate(json_rows(lines.chunks()), start=1):
            yield _json_row(row, number, columns, known)
    except JsonRefused as error:
        raise ImportRefused(str(error)) from error


def _json_row(row: dict[str, str] | str, number: int, columns: Columns, known: dict[str, str]) -> FileRow:
    """The object's values by field; in place of a line its number. Unknown names are passed over."""
    if isinstance(row, str):
        return FileRow(number, {}, row, is_exact=True)
    cells: dict[str, str] = {}
    for name, text in row.items():
        if name not in known:
            known[name] = columns.field_of(name[:60])
        field = known[name]
        if not field or (field in cells and _normalised(name) != columns.names[field][0]):
            continue
        cells[field] = text
    return FileRow(number, cells, is_exact=True)


def _detect_delimiter(header: str, columns: Columns) -> str:
    """The one that makes most known columns of the header; the comma where they tie."""

    def known(delimiter: str) -> tuple[int, int]:
        cells = header.split(delimiter)
        return sum(bool(columns.field_of(cell.strip('"\r\n '))) for cell in cells), len(cells)

    return max(_DELIMITER_NAMES, key=known)


def _header_cells(header: str, delimiter: str, line: int) -> list[str]:
    try:
        cells = next(csv.reader([header], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ImportRefused(f"The header (line {line}) cannot be read: {_explained(error)}") from error
    if len(cells) > MAX_COLUMNS:
        raise ImportRefused(f"The header has {len(cells):,} columns; {MAX_COLUMNS} are allowed.")
    return cells


def _normalised(name: str) -> str:
    return " ".join(re.split(r"[\s_\-./]+", name.casefold())).strip()


def _fields(names: list[str], columns: Columns) -> list[str]:
    """The field that each column fills ("" for none). Our own name for a column wins over other tools'."""
    places: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        field = columns.field_of(name)
        if field:
            places.setdefault(field, []).append(position)
    result = [""] * len(names)
    for field, positions in places.items():
        ours = [at for at in positions if _normalised(names[at]) == columns.names[field][0]]
        chosen = ours or positions
        if len(chosen) > 1:
            doubles = " and ".join(f'"{names[at]}"' for at in chosen)
            raise ImportRefused(
                f"The columns {doubles} all mean {columns.names[field][0]}. Keep one of them, or name it "
                f'"{columns.names[field][0]}".'
            )
        result[chosen[0]] = field
    if not set(columns.required) & set(result):
        shown = ", ".join(names[:20])
        wanted = " or ".join(f'"{columns.names[field][0]}"' for field in columns.required)
        raise ImportRefused(f"The file has no column {wanted}. The first line names these columns: {shown}.")
    return result


def _csv_rows(lines: _Lines, delimiter: str, fields: list[str]) -> Iterator[FileRow]:
    # Strict: a stray or unclosed quotation mark is an error, not a cell that swallows the lines below it.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ImportRefused(
                f"From line {line} on the file cannot be read: {_explained(error)}"
            ) from error
        if cells is None:
            return
        if not cells:
            continue
        problem = ""
        if len(cells) > len(fields) and any(cell.strip() for cell in cells[len(fields) :]):
            problem = (
                f"has {len(cells)} cells, but the header has {len(fields)}; "
                "a cell that holds the delimiter needs quotation marks"
            )
        named = {field: cell for field, cell in zip(fields, cells, strict=False) if field}
        yield FileRow(line, named, problem)


def _explained(error: csv.Error) -> str:
    """The reader's words for the three things that happen, said in ours."""
    text = str(error)
    if "unexpected end of data" in text or "field larger" in text:
        return "a quotation mark is never closed."
    if "expected after" in text:
        return 'a quotation mark stands inside a cell; write it twice ("").'
    return f"{text}."
