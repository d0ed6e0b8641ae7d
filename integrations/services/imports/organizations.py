"""Importing organizations: every row gets its outcome; all rows are written, or the good ones, or none.

Which organization a row means is told by services/imports/organization_lookup.py. An empty cell, like an
absent column, keeps what is there; a row that changes nothing is skipped. A file that comes twice changes
nothing the second time: what was written is skipped, and what was refused is refused again.

The file's contents pass through in batches. What stays in memory until the end is short: names and ids of
the organizations, and a line of report a row.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from django.db import IntegrityError, connection, transaction

from integrations.database.bulk import renew_statistics
from integrations.database.integrity import broken_constraint
from integrations.database.transactions import transaction_required
from integrations.files.formulas import is_formula, unescape_formula
from integrations.files.reader import Columns, FileRow, ImportRefused, TableFile, open_table_file
from integrations.files.text import clean_text
from integrations.models import AuditEvent, ImportReport, Organization
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change, organization_change
from integrations.services.imports.organization_lookup import (
    CannotTell,
    Holder,
    Lookup,
    MergedAway,
    Named,
    holders,
)
from integrations.services.imports.reports import (
    DEFAULT_STORAGE,
    Outcome,
    Report,
    ReportStorage,
    RowResult,
    Verdict,
    store_report,
)
from integrations.services.organizations.values import LABELS, ValueProblem, read_value

KEY = "portal_key"
# What other tools call the columns. The first of each is ours; letter case, blanks, "_" and "-" do not count.
COLUMNS = {
    "name": (
        "name", "organization", "organisation", "organization name", "organisation name", "company",
        "company name", "customer", "customer name", "client", "client name",
    ),
    "external_id": (
        "external id", "id", "organization id", "organisation id", "company id", "customer id", "client id",
        "reference", "uid",
    ),
    "domain": ("domain", "web", "website", "web site", "web address", "url", "homepage", "primary domain"),
    "phone": ("phone", "phone number", "telephone", "telephone number", "tel", "main phone"),
    "city": ("city", "town", "locality"),
    "state": ("state", "province", "region", "state province"),
    "postal_code": ("postal code", "postcode", "post code", "zip", "zip code", "zipcode"),
    "is_active": ("active", "is active", "enabled", "status"),
    KEY: ("portal key",),
}  # fmt: skip
BATCH = 500
IMPORT_LOCK = 0x0A61_4950  # any number that nothing else of the portal locks by


@dataclass
class _Planned:
    """A good row and what it does to its organization; ``before`` is None for a new one."""

    organization: Organization
    before: dict[str, object] | None = None


def open_organization_file(stream: BinaryIO) -> AbstractContextManager[TableFile]:
    """Read the header; the rows follow as they are asked for. Raises ImportRefused, also while reading."""
    return open_table_file(stream, Columns(COLUMNS, required=("name",)))


def import_organizations(
    batch: Batch,
    stream: BinaryIO,
    *,
    dry_run: bool = False,
    keep_good: bool = False,
    keeping: ReportStorage = DEFAULT_STORAGE,
    progress: Callable[[int, None], None] | None = None,
) -> Report:
    """Import a CSV or JSON file in one transaction, audited as one batch; the stream stays open.

    All rows or none are written; with ``keep_good`` the good ones. ``dry_run`` writes nothing and reports the
    same, without a lock that anybody waits for. ``keeping`` says how the report is kept. Raises ImportRefused
    when the file as a whole cannot be read or somebody else writes at the same time; then nothing is written
    either.
    """
    report = Report(dry_run, keep_good, batch=batch.key)
    kind = ImportReport.Kind.ORGANIZATIONS
    try:
        with (
            nullcontext() if dry_run else transaction.atomic(),
            open_organization_file(stream) as file,
        ):
            report.delimiter, report.ignored = file.delimiter, file.ignored
            if not dry_run:
                wait_for_other_imports()
            for planned in _planned_rows(file.rows, report, lock=not dry_run):
                # After the first failure a file that goes in whole or not at all is only checked to its end.
                if not dry_run and (keep_good or not report.failed):
                    _write(batch, planned)
                if progress:
                    progress(len(report.rows), None)
            if report.verdict is Verdict.WRITTEN:
                store_report(report, kind, batch.actor, keeping)
            elif not dry_run:
                transaction.set_rollback(True)
    except IntegrityError as error:
        if broken_constraint(error) != "organization_external_id_is_unique":
            raise
        raise ImportRefused(
            "Somebody else changed organizations at the same moment. Nothing was written; import again."
        ) from error
    if report.verdict is Verdict.WRITTEN:
        renew_statistics(len(report.rows), Organization, AuditEvent)
    else:
        store_report(report, kind, batch.actor, keeping)
    return report


def _planned_rows(rows: Iterator[FileRow], report: Report, *, lock: bool) -> Iterator[list[_Planned]]:
    """What the good rows do, batch by batch, each reported on. Raises ImportRefused when there is none."""
    planner = _Planner(lock=lock)
    while some := list(islice(rows, BATCH)):
        yield planner.plan(some, report)
    if not report.rows:
        raise ImportRefused("The file has a header line, but no rows below it.")


@transaction_required
def wait_for_other_imports() -> None:
    """One import at a time, or two of the same file would both find its names missing.

    SQLite's transactions queue by themselves. The lock ends with the transaction.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [IMPORT_LOCK])


class _Planner:
    """Decides row by row. Knows which organizations there are, and which rows of the file said what."""

    def __init__(self, *, lock: bool) -> None:
        self._lock = lock
        self._lookup = Lookup()
        self._line_of_content: dict[int, int] = {}

    def plan(self, rows: list[FileRow], report: Report) -> list[_Planned]:
        """Report on each row; returns what the good ones do."""
        keys = holders(key for key in map(_portal_key, rows) if key is not None)
        read = [self._read(row, keys) for row in rows]
        organizations = Organization.objects.order_by("pk")
        if self._lock:
            organizations = organizations.locked()
        targets = organizations.in_bulk([each.target for each in read if each.target is not None])
        planned = []
        for each in read:
            if each.result is not None:
                report.add(each.result)
                continue
            plan, result = _applied(each, targets)
            report.add(result)
            if plan:
                planned.append(plan)
        return planned

    def _read(self, row: FileRow, keys: Mapping[uuid.UUID, Holder]) -> _ReadRow:
        values, problems = _values(row)
        key = _portal_key(row)
        if row.cells.get(KEY, "").strip() and key is None:
            problems.append("portal key must look like 5f0d6c2e-8d1b-4a55-9b0e-2f4f6f1a7c11")
        name, external_id = str(values.get("name") or ""), str(values.get("external_id") or "")
        shown = name or clean_text(row.cells.get("name", ""))[:80]

        def ended(outcome: Outcome, message: str) -> _ReadRow:
            return _ReadRow(row.line, values, result=RowResult(row.line, shown, outcome, message))

        if row.is_empty and not row.problem:
            return ended(Outcome.SKIPPED, "the row is empty")
        if problems:
            return ended(Outcome.FAILED, "; ".join(problems))
        content = hash((key, *sorted(values.items())))
        if content in self._line_of_content:
            return ended(Outcome.SKIPPED, f"repeats line {self._line_of_content[content]}")
        try:
            target = self._lookup.target(Named(row.line, name, external_id, key), keys)
        except CannotTell as problem:
            return ended(Outcome.FAILED, str(problem))
        except MergedAway as merged:
            return ended(Outcome.SKIPPED, str(merged))
        self._line_of_content[content] = row.line
        return _ReadRow(row.line, values, target=target, key=key)


@dataclass
class _ReadRow:
    """A row after reading: its values and its target, or already its result."""

    line: int
    values: dict[str, str | bool]
    target: int | None = None
    key: uuid.UUID | None = None
    result: RowResult | None = None


def _portal_key(row: FileRow) -> uuid.UUID | None:
    """The portal key that the row gives; None also for one that cannot be read."""
    try:
        return uuid.UUID(row.cells.get(KEY, "").strip())
    except ValueError:
        return None


def _values(row: FileRow) -> tuple[dict[str, str | bool], list[str]]:
    """The values that the row gives, and everything that is wrong with it."""
    values: dict[str, str | bool] = {}
    problems = [row.problem] if row.problem else []
    for name, cell in row.cells.items():
        if name == KEY:
            continue
        try:
            value = read_value(name, _text_of(name, cell, row))
        except ValueProblem as problem:
            problems.append(str(problem))
        else:
            if value is not None:
                values[name] = value
    if "name" not in values and not any(problem.startswith("name ") for problem in problems):
        problems.insert(0, "name is empty")
    return values, problems


def _text_of(name: str, cell: str, row: FileRow) -> str:
    """The cell's text, as it was before an export made it harmless. Raises ValueProblem."""
    text = cell if row.is_exact else unescape_formula(cell)
    if "\n" in text.strip() or "\r" in text.strip():
        raise ValueProblem(f"{LABELS[name]} holds a line break; is a quotation mark missing?")
    # A telephone number such as "+1 614-555-0100" is no formula; its reader sees to the rest.
    if (
        not row.is_exact
        and text == cell
        and name != "phone"
        and (is_formula(cell) or is_formula(clean_text(cell)))
    ):
        raise ValueProblem(
            f"{LABELS[name]} begins with {_first_sign(cell)}, which a spreadsheet takes for a formula; "
            "if that is meant, put an apostrophe (') in front"
        )
    return text


def _first_sign(cell: str) -> str:
    names = {"\t": "a tab", "\r": "a line end", "\n": "a line end"}
    return names.get(cell[0]) or f'"{clean_text(cell)[0]}"'


def _applied(row: _ReadRow, targets: dict[int, Organization]) -> tuple[_Planned | None, RowResult]:
    """What a good row does to its organization (changed in memory only), with its result."""
    organization = targets.get(row.target) if row.target is not None else None
    name = str(row.values["name"])
    if organization is None:
        given = {"key": row.key} if row.key else {}
        return _Planned(Organization(**row.values, **given)), RowResult(
            row.line, name, Outcome.IMPORTED, "new organization"
        )
    before = organization.snapshot()
    changed = [field for field, value in row.values.items() if before[field] != value]
    if not changed:
        return None, RowResult(row.line, name, Outcome.SKIPPED, "nothing differs from what is there")
    for field_name in changed:
        setattr(organization, field_name, row.values[field_name])
    labels = ", ".join(LABELS[field] for field in changed)
    return _Planned(organization, before), RowResult(row.line, name, Outcome.UPDATED, f"changes {labels}")


def _write(batch: Batch, planned: Iterable[_Planned]) -> None:
    """Write a batch of rows and their audit."""
    new = [plan.organization for plan in planned if plan.before is None]
    changed = [plan for plan in planned if plan.before is not None]
    Organization.objects.rewrite([plan.organization for plan in changed])
    Organization.objects.bulk_create(new)
    batch.record(_changes(new, changed))


def _changes(new: Iterable[Organization], changed: Iterable[_Planned]) -> Iterator[Change]:
    # The new ones last: undo takes the last back first, and one of them may have an id that a changed one
    # gave up.
    for plan in changed:
        row = plan.organization
        yield organization_change(Action.ORGANIZATION_UPDATED, row, plan.before, row.snapshot())
    for row in new:
        yield organization_change(Action.ORGANIZATION_IMPORTED, row, None, row.snapshot())
