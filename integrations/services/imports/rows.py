"""What importing a file row by row has in common: its options, what a row comes to, and one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

from django.db import models, transaction

from integrations.database.bulk import renew_statistics
from integrations.files.reader import Columns, FileRow, ImportRefused, open_table_file
from integrations.files.text import clean_text
from integrations.models import ImportReport, IntegrationInstance
from integrations.services.audit import Batch
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


class FileKind(NamedTuple):
    """What a file holds: the report's kind, what its columns are called, the tables that it is written to."""

    kind: ImportReport.Kind
    columns: Columns
    tables: tuple[type[models.Model], ...]


class Planner(Protocol[Planned]):
    """Knows what there is and what the rows above said."""

    def plan(self, rows: list[FileRow], report: Report) -> list[Planned]:
        """Report on each of the next rows; what the good ones do."""
        ...

    def write(self, batch: Batch, planned: list[Planned]) -> None:
        """Do it, and tell the audit."""
        ...


def import_rows(
    batch: Batch,
    stream: BinaryIO,
    file_kind: FileKind,
    planner: Callable[[], Planner[Planned]],
    options: ImportOptions,
    *,
    instance: IntegrationInstance | None = None,
    keep: Callable[[Report], None],
    progress: Callable[[int, None], None] | None,
) -> Report:
    """Import a file some rows at a time, in one transaction with its report; the stream stays open.

    A dry run has no transaction, so that nobody waits for it. The ``planner`` is made within. Raises
    ImportRefused when the file as a whole cannot be read.
    """
    report = Report(file_kind.kind, batch, options, instance)
    with (
        nullcontext() if options.dry_run else transaction.atomic(),
        open_table_file(stream, file_kind.columns) as file,
    ):
        report.delimiter, report.ignored = file.delimiter, file.ignored
        decide = planner()
        while rows := list(islice(file.rows, BATCH)):
            planned = decide.plan(rows, report)
            # After the first failure a file that goes in whole or not at all is only checked to its end.
            if report.verdict is Verdict.WRITTEN:
                decide.write(batch, planned)
            if progress:
                progress(len(report.rows), None)
        if not report.rows:
            raise ImportRefused("The file has a header line, but no rows below it.")
        if report.verdict is Verdict.WRITTEN:
            keep(report)
        elif not options.dry_run:
            transaction.set_rollback(True)
    if report.verdict is Verdict.WRITTEN:
        renew_statistics(len(report.rows), *file_kind.tables)
    else:
        keep(report)
    return report
