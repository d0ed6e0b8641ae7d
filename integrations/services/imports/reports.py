"""What became of each row of an import: collected in little memory, kept, and found again.

Rows lie compressed in parts of a thousand. A part knows how many rows of each outcome it holds, so that a
page of the failed ones opens only the parts that have some.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations.database.transactions import transaction_required
from integrations.files.delimited import DELIMITERS
from integrations.files.encoding import ENCODINGS
from integrations.files.shape import Shape
from integrations.files.table import FORMATS
from integrations.files.writer import csv_lines
from integrations.models import ImportReport, ImportReportPart, IntegrationInstance, Job
from integrations.models.audit import Action
from integrations.services.audit import Actor, Batch, Change
from integrations.services.imports.duplicates import Pair

PART = 1_000
FORGOTTEN_AT_ONCE = 100  # a report of 100,000 rows has a hundred parts of some kilobytes
COLUMNS = ("line", "outcome", "name", "message")
Verdict = ImportReport.Verdict
NOBODY_ASKS = "While it waited, the account that asked for the import was closed or lost the right to it."


class Outcome(enum.StrEnum):
    """What became of a row, or would have."""

    IMPORTED = "imported"
    UPDATED = "updated"
    SKIPPED = "skipped"
    FAILED = "failed"

    def label(self, *, written: bool) -> str:
        """In words, for rows that were written and for those that only would have been."""
        if written or self in {Outcome.SKIPPED, Outcome.FAILED}:
            return self.value.capitalize()
        return f"Would be {self.value}"


class RowResult(NamedTuple):
    """One row's outcome, with its line and why. Only the verdict says whether it was written."""

    line: int
    name: str
    outcome: Outcome
    message: str


class Rows:
    """The results of an import in the order of its file, compressed as they come."""

    def __init__(self) -> None:
        self.parts: list[tuple[bytes, dict[str, int]]] = []
        self._open: list[RowResult] = []

    def __len__(self) -> int:
        return sum(sum(counts.values()) for _, counts in self.parts) + len(self._open)

    def __iter__(self) -> Iterator[RowResult]:
        for content, _ in self.parts:
            yield from unpacked(content)
        yield from self._open

    def append(self, result: RowResult) -> None:
        """Add the next row."""
        self._open.append(result)
        if len(self._open) == PART:
            self.close()

    def close(self) -> None:
        """Compress what is open."""
        if self._open:
            self.parts.append(packed(self._open))
            self._open = []


def packed(rows: Iterable[RowResult]) -> tuple[bytes, dict[str, int]]:
    """Some rows as a part keeps them, with their outcomes counted."""
    rows = list(rows)
    plain = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(plain.encode()), dict(Counter(row.outcome.value for row in rows))


def unpacked(content: bytes) -> list[RowResult]:
    """The rows of a part."""
    rows = json.loads(zlib.decompress(content))
    return [RowResult(line, name, Outcome(outcome), message) for line, name, outcome, message in rows]


@dataclass(frozen=True)
class Reading:
    """How a person wants a file read: its layout, the tool that it is from, and what its columns are.

    ``columns`` are fields by the names of columns, "" to leave one out; ``meanings`` say of words in a status
    column that they mean "active" or "inactive". What is empty is found out.
    """

    shape: Shape = field(default_factory=Shape)
    profile: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a job and a remembered mapping keep it: what was not chosen is left out."""
        shape = {name: value for name, value in asdict(self.shape).items() if value}
        told = {
            "shape": shape,
            "profile": self.profile,
            "columns": dict(self.columns),
            "meanings": dict(self.meanings),
        }
        return {name: value for name, value in told.items() if value}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Reading:
        """The other way round."""
        chosen = (dict(told.get(name, {})) for name in ("columns", "meanings"))
        return cls(Shape(**told.get("shape", {})), told.get("profile", ""), *chosen)


@dataclass(frozen=True)
class ImportOptions:
    """How a file is taken: all rows or none are written; with ``keep_good`` the good ones.

    ``dry_run`` writes nothing and reports the same. ``overwrite`` and ``restore`` are about mappings: change
    those that name another company now; keep source, confidence and reasons, and who confirmed and when, as a
    file of the portal's own export has them. Otherwise the importer has confirmed them, now. ``reading`` is
    what somebody chose about the file; ``decisions`` say of rows, by line, that may be a customer who is
    there already, whether they are the "same" or an "other" one, which one (its portal key), or to leave them
    out (""); ``duplicates`` says what the rest of such rows is: "ask" takes them for others and tells.
    """

    dry_run: bool = False
    keep_good: bool = False
    overwrite: bool = False
    restore: bool = False
    file_name: str = ""
    reading: Reading = field(default_factory=Reading)
    decisions: Mapping[str, str] = field(default_factory=dict)
    duplicates: str = "ask"

    def to_json(self) -> dict[str, Any]:
        """As a job keeps it."""
        plain = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "reading"}
        return plain | {"reading": self.reading.to_json()}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> ImportOptions:
        """The other way round; what else a job's options hold is left aside."""
        plain = {each.name: told[each.name] for each in fields(cls) if each.name in told}
        return cls(**(plain | {"reading": Reading.from_json(told.get("reading", {}))}))


DEFAULT_OPTIONS = ImportOptions()


@dataclass
class Report:
    """What an import did for ``by``, or with a dry run would do. ``key`` is the kept report's.

    ``verdict`` is REFUSED when rows failed and the good ones were not to be kept: then nothing was written.
    """

    kind: ImportReport.Kind
    by: Batch
    options: ImportOptions
    instance: IntegrationInstance | None = None
    shape: Shape = field(default_factory=Shape)
    notes: tuple[str, ...] = ()  # what was assumed of the file, in sentences
    profile: str = ""  # the tool that it is from, as people call it
    ignored: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)  # what is told of all rows, by label
    pairs: list[Pair] = field(default_factory=list)  # rows that may be the same, undecided
    rows: Rows = field(default_factory=Rows)
    counts: Counter[Outcome] = field(default_factory=Counter)
    key: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def batch(self) -> uuid.UUID | None:
        """What takes back what was written."""
        return self.by.key if self.verdict is Verdict.WRITTEN else None

    def add(self, result: RowResult) -> None:
        """Note what became of the next row."""
        self.rows.append(result)
        self.counts[result.outcome] += 1

    @property
    def failed(self) -> int:
        """How many rows have something wrong."""
        return self.counts[Outcome.FAILED]

    @property
    def verdict(self) -> Verdict:
        """What became of the file."""
        if self.options.dry_run:
            return Verdict.CHECKED
        return Verdict.REFUSED if self.failed and not self.options.keep_good else Verdict.WRITTEN

    def label(self, outcome: Outcome) -> str:
        """The outcome in words: what was not written only would have been."""
        return outcome.label(written=self.verdict is Verdict.WRITTEN)

    @property
    def written(self) -> int:
        """How many rows changed something, or would have."""
        return self.counts[Outcome.IMPORTED] + self.counts[Outcome.UPDATED]

    def every_fact(self) -> dict[str, str]:
        """What is told beside the rows, by label: how the file was read, and what was understood of it."""
        told: dict[str, str] = {}
        if self.profile:
            told["Known as"] = f"a file of {self.profile}"
        if self.shape.format and self.shape.format != "csv":
            told["Format"] = FORMATS.get(self.shape.format, self.shape.format)
        elif self.shape.delimiter:
            told["Separated by"] = DELIMITERS.get(self.shape.delimiter, self.shape.delimiter)
        encoding = self.shape.encoding
        told |= {
            "Encoding": "" if encoding == "utf-8" else ENCODINGS.get(encoding, encoding),
            "Sheet": self.shape.sheet,
            "List of rows": self.shape.envelope,
            "Assumed": " ".join(self.notes),
            **self.facts,
            "Columns not used": ", ".join(self.ignored),
        }
        return {label: text for label, text in told.items() if text}

    def sentence(self) -> str:
        """The verdict in words, with the choice that led to it."""
        rows = f"{self.failed:,} row{'' if self.failed == 1 else 's'} failed"
        if self.verdict is Verdict.CHECKED:
            foreseen = f"{rows}, so the import would write nothing."
            if not self.written and (not self.failed or self.options.keep_good):
                foreseen = "The import would write nothing: " + (
                    f"{rows}, and no other changes anything." if self.failed else "no row changes anything."
                )
            elif not self.failed:
                all_of_them = "them all" if self.written == len(self.rows) else _rows(self.written)
                foreseen = f"Every row is good: the import would write {all_of_them}."
            elif self.options.keep_good:
                foreseen = f"{rows}; the import would write the others that change something."
                if self.written + self.failed == len(self.rows):
                    foreseen = f"{rows}; the import would write the others."
            return f"Checked only, nothing was written. {foreseen}"
        if self.verdict is Verdict.REFUSED:
            return (
                f"Nothing was written, because {rows}. Mend them and import again, or choose to keep the "
                "good rows. Below is what would have become of each row."
            )
        if not self.written:
            why = f"{rows}, and no other changes anything" if self.failed else "no row changes anything"
            return f"Nothing was written: {why}."
        if self.failed:
            return f"The good rows were written; {rows} and changed nothing."
        skipped = self.counts[Outcome.SKIPPED]
        if skipped:
            return f"{_rows(self.written)} written; {skipped:,} skipped, because nothing differs there."
        return "All rows were written."


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


# --- keeping ------------------------------------------------------------------------------------------------


def open_report(
    job: Job, kind: ImportReport.Kind, actor: Actor, *, file_name: str = "", batch: uuid.UUID | None = None
) -> ImportReport:
    """The report that a background job will fill, with the job's key."""
    return ImportReport.objects.create(
        key=job.key,
        kind=kind,
        verdict=Verdict.RUNNING,
        file_name=file_name[:200],
        instance=job.instance,
        actor=job.created_by,
        actor_name=actor.name[:200],
        origin=actor.origin[:100],
        counts=dict.fromkeys(Outcome, 0),
        batch=batch,
    )


def store_report(
    report: Report,
    *,
    into: ImportReport | None = None,
    before_commit: Callable[[], object] | None = None,
) -> None:
    """Keep the report; of an import that was written, in the transaction that wrote it.

    ``into`` is the row that a background job has opened for it; ``before_commit`` is called in the
    transaction that stores it, and stops it by raising.
    """
    report.rows.close()
    with transaction.atomic():
        if before_commit:
            before_commit()
        kept = into or ImportReport(
            key=report.key,
            kind=report.kind,
            file_name=report.options.file_name[:200],
            instance=report.instance,
            actor=report.by.actor.account,
            actor_name=report.by.actor.name[:200],
            origin=report.by.actor.origin[:100],
        )
        kept.verdict = report.verdict
        kept.sentence, kept.facts = report.sentence(), report.every_fact()
        kept.counts = {outcome.value: report.counts[outcome] for outcome in Outcome}
        kept.pairs = [pair.to_json() for pair in report.pairs]
        kept.batch = report.batch
        kept.save()
        ImportReportPart.objects.bulk_create(
            ImportReportPart(report=kept, number=number, content=content, counts=counts)
            for number, (content, counts) in enumerate(report.rows.parts)
        )


@transaction_required
def add_part(kept: ImportReport, rows: list[RowResult], *, cursor: int) -> None:
    """Add rows to a report that still grows, and note how far the work has come."""
    if rows:
        content, counts = packed(rows)
        number = kept.parts.count()
        ImportReportPart.objects.create(report=kept, number=number, content=content, counts=counts)
        totals = Counter(kept.counts) + Counter(counts)
        kept.counts = {outcome.value: totals[outcome.value] for outcome in Outcome}
    kept.cursor = cursor
    kept.save(update_fields=["counts", "cursor"])


# --- finding again ------------------------------------------------------------------------------------------


def every_row(kept: ImportReport) -> Iterator[RowResult]:
    """All rows of a report, a part at a time."""
    for part in kept.parts.order_by("number").iterator(chunk_size=1):
        yield from unpacked(bytes(part.content))


def rows_between(kept: ImportReport, outcome: Outcome | None, start: int, size: int) -> list[RowResult]:
    """At most ``size`` rows of this outcome (None: all), from the ``start``-th on; opens few parts."""
    found: list[RowResult] = []
    for pk, counts in kept.parts.order_by("number").values_list("pk", "counts"):
        held = counts.get(outcome.value, 0) if outcome else sum(counts.values())
        if start >= held:
            start -= held
            continue
        content = ImportReportPart.objects.values_list("content", flat=True).get(pk=pk)
        rows = [row for row in unpacked(bytes(content)) if outcome is None or row.outcome is outcome]
        found += rows[start : start + size - len(found)]
        start = 0
        if len(found) == size:
            break
    return found


def as_csv(report: Report | ImportReport) -> Iterator[str]:
    """The rows of a report as the lines of a CSV file, formulas made harmless."""
    rows = report.rows if isinstance(report, Report) else every_row(report)
    named = (
        {"line": row.line, "outcome": row.outcome.value, "name": row.name, "message": row.message}
        for row in rows
    )
    return csv_lines(named, COLUMNS)


# --- forgetting ---------------------------------------------------------------------------------------------


def forget_reports(batch: Batch, days: int | None = None, *, dry_run: bool = False) -> int:
    """Delete the reports that are older than so many days (None: as the setting says); returns how many.

    0 days in the setting keep them for ever. Audited, once. Can be stopped and repeated at any moment. The
    history keeps what they changed, and undo works without them.
    """
    days = settings.IMPORT_REPORT_DAYS or None if days is None else days
    if days is None:
        return 0
    before = timezone.now() - dt.timedelta(days=days)
    old = ImportReport.objects.filter(at__lt=before).order_by("pk")
    if dry_run:
        return old.count()
    forgotten = 0
    while keys := list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        ImportReport.objects.filter(pk__in=keys).delete()
        forgotten += len(keys)
    if forgotten:
        told = {"reports": forgotten, "older_than_days": days}
        batch.record([Change(Action.REPORTS_FORGOTTEN, "portal", "", "Reports of imports", None, told)])
    return forgotten
