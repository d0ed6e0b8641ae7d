"""Importing mappings: every row gets its outcome; all rows are written, or the good ones, or none.

Which organization and company a row means is told by services/imports/mapping_lookup.py; what cannot be told
for certain fails and says so. What is mapped otherwise already is skipped, unless the import is told to
overwrite; a mapping of another configuration is never touched. A row with the source "ignored" and no company
says that its organization is deliberately not mapped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from django.contrib.auth.models import User
from django.utils import timezone

from integrations.files.named_rows import FileRow
from integrations.files.text import clean_text, name_key
from integrations.models import (
    AuditEvent,
    Company,
    IgnoredOrganization,
    ImportReport,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
)
from integrations.models.audit import Action
from integrations.models.mappings import MappingSource
from integrations.services.audit import Batch, Change, mapping_event
from integrations.services.exports.mappings import IGNORED
from integrations.services.imports.columns import ColumnPlan
from integrations.services.imports.duplicates import Pair
from integrations.services.imports.mapping_lookup import Companies, Keys, MappingLookup
from integrations.services.imports.mapping_rows import MappingRow, read_mapping
from integrations.services.imports.reports import (
    DEFAULT_OPTIONS,
    ImportOptions,
    Outcome,
    Report,
    RowResult,
    store_report,
)
from integrations.services.imports.rows import (
    FileKind,
    RowEnded,
    RowFailed,
    RowSkipped,
    import_rows,
    read_rows,
)
from integrations.services.suggestions.decisions import decision

FILE = FileKind(ImportReport.Kind.MAPPINGS, (OrganizationMapping, AuditEvent))


def import_mappings(
    batch: Batch,
    stream: BinaryIO,
    instance: IntegrationInstance | None = None,
    options: ImportOptions = DEFAULT_OPTIONS,
    *,
    keep: Callable[[Report], None] = store_report,
    progress: Callable[[int, None], None] | None = None,
) -> Report:
    """Import a file in one transaction, audited as one batch; the stream stays open.

    Every row belongs to ``instance``, or to the configuration that it names. ``keep`` stores the report.
    Raises ImportRefused when the file as a whole cannot be read, QuestionOpen when a column has to be chosen;
    then nothing is written.
    """

    def planner(plan: ColumnPlan) -> _Planner:
        return _Planner(instance, options, plan)

    return import_rows(batch, stream, FILE, planner, options, instance=instance, keep=keep, progress=progress)


@dataclass(slots=True)
class _ReadRow:
    """What a row says, and for which configuration."""

    line: int
    wanted: MappingRow
    instance: IntegrationInstance

    @property
    def name(self) -> str:
        """What the report calls it."""
        wanted = self.wanted
        return wanted.name or wanted.external_id or str(wanted.portal_key or wanted.organization_id)


@dataclass(slots=True)
class _Planned:
    """A row whose organization is known, and its company (None: deliberately not mapped), and what stands."""

    row: _ReadRow
    organization: int
    company: Company | None
    mapping: OrganizationMapping | None = None

    @property
    def place(self) -> tuple[int, str]:
        """Where its mapping stands: organization and PSA."""
        return self.organization, self.row.instance.psa


class _Planner:
    """Decides row by row. Knows which rows of the file said what."""

    def __init__(
        self, instance: IntegrationInstance | None, options: ImportOptions, plan: ColumnPlan
    ) -> None:
        self._options = options
        self._finder = MappingLookup(instance, lock=not options.dry_run)
        self._lines: dict[tuple[int, str], tuple[int, int]] = {}
        self._people = User.objects.in_bulk(field_name="username") if options.restore else {}

    def facts(self) -> dict[str, str]:
        """Nothing beside the rows."""
        return {}

    def pairs(self) -> list[Pair]:
        """None: organizations are not made."""
        return []

    def plan(self, rows: list[FileRow], report: Report) -> list[_Planned]:
        """Report on each row; what is to be mapped or ignored."""
        read = list(read_rows(rows, self._read))
        readable = [row for row in read if isinstance(row, _ReadRow)]
        companies = self._finder.companies((row.wanted, row.instance) for row in readable)
        keys = self._finder.keys(row.wanted for row in readable)
        placed = [row if isinstance(row, RowResult) else self._placed(row, keys) for row in read]
        organizations = [row.organization for row in placed if isinstance(row, _Planned)]
        found = OrganizationMapping.objects.filter(organization__in=organizations)
        found = found if self._options.dry_run else found.locked()
        # Read one after the other: a join of thousands goes wrong where the database expects a few.
        standing = found.prefetch_related("company", "instance")
        mappings = {(mapping.organization_id, mapping.psa): mapping for mapping in standing}
        ignoring = IgnoredOrganization.objects.filter(organization__in=organizations)
        ignored = set(ignoring.values_list("organization_id", "psa"))
        meant = [
            row if isinstance(row, RowResult) else self._meant(row, companies, mappings.get(row.place))
            for row in placed
        ]
        planned = []
        for plan in meant:
            if isinstance(plan, RowResult):
                report.add(plan)
                continue
            outcome, message = self._outcome(plan, is_ignored=plan.place in ignored)
            report.add(RowResult(plan.row.line, plan.row.name, outcome, message))
            if outcome in {Outcome.IMPORTED, Outcome.UPDATED}:
                planned.append(plan)
        return planned

    def _read(self, row: FileRow) -> _ReadRow:
        wanted = read_mapping(row)
        return _ReadRow(row.line, wanted, self._finder.instance(wanted))

    def _placed(self, row: _ReadRow, keys: Keys) -> _Planned | RowResult:
        """The row with the organization that it means."""
        try:
            return _Planned(row, self._finder.organization(row.wanted, keys), None)
        except RowEnded as ended:
            return RowResult(row.line, row.name, ended.outcome, str(ended))

    def _meant(
        self, plan: _Planned, companies: Companies, mapping: OrganizationMapping | None
    ) -> _Planned | RowResult:
        """The row with the company that it means; what is so already need not be possible any more."""
        row, plan.mapping = plan.row, mapping
        try:
            if (now := _in_force(row, mapping)) is not None:
                plan = replace(plan, company=now.company)
                self._refuse_double(plan)
                raise RowSkipped(_already(row.wanted, now.company))
            if row.wanted.source != IGNORED:
                company = self._finder.company(row.wanted, row.instance, companies)
                plan = replace(plan, company=company)
            self._refuse_double(plan)
        except RowEnded as ended:
            return RowResult(row.line, row.name, ended.outcome, str(ended))
        return plan

    def _refuse_double(self, plan: _Planned) -> None:
        """Raise RowEnded when a row above means the same organization."""
        meant = plan.company.pk if plan.company else 0
        line, company = self._lines.setdefault(plan.place, (plan.row.line, meant))
        if line == plan.row.line:
            return
        if company == meant:
            raise RowSkipped(f"repeats line {line}")
        raise RowFailed(f"line {line} maps the same organization to another company")

    def _outcome(self, plan: _Planned, *, is_ignored: bool) -> tuple[Outcome, str]:
        mapping = plan.mapping if plan.mapping and plan.mapping.is_in_force else None
        if plan.company is None:
            if mapping is not None:
                return Outcome.FAILED, f"is mapped to “{mapping.company.name}”; clear that first"
            if is_ignored:
                return Outcome.SKIPPED, "is ignored already"
            return Outcome.IMPORTED, "is ignored from now on: deliberately not mapped"
        company = f"“{plan.company.name}” (id {plan.company.remote_id})"
        note = "" if plan.company.is_active else "; the company is inactive"
        if mapping is None:
            return Outcome.IMPORTED, f"mapped to {company}{note}"
        if mapping.instance_id != plan.row.instance.pk:
            here = plan.row.instance.name
            return Outcome.FAILED, f"is mapped in “{mapping.instance.name}”; move it on the page of “{here}”"
        if mapping.company_id == plan.company.pk:
            return Outcome.SKIPPED, f"is mapped to {company} already"
        if not self._options.overwrite:
            now = mapping.company.name
            return Outcome.SKIPPED, f"is mapped to “{now}” now; choose to overwrite to change that"
        return Outcome.UPDATED, f"mapped to {company} instead of “{mapping.company.name}”{note}"

    # --- writing --------------------------------------------------------------------------------------------

    def write(self, batch: Batch, planned: list[_Planned]) -> None:
        """Map and ignore, and tell the audit."""
        organizations = Organization.objects.only("name").in_bulk([plan.organization for plan in planned])
        written: list[OrganizationMapping] = []
        ignored: list[IgnoredOrganization] = []
        changes: list[Change] = []
        for plan in planned:
            organization, instance = organizations[plan.organization], plan.row.instance
            if plan.company is None:
                ignored.append(self._ignoring(plan, organization, batch))
                changes.append(decision(Action.ORGANIZATION_IGNORED, organization, instance))
                continue
            before = plan.mapping.snapshot() if plan.mapping else None
            mapping = plan.mapping or OrganizationMapping(
                organization_id=plan.organization, psa=instance.psa, version=0
            )
            self._assign(plan.row.wanted, plan.company, mapping, batch)
            written.append(mapping)
            told = (organization.name, plan.company.name)
            changes.append(mapping_event(Action.MAPPING_IMPORTED, mapping, before, told, instance))
        OrganizationMapping.objects.write(written)
        IgnoredOrganization.objects.bulk_create(ignored)
        batch.record(changes)

    def _assign(
        self, wanted: MappingRow, company: Company, mapping: OrganizationMapping, batch: Batch
    ) -> None:
        now = timezone.now()
        if not self._options.restore:
            mapping.assign(company, by=batch.actor.account, at=now, source=MappingSource.IMPORTED)
            return
        mapping.assign(
            company,
            by=self._people.get(wanted.confirmed_by),
            at=wanted.confirmed_at or now,
            source=wanted.source or MappingSource.IMPORTED,
            confidence=wanted.confidence,
            reasons=wanted.reasons,
            matcher_version=wanted.matcher_version,
            by_name=wanted.confirmed_by,
            known_as=_name_then(wanted, company),
        )

    def _ignoring(self, plan: _Planned, organization: Organization, batch: Batch) -> IgnoredOrganization:
        psa, wanted = plan.row.instance.psa, plan.row.wanted
        ignoring = IgnoredOrganization(organization=organization, psa=psa, ignored_by=batch.actor.account)
        if self._options.restore:
            ignoring.ignored_by = self._people.get(wanted.confirmed_by)
            ignoring.ignored_by_name = "" if ignoring.ignored_by else wanted.confirmed_by
            ignoring.ignored_at = wanted.confirmed_at or ignoring.ignored_at
        return ignoring


def _in_force(row: _ReadRow, mapping: OrganizationMapping | None) -> OrganizationMapping | None:
    """The mapping, if it is what the row asks for: whatever became of the company since, nothing is to do."""
    wanted = row.wanted
    if mapping is None or not mapping.is_in_force or mapping.instance_id != row.instance.pk:
        return None
    if wanted.company_id:
        return mapping if mapping.company.remote_id == wanted.company_id else None
    same = bool(wanted.company_name) and name_key(wanted.company_name) == name_key(mapping.company.name)
    return mapping if same else None


def _already(wanted: MappingRow, company: Company) -> str:
    """That nothing is to do, with what the file does not know of the company."""
    said = f"is mapped to “{company.name}” (id {company.remote_id}) already"
    if wanted.company_name and name_key(wanted.company_name) != name_key(company.name):
        said += f"; the file calls it “{wanted.company_name}”"
    if company.missing_since is not None:
        said += "; it is no longer in Autotask"
    return said


def _name_then(wanted: MappingRow, company: Company) -> str | None:
    """The name by which the company was known, None for its present one; a file holds names cleaned."""
    return None if wanted.confirmed_name == clean_text(company.name) else wanted.confirmed_name
