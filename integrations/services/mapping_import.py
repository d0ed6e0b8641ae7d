"""Importing mappings: every row gets its outcome; all rows are written, or the good ones, or none.

Which organization a row means: the one with its external id; without one the only one of its name (the
portal's own id may tell namesakes apart); without a name the one with the portal's id. Which company: the one
with the PSA's id, whose name must then be the one given, if one is given; without an id the only one of the
name. What cannot be told for certain fails and says so: a wrong mapping is worse than none.

What is mapped otherwise already is skipped, unless the import is told to overwrite; a mapping of another
configuration is never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from integrations.models import Company, ImportReport, IntegrationInstance, Organization, OrganizationMapping
from integrations.models.mappings import MappingSource
from integrations.services.audit import Actor, Batch, Change
from integrations.services.import_reports import Outcome, Report, RowResult, Verdict, keep_report
from integrations.services.mapping_file import RowProblem, WantedMapping, open_mapping_file, read_mapping
from integrations.services.mappings import MAPPING_FIELDS, mapping_change
from integrations.services.table_file import FileRow, ImportRefused

BATCH = 500
AMBIGUOUS = -1


@dataclass(frozen=True)
class MappingImportOptions:
    """How a file of mappings is taken.

    ``restore`` keeps source, confidence, and who confirmed and when, as the file has them: for a file of the
    portal's own export. Otherwise the importer has confirmed them, now.
    """

    dry_run: bool = False
    keep_good: bool = False
    overwrite: bool = False
    restore: bool = False


@dataclass(slots=True)
class _Planned:
    """A row whose organization and company are known."""

    line: int
    name: str
    wanted: WantedMapping
    organization: int
    company: Company


def import_mappings(
    actor: Actor,
    stream: BinaryIO,
    instance: IntegrationInstance | None = None,
    options: MappingImportOptions = MappingImportOptions(),  # frozen
    *,
    file_name: str = "",
    progress: Callable[[int, None], None] | None = None,
) -> Report:
    """Import a CSV or JSON file in one transaction, audited as one batch; the stream stays open.

    Every row belongs to ``instance``, or to the configuration that it names. The report is kept. Raises
    ImportRefused when the file as a whole cannot be read; then nothing is written.
    """
    batch = Batch(actor)
    report = Report(options.dry_run, options.keep_good, batch=batch.key)
    with transaction.atomic(), open_mapping_file(stream) as file:
        report.delimiter, report.ignored = file.delimiter, file.ignored
        planner = _Planner(instance, options)
        while rows := list(islice(file.rows, BATCH)):
            planned = planner.plan(rows, report)
            write = not options.dry_run and (options.keep_good or not report.failed)
            planner.apply(planned, report, batch if write else None)
            if progress:
                progress(len(report.rows), None)
        if not report.rows:
            raise ImportRefused("The file has no rows.")
        if report.verdict is Verdict.WRITTEN:
            keep_report(report, ImportReport.Kind.MAPPINGS, actor, file_name=file_name, instance=instance)
        else:
            transaction.set_rollback(True)
    if report.verdict is not Verdict.WRITTEN:
        keep_report(report, ImportReport.Kind.MAPPINGS, actor, file_name=file_name, instance=instance)
    return report


def _key(name: str) -> str:
    """Names that differ only in letter case or blanks are the same."""
    return " ".join(name.split()).casefold()


class _Planner:
    """Decides row by row. Knows the names and ids of organizations, and which rows of the file said what."""

    def __init__(self, instance: IntegrationInstance | None, options: MappingImportOptions) -> None:
        self._options = options
        self._only = instance
        # Locked in the order of their keys, as everybody does who changes the mappings of several.
        present = IntegrationInstance.objects.present().select_for_update().order_by("pk")
        if instance is not None:
            present = present.filter(psa=instance.psa)
        self._instances: dict[str, list[IntegrationInstance]] = {}
        for each in present:
            self._instances.setdefault(each.name.casefold(), []).append(each)
        self._by_external_id: dict[str, int] = {}
        self._by_name: dict[str, int] = {}
        self._names: dict[int, str] = {}
        rows = Organization.objects.present().values_list("pk", "name", "external_id")
        for pk, name, external_id in rows.iterator(chunk_size=2_000):
            key = _key(name)
            self._by_name[key] = AMBIGUOUS if key in self._by_name else pk
            self._names[pk] = key
            if external_id:
                self._by_external_id[external_id] = pk
        self._companies_by_name: dict[int, dict[str, int]] = {}
        self._lines: dict[tuple[int, str], tuple[int, int]] = {}
        self._people = dict(User.objects.values_list("username", "pk")) if options.restore else {}

    def plan(self, rows: list[FileRow], report: Report) -> list[_Planned | RowResult]:
        """What each row means, or already its result, in the order of the file."""
        read: list[tuple[FileRow, WantedMapping, IntegrationInstance] | RowResult] = []
        for row in rows:
            shown = " ".join(row.cells.get("name", "").split())[:80]
            if row.is_empty and not row.problem:
                read.append(RowResult(row.line, shown, Outcome.SKIPPED, "the row is empty"))
                continue
            try:
                wanted = read_mapping(row)
                read.append((row, wanted, self._instance(wanted)))
            except RowProblem as problem:
                read.append(RowResult(row.line, shown, Outcome.FAILED, str(problem)))
            except _Skip as skip:
                read.append(RowResult(row.line, shown, Outcome.SKIPPED, str(skip)))
        companies = self._companies(each for each in read if not isinstance(each, RowResult))
        return [each if isinstance(each, RowResult) else self._meant(*each, companies) for each in read]

    def _meant(
        self,
        row: FileRow,
        wanted: WantedMapping,
        instance: IntegrationInstance,
        companies: dict[tuple[int, str], Company],
    ) -> _Planned | RowResult:
        shown = wanted.name or wanted.external_id or wanted.organization_id
        try:
            organization = self._organization(wanted)
            company = self._company(wanted, instance, companies)
            self._no_double(row.line, organization, company, instance)
        except RowProblem as problem:
            return RowResult(row.line, shown, Outcome.FAILED, str(problem))
        except _Skip as skip:
            return RowResult(row.line, shown, Outcome.SKIPPED, str(skip))
        return _Planned(row.line, shown, wanted, organization, company)

    def _instance(self, wanted: WantedMapping) -> IntegrationInstance:
        if self._only is not None:
            if wanted.instance and wanted.instance.casefold() != self._only.name.casefold():
                raise _Skip(f"belongs to “{wanted.instance}”, and only “{self._only.name}” is imported")
            return self._only
        if not wanted.instance:
            raise RowProblem("names no configuration; name one for the whole import")
        found = self._instances.get(wanted.instance.casefold(), [])
        if len(found) != 1:
            raise RowProblem(
                f"{'several configurations are' if found else 'no configuration is'} called "
                f"“{wanted.instance}”"
            )
        return found[0]

    def _organization(self, wanted: WantedMapping) -> int:
        """The organization's key. Raises RowProblem when it is unknown or cannot be told."""
        if wanted.external_id:
            pk = self._by_external_id.get(wanted.external_id)
            if pk is None:
                raise RowProblem(f"no organization has the external id “{wanted.external_id}”")
            if wanted.name and self._names[pk] != _key(wanted.name):
                raise RowProblem(
                    f"the organization with the external id “{wanted.external_id}” has another name here"
                )
            return pk
        own = _number(wanted.organization_id)
        if not wanted.name:
            if not wanted.organization_id:
                raise RowProblem("names no organization")
            if own not in self._names:
                raise RowProblem(f"no organization has the id {wanted.organization_id}")
            return own
        found = self._by_name.get(_key(wanted.name))
        if found is None:
            raise RowProblem("no organization has this name")
        if found != AMBIGUOUS:
            return found
        if self._names.get(own) == _key(wanted.name):
            return own
        raise RowProblem("several organizations have this name; give the external id or the organization id")

    def _companies(
        self, rows: Iterable[tuple[FileRow, WantedMapping, IntegrationInstance]]
    ) -> dict[tuple[int, str], Company]:
        """The companies that these rows name, by configuration and id or name."""
        ids: dict[int, set[str]] = {}
        keys: set[int] = set()
        named: list[tuple[int, str, int]] = []
        for _, wanted, instance in rows:
            if wanted.company_id:
                ids.setdefault(instance.pk, set()).add(wanted.company_id)
            elif wanted.company_name:
                pk = self._by_company_name(instance).get(_key(wanted.company_name))
                if pk is not None and pk != AMBIGUOUS:
                    keys.add(pk)
                    named.append((instance.pk, wanted.company_name, pk))
        found: dict[tuple[int, str], Company] = {}
        for instance_id, wanted_ids in ids.items():
            for company in Company.objects.filter(instance=instance_id, remote_id__in=wanted_ids):
                found[instance_id, f"id {company.remote_id}"] = company
        by_key = Company.objects.in_bulk(keys)
        for instance_id, name, pk in named:
            found[instance_id, f"name {_key(name)}"] = by_key[pk]
        return found

    def _by_company_name(self, instance: IntegrationInstance) -> dict[str, int]:
        """The companies of the configuration that an organization can be mapped to, by name."""
        if instance.pk not in self._companies_by_name:
            names: dict[str, int] = {}
            rows = Company.objects.filter(instance=instance, is_pending=False, missing_since=None)
            for pk, name in rows.exclude(remote_id="0").values_list("pk", "name").iterator(chunk_size=2_000):
                key = _key(name)
                names[key] = AMBIGUOUS if key in names else pk
            self._companies_by_name[instance.pk] = names
        return self._companies_by_name[instance.pk]

    def _company(
        self,
        wanted: WantedMapping,
        instance: IntegrationInstance,
        companies: dict[tuple[int, str], Company],
    ) -> Company:
        """The company. Raises RowProblem when it is unknown, cannot be told, or is no option."""
        if wanted.company_id:
            company = companies.get((instance.pk, f"id {wanted.company_id}"))
            if company is None or company.is_pending:
                raise RowProblem(
                    f"“{instance.name}” has no company with the id {wanted.company_id}; "
                    "refresh its options first"
                )
            if wanted.company_name and _key(wanted.company_name) != _key(company.name):
                raise RowProblem(
                    f"the company with the id {wanted.company_id} is called “{company.name}”, not "
                    f"“{wanted.company_name}”; leave one of the two cells empty"
                )
        elif wanted.company_name:
            known = self._by_company_name(instance).get(_key(wanted.company_name))
            if known is None:
                raise RowProblem(f"“{instance.name}” has no company “{wanted.company_name}”")
            if known == AMBIGUOUS:
                raise RowProblem(f"several companies are called “{wanted.company_name}”; give the company id")
            company = companies[instance.pk, f"name {_key(wanted.company_name)}"]
        else:
            raise _Skip("names no company")
        if company.is_own:
            raise RowProblem("company 0 is the MSP itself")
        if company.missing_since is not None:
            raise RowProblem(f"“{company.name}” is no longer in Autotask")
        return company

    def _no_double(
        self, line: int, organization: int, company: Company, instance: IntegrationInstance
    ) -> None:
        place = (organization, instance.psa)
        if place not in self._lines:
            self._lines[place] = (line, company.pk)
            return
        earlier, its_company = self._lines[place]
        if its_company == company.pk:
            raise _Skip(f"repeats line {earlier}")
        raise RowProblem(f"line {earlier} maps the same organization to another company")

    # --- writing --------------------------------------------------------------------------------------------

    def apply(self, rows: list[_Planned | RowResult], report: Report, batch: Batch | None) -> None:
        """Report on the rows, and write the good ones unless ``batch`` is None."""
        planned = [row for row in rows if isinstance(row, _Planned)]
        mappings = {
            (mapping.organization_id, mapping.psa): mapping
            for mapping in OrganizationMapping.objects.filter(
                organization__in=[row.organization for row in planned]
            )
            .order_by("organization_id")
            .select_for_update(of=("self",))
            .select_related("organization", "company", "instance")
        }
        instances = {each.pk: each for found in self._instances.values() for each in found}
        fresh = [
            row.organization
            for row in planned
            if (row.organization, instances[row.company.instance_id].psa) not in mappings
        ]
        organizations = Organization.objects.in_bulk(fresh)
        new: list[OrganizationMapping] = []
        changed: list[OrganizationMapping] = []
        changes: list[Change] = []
        for row in rows:
            if isinstance(row, RowResult):
                report.add(row)
                continue
            instance = instances[row.company.instance_id]
            mapping = mappings.get((row.organization, instance.psa))
            result = self._result(row, mapping, instance)
            report.add(result)
            if batch is None or result.outcome not in {Outcome.IMPORTED, Outcome.UPDATED}:
                continue
            before = mapping.snapshot() if mapping else None
            if mapping is None:
                organization = organizations[row.organization]
                mapping = OrganizationMapping(organization=organization, psa=instance.psa, version=0)
                new.append(mapping)
            else:
                changed.append(mapping)
            self._put(row, mapping, instance, batch.actor)
            changes.append(mapping_change("mapping imported", mapping, before))
        OrganizationMapping.objects.bulk_create(new, batch_size=500)
        OrganizationMapping.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["pk"], update_fields=MAPPING_FIELDS, batch_size=500
        )
        if batch is not None and changes:
            batch.record(changes)

    def _result(
        self, row: _Planned, mapping: OrganizationMapping | None, instance: IntegrationInstance
    ) -> RowResult:
        company = f"“{row.company.name}” (id {row.company.remote_id})"
        note = "" if row.company.is_active else "; the company is inactive"
        if mapping is None or mapping.removed_at is not None:
            return RowResult(row.line, row.name, Outcome.IMPORTED, f"mapped to {company}{note}")
        if mapping.instance_id != instance.pk:
            return RowResult(
                row.line, row.name, Outcome.FAILED,
                f"is mapped in “{mapping.instance.name}”; move it on the page of “{instance.name}”",
            )  # fmt: skip
        if mapping.company_id == row.company.pk:
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

    def _put(
        self, row: _Planned, mapping: OrganizationMapping, instance: IntegrationInstance, actor: Actor
    ) -> None:
        mapping.instance, mapping.company = instance, row.company
        mapping.confirmed_name = row.company.name
        mapping.reasons, mapping.matcher_version = [], ""
        mapping.removed_at, mapping.removed_with_instance = None, False
        mapping.version += 1
        if self._options.restore:
            mapping.source = row.wanted.source or MappingSource.IMPORTED
            mapping.confidence = row.wanted.confidence
            mapping.confirmed_by_id = self._people.get(row.wanted.confirmed_by)
            mapping.confirmed_at = row.wanted.confirmed_at or timezone.now()
        else:
            mapping.source, mapping.confidence = MappingSource.IMPORTED, None
            mapping.confirmed_by_id = actor.user.pk if actor.user else None
            mapping.confirmed_at = timezone.now()


class _Skip(Exception):
    """The row asks for nothing; the text says why."""


def _number(text: str) -> int:
    """A key of the portal, or one that nothing has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0
