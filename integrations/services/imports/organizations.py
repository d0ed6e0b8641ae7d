"""Importing organizations: every row gets its outcome; all rows are written, or the good ones, or none.

Which organization a row means is told by services/imports/organization_lookup.py. An empty cell, like an
absent column, keeps what is there; a row that changes nothing is skipped. A file that comes twice changes
nothing the second time: what was written is skipped, and what was refused is refused again.

The file's contents pass through in batches. What stays in memory until the end is short: names and ids of
the organizations, and a line of report a row.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import BinaryIO, NamedTuple

from integrations.database.integrity import refine_integrity_error
from integrations.database.transactions import wait_for_turn
from integrations.files.formulas import is_formula, unescape_formula
from integrations.files.reader import Columns, FileRow, ImportRefused
from integrations.files.text import clean_text
from integrations.models import AuditEvent, ImportReport, Organization
from integrations.models.audit import Action
from integrations.services.audit import Batch, organization_change
from integrations.services.imports.organization_lookup import Holder, Lookup, Named, holders
from integrations.services.imports.reports import (
    DEFAULT_OPTIONS,
    ImportOptions,
    Outcome,
    Report,
    RowResult,
    store_report,
)
from integrations.services.imports.rows import (
    NO_PORTAL_KEY,
    FileKind,
    RowFailed,
    RowSkipped,
    import_rows,
    read_portal_key,
    read_rows,
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
FILE = FileKind(
    ImportReport.Kind.ORGANIZATIONS, Columns(COLUMNS, required=("name",)), (Organization, AuditEvent)
)
RACED = "Somebody else changed organizations at the same moment. Nothing was written; import again."
IMPORT_TURN = 0x0A61_4950  # any number that nothing else waits by


def import_organizations(
    batch: Batch,
    stream: BinaryIO,
    options: ImportOptions = DEFAULT_OPTIONS,
    *,
    keep: Callable[[Report], None] = store_report,
    progress: Callable[[int, None], None] | None = None,
) -> Report:
    """Import a CSV or JSON file in one transaction, audited as one batch; the stream stays open.

    ``keep`` stores the report. Raises ImportRefused when the file as a whole cannot be read or
    somebody else writes at the same time; then nothing is written.
    """
    with refine_integrity_error({"organization_external_id_is_unique": ImportRefused(RACED)}):
        planner = partial(_Planner, lock=not options.dry_run)
        return import_rows(batch, stream, FILE, planner, options, keep=keep, progress=progress)


def wait_for_other_imports() -> None:
    """One import at a time, or two of the same file would both find its names missing."""
    wait_for_turn(IMPORT_TURN)


class _ReadRow(NamedTuple):
    """A good row, and the organization that it means (None: a new one)."""

    line: int
    values: dict[str, str | bool]
    key: uuid.UUID | None
    target: int | None


class _Planned(NamedTuple):
    """What a row does to its organization; ``before`` is None for a new one."""

    organization: Organization
    before: dict[str, object] | None


class _Planner:
    """Decides row by row. Knows which organizations there are, and which rows of the file said what."""

    def __init__(self, *, lock: bool) -> None:
        if lock:
            wait_for_other_imports()
        self._lock = lock
        self._lookup = Lookup()
        self._line_of_content: dict[int, int] = {}

    def plan(self, rows: list[FileRow], report: Report) -> list[_Planned]:
        """Report on each row; what the good ones do to organizations, which are changed in memory only."""
        keys = holders(key for row in rows if (key := _portal_key(row)) is not None)
        read = list(read_rows(rows, lambda row: self._read(row, keys)))
        meant = [row.target for row in read if isinstance(row, _ReadRow) and row.target]
        organizations = Organization.objects.order_by("pk")
        targets = (organizations.locked() if self._lock else organizations).in_bulk(meant)
        if any(pk not in targets or targets[pk].is_deleted for pk in meant):
            raise ImportRefused(RACED)  # it was there when the import began
        planned = []
        for row in read:
            if isinstance(row, RowResult):
                report.add(row)
                continue
            plan, outcome, message = _plan(row, targets.get(row.target or 0))
            report.add(RowResult(row.line, str(row.values["name"]), outcome, message))
            if plan:
                planned.append(plan)
        return planned

    def _read(self, row: FileRow, keys: Mapping[uuid.UUID, Holder]) -> _ReadRow:
        """What the row says, and whom it means. Raises RowFailed, RowSkipped."""
        values, problems = _values(row)
        key = _portal_key(row)
        if row.cells.get(KEY, "").strip() and key is None:
            problems.append(NO_PORTAL_KEY)
        if problems:
            raise RowFailed("; ".join(problems))
        content = hash((key, *sorted(values.items())))
        if content in self._line_of_content:
            raise RowSkipped(f"repeats line {self._line_of_content[content]}")
        external_id = str(values.get("external_id") or "")
        target = self._lookup.target(Named(row.line, str(values["name"]), external_id, key), keys)
        self._line_of_content[content] = row.line
        return _ReadRow(row.line, values, key, target)

    def write(self, batch: Batch, planned: list[_Planned]) -> None:
        """Write the rows and their audit."""
        new = [plan.organization for plan in planned if plan.before is None]
        changed = [plan for plan in planned if plan.before is not None]
        Organization.objects.rewrite([plan.organization for plan in changed])
        Organization.objects.bulk_create(new)
        told = [
            organization_change(Action.ORGANIZATION_UPDATED, row, before, row.snapshot())
            for row, before in changed
        ]
        # The new ones last: undo takes the last back first, and one of them may have an id that a changed one
        # gave up.
        told += [organization_change(Action.ORGANIZATION_IMPORTED, row, None, row.snapshot()) for row in new]
        batch.record(told)


def _plan(row: _ReadRow, organization: Organization | None) -> tuple[_Planned | None, Outcome, str]:
    """What a good row does to the organization that it means, and what its report says."""
    if organization is None:
        given = {"key": row.key} if row.key else {}
        new = _Planned(Organization(**row.values, **given), None)
        return new, Outcome.IMPORTED, "new organization"
    before = organization.snapshot()
    changed = [field for field, value in row.values.items() if before[field] != value]
    if not changed:
        return None, Outcome.SKIPPED, "nothing differs from what is there"
    for field in changed:
        setattr(organization, field, row.values[field])
    labels = ", ".join(LABELS[field] for field in changed)
    return _Planned(organization, before), Outcome.UPDATED, f"changes {labels}"


def _portal_key(row: FileRow) -> uuid.UUID | None:
    """The portal key that the row gives; None also for one that cannot be read."""
    with suppress(RowFailed):
        return read_portal_key(row.cells.get(KEY, "").strip())
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
