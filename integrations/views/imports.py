"""Imports and exports in the browser, and the kept reports."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from integrations.files.reader import MAX_ROWS, ImportRefused
from integrations.files.writer import CONTENT_TYPES, WRITERS, Row
from integrations.forms.imports import (
    FileForm,
    MappingFileForm,
    companies_query,
    report_query,
)
from integrations.models import AuditEvent, ImportReport, IntegrationInstance, Job
from integrations.services.companies.filters import type_labels
from integrations.services.exports.configurations import COLUMNS as CONFIGURATION_COLUMNS
from integrations.services.exports.configurations import export_configurations
from integrations.services.exports.mappings import COLUMNS as MAPPING_COLUMNS
from integrations.services.exports.mappings import export_mappings as mapping_rows
from integrations.services.exports.organizations import COLUMNS as ORGANIZATION_COLUMNS
from integrations.services.exports.organizations import export_organizations as organization_rows
from integrations.services.history import undo as undoing
from integrations.services.imports.background import AT_ONCE, FileOptions
from integrations.services.imports.companies import importable, options_for
from integrations.services.imports.configurations import import_configurations
from integrations.services.imports.mappings import MappingImportOptions, import_mappings
from integrations.services.imports.reports import (
    Keeping,
    Outcome,
    Report,
    as_csv,
    every_row,
    outcome_label,
    rows_between,
)
from integrations.tasks import enqueue_company_import, enqueue_file_import
from integrations.views.common import SignedInRequest, actor_of, needs, whole_number
from integrations.views.setup import frame, instance_or_404, provider_or_404

REPORTS_A_PAGE = 50
ROWS_A_PAGE = 200
COMPANIES_A_PAGE = 100


# --- reports ------------------------------------------------------------------------------------------------


@needs("view_importreport")
@require_GET
def reports(request: SignedInRequest) -> HttpResponse:
    """All imports, newest first."""
    listed = ImportReport.objects.select_related("instance")
    page = Paginator(listed, REPORTS_A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "days_kept": settings.IMPORT_REPORT_DAYS}
    return render(request, "integrations/imports/list.html", context)


@needs("view_importreport")
@require_GET
def report(request: SignedInRequest, key: uuid.UUID) -> HttpResponse:
    """One import and what became of each row; asks again by itself while the import runs."""
    kept = get_object_or_404(ImportReport.objects.select_related("instance"), key=key)
    outcome, number = report_query(request.GET)
    total = kept.counts.get(outcome.value, 0) if outcome else sum(kept.counts.values())
    page = Paginator(range(total), ROWS_A_PAGE).get_page(number)
    start = page.start_index() - 1 if total else 0
    written = kept.was_written
    rights = undoing.rights_to_undo(AuditEvent.objects.filter(batch=kept.batch)) if kept.batch else set()
    context = {
        "report": kept,
        "job": Job.objects.filter(key=key).first(),
        "page": page,
        "outcome": outcome,
        "rows": [
            (row, outcome_label(row.outcome, written=written))
            for row in rows_between(kept, outcome, start, ROWS_A_PAGE)
        ],
        "tabs": [
            ("", "All", sum(kept.counts.values())),
            *(
                (each.value, outcome_label(each, written=written), kept.counts.get(each.value, 0))
                for each in Outcome
            ),
        ],
        "may_undo": bool(rights) and request.user.has_perms([f"integrations.{right}" for right in rights]),
    }
    if request.htmx:  # type: ignore[attr-defined]  # set by django-htmx's middleware
        return render(request, "integrations/imports/body.html", context)
    return render(request, "integrations/imports/report.html", context)


def to_report(done: Report) -> HttpResponse:
    """To the kept report of an import; at once to what failed, if anything did."""
    address = reverse("integrations:import_report", args=[done.key])
    return redirect(f"{address}?outcome=failed" if done.failed else address)


def is_large(file: UploadedFile[bytes]) -> bool:
    """Whether an upload is imported in the background."""
    return (file.size or 0) > AT_ONCE


def to_job(
    request: SignedInRequest,
    kind: ImportReport.Kind,
    file: UploadedFile[bytes],
    options: FileOptions,
    instance: IntegrationInstance | None = None,
) -> HttpResponse:
    """Import the upload in the background, and go to its report, which fills while one looks."""
    job = enqueue_file_import(kind, file, actor_of(request), request.user, options, instance)
    return redirect("integrations:import_report", job.key)


@needs("view_importreport")
@require_GET
def report_rows(request: SignedInRequest, key: uuid.UUID) -> StreamingHttpResponse:
    """The rows of a report as a CSV file."""
    kept = get_object_or_404(ImportReport, key=key)
    return _file(as_csv(every_row(kept)), f"import-{kept.kind}-{kept.at:%Y-%m-%d}.csv", "csv")


def _file(lines: Iterator[str], name: str, form: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        lines,
        content_type=CONTENT_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


# --- exports ------------------------------------------------------------------------------------------------


def _export(
    request: SignedInRequest, kind: str, rows: Iterable[Row], columns: Sequence[str]
) -> StreamingHttpResponse:
    form = request.GET.get("format", "csv")
    if form not in WRITERS:
        raise Http404
    return _file(WRITERS[form](rows, columns), f"{kind}-{timezone.localdate().isoformat()}.{form}", form)


@needs("view_organization")
@require_GET
def export_organizations(request: SignedInRequest) -> HttpResponseBase:
    """The organizations as a file that the upload reads."""
    return _export(request, "organizations", organization_rows(), ORGANIZATION_COLUMNS)


@needs("view_organizationmapping")
@require_GET
def export_mappings(request: SignedInRequest, psa: str, pk: int) -> HttpResponseBase:
    """The mappings of a configuration as a file that the upload reads."""
    instance = instance_or_404(request, psa, pk)
    return _export(request, "mappings", mapping_rows(instance.name), MAPPING_COLUMNS)


@needs("view_integrationinstance")
@require_GET
def export_all_configurations(request: SignedInRequest) -> HttpResponseBase:
    """All configurations as a file that the upload reads; without any secret."""
    instances = IntegrationInstance.objects.visible_to(request.user).present()
    return _export(request, "configurations", export_configurations(instances), CONFIGURATION_COLUMNS)


# --- uploads ------------------------------------------------------------------------------------------------


@needs("map_organizations")
@require_http_methods(["GET", "POST"])
def upload_mappings(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Check or import a file of mappings of one configuration; the answer is the report."""
    instance = instance_or_404(request, psa, pk)
    form = MappingFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        wanted = FileOptions("check" in request.POST, form.keeps_good, form.cleaned_data["overwrite"])
        if is_large(file):
            return to_job(request, ImportReport.Kind.MAPPINGS, file, wanted, instance)
        options = MappingImportOptions(**asdict(wanted))
        try:
            done = import_mappings(
                actor_of(request), file.file, instance, options, keeping=Keeping(file.name or "")
            )
        except ImportRefused as error:
            form.add_error("file", str(error))
        else:
            return to_report(done)
    context = {**frame(request, provider_or_404(psa), instance), "form": form, "max_rows": MAX_ROWS}
    return render(request, "integrations/imports/mappings.html", context, status=_status(form))


@needs("add_integrationinstance")
@needs("change_integrationinstance")
@require_http_methods(["GET", "POST"])
def upload_configurations(request: SignedInRequest) -> HttpResponse:
    """Check or import a file of configurations; new ones are stored as not verified."""
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            done = import_configurations(
                actor_of(request), file.file, {}, dry_run="check" in request.POST,
                keep_good=form.keeps_good, keeping=Keeping(file.name or ""),
            )  # fmt: skip
        except ImportRefused as error:
            form.add_error("file", str(error))
        else:
            return to_report(done)
    return render(request, "integrations/imports/configurations.html", {"form": form}, status=_status(form))


def _status(form: Any) -> int:
    """422 for a form with errors."""
    return 422 if form.is_bound and form.errors else 200


# --- organizations from companies -------------------------------------------------------------------------


@needs("add_organization")
@needs("map_organizations")
@require_GET
def companies(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """The companies to pick from; search, status, type and page are in the address."""
    instance = instance_or_404(request, psa, pk)
    query, number = companies_query(request.GET)
    page = Paginator(importable(instance, query), COMPANIES_A_PAGE).get_page(number)
    kept = {
        name: str(request.GET[name]) for name in ("q", "status", "type", "mapped") if request.GET.get(name)
    }
    labels = type_labels(instance)
    context = {
        **frame(request, provider_or_404(psa), instance),
        "query": query,
        "page": page,
        "chosen": urlencode(kept),
        "types": sorted(labels.items(), key=lambda pair: pair[1].casefold()),
        "type_labels": labels,
        "job": instance.jobs.filter(kind=Job.Kind.IMPORT_ORGANIZATIONS).open().first(),
    }
    return render(request, "integrations/companies/import.html", context)


@needs("add_organization")
@needs("map_organizations")
@require_POST
def import_companies(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Start importing the ticked companies, or all that the address chooses; the answer is the report."""
    instance = instance_or_404(request, psa, pk)
    ticked = [whole_number(value) for value in request.POST.getlist("company")]
    numbers = [number for number in ticked if number is not None]
    query, _ = companies_query(QueryDict(request.POST.get("chosen", "")))
    if "all" not in request.POST and not numbers:
        messages.info(request, "Nothing was imported: no company was ticked.")
        return redirect("integrations:companies_import", psa, pk)
    options = options_for(query if "all" in request.POST else None, numbers)
    job, created = enqueue_company_import(instance, request.user, actor_of(request), options)
    if not created:
        messages.warning(request, "Another import of this configuration is still running; here it is.")
    return redirect("integrations:import_report", job.key)
