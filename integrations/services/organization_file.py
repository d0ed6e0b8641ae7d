"""Reading a CSV file of organizations: from bytes that somebody made by hand to cells with line numbers.

The file is read as a stream, line by line. What makes the rest of a file unreadable (its encoding, a
quotation mark that is never closed, a missing column) refuses the whole file; what is wrong with one row is
that row's problem.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from integrations.services.organization_values import clean_text

MAX_CHARACTERS = 10_000_000
MAX_ROWS = 20_000
MAX_LINE = 100_000
MAX_COLUMNS = 200

# What other tools call the columns. The first of each is ours; letter case, blanks, "_" and "-" do not count.
COLUMNS = {
    "name": (
        "name", "organization", "organisation", "organization name", "organisation name", "company",
        "company name", "customer", "customer name", "client", "client name",
    ),
    "external_id": (
        "external id", "id", "organization id", "organisation id", "company id", "customer id", "client id",
        "reference", "uid",
    ),
    "domain": ("domain", "web", "website", "web site", "web address", "url", "homepage", "primary domain"),
    "phone": ("phone", "phone number", "telephone", "telephone number", "tel", "main phone"),
    "city": ("city", "town", "locality"),
    "state": ("state", "province", "region", "state province"),
    "postal_code": ("postal code", "postcode", "post code", "zip", "zip code", "zipcode"),
    "is_active": ("active", "is active", "enabled", "status"),
}  # fmt: skip
_FIELD_OF = {synonym: field for field, synonyms in COLUMNS.items() for synonym in synonyms}
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
_BAD_BYTE = re.compile("[\ud800-\udfff]")
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)


class ImportRefused(Exception):
    """The file as a whole cannot be imported; the text says why and what to do about it."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row: the line that it begins on, its cells by field, and what is wrong with its shape."""

    line: int
    cells: dict[str, str]
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        """True for a row of empty cells, which spreadsheets leave behind."""
        return not any(map(str.strip, self.cells.values()))


@dataclass(frozen=True)
class OrganizationFile:
    """An opened file: its columns, those that mean nothing to us, and the rows yet to be read."""

    delimiter: str
    fields: tuple[str, ...]
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

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._read += len(line)
        if self.number == 1 and line.startswith(("\udcff\udcfe", "\udcfe\udcff")):
            raise ImportRefused('The file is UTF-16. Save it as "CSV UTF-8" and try again.')
        if "\0" in line:
            raise ImportRefused(
                f"Line {self.number} holds NUL bytes, so this is no text file, or one in UTF-16. "
                'Save it as "CSV UTF-8" and try again.'
            )
        if bad := _BAD_BYTE.search(line):
            raise ImportRefused(
                f"Line {self.number} holds the byte 0x{ord(bad[0]) & 0xFF:02X}, which is not UTF-8. "
                'Save the file as "CSV UTF-8" and try again.'
            )
        if len(line) > MAX_LINE:
            raise ImportRefused(
                f"Line {self.number} has more than {MAX_LINE:,} characters. Is this a CSV file?"
            )
        if self._read > MAX_CHARACTERS:
            raise ImportRefused(
                f"The file has more than {MAX_CHARACTERS:,} characters. Split it and import the parts."
            )
        return line


@contextmanager
def open_organization_file(stream: BinaryIO) -> Iterator[OrganizationFile]:
    """Read the header; the rows follow as they are asked for. The stream itself stays open.

    Raises ImportRefused, also while rows are read.
    """
    lines = _Lines(stream)
    try:
        yield _opened(lines)
    finally:
        lines.let_go()


def _opened(lines: _Lines) -> OrganizationFile:
    header = next(lines, "")
    delimiter = ""
    if stated := _SEPARATOR_LINE.fullmatch(header):
        delimiter, header = stated[1], next(lines, "")
    if not header.strip():
        raise ImportRefused(
            "The first line is empty. It has to name the columns." if header else "The file is empty."
        )
    delimiter = delimiter if delimiter in _DELIMITER_NAMES else _detect_delimiter(header)
    names = [clean_text(name)[:60] for name in _header_cells(header, delimiter, lines.number)]
    fields = _fields(names)
    ignored = tuple(name for name, field in zip(names, fields, strict=True) if name and not field)
    return OrganizationFile(
        delimiter=_DELIMITER_NAMES[delimiter],
        fields=tuple(field for field in fields if field),
        ignored=ignored,
        rows=_rows(lines, delimiter, fields),
    )


def _detect_delimiter(header: str) -> str:
    """The one that makes most known columns of the header; the comma where they tie."""

    def known(delimiter: str) -> tuple[int, int]:
        cells = header.split(delimiter)
        return sum(_normalised(cell.strip('"\r\n ')) in _FIELD_OF for cell in cells), len(cells)

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


def _fields(names: list[str]) -> list[str]:
    """The field that each column fills ("" for none). Our own name for a column wins over other tools'."""
    places: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        field = _FIELD_OF.get(_normalised(name))
        if field:
            places.setdefault(field, []).append(position)
    result = [""] * len(names)
    for field, positions in places.items():
        ours = [at for at in positions if _normalised(names[at]) == COLUMNS[field][0]]
        chosen = ours or positions
        if len(chosen) > 1:
            doubles = " and ".join(f'"{names[at]}"' for at in chosen)
            raise ImportRefused(
                f"The columns {doubles} all mean {COLUMNS[field][0]}. Keep one of them, or name it "
                f'"{COLUMNS[field][0]}".'
            )
        result[chosen[0]] = field
    if "name" not in result:
        shown = ", ".join(names[:20])
        raise ImportRefused(f'The file has no column "name". The first line names these columns: {shown}.')
    return result


def _rows(lines: _Lines, delimiter: str, fields: list[str]) -> Iterator[FileRow]:
    # Strict: a stray or unclosed quotation mark is an error, not a cell that swallows the lines below it.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    count = 0
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
        count += 1
        if count > MAX_ROWS:
            raise ImportRefused(f"The file has more than {MAX_ROWS:,} rows. Split it and import the parts.")
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
