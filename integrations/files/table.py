"""Reading a table out of a file that people have, whatever its format: what it is, is found out by looking.

The file is read as a stream; its rows come as they are asked for. What makes the rest of a file unreadable
refuses it, naming the place and saying what to do; what is wrong with one row is that row's problem.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

from integrations.files.delimited import read_delimited
from integrations.files.encoding import Encoding, find_encoding
from integrations.files.foreign import refuse_foreign_bytes, refuse_foreign_text
from integrations.files.json_table import read_json
from integrations.files.lines import Lines
from integrations.files.shape import MAX_ABOVE, MAX_ROWS, ImportRefused, Shape, Table, TableRow
from integrations.files.workbook import is_workbook, open_workbook

__all__ = ["FORMATS", "ImportRefused", "Shape", "Table", "TableRow", "open_table"]

HEAD = 4_000  # bytes that tell what a file is
TAIL, LAST = 2_000, 3  # bytes and lines at its end, which may be a total
ANY = Shape()  # a wish for nothing
# What a person can choose, by the name that a shape has for it.
FORMATS = {"csv": "Text with delimiters (CSV)", "json": "JSON", "jsonl": "JSON Lines", "workbook": "Workbook"}


@contextmanager
def open_table(stream: BinaryIO, wanted: Shape = ANY) -> Iterator[Table]:
    """Find out how the file is laid out, as far as ``wanted`` does not say it; the rows follow as asked for.

    The stream (seekable, read from where it is) stays open. Raises ImportRefused, also while rows are read.
    """
    _check(wanted)
    start = stream.tell()
    head = stream.read(HEAD)
    stream.seek(start)
    if wanted.format == "workbook" or (not wanted.format and is_workbook(head)):
        with open_workbook(stream, wanted) as table:
            yield replace(table, rows=_capped(table.rows))
        return
    refuse_foreign_bytes(head)
    encoding = find_encoding(stream, wanted.encoding)
    text = head[encoding.mark :].decode(encoding.codec, "ignore").lstrip("\ufeff \t\r\n")
    refuse_foreign_text(text)
    last = _last_lines(stream, encoding)
    lines = Lines(stream, encoding)
    try:
        if wanted.format in {"json", "jsonl"} or (not wanted.format and text[:1] in {"[", "{"}):
            table = read_json(lines, encoding.codec, wanted)
        else:
            table = read_delimited(lines, encoding.codec, wanted, last)
        yield replace(table, notes=(*encoding.notes, *table.notes), rows=_capped(table.rows))
    finally:
        lines.let_go()


def _check(wanted: Shape) -> None:
    """Raise ImportRefused for a wish that no file can fulfil."""
    if wanted.format not in {"", *FORMATS}:
        raise ImportRefused(
            f"The format “{wanted.format[:40]}” is not known. Choose one of: {', '.join(FORMATS)}."
        )
    if wanted.delimiter and (len(wanted.delimiter) > 1 or wanted.delimiter in '"\r\n\0'):
        raise ImportRefused("A delimiter is one sign, no quotation mark and no line end. Choose another.")
    if not 0 <= wanted.header_line <= MAX_ABOVE:
        raise ImportRefused(
            f"The names of the columns have to stand on one of the first {MAX_ABOVE:,} lines. "
            "Take away what stands above them and try again."
        )


def _last_lines(stream: BinaryIO, encoding: Encoding) -> list[str]:
    """The last lines of the file, the first of them perhaps not from its beginning."""
    start = stream.tell()
    length = stream.seek(0, os.SEEK_END) - start
    # In steps of four bytes from the beginning, so that no sign of UTF-16 or UTF-32 is cut in two.
    at = start + encoding.mark + max(0, (length - encoding.mark - TAIL) // 4 * 4)
    stream.seek(at)
    text = stream.read(TAIL + 4).decode(encoding.codec, "ignore")
    stream.seek(start)
    return [line for line in text.splitlines() if line.strip()][-LAST:]


def _capped(rows: Iterator[TableRow]) -> Iterator[TableRow]:
    """The rows, refused where there are more than are read."""
    for count, row in enumerate(rows, start=1):
        if count > MAX_ROWS:
            raise ImportRefused(f"The file has more than {MAX_ROWS:,} rows. Split it and import the parts.")
        yield row
