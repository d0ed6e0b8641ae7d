"""Importing organizations: every row gets its outcome; all rows are written, or the good ones, or none.

Which organization a row means:
- the one with its portal key, which only files of the portal's own export have;
- else the one with its external id;
- else, for an external id that is new, the only one of the same name without an external id: it gets the id;
- without an external id, the only one of the same name.
Otherwise it is a new one, with the row's portal key if it has one, so that an emptied portal gets the same
organizations back. Deleted organizations are not looked at. An empty cell, like an absent column,
keeps what is there; a row that changes nothing is skipped.

The file's contents pass through in batches. What stays in memory until the end is short: names and ids of
the organizations, and a line of report a row.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from django.db import IntegrityError, connection, transaction

from integrations.database.bulk import renew_statistics
from integrations.files.formulas import is_formula, unescape_formula
from integrations.files.text import clean_text, name_key
from integrations.models import AuditEvent, ImportReport, Organization
from integrations.models.audit import Action
from integrations.services.audit import Actor, Batch, Change, organization_change
from integrations.services.imports.organization_rows import (
    KEY,
    FileRow,
    ImportRefused,
    open_organization_file,
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
from integrations.services.organizations.merge import merged_external_ids
from integrations.services.organizations.values import LABELS, ValueProblem, read_value

BATCH = 500
IMPORT_LOCK = 0x0A61_4950  # any number that nothing else of the portal locks by


@dataclass
class _Planned:
    """A good row and what it does to its organization; ``before`` is None for a new one."""

    organization: Organization
    before: dict[str, object] | None = None


def import_organizations(
    actor: Actor,
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
    batch = Batch(actor)
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
            planner = _Planner(lock=not dry_run)
            while rows := list(islice(file.rows, BATCH)):
                planned = planner.plan(rows, report)
                # After the first failure a file that goes in whole or not at all is only checked to its end.
                if not dry_run and (keep_good or not report.failed):
                    _write(batch, planned)
                if progress:
                    progress(len(report.rows), None)
            if not report.rows:
                raise ImportRefused("The file has a header line, but no rows below it.")
            if report.verdict is Verdict.WRITTEN:
                store_report(report, kind, actor, keeping)
            elif not dry_run:
                transaction.set_rollback(True)
    except IntegrityError as error:
        raise ImportRefused(
            "Somebody else changed organizations at the same moment. Nothing was written; import again."
        ) from error
    if report.verdict is Verdict.WRITTEN:
        renew_statistics(len(report.rows), Organization, AuditEvent)
    else:
        store_report(report, kind, actor, keeping)
    return report


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
        self._by_external_id: dict[str, int] = {}
        # By the hash of the name. Names are many and namesakes few, so these lie beside: hashes and numbers
        # take a fraction of names and tuples.
        self._by_name: dict[int, int] = {}
        self._namesakes: dict[int, tuple[int, ...]] = {}
        self._without_external_id: set[int] = set()
        present = Organization.objects.present().order_by("pk").values_list("pk", "name", "external_id")
        for pk, name, external_id in present.iterator(chunk_size=2_000):
            key = hash(name_key(name))
            if key in self._by_name:
                self._namesakes[key] = (*self._namesakes.get(key, ()), pk)
            else:
                self._by_name[key] = pk
            if external_id:
                self._by_external_id[external_id] = pk
            else:
                self._without_external_id.add(pk)
        self._merged_into = merged_external_ids()
        self._line_of_external_id: dict[str, int] = {}
        # Lines with an id of their own, external or portal key, count below zero.
        self._line_of_name: dict[int, int] = {}
        self._more_lines_of_name: dict[int, tuple[int, ...]] = {}
        self._line_of_target: dict[int, int] = {}
        self._lines_of_key: dict[uuid.UUID, int] = {}
        self._line_of_content: dict[int, int] = {}

    def plan(self, rows: list[FileRow], report: Report) -> list[_Planned]:
        """Report on each row; returns what the good ones do."""
        holders = _holders(rows)
        read = [self._read(row, holders) for row in rows]
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

    def _read(self, row: FileRow, holders: _Holders) -> _ReadRow:
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
        if problem := self._double(name, external_id, key):
            return ended(Outcome.FAILED, problem)
        if external_id in self._merged_into and external_id not in self._by_external_id:
            return ended(Outcome.SKIPPED, f"was merged into “{self._merged_into[external_id]}”")
        if key in holders:
            target, problem = self._with_key(holders[key], external_id)
        else:
            target, problem = self._target(name, external_id)
        if problem:
            return ended(Outcome.FAILED, problem)
        if target is not None and target in self._line_of_target:
            line = self._line_of_target[target]
            return ended(Outcome.FAILED, f"means the same organization as line {line}")
        self._line_of_content[content] = row.line
        hashed = hash(name_key(name))
        signed = -row.line if external_id or key else row.line
        if hashed in self._line_of_name:
            self._more_lines_of_name[hashed] = (*self._more_lines_of_name.get(hashed, ()), signed)
        else:
            self._line_of_name[hashed] = signed
        if key:
            self._lines_of_key[key] = row.line
        if external_id:
            self._line_of_external_id[external_id] = row.line
        if target is not None:
            self._line_of_target[target] = row.line
            if external_id:  # it has one from here on: a namesake with another one is somebody else
                self._without_external_id.discard(target)
        return _ReadRow(row.line, values, target=target, key=key)

    def _double(self, name: str, external_id: str, key: uuid.UUID | None) -> str:
        """What an earlier good row of the file already said, "" if nothing."""
        if key in self._lines_of_key:
            return f"has the same portal key as line {self._lines_of_key[key]}"
        if external_id and external_id in self._line_of_external_id:
            return f"has the same external id as line {self._line_of_external_id[external_id]}"
        for line in _all(self._line_of_name, self._more_lines_of_name, hash(name_key(name))):
            if not ((external_id or key) and line < 0):
                return f"has the same name as line {abs(line)}; namesakes need an external id each"
        return ""

    def _with_key(self, holder: tuple[int, bool], external_id: str) -> tuple[int | None, str]:
        """The organization that has the row's portal key; or why the row cannot change it."""
        target, is_deleted = holder
        if is_deleted:
            return None, "the organization with this portal key was deleted; restore it first"
        if self._by_external_id.get(external_id, target) != target:
            return None, "another organization has this external id"
        return target, ""

    def _target(self, name: str, external_id: str) -> tuple[int | None, str]:
        """The organization that the row means, None for a new one; or why it cannot be told."""
        if external_id in self._by_external_id:
            return self._by_external_id[external_id], ""
        namesakes = _all(self._by_name, self._namesakes, hash(name_key(name)))
        if external_id:
            namesakes = tuple(pk for pk in namesakes if pk in self._without_external_id)
        if len(namesakes) > 1:
            which = " without an external id" if external_id else ""
            return (
                None,
                f"{len(namesakes)} organizations{which} have this name; it cannot be told which is meant",
            )
        return (namesakes[0] if namesakes else None), ""


@dataclass
class _ReadRow:
    """A row after reading: its values and its target, or already its result."""

    line: int
    values: dict[str, str | bool]
    target: int | None = None
    key: uuid.UUID | None = None
    result: RowResult | None = None


_Holders = dict[uuid.UUID | None, tuple[int, bool]]


def _portal_key(row: FileRow) -> uuid.UUID | None:
    """The portal key that the row gives; None also for one that cannot be read."""
    try:
        return uuid.UUID(row.cells.get(KEY, "").strip())
    except ValueError:
        return None


def _holders(rows: Iterable[FileRow]) -> _Holders:
    """Which organizations have the portal keys of these rows, and whether they are deleted."""
    keys = {key for key in map(_portal_key, rows) if key is not None}
    if not keys:
        return {}
    found = Organization.objects.filter(key__in=keys).values_list("key", "pk", "deleted_at")
    return {key: (pk, deleted_at is not None) for key, pk, deleted_at in found}


def _all(first: dict[int, int], others: dict[int, tuple[int, ...]], key: int) -> tuple[int, ...]:
    """Everything that the two hold under the key."""
    return (first[key], *others.get(key, ())) if key in first else ()


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
    Organization.objects.bulk_create(new)
    # An upsert by the primary key of rows that exist: a seventh of the time of `bulk_update`, whose CASE
    # expressions grow with rows times fields.
    Organization.objects.bulk_create(
        [plan.organization for plan in changed],
        update_conflicts=True,
        unique_fields=["pk"],
        update_fields=[*Organization.EDITABLE, "updated_at"],
    )
    batch.record(_changes(new, changed))


def _changes(new: Iterable[Organization], changed: Iterable[_Planned]) -> Iterator[Change]:
    for row in new:
        yield organization_change(Action.ORGANIZATION_IMPORTED, row, None, row.snapshot())
    for plan in changed:
        row = plan.organization
        yield organization_change(Action.ORGANIZATION_UPDATED, row, plan.before, row.snapshot())
