"""What importing a file row by row has in common: its options, what a row comes to, and one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain, islice
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

from django.db import models, transaction

from integrations.database.bulk import renew_statistics
from integrations.files.named_rows import FileRow
from integrations.files.shape import SAMPLE, ImportRefused, TableRow
from integrations.files.table import open_table
from integrations.files.text import clean_text
from integrations.models import ImportReport, IntegrationInstance
from integrations.services.audit import Batch
from integrations.services.imports.columns import SEVERAL_FIELDS, ColumnPlan, propose_columns
from integrations.services.imports.duplicates import Pair
from integrations.services.imports.known_ids import known_external_ids
from integrations.services.imports.reports import (
    ImportOptions,
    Outcome,
    Report,
    RowResult,
    Verdict,
)

BATCH = 500
NO_PORTAL_KEY = "portal key must look like 5f0d6c2e-8d1b-4a55-9b0e-2f4f6f1a7c11"
Read = TypeVar("Read")
Planned = TypeVar("Planned")


class RowEnded(Exception):
    """A row comes to its end before it is written; the text says why."""

    outcome: Outcome


class RowFailed(RowEnded):
    """The row cannot be taken."""

    outcome = Outcome.FAILED


class RowSkipped(RowEnded):
    """The row asks for nothing, or for what is so already."""

    outcome = Outcome.SKIPPED


def read_rows(rows: Sequence[FileRow], read: Callable[[FileRow], Read]) -> Iterator[Read | RowResult]:
    """What ``read`` makes of each row; its result where that raises RowEnded or the row is empty."""
    for row in rows:
        try:
            if row.is_empty and not row.problem:
                raise RowSkipped("the row is empty")  # as any other
            yield read(row)
        except RowEnded as ended:
            shown = clean_text(row.cells.get("name", ""))[:80]
            yield RowResult(row.line, shown, ended.outcome, str(ended))


def read_portal_key(text: str) -> uuid.UUID:
    """The key of an organization in a file of the portal's own export. Raises RowFailed."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise RowFailed(NO_PORTAL_KEY) from error


class QuestionOpen(ImportRefused):
    """Two columns may be the same, or nobody knows what one says: a person has to choose."""

    def __init__(self, plan: ColumnPlan) -> None:
        super().__init__(" ".join(question.text for question in plan.questions))
        self.plan = plan


class FileKind(NamedTuple):
    """What a file holds: the report's kind, and the tables that it is written to."""

    kind: ImportReport.Kind
    tables: tuple[type[models.Model], ...]


class Planner(Protocol[Planned]):
    """Knows what there is and what the rows above said."""

    def plan(self, rows: list[FileRow], report: Report) -> list[Planned]:
        """Report on each of the next rows; what the good ones do."""
        ...

    def write(self, batch: Batch, planned: list[Planned]) -> None:
        """Do it, and tell the audit."""
        ...

    def facts(self) -> dict[str, str]:
        """What is worth telling of all rows."""
        ...

    def pairs(self) -> list[Pair]:
        """Rows that may be the same as another, and about which nobody has decided."""
        ...


def import_rows(
    batch: Batch,
    stream: BinaryIO,
    file_kind: FileKind,
    planner: Callable[[ColumnPlan], Planner[Planned]],
    options: ImportOptions,
    *,
    instance: IntegrationInstance | None = None,
    keep: Callable[[Report], None],
    progress: Callable[[int, None], None] | None,
) -> Report:
    """Import a file some rows at a time, in one transaction with its report; the stream stays open.

    A dry run has no transaction, so that nobody waits for it. The ``planner`` is made within. Raises
    ImportRefused when the file as a whole cannot be read, QuestionOpen when a column has to be chosen.
    """
    report = Report(file_kind.kind, batch, options, instance)
    with (
        nullcontext() if options.dry_run else transaction.atomic(),
        open_table(stream, options.reading.shape) as table,
    ):
        first = list(islice(table.rows, SAMPLE))
        plan = plan_columns(file_kind.kind, table.columns, first, options)
        report.shape, report.notes, report.profile = table.shape, table.notes, plan.profile_label
        rows = named_rows(chain(first, table.rows), plan)
        decide = planner(plan)
        while chunk := list(islice(rows, BATCH)):
            planned = decide.plan(chunk, report)
            # After the first failure a file that goes in whole or not at all is only checked to its end.
            if report.verdict is Verdict.WRITTEN:
                decide.write(batch, planned)
            if progress:
                progress(len(report.rows), None)
        if not report.rows:
            raise ImportRefused("The file names its columns, but has no rows below them.")
        report.ignored = (*plan.unused, *dict.fromkeys(table.late_columns))
        report.facts, report.pairs = decide.facts(), decide.pairs()
        if report.verdict is Verdict.WRITTEN:
            keep(report)
        elif not options.dry_run:
            transaction.set_rollback(True)
    if report.verdict is Verdict.WRITTEN:
        renew_statistics(len(report.rows), *file_kind.tables)
    else:
        keep(report)
    return report


def plan_columns(
    kind: ImportReport.Kind, names: Sequence[str], first: Sequence[TableRow], options: ImportOptions
) -> ColumnPlan:
    """What the columns are, once nothing is left to ask. Raises QuestionOpen, ImportRefused."""
    reading = options.reading
    cells = [row.cells for row in first]
    plan = propose_columns(
        kind, names, cells, profile=reading.profile, chosen=reading.columns, meanings=reading.meanings,
        find_ids=known_external_ids,
    )  # fmt: skip
    if plan.problems:
        raise ImportRefused(" ".join(plan.problems))
    if plan.questions:
        raise QuestionOpen(plan)
    return plan


def named_rows(rows: Iterable[TableRow], plan: ColumnPlan) -> Iterator[FileRow]:
    """The rows, their cells by field."""
    single = [
        (place, each.field)
        for place, each in enumerate(plan.columns)
        if each.field and each.field not in SEVERAL_FIELDS
    ]
    several = [
        (place, each.field, each.name)
        for place, each in enumerate(plan.columns)
        if each.field in SEVERAL_FIELDS
    ]
    for row in rows:
        texts = row.cells
        if row.problem:  # half characters, which no report can keep
            texts = tuple(cell.encode("utf-8", "replace").decode() for cell in texts)
        cells = {field: texts[place] for place, field in single}
        told = tuple((field, name, texts[place]) for place, field, name in several)
        yield FileRow(row.line, cells, row.problem, row.is_exact, told)
