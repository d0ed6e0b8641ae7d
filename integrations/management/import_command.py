"""What the import commands share: arguments, opening the file, and printing the report."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, NoReturn, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.files.reader import MAX_CHARACTERS, ImportRefused
from integrations.management.output import SOME_FAILED, WRONG_USE, Format, ProgressLine, add_format, shown
from integrations.services.imports import Outcome, Report, as_csv


def add_import_arguments(parser: CommandParser) -> None:
    """Declare the file, ``--dry-run``, ``--keep-good`` and ``--format``."""
    parser.add_argument("file", help="the CSV or JSON file, or - for the standard input")
    parser.add_argument("--dry-run", action="store_true", help="check only; write nothing")
    parser.add_argument(
        "--keep-good", action="store_true", help="write the good rows even when others failed"
    )
    add_format(parser)


def run_import(
    command: BaseCommand,
    options: dict[str, Any],
    work: Callable[[BinaryIO, ProgressLine], Report],
) -> None:
    """Import, and print the report; what went wrong as a whole goes to the error stream.

    Ends with 0 when every row is good, 1 when rows failed, 2 when the file as a whole was refused.
    """
    line = ProgressLine("Rows", command.stderr)
    try:
        with opened(options["file"]) as stream:
            report = work(stream, line)
    except OSError as error:
        refuse(f"{options['file']} cannot be read: {error.strerror or error}.")
    except ImportRefused as error:
        refuse(f"{error} Nothing was imported.")
    finally:
        line.clear()
    form = Format(options["format"])
    WRITERS[form](report, command.stdout)
    if report.failed:
        raise CommandError(report.sentence(), returncode=SOME_FAILED)
    if form is not Format.TABLE:
        command.stderr.write(report.sentence())


def refuse(text: str) -> NoReturn:
    """End the command with 2."""
    raise CommandError(text, returncode=WRONG_USE)


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
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


def _table(report: Report, out: Any) -> None:
    out.write(f"{'Line':>6}  {'Result':<9}Name and message")
    for row in report.rows:
        out.write(f"{row.line:>6}  {row.outcome.value:<9}{shown(f'{row.name}: {row.message}')}")
    out.write("")
    out.write(", ".join(f"{report.label(outcome)} {report.counts[outcome]:,}" for outcome in Outcome))
    if report.ignored:
        out.write(f"Columns not used: {shown(', '.join(report.ignored))}")
    if not report.failed:
        out.write(report.sentence())


def _json(report: Report, out: Any) -> None:
    document = {
        "verdict": report.verdict.value,
        "sentence": report.sentence(),
        "report": str(report.key),
        "batch": str(report.batch or ""),
        "dry_run": report.options.dry_run,
        "keep_good": report.options.keep_good,
        "delimiter": report.delimiter,
        "columns_not_used": list(report.ignored),
        "counts": {outcome.value: report.counts[outcome] for outcome in Outcome},
        "rows": [
            {"line": row.line, "outcome": row.outcome.value, "name": row.name, "message": row.message}
            for row in report.rows
        ],
    }
    out.write(json.dumps(document, indent=1, ensure_ascii=False))


def _csv(report: Report, out: Any) -> None:
    for line in as_csv(report):
        out.write(line, ending="")


WRITERS: dict[Format, Callable[[Report, Any], None]] = {
    Format.TABLE: _table,
    Format.JSON: _json,
    Format.CSV: _csv,
}
