"""Tables in JSON: objects are rows, their names columns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from integrations.files.json_reader import JsonRefused, json_rows
from integrations.files.lines import Lines
from integrations.files.shape import MAX_COLUMNS, MAX_NAME, ImportRefused, Shape, Table, TableRow
from integrations.files.text import clean_text

LOOKED_AT = 1_000  # objects whose names become columns


def read_json(lines: Lines, encoding: str) -> Table:
    """The table in the text. Raises ImportRefused, also while rows are read."""
    objects = _objects(lines)
    first = list(islice(objects, LOOKED_AT))
    columns = tuple(dict.fromkeys(name for row in first if isinstance(row, dict) for name in row))
    if not first:
        raise ImportRefused("The file is empty: it holds no object.")
    if len(columns) > MAX_COLUMNS:
        raise ImportRefused(f"The objects have {len(columns):,} names; {MAX_COLUMNS} are allowed.")
    late: list[str] = []
    rows = _rows(chain(first, objects), columns, late)
    shown = tuple(clean_text(name)[:MAX_NAME] for name in columns)
    return Table(Shape("json", encoding), shown, rows, late_columns=late)


def _objects(lines: Lines) -> Iterator[dict[str, str] | str]:
    try:
        yield from json_rows(lines.chunks())
    except JsonRefused as error:
        raise ImportRefused(str(error)) from error


def _rows(
    objects: Iterator[dict[str, str] | str], columns: tuple[str, ...], late: list[str]
) -> Iterator[TableRow]:
    known = set(columns)
    for number, row in enumerate(objects, start=1):
        if isinstance(row, str):
            yield TableRow(number, ("",) * len(columns), row, is_exact=True)
            continue
        if not row.keys() <= known:
            late += [name for name in row if name not in known]
            known.update(row)
        yield TableRow(number, tuple(row.get(name, "") for name in columns), is_exact=True)
