"""Tables in workbooks (.xlsx, .xls, .xlsb, .ods): the values of one sheet, read by a child process.

Two far cells in a file of 5 KB make any reader ask for all the memory there is, and an archive may unpack to
thousands of times its size. So the file is opened only where the system ends what asks for too much
(files/child.py); what is said of it then, is said here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import IO, Any, BinaryIO

from integrations.files.child import values_from_child
from integrations.files.header import (
    Header,
    Record,
    beside_names,
    find_header,
    footer_notes,
    footers_of,
    read_header,
    row_text,
    taken_cells,
)
from integrations.files.odd_cells import ERRORS
from integrations.files.shape import (
    MAX_CHARACTERS,
    MAX_COLUMNS,
    SAMPLE,
    ImportRefused,
    Shape,
    Table,
    TableRow,
)
from integrations.files.workbook_cells import OLE, read_cells
from portal.child import ChildFailed, ChildRaised, ChildTooLarge, ChildTooLong

MAX_BYTES = 50_000_000
MEGABYTES = 400  # of the child; 100,000 rows of ten columns take 110
SECONDS = 60.0  # that anybody waits for the child
_ELSE = 'or save the sheet as "CSV UTF-8", and try again'
_REFUSED = {
    ChildTooLong: (
        f"The workbook takes more than {SECONDS:.0f} seconds to open. Leave out what is not needed, {_ELSE}."
    ),
    ChildTooLarge: (
        f"The workbook needs more than {MEGABYTES} MB of memory. A value in a cell far from the table is "
        f"enough for that: press Ctrl+End to find it and delete what is there, {_ELSE}."
    ),
    ChildFailed: (
        f"The workbook cannot be opened: it is damaged, larger than is read, or made to do harm. "
        f"Save it anew with fewer cells, {_ELSE}."
    ),
}


def is_workbook(head: bytes) -> bool:
    """Whether the file begins like an archive (.xlsx, .xlsb, .ods) or an older Office document (.xls)."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", OLE))


@contextmanager
def open_workbook(stream: BinaryIO, wanted: Shape) -> Iterator[Table]:
    """The table in the workbook; its child process ends with the block. Raises ImportRefused, also later."""
    with tempfile.TemporaryFile() as file:
        _copy(stream, file)
        values = values_from_child(read_cells, wanted.sheet, file=file, seconds=SECONDS, megabytes=MEGABYTES)
        with closing(values):
            yield _table(_told(values), wanted)


def _copy(stream: BinaryIO, file: IO[bytes]) -> None:
    size = 0
    while piece := stream.read(1_000_000):
        size += len(piece)
        if size > MAX_BYTES:
            raise ImportRefused(
                f"The workbook has more than {MAX_BYTES // 1_000_000} MB. "
                "Copy the rows that are needed to a new one and try again."
            )
        file.write(piece)
    file.seek(0)


def _told(values: Generator[Any, None, None]) -> Iterator[Any]:
    """The child's values, its end as a refusal."""
    try:
        yield from values
    except ChildRaised as error:
        raise ImportRefused(str(error) if error.kind == "Refused" else _REFUSED[ChildFailed]) from error
    except ChildFailed as error:
        raise ImportRefused(_REFUSED[type(error)]) from error


def _table(told: Iterator[Any], wanted: Shape) -> Table:
    found = next(told)
    rows: Iterator[Record] = (tuple(row) for rows in told for row in rows)
    sample: list[Record] = []
    for row in rows:
        sample.append(row)
        if len(sample) >= SAMPLE and row[0] >= wanted.header_line:
            break
    merged = [tuple(each) for each in found["merged"]]
    below = _merged_down(sample, merged)
    at = _last_of_names(below, find_header(below, wanted.header_line), () if wanted.header_line else merged)
    line, cells = below[at]
    below[at] = (line, _merged_across(line, cells, merged))
    header = read_header(below, at)
    footers = footers_of([cells for line, cells in found["tail"] if line > header.line], header)
    kept = (
        (line, cells)
        for line, cells in chain(sample, rows)
        if line > header.line and not (footers and row_text(cells) in footers)
    )
    return Table(
        Shape("workbook", sheet=found["sheet"], header_line=header.line),
        header.names,
        _rows(kept, header),
        (*_sheet_notes(found), *header.notes, *footer_notes(footers)),
        sheets=tuple(found["sheets"]),
    )


def _rows(records: Iterator[Record], header: Header) -> Iterator[TableRow]:
    characters = 0
    for line, cells in records:
        characters += sum(map(len, cells))
        if characters > MAX_CHARACTERS:
            raise ImportRefused(
                f"Up to row {line} the sheet has more than {MAX_CHARACTERS:,} characters. "
                "Split it and import the parts."
            )
        taken = taken_cells(cells, header)
        problem = beside_names(cells, header)
        if not problem and not ERRORS.isdisjoint(taken):
            at = next(at for at, cell in enumerate(taken) if cell in ERRORS)
            problem = f"has the error {taken[at]} in the column “{header.names[at]}”"
        yield TableRow(line, taken, problem, is_exact=True)


def _last_of_names(rows: Sequence[Record], at: int, merged: Sequence[tuple[int, ...]]) -> int:
    """The lowest of the rows that name the columns, where a name is merged over several of them."""
    first = rows[at][0]
    last = max((bottom + 1 for top, _, bottom, _ in merged if top + 1 == first), default=first)
    return next((below for below, (line, _) in enumerate(rows) if line == min(last, first + 3)), at)


def _merged_down(rows: Sequence[Record], merged: Sequence[tuple[int, ...]]) -> list[Record]:
    """The rows with the value of a range that is merged over several rows in each of them, as one sees it."""
    by_line = {line: list(cells) for line, cells in rows}
    for top, left, bottom, _ in merged:
        value = _at(by_line.get(top + 1, []), left)
        for line in range(top + 2, min(bottom + 1, top + SAMPLE) + 1):
            cells = by_line.setdefault(line, [])
            if value and not _at(cells, left):
                cells += [""] * (left + 1 - len(cells))
                cells[left] = value
    return sorted(by_line.items())


def _merged_across(line: int, cells: Sequence[str], merged: Sequence[tuple[int, ...]]) -> Sequence[str]:
    """The row with the value of a range that is merged over several columns in each of them."""
    filled = list(cells)
    for top, left, bottom, right in merged:
        value = _at(cells, left)
        if top + 1 <= line <= bottom + 1 and value:
            filled += [""] * (min(right, MAX_COLUMNS) + 1 - len(filled))
            for place in range(left, min(right, MAX_COLUMNS) + 1):
                filled[place] = filled[place] or value
    return filled


def _at(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""


def _sheet_notes(found: dict[str, Any]) -> list[str]:
    """Which sheet was read, where there is a choice or it is one that nobody sees."""
    notes = []
    others = [name for name in found["sheets"] if name != found["sheet"]]
    shown = ", ".join(f"“{name}”" + (" (hidden)" if name in found["hidden"] else "") for name in others[:10])
    if others:
        notes.append(f"The sheet “{found['sheet']}” was read; the workbook also has {shown}.")
    if found["sheet"] in found["hidden"]:
        notes.append(f"The sheet “{found['sheet']}” is hidden in the workbook.")
    return notes
