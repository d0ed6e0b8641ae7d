"""Organizations from companies: a background job adds an organization for each chosen company and maps it.

A company that is mapped already, or whose name an organization has, is skipped. The job works in chunks; each
is one transaction that also keeps how far it has come, so that a worker that takes the job up goes on where
the last one was stopped. All chunks are one batch, which undo takes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower
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
    Organization,
    OrganizationMapping,
)
from integrations.models.audit import Action
from integrations.models.mappings import MappingSource
from integrations.services.audit import Actor, Batch, mapping_event, organization_change
from integrations.services.imports.organizations import wait_for_other_imports
from integrations.services.imports.reports import NOBODY_ASKS, Outcome, RowResult, add_part
from integrations.services.imports.rows import RowEnded, RowFailed, RowSkipped
from integrations.services.jobs.run import JobCancelled, JobRun
from integrations.services.organizations.values import LENGTHS, ValueProblem, read_value

CHUNK = 500


@dataclass(frozen=True)
class CompanyQuery:
    """Which of a configuration's companies are shown: ``status`` is "", "active" or "inactive".

    ``company_type`` is the tenant's value as text; ``mapped`` shows those as well that are mapped already.
    """

    text: str = ""
    status: str = ""
    company_type: str = ""
    mapped: bool = False

    def as_options(self) -> dict[str, Any]:
        """What a job has to know that imports every company of the query."""
        return {"query": asdict(self)}


def importable(instance: IntegrationInstance, query: CompanyQuery) -> QuerySet[Company]:
    """The companies that the query chooses, by name; each carries ``taken_by``, an organization or None."""
    companies = instance.companies.offered().with_holder()
    if not query.mapped:
        companies = companies.free()
    if query.status:
        companies = companies.filter(is_active=query.status == "active")
    if query.company_type:
        companies = companies.filter(company_type=int(query.company_type))
    for word in query.text.split():
        companies = companies.search(word)
    return companies.order_by(Lower("name"), "pk")


def import_companies(run: JobRun) -> ImportReport:
    """Do the job, or the rest of it. Raises JobCancelled, JobLost; what was imported until then stays."""
    kept = ImportReport.objects.get(key=run.job.key)
    user = run.job.asker
    if user is None:
        kept.end(ImportReport.Verdict.STOPPED, NOBODY_ASKS)
        return kept
    batch = Batch(Actor(kept.actor_name, kept.origin, user), key=run.job.key)
    chosen = _chosen(run.instance, run.job.options)
    known: dict[str, int] = {}
    done = sum(kept.counts.values())
    total = done + chosen.filter(pk__gt=kept.cursor).count()
    try:
        while True:
            run.report_progress(done, total, "Importing organizations")
            with transaction.atomic():
                run.assert_held()
                kept = ImportReport.objects.select_for_update().get(pk=kept.pk)
                companies = list(chosen.filter(pk__gt=kept.cursor)[:CHUNK])
                if not companies:
                    break
                rows = _import(batch, user, run.instance, companies, known, first=done + 1)
                add_part(kept, rows, cursor=companies[-1].pk)
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
    imported = counts.get("imported", 0)
    return (
        f"{imported:,} organization{'' if imported == 1 else 's'} added and mapped, "
        f"{counts.get('skipped', 0):,} skipped, {counts.get('failed', 0):,} failed."
    )


def _chosen(instance: IntegrationInstance, options: Mapping[str, Any]) -> QuerySet[Company]:
    """The companies of the job, in the order in which it takes them."""
    if "query" in options:
        return importable(instance, CompanyQuery(**options["query"])).order_by("pk")
    return instance.companies.filter(pk__in=options["companies"]).order_by("pk")


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
    *,
    first: int,
) -> list[RowResult]:
    """Add and map what can be; ``first`` is the number of the first row."""
    wait_for_other_imports()
    IntegrationInstance.objects.select_for_update().get(pk=instance.pk)
    keys = [company.pk for company in companies]
    taken = {row.pk: row.taken_by for row in Company.objects.filter(pk__in=keys).with_holder()}
    _learn_names(names)
    rows: list[RowResult] = []
    new: list[tuple[Organization, Company]] = []
    for line, company in enumerate(companies, start=first):
        outcome, message = Outcome.IMPORTED, f"added and mapped to id {company.remote_id}"
        try:
            new.append((_organization(company, taken[company.pk], names), company))
            names[name_key(company.name)] = 0
        except RowEnded as ended:
            outcome, message = ended.outcome, str(ended)
        rows.append(RowResult(line, company.name, outcome, message))
    Organization.objects.bulk_create([organization for organization, _ in new])
    now, mappings, changes = timezone.now(), [], []
    for organization, company in new:
        mapping = OrganizationMapping(organization=organization, psa=instance.psa, version=0)
        mapping.assign(company, by=user, at=now, source=MappingSource.IMPORTED)
        mappings.append(mapping)
        told = (organization.name, company.name)
        changes.append(mapping_event(Action.MAPPING_IMPORTED, mapping, None, told, instance))
    OrganizationMapping.objects.write(mappings)
    made = (organization_change(Action.ORGANIZATION_IMPORTED, row, None, row.snapshot()) for row, _ in new)
    batch.record([*made, *changes])
    return rows


def _organization(company: Company, taken_by: str | None, names: Mapping[str, int]) -> Organization:
    """The organization that the company makes. Details that cannot be read are left out.

    Raises RowSkipped when there is one already, RowFailed when the name cannot be an organization's.
    """
    if taken_by:
        raise RowSkipped(f"is mapped already, to “{taken_by}”")
    if company.is_own or company.is_pending or company.missing_since is not None:
        raise RowSkipped("is not offered any more; refresh the options")
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
