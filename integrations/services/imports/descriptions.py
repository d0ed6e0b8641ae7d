"""What a file is, before anything of it is imported: its layout, its columns and what they are taken for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from integrations.files.shape import SAMPLE, Shape
from integrations.files.table import open_table
from integrations.models import ImportReport
from integrations.services.imports.columns import ColumnPlan, propose_columns
from integrations.services.imports.known_ids import known_external_ids
from integrations.services.imports.reports import Reading

SHOWN_ROWS = 5


@dataclass(frozen=True)
class FileDescription:
    """A file as it was found under a reading: its ``shape``, what was assumed, and what else could be chosen.

    ``plan`` says what each column is; ``rows`` are its first rows, a cell a column. ``reading`` is the one
    that was asked for.
    """

    reading: Reading
    shape: Shape
    notes: tuple[str, ...]
    sheets: tuple[str, ...]
    envelopes: tuple[str, ...]
    plan: ColumnPlan
    rows: tuple[tuple[str, ...], ...]


def describe_file(stream: BinaryIO, kind: ImportReport.Kind, reading: Reading) -> FileDescription:
    """Look at the beginning of a file; the stream stays open. Raises ImportRefused, saying why."""
    with open_table(stream, reading.shape) as table:
        rows = tuple(row.cells for row in islice(table.rows, SAMPLE))
        plan = propose_columns(
            kind,
            table.columns,
            rows,
            profile=reading.profile,
            chosen=reading.columns,
            meanings=reading.meanings,
            find_ids=known_external_ids,
        )
        shown = tuple(tuple(cells) for cells in rows[:SHOWN_ROWS])
        return FileDescription(reading, table.shape, table.notes, table.sheets, table.envelopes, plan, shown)
