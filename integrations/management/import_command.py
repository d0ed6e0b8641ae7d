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

from integrations.files.encoding import ENCODINGS
from integrations.files.shape import MAX_CHARACTERS, ImportRefused, Shape
from integrations.management.output import (
    SOME_FAILED,
    WRONG_USE,
    Format,
    ProgressLine,
    add_format,
    drop_output,
    shown,
)
from integrations.services.imports import (
    MEANINGS,
    PROFILE_LABELS,
    ColumnPlan,
    Outcome,
    QuestionOpen,
    Reading,
    Report,
    as_csv,
)

BROKEN_PIPE = 141  # what a shell calls a program that wrote into a pipe that nobody reads
INTERRUPTED = 130


def add_import_arguments(parser: CommandParser) -> None:
    """Declare the file, ``--dry-run``, ``--keep-good`` and ``--format``."""
    parser.add_argument("file", help="the file (CSV, JSON or a workbook), or - for the standard input")
    parser.add_argument("--dry-run", action="store_true", help="check only; write nothing")
    parser.add_argument(
        "--keep-good", action="store_true", help="write the good rows even when others failed"
    )
    add_format(parser)


def add_reading_arguments(parser: CommandParser) -> None:
    """Declare how the file is laid out and what its columns are, where that is not to be found out."""
    group = parser.add_argument_group("the file", "What is not given is found out, and told.")
    group.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="COLUMN=FIELD",
        help="take this column as this field, or leave it out (COLUMN=); may be given more than once",
    )
    group.add_argument(
        "--status",
        action="append",
        default=[],
        metavar="WORD=active|inactive",
        help="what a word in a status column means; may be given more than once",
    )
    group.add_argument("--profile", choices=list(PROFILE_LABELS), help="the tool that the file is from")
    group.add_argument("--sheet", metavar="NAME", help="of a workbook")
    group.add_argument("--encoding", choices=list(ENCODINGS), help="of text")
    group.add_argument("--delimiter", metavar="SIGN", help="between the cells: a sign, or tab")
    group.add_argument("--header-line", type=int, metavar="N", help="the line that names the columns")
    group.add_argument("--envelope", metavar="PATH", help="of JSON: where the list is, such as data.sites")


def reading_of(options: dict[str, Any]) -> Reading:
    """What was said about the file. Ends the command with 2 for what cannot be meant."""
    delimiter = options["delimiter"] or ""
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter.lower(), delimiter)
    if len(delimiter) > 1:
        refuse(f"A delimiter is one sign, or tab; “{delimiter}” is not.")
    if options["header_line"] is not None and options["header_line"] < 1:
        refuse("Lines are counted from 1.")
    meanings = _pairs("--status", options["status"])
    if wrong := [word for word, meaning in meanings.items() if meaning not in MEANINGS]:
        refuse(f"--status {wrong[0]}=… must say {' or '.join(MEANINGS)}.")
    shape = Shape(
        encoding=options["encoding"] or "",
        delimiter=delimiter,
        sheet=options["sheet"] or "",
        header_line=options["header_line"] or 0,
        envelope=options["envelope"] or "",
    )
    return Reading(shape, options["profile"] or "", _pairs("--map", options["map"]), meanings)


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, sign, value = text.rpartition("=")
        if not sign or not name.strip():
            refuse(f"{option} {text}: there must be a = in the middle.")
        pairs[name.strip()] = value.strip()
    return pairs


def run_import(
    command: BaseCommand,
    options: dict[str, Any],
    work: Callable[[BinaryIO, ProgressLine], Report],
) -> None:
    """Import, and print the report; what went wrong as a whole goes to the error stream.

    Ends with 0 when every row is good, 1 when rows failed, 2 when the file as a whole was refused or asks
    something first, 130 when somebody pressed Ctrl-C. Where the report cannot be printed any
    more, one line says what was written.
    """
    line = ProgressLine("Rows", command.stderr)
    try:
        with opened(options["file"]) as stream:
            report = work(stream, line)
    except OSError as error:
        refuse(f"{options['file']} cannot be read: {error.strerror or error}.")
    except QuestionOpen as question:
        line.clear()
        refuse(_asked(question.plan))
    except ImportRefused as error:
        refuse(f"{error} Nothing was imported.")
    except KeyboardInterrupt:
        line.clear()
        raise CommandError("Stopped. Nothing was imported.", returncode=INTERRUPTED) from None
    finally:
        line.clear()
    form = Format(options["format"])
    try:
        WRITERS[form](report, command.stdout)
        command.stdout.flush()
    except (BrokenPipeError, KeyboardInterrupt) as stopped:
        drop_output(command)
        why = "Nobody reads the report" if isinstance(stopped, BrokenPipeError) else "Stopped while printing"
        code = BROKEN_PIPE if isinstance(stopped, BrokenPipeError) else INTERRUPTED
        raise CommandError(f"{why} (it is kept). {report.sentence()}", returncode=code) from None
    if report.failed:
        raise CommandError(report.sentence(), returncode=SOME_FAILED)
    if form is not Format.TABLE:
        command.stderr.write(report.sentence())


def _asked(plan: ColumnPlan) -> str:
    """The open questions, each with what answers it."""
    lines = []
    for question in plan.questions:
        ways = [f'--map "{name}={question.field}"' for name in question.columns]
        if not question.proposed:
            ways = [f'--map "{question.columns[0]}="', "--status WORD=active or =inactive"]
        lines.append(f"{question.text} Say {' or '.join(ways)}.")
    return "\n".join([*lines, "Nothing was imported."])


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
    for label, text in report.every_fact().items():
        out.write(f"{label}: {shown(text)}")
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
        "format": report.shape.format,
        "encoding": report.shape.encoding,
        "delimiter": report.shape.delimiter,
        "facts": report.every_fact(),
        "perhaps_the_same": [pair.to_json() for pair in report.pairs],
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
