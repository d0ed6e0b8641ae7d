"""Organizations from companies: a background job makes an organization of each chosen company and maps it.

Where a person said that an organization is the company, that one is mapped instead. A company that is mapped
already, or whose name an organization has, is skipped. The job works in chunks; each is one transaction that
also keeps how far it has come, so that a worker that takes the job up goes on where the last one was stopped.
All chunks are one batch, which undo takes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from integrations.database.bulk import renew_statistics
from integrations.database.transactions import transaction_required
from integrations.files.text import name_key
from integrations.models import (
    AuditEvent,
    Company,
    ImportReport,
    IntegrationInstance,
    Job,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.models.audit import Action
from integrations.models.mappings import MappingSource
from integrations.services.audit import Actor, Batch, Change, mapping_event, organization_change
from integrations.services.imports.company_choices import Candidate, CompanyQuery, importable
from integrations.services.imports.organizations import wait_for_other_imports
from integrations.services.imports.reports import NOBODY_ASKS, Outcome, RowResult, add_part
from integrations.services.imports.rows import RowEnded, RowFailed, RowSkipped
from integrations.services.jobs.run import JobCancelled, JobRun
from integrations.services.organizations.values import LENGTHS, ValueProblem, read_value
from integrations.services.suggestions.suggest import open_organizations

CHUNK = 500


def import_companies(run: JobRun) -> ImportReport:
    """Do the job, or the rest of it. Raises JobCancelled, JobLost; what was imported until then stays."""
    kept = ImportReport.objects.get(key=run.job.key)
    user = run.job.asker
    if user is None:
        kept.end(ImportReport.Verdict.STOPPED, NOBODY_ASKS)
        return kept
    batch = Batch(Actor(kept.actor_name, kept.origin, user), key=run.job.key)
    wanted = _wanted(run.instance, run.job.options)
    known: dict[str, int] = {}
    done = sum(kept.counts.values())
    total = done + sum(pk > kept.cursor for pk in wanted)
    try:
        while True:
            run.report_progress(done, total, "Importing organizations")
            with transaction.atomic():
                run.assert_held()
                kept = ImportReport.objects.select_for_update().get(pk=kept.pk)
                keys = [pk for pk in wanted if pk > kept.cursor][:CHUNK]
                if not keys:
                    break
                companies = list(run.instance.companies.filter(pk__in=keys).order_by("pk"))
                rows = _import(batch, user, run.instance, companies, known, wanted, first=done + 1)
                add_part(kept, rows, cursor=keys[-1])
            done += len(companies)
    except JobCancelled:
        text = f"Cancelled. {summary(kept.counts)} What was imported stays; it can be undone."
        kept.end(ImportReport.Verdict.STOPPED, text)
        run.finish(Job.State.CANCELLED, message=text)
        raise
    renew_statistics(done, Organization, OrganizationMapping, AuditEvent)
    kept.end(ImportReport.Verdict.WRITTEN, summary(kept.counts))
    return kept


def summary(counts: Mapping[str, int]) -> str:
    """The counts in words."""
    imported, mapped = counts.get("imported", 0), counts.get("updated", 0)
    parts = [f"{imported:,} organization{'' if imported == 1 else 's'} added and mapped"]
    if mapped:
        parts.append(f"{mapped:,} that {'was' if mapped == 1 else 'were'} there mapped")
    parts += [f"{counts.get('skipped', 0):,} skipped", f"{counts.get('failed', 0):,} failed"]
    return f"{', '.join(parts)}."


def _wanted(instance: IntegrationInstance, options: Mapping[str, Any]) -> dict[int, Candidate | None]:
    """The companies of the job in the order in which it takes them, each with the organization that it is.

    None: one is made. Jobs of earlier versions may name the query instead.
    """
    if "query" in options:
        query = CompanyQuery(**options["query"])
        chosen = importable(instance, query).order_by("pk").values_list("pk", flat=True)
        return dict.fromkeys(chosen)
    wanted: dict[int, Candidate | None] = dict.fromkeys(options.get("companies", ()))
    for pk, each in options.get("map", {}).items():
        wanted[int(pk)] = Candidate(
            each["organization"], "", each["confidence"], tuple(each["reasons"]), each["matcher_version"]
        )
    return dict(sorted(wanted.items()))


def _learn_names(known: dict[str, int]) -> None:
    """Add the names of the organizations that were made since, each with one of them."""
    rows = Organization.objects.present().filter(pk__gt=max(known.values(), default=0))
    for pk, name in rows.order_by("pk").values_list("pk", "name").iterator(chunk_size=2_000):
        known[name_key(name)] = pk


@transaction_required
def _import(
    batch: Batch,
    user: User,
    instance: IntegrationInstance,
    companies: Sequence[Company],
    names: dict[str, int],
    wanted: Mapping[int, Candidate | None],
    *,
    first: int,
) -> list[RowResult]:
    """Add and map, or only map, what can be; ``first`` is the number of the first row."""
    wait_for_other_imports()
    IntegrationInstance.objects.select_for_update().get(pk=instance.pk)
    keys = [company.pk for company in companies]
    taken = {row.pk: row.taken_by for row in Company.objects.filter(pk__in=keys).with_holder()}
    _learn_names(names)
    there = _Mappable(instance, [each for pk in keys if (each := wanted[pk])])
    rows: list[RowResult] = []
    new: list[tuple[Organization, Company]] = []
    pairs: list[tuple[Organization, Company, Candidate | None]] = []
    for line, company in enumerate(companies, start=first):
        candidate = wanted[company.pk]
        try:
            _check_offered(company, taken[company.pk])
            if candidate:
                organization = there.take(candidate)
                outcome, message = Outcome.UPDATED, f"“{organization.name}” mapped to id {company.remote_id}"
            else:
                organization = _organization(company, names)
                outcome, message = Outcome.IMPORTED, f"added and mapped to id {company.remote_id}"
                new.append((organization, company))
                names[name_key(company.name)] = 0
            pairs.append((organization, company, candidate))
        except RowEnded as ended:
            outcome, message = ended.outcome, str(ended)
        rows.append(RowResult(line, company.name, outcome, message))
    Organization.objects.bulk_create([organization for organization, _ in new])
    changes = _map(user, instance, pairs, there)
    made = (organization_change(Action.ORGANIZATION_IMPORTED, row, None, row.snapshot()) for row, _ in new)
    batch.record([*made, *changes])
    return rows


class _Mappable:
    """The organizations of a chunk that are to be mapped, and their mappings that were removed, locked."""

    def __init__(self, instance: IntegrationInstance, candidates: Sequence[Candidate]) -> None:
        keys = [candidate.organization for candidate in candidates]
        self.open = {row.pk: row for row in open_organizations(instance).filter(pk__in=keys)}
        rows = OrganizationMapping.objects.filter(psa=instance.psa, organization__in=keys)
        self.removed = {row.organization_id: row for row in rows.locked()}

    def take(self, candidate: Candidate) -> Organization:
        """The organization, for one company. Raises RowSkipped when it cannot be mapped any more."""
        organization = self.open.pop(candidate.organization, None)
        if organization is None:
            raise RowSkipped("the organization was mapped, ignored or deleted meanwhile; look in the table")
        return organization


def _map(
    user: User,
    instance: IntegrationInstance,
    pairs: Sequence[tuple[Organization, Company, Candidate | None]],
    there: _Mappable,
) -> list[Change]:
    """Write the mappings; what the person had before them for these organizations is done with."""
    now, mappings, changes = timezone.now(), [], []
    for organization, company, candidate in pairs:
        mapping = there.removed.get(organization.pk)
        before = mapping.snapshot() if mapping else None
        mapping = mapping or OrganizationMapping(organization=organization, psa=instance.psa, version=0)
        told = (organization.name, company.name)
        if candidate is None:
            action = Action.MAPPING_IMPORTED
            mapping.assign(company, by=user, at=now, source=MappingSource.IMPORTED)
        else:
            action = Action.MAPPING_CREATED
            suggested = candidate.confidence is not None
            mapping.assign(
                company,
                by=user,
                at=now,
                source=MappingSource.SUGGESTED if suggested else MappingSource.CHOSEN,
                confidence=candidate.confidence,
                reasons=candidate.reasons,
                matcher_version=candidate.matcher_version,
            )
        mappings.append(mapping)
        changes.append(mapping_event(action, mapping, before, told, instance))
    OrganizationMapping.objects.write(mappings)
    mapped = [organization.pk for organization, _, candidate in pairs if candidate]
    MappingProposal.objects.filter(user=user, instance=instance, organization__in=mapped).delete()
    return changes


def _check_offered(company: Company, taken_by: str | None) -> None:
    """Raises RowSkipped for a company that nothing can be mapped to."""
    if taken_by:
        raise RowSkipped(f"is mapped already, to “{taken_by}”")
    if company.is_own or company.is_pending or company.missing_since is not None:
        raise RowSkipped("is not offered any more; refresh the options")


def _organization(company: Company, names: Mapping[str, int]) -> Organization:
    """The organization that the company makes. Details that cannot be read are left out.

    Raises RowSkipped when there is one already, RowFailed when the name cannot be an organization's.
    """
    if name_key(company.name) in names:
        raise RowSkipped("an organization has this name already; map it in the table")
    details = {name: getattr(company, name) for name in ("phone", "city", "state")}
    details |= {"domain": company.web_address, "postal_code": company.postal_code[: LENGTHS["postal_code"]]}
    values: dict[str, Any] = {}
    for field, text in details.items():
        with suppress(ValueProblem):
            values[field] = read_value(field, text) or ""
    try:
        name = read_value("name", company.name)
    except ValueProblem as problem:
        raise RowFailed(str(problem)) from problem
    if not name:
        raise RowFailed("name is empty")
    return Organization(name=name, **values, is_active=company.is_active)
