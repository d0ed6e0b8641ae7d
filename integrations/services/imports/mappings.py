"""Importing mappings: every row gets its outcome; all rows are written, or the good ones, or none.

Which organization and company a row means is told by services/imports/mapping_lookup.py; what cannot be told
for certain fails and says so. What is mapped otherwise already is skipped, unless the import is told to
overwrite; a mapping of another configuration is never touched. A row with the source "ignored" and no company
says that its organization is deliberately not mapped.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from integrations.database.bulk import renew_statistics
from integrations.files.reader import FileRow, ImportRefused
from integrations.files.text import clean_text
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
from integrations.services.imports.mapping_lookup import Companies, Keys, MappingLookup, Skip
from integrations.services.imports.mapping_rows import (
    MappingRow,
    RowProblem,
    open_mapping_file,
    read_mapping,
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
from integrations.services.suggestions.decisions import decision

BATCH = 500


@dataclass(frozen=True)
class MappingImportOptions:
    """How a file of mappings is taken.

    ``restore`` keeps source, confidence and reasons, and who confirmed and when, as the file has them: for a
    file of the portal's own export. Otherwise the importer has confirmed them, now.
    """

    dry_run: bool = False
    keep_good: bool = False
    overwrite: bool = False
    restore: bool = False


@dataclass(slots=True)
class _Planned:
    """A row whose organization is known, and its company; None: it is deliberately not mapped."""

    line: int
    name: str
    wanted: MappingRow
    instance: IntegrationInstance
    organization: int
    company: Company | None


def import_mappings(
    batch: Batch,
    stream: BinaryIO,
    instance: IntegrationInstance | None = None,
    options: MappingImportOptions = MappingImportOptions(),  # frozen
    *,
    keeping: ReportStorage = DEFAULT_STORAGE,
    progress: Callable[[int, None], None] | None = None,
) -> Report:
    """Import a CSV or JSON file in one transaction, audited as one batch; the stream stays open.

    Every row belongs to ``instance``, or to the configuration that it names. ``keeping`` says how the report
    is kept. A dry run takes no lock, so that nobody waits for it. Raises ImportRefused when the file as a
    whole cannot be read; then nothing is written.
    """
    report = Report(options.dry_run, options.keep_good, batch=batch.key)
    with (
        nullcontext() if options.dry_run else transaction.atomic(),
        open_mapping_file(stream) as file,
    ):
        report.delimiter, report.ignored = file.delimiter, file.ignored
        planner = _Planner(instance, options)
        while rows := list(islice(file.rows, BATCH)):
            planned = planner.plan(rows)
            write = not options.dry_run and (options.keep_good or not report.failed)
            planner.apply(planned, report, batch if write else None)
            if progress:
                progress(len(report.rows), None)
        if not report.rows:
            raise ImportRefused("The file has no rows.")
        if report.verdict is Verdict.WRITTEN:
            store_report(report, ImportReport.Kind.MAPPINGS, batch.actor, keeping, instance=instance)
        elif not options.dry_run:
            transaction.set_rollback(True)
    if report.verdict is Verdict.WRITTEN:
        renew_statistics(len(report.rows), OrganizationMapping, AuditEvent)
    else:
        store_report(report, ImportReport.Kind.MAPPINGS, batch.actor, keeping, instance=instance)
    return report


class _Planner:
    """Decides row by row. Knows which rows of the file said what."""

    def __init__(self, instance: IntegrationInstance | None, options: MappingImportOptions) -> None:
        self._options = options
        self._finder = MappingLookup(instance, lock=not options.dry_run)
        self._lines: dict[tuple[int, str], tuple[int, int]] = {}
        self._people = User.objects.in_bulk(field_name="username") if options.restore else {}

    def plan(self, rows: list[FileRow]) -> list[_Planned | RowResult]:
        """What each row means, or already its result, in the order of the file."""
        read: list[tuple[int, MappingRow, IntegrationInstance] | RowResult] = []
        for row in rows:
            shown = " ".join(row.cells.get("name", "").split())[:80]
            if row.is_empty and not row.problem:
                read.append(RowResult(row.line, shown, Outcome.SKIPPED, "the row is empty"))
                continue
            try:
                wanted = read_mapping(row)
                read.append((row.line, wanted, self._finder.instance(wanted)))
            except RowProblem as problem:
                read.append(RowResult(row.line, shown, Outcome.FAILED, str(problem)))
            except Skip as skip:
                read.append(RowResult(row.line, shown, Outcome.SKIPPED, str(skip)))
        readable = [each for each in read if not isinstance(each, RowResult)]
        companies = self._finder.companies((wanted, instance) for _, wanted, instance in readable)
        keys = self._finder.keys(wanted for _, wanted, _ in readable)
        return [each if isinstance(each, RowResult) else self._meant(*each, companies, keys) for each in read]

    def _meant(
        self,
        line: int,
        wanted: MappingRow,
        instance: IntegrationInstance,
        companies: Companies,
        keys: Keys,
    ) -> _Planned | RowResult:
        shown = wanted.name or wanted.external_id or str(wanted.portal_key or wanted.organization_id)
        try:
            organization = self._finder.organization(wanted, keys)
            company = None
            if wanted.source != IGNORED:
                company = self._finder.company(wanted, instance, companies)
            self._no_double(line, organization, company, instance)
        except RowProblem as problem:
            return RowResult(line, shown, Outcome.FAILED, str(problem))
        except Skip as skip:
            return RowResult(line, shown, Outcome.SKIPPED, str(skip))
        return _Planned(line, shown, wanted, instance, organization, company)

    def _no_double(
        self, line: int, organization: int, company: Company | None, instance: IntegrationInstance
    ) -> None:
        place, meant = (organization, instance.psa), company.pk if company else 0
        if place not in self._lines:
            self._lines[place] = (line, meant)
            return
        earlier, its_company = self._lines[place]
        if its_company == meant:
            raise Skip(f"repeats line {earlier}")
        raise RowProblem(f"line {earlier} maps the same organization to another company")

    # --- writing --------------------------------------------------------------------------------------------

    def apply(self, rows: list[_Planned | RowResult], report: Report, batch: Batch | None) -> None:
        """Report on the rows, and write the good ones unless ``batch`` is None."""
        planned = [row for row in rows if isinstance(row, _Planned)]
        keys = [row.organization for row in planned]
        mappings = _standing_mappings(keys, lock=batch is not None)
        ignored = set(
            IgnoredOrganization.objects.filter(
                organization__in=[row.organization for row in planned if row.company is None]
            ).values_list("organization_id", "psa")
        )
        names = dict(Organization.objects.filter(pk__in=keys).values_list("pk", "name"))
        written: list[OrganizationMapping] = []
        newly_ignored: list[IgnoredOrganization] = []
        changes: list[Change] = []
        for row in rows:
            if isinstance(row, RowResult):
                report.add(row)
                continue
            place = (row.organization, row.instance.psa)
            mapping = mappings.get(place)
            if row.company is None:
                result = _ignoring_result(row, mapping, is_ignored=place in ignored)
            else:
                result = self._result(row, row.company, mapping)
            report.add(result)
            if batch is None or result.outcome not in {Outcome.IMPORTED, Outcome.UPDATED}:
                continue
            if row.company is None:
                organization = Organization(pk=row.organization, name=names[row.organization])
                newly_ignored.append(self._ignoring(row, organization, batch))
                changes.append(decision(Action.ORGANIZATION_IGNORED, organization, row.instance))
                continue
            before = mapping.snapshot() if mapping else None
            mapping = mapping or OrganizationMapping(
                organization_id=row.organization, psa=row.instance.psa, version=0
            )
            written.append(mapping)
            self._put(row, row.company, mapping, batch)
            told = (names[row.organization], row.company.name)
            changes.append(mapping_event(Action.MAPPING_IMPORTED, mapping, before, told, row.instance))
        OrganizationMapping.objects.write(written)
        IgnoredOrganization.objects.bulk_create(newly_ignored)
        if batch is not None and changes:
            batch.record(changes)

    def _result(self, row: _Planned, wanted: Company, mapping: OrganizationMapping | None) -> RowResult:
        company = f"“{wanted.name}” (id {wanted.remote_id})"
        note = "" if wanted.is_active else "; the company is inactive"
        if mapping is None or not mapping.is_in_force:
            return RowResult(row.line, row.name, Outcome.IMPORTED, f"mapped to {company}{note}")
        if mapping.instance_id != row.instance.pk:
            return RowResult(
                row.line, row.name, Outcome.FAILED,
                f"is mapped in “{mapping.instance.name}”; move it on the page of “{row.instance.name}”",
            )  # fmt: skip
        if mapping.company_id == wanted.pk:
            return RowResult(row.line, row.name, Outcome.SKIPPED, f"is mapped to {company} already")
        if not self._options.overwrite:
            return RowResult(
                row.line, row.name, Outcome.SKIPPED,
                f"is mapped to “{mapping.company.name}” now; choose to overwrite to change that",
            )  # fmt: skip
        return RowResult(
            row.line, row.name, Outcome.UPDATED,
            f"mapped to {company} instead of “{mapping.company.name}”{note}",
        )  # fmt: skip

    def _put(self, row: _Planned, company: Company, mapping: OrganizationMapping, batch: Batch) -> None:
        wanted, now = row.wanted, timezone.now()
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

    def _ignoring(self, row: _Planned, organization: Organization, batch: Batch) -> IgnoredOrganization:
        ignoring = IgnoredOrganization(
            organization=organization, psa=row.instance.psa, ignored_by=batch.actor.account
        )
        if self._options.restore:
            ignoring.ignored_by = self._people.get(row.wanted.confirmed_by)
            ignoring.ignored_by_name = "" if ignoring.ignored_by else row.wanted.confirmed_by
            ignoring.ignored_at = row.wanted.confirmed_at or ignoring.ignored_at
        return ignoring


def _name_then(wanted: MappingRow, company: Company) -> str | None:
    """The name by which the company was known, None for its present one; a file holds names cleaned."""
    return None if wanted.confirmed_name == clean_text(company.name) else wanted.confirmed_name


def _standing_mappings(organizations: list[int], *, lock: bool) -> dict[tuple[int, str], OrganizationMapping]:
    """The organizations' mappings, in force or not, by organization and PSA."""
    found = OrganizationMapping.objects.filter(organization__in=organizations)
    # Read one after the other: a join of thousands goes wrong where the database expects a few.
    rows = (found.locked() if lock else found).prefetch_related("company", "instance")
    return {(mapping.organization_id, mapping.psa): mapping for mapping in rows}


def _ignoring_result(row: _Planned, mapping: OrganizationMapping | None, *, is_ignored: bool) -> RowResult:
    if mapping is not None and mapping.is_in_force:
        return RowResult(
            row.line, row.name, Outcome.FAILED, f"is mapped to “{mapping.company.name}”; clear that first"
        )
    if is_ignored:
        return RowResult(row.line, row.name, Outcome.SKIPPED, "is ignored already")
    return RowResult(row.line, row.name, Outcome.IMPORTED, "is ignored from now on: deliberately not mapped")
