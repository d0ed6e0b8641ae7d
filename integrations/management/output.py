"""What the commands share: choosing instances by name, and printing rows as a table, JSON or CSV."""

from __future__ import annotations

import argparse
import contextlib
import csv
import enum
import getpass
import io
import json
import os
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper

from integrations.files.formulas import escape_formula
from integrations.files.writer import WRITERS
from portal.private_files import close_output

if TYPE_CHECKING:
    from integrations.models import IntegrationInstance
    from integrations.services.audit import Actor

# Exit codes. Python itself ends with 1 for an unexpected error and with 2 for a wrong command line.
SOME_FAILED = 1
WRONG_USE = 2

BAR_WIDTH = 24
REDRAW_SECONDS = 0.1
CELL_LIMIT = 60


class Format(enum.StrEnum):
    """How a command prints its rows: for people, for programs, for spreadsheets."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Row = Mapping[str, object]

# --- arguments ----------------------------------------------------------------------------------------


def add_format(parser: CommandParser) -> None:
    """Declare ``--format``."""
    parser.add_argument("--format", choices=[form.value for form in Format], default=Format.TABLE.value)


def add_instances(parser: CommandParser) -> None:
    """Declare ``NAME... | --all``."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="configurations by name, in any letter case")
    parser.add_argument("--all", action="store_true", help="every configuration")


def with_example(parser: CommandParser, *examples: str) -> None:
    """Show examples below the options of ``--help``, one a line."""
    title = "example" if len(examples) == 1 else "examples"
    parser.epilog = f"{title}:\n" + "\n".join(f"  manage.py {example}" for example in examples)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


# --- choosing instances -------------------------------------------------------------------------------


def chosen_instances(names: Sequence[str], *, every: bool) -> list[IntegrationInstance]:
    """The configurations that ``NAME...`` or ``--all`` mean, each once, in the order of the names.

    Raises CommandError (wrong use) for no or contradictory choices and for unknown names, listing the
    known ones.
    """
    from integrations.models import IntegrationInstance

    present = list(IntegrationInstance.objects.present())
    if every:
        if names:
            raise CommandError("Give names or --all, not both.", returncode=WRONG_USE)
        return present
    if not names:
        raise CommandError(f"Name configurations, or give --all. {_known(present)}", returncode=WRONG_USE)
    chosen = {}
    for name in names:
        named = [instance for instance in present if instance.name.casefold() == name.strip().casefold()]
        if not named:
            raise CommandError(
                f"No configuration is called “{name}”. {_known(present)}", returncode=WRONG_USE
            )
        chosen.update({instance.pk: instance for instance in named})
    return list(chosen.values())


def chosen_instance(name: str) -> IntegrationInstance:
    """The one configuration of this name. Raises CommandError (wrong use) for none or several."""
    chosen = chosen_instances([name], every=False)
    if len(chosen) > 1:
        systems = ", ".join(instance.psa for instance in chosen)
        raise CommandError(f"Several configurations are called “{name}” ({systems}).", returncode=WRONG_USE)
    return chosen[0]


def _known(present: Iterable[IntegrationInstance]) -> str:
    names = ", ".join(f"“{instance.name}”" for instance in present)
    return f"Known are: {names}." if names else "There is no configuration yet; add one in the browser."


def command_actor(command: str) -> Actor:
    """Who the audit names for what a command does: the user of the operating system."""
    from integrations.services.audit import Actor

    try:
        person = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        person = "an operator"
    return Actor(name=person, origin=f"command {command}")


# --- printing -----------------------------------------------------------------------------------------


def write_rows(
    rows: Iterable[Row], columns: Sequence[str], form: Format, out: TextIO | OutputWrapper
) -> None:
    """Print the rows. ``columns`` are the keys that the table and the CSV show; JSON has every key.

    The table cuts long cells, but never the last column, which is where explanations belong.
    """
    if form is Format.JSON:
        out.write(json.dumps([dict(row) for row in rows], indent=1, ensure_ascii=False, default=str) + "\n")
    elif form is Format.CSV:
        _write_csv(rows, columns, out)
    else:
        _write_table(rows, columns, out)


def keep_output_private(command: BaseCommand) -> None:
    """Where the output goes into a file, let nobody else on the machine read it."""
    stream = getattr(command.stdout, "_out", command.stdout)
    with contextlib.suppress(io.UnsupportedOperation, ValueError, AttributeError):  # no file at all: a test
        close_output(stream.fileno())


def drop_output(command: BaseCommand) -> None:
    """Let go what nobody reads any more: the rest in its buffer would fail once more when Python ends."""
    stream: TextIO = sys.stdout
    if getattr(command.stdout, "_out", None) is stream:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_file(
    rows: Iterable[Row], columns: Sequence[str], form: str, noun: str, command: BaseCommand
) -> None:
    """Write an export (``form``: csv or json) to the standard output, its length to the error stream."""
    count = 0
    keep_output_private(command)

    def counted() -> Iterator[Row]:
        nonlocal count
        for count, row in enumerate(rows, start=1):  # noqa: B007  # read after the loop
            yield row

    for line in WRITERS[form](counted(), columns):
        command.stdout.write(line, ending="")
    command.stderr.write(f"{count:,} {noun}{'' if count == 1 else 's'} exported.")


def _write_csv(rows: Iterable[Row], columns: Sequence[str], out: TextIO | OutputWrapper) -> None:
    """With a header of the keys themselves, and without cells that a spreadsheet would run."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([escape_formula(_text(row[column])) for column in columns])


def _write_table(rows: Iterable[Row], columns: Sequence[str], out: TextIO | OutputWrapper) -> None:
    table = [[column.replace("_", " ").capitalize() for column in columns]]
    for row in rows:
        cells = [shown(_text(row[column])) for column in columns]
        table.append([*map(_cut, cells[:-1]), cells[-1]])
    widths = [max(_width(line[place]) for line in table) for place in range(len(columns))]
    lines = []
    for line in table:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    out.write("\n".join(lines) + "\n")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value))
    return str(value)


def shown(text: str) -> str:
    """Without signs that steer a terminal or turn the reading direction."""
    return "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in text)


def _cut(cell: str) -> str:
    return cell if len(cell) <= CELL_LIMIT else f"{cell[: CELL_LIMIT - 1]}…"


def _width(text: str) -> int:
    """Columns on a terminal: East Asian signs take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


# --- progress -----------------------------------------------------------------------------------------


class ProgressLine:
    """One line of a terminal that is drawn over and over. In a pipe or a file it says nothing."""

    def __init__(self, title: str, stream: TextIO | OutputWrapper) -> None:
        self.title = title
        self._stream = stream
        self.visible = bool(stream.isatty())
        self._drawn = 0.0

    def show(self, done: int, total: int | None, message: str = "") -> None:
        """Draw how far the work is, at most ten times a second."""
        now = time.monotonic()
        finished = total is not None and done >= total
        if not self.visible or (now - self._drawn < REDRAW_SECONDS and not finished):
            return
        self._drawn = now
        if total:
            filled = min(BAR_WIDTH, BAR_WIDTH * done // total)
            bar = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {done:,} of {total:,}"
        else:
            bar = f"{done:,}" if done else "…"
        room = shutil.get_terminal_size().columns - 1
        line = shown(f"{self.title}: {bar}  {message}".rstrip())[:room]
        self._draw(f"\r\x1b[K{line}")

    def clear(self) -> None:
        """Take the line away."""
        if self.visible and self._drawn:
            self._draw("\r\x1b[K")

    def _draw(self, text: str) -> None:
        # Not through Django's wrapper, which would end the line.
        stream = getattr(self._stream, "_out", self._stream)
        stream.write(text)
        stream.flush()
