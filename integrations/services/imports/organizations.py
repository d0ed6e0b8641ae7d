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
from integrations.files.named_rows import FileRow
from integrations.files.shape import ImportRefused
from integrations.models import AuditEvent, ImportReport, Organization, OrganizationIdentifier
from integrations.models.audit import Action
from integrations.models.identifiers import KnownId
from integrations.services.audit import Batch, organization_change
from integrations.services.imports.cells import ANY_FILE, CellReader, Said, changed_fields
from integrations.services.imports.column_names import ORGANIZATION_NAMES
from integrations.services.imports.columns import ColumnPlan
from integrations.services.imports.duplicates import (
    ASK,
    DECISIONS,
    LEFT_OUT,
    SAME,
    DuplicateFinder,
    Pair,
    Twin,
    decided_organizations,
)
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
from integrations.services.organizations.identifiers import with_ids, write_ids
from integrations.services.organizations.values import LABELS

KEY = "portal_key"
# Our own names of the columns, for the template to fill in; files may call them otherwise (columns.py).
COLUMNS = {
    field: (ORGANIZATION_NAMES[field].listed("ours")[0], *ORGANIZATION_NAMES[field].listed("plain"))
    for field in (*Organization.EDITABLE, KEY)
}
FILE = FileKind(ImportReport.Kind.ORGANIZATIONS, (Organization, OrganizationIdentifier, AuditEvent))
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
    """Import a file in one transaction, audited as one batch; the stream stays open.

    ``keep`` stores the report. Raises ImportRefused when the file as a whole cannot be read or somebody else
    writes at the same time, QuestionOpen when a column has to be chosen; then nothing is written.
    """
    with refine_integrity_error({"organization_external_id_is_unique": ImportRefused(RACED)}):
        planner = partial(_Planner, options=options)
        return import_rows(batch, stream, FILE, planner, options, keep=keep, progress=progress)


def wait_for_other_imports() -> None:
    """One import at a time, or two of the same file would both find its names missing."""
    wait_for_turn(IMPORT_TURN)


class _ReadRow(NamedTuple):
    """A good row, and the organization that it means (None: a new one)."""

    line: int
    said: Said
    key: uuid.UUID | None
    target: int | None


class _Planned(NamedTuple):
    """What a row does to its organization; ``before`` is None for a new one, ``ids`` where they stay."""

    organization: Organization
    before: dict[str, object] | None
    ids: list[KnownId] | None


class _Planner:
    """Decides row by row. Knows which organizations there are, and which rows of the file said what."""

    def __init__(self, plan: ColumnPlan, *, options: ImportOptions) -> None:
        self._lock = not options.dry_run
        if self._lock:
            wait_for_other_imports()
        self._reader = CellReader(plan.profile, options.reading.meanings)
        self._lookup = Lookup("" if self._reader.told_by == ANY_FILE else self._reader.told_by)
        self._duplicates = DuplicateFinder()
        self._decisions, self._undecided = options.decisions, options.duplicates
        self._decided = decided_organizations(options.decisions)
        self._line_of_content: dict[int, int] = {}

    def facts(self) -> dict[str, str]:
        """What was understood of all rows."""
        pairs = self._duplicates.told()
        return self._reader.facts() | ({"Perhaps the same": pairs} if pairs else {})

    def pairs(self) -> list[Pair]:
        """Rows that may be the same as another, and about which nobody has decided."""
        return self._duplicates.pairs()

    def plan(self, rows: list[FileRow], report: Report) -> list[_Planned]:
        """Report on each row; what the good ones do to organizations, which are changed in memory only."""
        keys = holders(key for row in rows if (key := _portal_key(row)) is not None)
        read = list(read_rows(rows, lambda row: self._read(row, keys)))
        meant = [row.target for row in read if isinstance(row, _ReadRow) and row.target]
        organizations = Organization.objects.order_by("pk")
        targets = (organizations.locked() if self._lock else organizations).in_bulk(meant)
        if any(pk not in targets or targets[pk].is_deleted for pk in meant):
            raise ImportRefused(RACED)  # it was there when the import began
        known = OrganizationIdentifier.objects.by_organization(targets)
        planned = []
        for row in read:
            if isinstance(row, RowResult):
                report.add(row)
                continue
            name = str(row.said.values["name"])
            plan, outcome, message = _plan(row, targets.get(row.target or 0), known.get(row.target or 0, []))
            report.add(RowResult(row.line, name, outcome, message))
            if plan:
                planned.append(plan)
        return planned

    def _read(self, row: FileRow, keys: Mapping[uuid.UUID, Holder]) -> _ReadRow:
        """What the row says, and whom it means. Raises RowFailed, RowSkipped."""
        if self._decisions.get(str(row.line)) == LEFT_OUT:
            raise RowSkipped("left out: it may be there already, and nobody has said that it is another one")
        said = self._reader.read(row)
        key = _portal_key(row)
        if row.cells.get(KEY, "").strip() and key is None:
            said.problems.append(NO_PORTAL_KEY)
        if said.problems:
            raise RowFailed("; ".join(said.problems))
        content = hash((key, *sorted(said.values.items()), *said.ids, *(said.all_ids or ())))
        if content in self._line_of_content:
            raise RowSkipped(f"repeats line {self._line_of_content[content]}")
        external_id = str(said.values.get("external_id") or "")
        target = self._lookup.target(Named(row.line, str(said.values["name"]), external_id, key), keys)
        if target is None and key is None:
            target = self._same_as(row.line, said)
        self._line_of_content[content] = row.line
        return _ReadRow(row.line, said, key, target)

    def _same_as(self, line: int, said: Said) -> int | None:
        """The organization that a new row is the same as, because somebody said so. Raises RowEnded."""
        twin = self._duplicates.look(line, said.values)
        decision = self._decisions.get(str(line)) or self._undecided
        if decision not in DECISIONS:  # the portal key of an organization
            if decision not in self._decided:
                raise RowFailed("the organization that it was said to be is not there any more")
            twin, decision = Twin("", organization=self._decided[decision]), SAME
        if twin is None:
            return None
        if decision == ASK:
            self._duplicates.tell(line, said.values, twin)
        if decision != SAME:
            return None
        if twin.line:
            raise RowSkipped(f"is the same as line {twin.line}, as you said")
        self._lookup.claim(twin.organization, line)
        external_id = str(said.values.get("external_id") or "")
        if external_id:
            said.ids.append(KnownId(OrganizationIdentifier.Kind.SOURCE_ID, self._reader.told_by, external_id))
        return twin.organization

    def write(self, batch: Batch, planned: list[_Planned]) -> None:
        """Write the rows and their audit."""
        new = [plan.organization for plan in planned if plan.before is None]
        changed = [plan for plan in planned if plan.before is not None]
        Organization.objects.rewrite([plan.organization for plan in changed])
        Organization.objects.bulk_create(new)
        told = [
            organization_change(Action.ORGANIZATION_UPDATED, plan.organization, plan.before, now)
            for plan in changed
            if (now := plan.organization.snapshot()) != plan.before
        ]
        # The new ones last: undo takes the last back first, and one of them may have an id that a changed one
        # gave up.
        told += [organization_change(Action.ORGANIZATION_IMPORTED, row, None, row.snapshot()) for row in new]
        known = {plan.organization.pk: plan.ids for plan in planned if plan.ids is not None}
        told += write_ids(known, {plan.organization.pk: plan.organization for plan in planned})
        batch.record(told)


def _plan(
    row: _ReadRow, organization: Organization | None, known: list[KnownId]
) -> tuple[_Planned | None, Outcome, str]:
    """What a good row does to the organization that it means, and what its report says."""
    said = row.said
    if organization is not None:
        _keep_external_id(said, organization, known)
    ids = with_ids(known, said.ids) if said.all_ids is None else with_ids(said.all_ids, said.ids)
    told_ids = ids if set(ids) != set(known) else None
    left = f", inactive: {said.left}" if said.left else ""
    if organization is None:
        given = {"key": row.key} if row.key else {}
        new = _Planned(Organization(**said.values, **given), None, told_ids)
        return new, Outcome.IMPORTED, f"new organization{left}"
    before = organization.snapshot()
    changed = changed_fields(organization, said.values)
    if not changed and told_ids is None:
        return None, Outcome.SKIPPED, "nothing differs from what is there"
    for field in changed:
        setattr(organization, field, said.values[field])
    labels = [LABELS[field] for field in changed]
    if told_ids is not None:
        labels.append("other tools’ ids")
    why = left if "is_active" in changed else ""
    return _Planned(organization, before, told_ids), Outcome.UPDATED, f"changes {', '.join(labels)}{why}"


def _keep_external_id(said: Said, organization: Organization, known: list[KnownId]) -> None:
    """One that is known by the tool's own id keeps the external id and the name that it has."""
    value = str(said.values.get("external_id") or "")
    own = OrganizationIdentifier.Kind.SOURCE_ID
    if organization.external_id in {"", value}:
        said.ids = [each for each in said.ids if each.kind != own or each.value != value]
    elif any(each.kind == own and each.value == value for each in (*known, *said.ids)):
        del said.values["external_id"], said.values["name"]


def _portal_key(row: FileRow) -> uuid.UUID | None:
    """The portal key that the row gives; None also for one that cannot be read."""
    with suppress(RowFailed):
        return read_portal_key(row.cells.get(KEY, "").strip())
    return None
