"""``manage.py import_organizations FILE.csv``: the organization import, on the command line."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, NoReturn, cast

from django.core.management.base import BaseCommand, CommandError

from integrations.services.audit import Actor
from integrations.services.organization_file import MAX_CHARACTERS, ImportRefused
from integrations.services.organization_import import ImportReport, Outcome, import_organizations
from integrations.services.spreadsheet import make_harmless

ROWS_FAILED = 1
FILE_REFUSED = 2


class Command(BaseCommand):
    """Ends with 0 when every row is good, 1 when rows failed, 2 when the file as a whole was refused."""

    help = (
        "Import organizations from a CSV file, or from the standard input with '-'. By default all rows are "
        "written or none. Ends with 0 when every row is good, 1 when rows failed, 2 when the file is refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", help="the CSV file, or - for the standard input")
        parser.add_argument("--dry-run", action="store_true", help="check only; write nothing")
        parser.add_argument(
            "--keep-good", action="store_true", help="write the good rows even when others failed"
        )
        parser.add_argument("--format", choices=["table", "json", "csv"], default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and print the report; what went wrong as a whole goes to the error stream."""
        actor = Actor(name="import_organizations", origin="command")
        try:
            with _opened(options["file"]) as stream:
                report = import_organizations(
                    actor, stream, dry_run=options["dry_run"], keep_good=options["keep_good"]
                )
        except OSError as error:
            _refuse(f"{options['file']} cannot be read: {error.strerror or error}.")
        except ImportRefused as error:
            _refuse(f"{error} Nothing was imported.")
        WRITERS[options["format"]](report, self.stdout)
        if report.failed:
            raise CommandError(report.sentence(), returncode=ROWS_FAILED)
        if options["format"] != "table":
            self.stderr.write(report.sentence())


def _refuse(text: str) -> NoReturn:
    raise CommandError(text, returncode=FILE_REFUSED)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """The named file. A pipe is read to its end first: no transaction must wait for one that stalls."""
    if name != "-" and Path(name).is_file():
        with Path(name).open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as spool:
        if name == "-":
            _copy(sys.stdin.buffer, spool)
        else:
            with Path(name).open("rb") as source:
                _copy(source, spool)
        spool.seek(0)
        yield cast("BinaryIO", spool)


def _copy(source: BinaryIO, spool: IO[bytes]) -> None:
    limit = 4 * MAX_CHARACTERS
    while block := source.read(2**16):
        spool.write(block)
        if spool.tell() > limit:
            raise ImportRefused(f"The input is larger than {limit:,} bytes. Split it and import the parts.")


# --- the report -------------------------------------------------------------------------------------------


def _table(report: ImportReport, out: Any) -> None:
    out.write(f"{'Line':>6}  {'Result':<9}Name and message")
    for row in report.rows:
        out.write(f"{row.line:>6}  {row.outcome.value:<9}{row.name}: {row.message}")
    out.write("")
    out.write(", ".join(f"{report.label(outcome)} {report.counts[outcome]:,}" for outcome in Outcome))
    if report.ignored:
        out.write(f"Columns not used: {', '.join(report.ignored)}")
    if not report.failed:
        out.write(report.sentence())


def _json(report: ImportReport, out: Any) -> None:
    document = {
        "verdict": report.verdict.value,
        "sentence": report.sentence(),
        "dry_run": report.dry_run,
        "keep_good": report.keep_good,
        "delimiter": report.delimiter,
        "columns_not_used": list(report.ignored),
        "counts": {outcome.value: report.counts[outcome] for outcome in Outcome},
        "rows": [
            {"line": row.line, "outcome": row.outcome.value, "name": row.name, "message": row.message}
            for row in report.rows
        ],
    }
    out.write(json.dumps(document, indent=1, ensure_ascii=False))


def _csv(report: ImportReport, out: Any) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["line", "outcome", "name", "message"])
    for row in report.rows:
        writer.writerow([row.line, row.outcome.value, make_harmless(row.name), make_harmless(row.message)])


WRITERS: dict[str, Callable[[ImportReport, Any], None]] = {"table": _table, "json": _json, "csv": _csv}
