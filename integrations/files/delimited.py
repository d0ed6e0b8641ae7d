"""Tables in text: cells that a sign parts, by the rules of CSV. Which sign it is, is found by the rows.

What makes the rest of a file unreadable (a quotation mark that is never closed) refuses the whole file; what
is wrong with one row is that row's problem.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from integrations.files.header import (
    Header,
    Record,
    are_names,
    beside_names,
    find_header,
    footer_notes,
    footers_of,
    is_blank,
    is_ruler,
    read_header,
    row_text,
    taken_cells,
)
from integrations.files.lines import Lines
from integrations.files.shape import MAX_LINE, SAMPLE, ImportRefused, Shape, Table, TableRow

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_NONE = "\x1f"  # parts the cells of a file of one column: a sign that stands in none
_SEPARATOR_LINE = re.compile(r"\ufeff?sep=(\\t|.)\s*", re.IGNORECASE)


class _Feed:
    """Lines for the csv module, which counts those that it has taken."""

    def __init__(self, lines: Iterable[str], number: int) -> None:
        self._lines = iter(lines)
        self.number = number

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        # What ends a file of DOS, and the mark of files that were put together.
        return "" if line == "\x1a" else line.removeprefix("\ufeff")


def read_delimited(lines: Lines, encoding: str, wanted: Shape, last: Sequence[str]) -> Table:
    """The table in the text; ``last`` are its last lines, Raises ImportRefused, also later."""
    first, sample = 0, list(islice(lines, max(SAMPLE, wanted.header_line + 1)))
    if not sample:
        raise ImportRefused("The file is empty.")
    stated = _SEPARATOR_LINE.fullmatch(sample[0])
    delimiter = wanted.delimiter or (stated[1].replace("\\t", "\t") if stated else "")
    if stated:
        first, sample = 1, sample[1:]
    if is_blank(sample):
        raise ImportRefused("The file is empty.")
    if not delimiter:
        delimiter = _find_delimiter(sample, first)
    records = _sampled(sample, delimiter, first)
    at = find_header(records, wanted.header_line)
    header = read_header(records, at)
    footers = _footers(last, delimiter, header)
    shape = Shape("csv", encoding, delimiter.replace(_NONE, ""), header_line=header.line)
    rows = _rows(_Feed(chain(sample, lines), first), delimiter, header, footers)
    return Table(shape, header.names, rows, (*header.notes, *footer_notes(footers)))


def _find_delimiter(sample: Sequence[str], first: int) -> str:
    """The sign that makes most rows equally long; of several the one that makes longer, cleaner rows."""

    def worth(sign: str) -> tuple[bool, int, int, float]:
        try:
            _sampled(sample, sign, first)
        except ImportRefused:
            is_readable = False  # quotation marks stand where this sign has none: it stands inside cells
        else:
            is_readable = True
        rows = [cells for _, cells in _sampled(sample, sign, first, strict=False) if not is_blank(cells)]
        lengths = Counter(len(cells) for cells in rows if len(cells) > 1)
        if not lengths:
            return (False, 0, 0, 0)
        usual = max(lengths, key=lambda length: (lengths[length], length))
        parted = [cell for cells in rows for cell in cells[1:]]
        spaced = sum(cell.startswith(" ") for cell in parted) / len(parted)
        return (is_readable, lengths[usual], usual, -spaced)

    best = max(DELIMITERS, key=worth)
    rows = [cells for _, cells in _sampled(sample, best, first, strict=False) if not is_blank(cells)]
    if not rows:
        return best  # there are delimiters and nothing else, which is refused when the names are looked for
    # One name above: a sign that a blank follows is part of the text, as in "Acme, Inc.".
    apart = all(cell.startswith(" ") for cells in rows for cell in cells[1:])
    return _NONE if apart and len(rows[0]) == 1 and not any(map(are_names, rows[1:])) else best


def _sampled(sample: Sequence[str], delimiter: str, first: int, *, strict: bool = True) -> list[Record]:
    """The records that begin in the sample, with the lines that they begin on. Raises ImportRefused."""
    feed = _Feed(sample, first)
    reader = csv.reader(feed, delimiter=delimiter, strict=strict)
    records: list[Record] = []
    while True:
        line = feed.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if not records and strict:
                raise ImportRefused(
                    f"The header (line {line}) cannot be read: {_explained(error)}"
                ) from error
            return records  # where the sample ends inside a cell, or the file is refused when it comes there
        if cells is None:
            return records
        records.append((line, cells))


def _footers(last: Sequence[str], delimiter: str, header: Header) -> list[str]:
    """The texts of the lines that close the table; the last lines may begin anywhere, as in a cell."""
    rows = [next(csv.reader([line], delimiter=delimiter), []) for line in last if line.count('"') % 2 == 0]
    return footers_of([cells for cells in rows if tuple(cells) != header.cells], header)


def _rows(feed: _Feed, delimiter: str, header: Header, footers: Sequence[str]) -> Iterator[TableRow]:
    # Strict: a stray or unclosed quotation mark is an error, not a cell that swallows the lines below it.
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        line = feed.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ImportRefused(
                f"From line {line} on the file cannot be read: {_explained(error)}"
            ) from error
        if cells is None:
            return
        if line <= header.line or is_blank(cells) or is_ruler(cells) or tuple(cells) == header.cells:
            continue
        if footers and row_text(cells) in footers:
            continue
        problem = beside_names(cells, header)
        if problem:
            problem += "; a cell that holds the delimiter needs quotation marks"
        yield TableRow(line, taken_cells(cells, header), problem)


def _explained(error: csv.Error) -> str:
    """The reader's words for the three things that happen, said in ours."""
    text = str(error)
    if "unexpected end of data" in text:
        return "a quotation mark is never closed."
    if "field larger" in text:
        return f"a cell has more than {MAX_LINE:,} characters, or a quotation mark is never closed."
    if "expected after" in text:
        return 'a quotation mark stands inside a cell; write it twice ("").'
    return f"{text}."
