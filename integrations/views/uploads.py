"""Uploads of organizations, mappings and configurations; the answer is the kept report."""

from __future__ import annotations

from dataclasses import asdict

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from integrations.files.reader import MAX_ROWS, ImportRefused
from integrations.files.writer import csv_lines
from integrations.forms.imports import FileForm, MappingFileForm
from integrations.models import ImportReport, IntegrationInstance
from integrations.services.audit import Batch, actor_of
from integrations.services.imports import (
    FOREGROUND_LIMIT_BYTES,
    FileOptions,
    MappingImportOptions,
    Report,
    ReportStorage,
    import_configurations,
    import_mappings,
    import_organizations,
)
from integrations.services.imports import ORGANIZATION_FILE_COLUMNS as COLUMNS
from integrations.tasks import enqueue_file_import
from integrations.views.common import (
    SignedInRequest,
    csv_response,
    form_status,
    instance_frame,
    needs,
    on_instance,
)

TEMPLATE_ROW = {
    "name": "Example Dental, LLC",
    "external_id": "1001",
    "domain": "example.com",
    "phone": "614-555-0100",
    "city": "Columbus",
    "state": "OH",
    "postal_code": "43215",
    "is_active": "yes",
}


def to_report(done: Report) -> HttpResponse:
    """To the kept report of an import; at once to what failed, if anything did."""
    address = reverse("integrations:import_report", args=[done.key])
    return redirect(f"{address}?outcome=failed" if done.failed else address)


def is_large(file: UploadedFile[bytes]) -> bool:
    """Whether an upload is imported in the background."""
    return (file.size or 0) > FOREGROUND_LIMIT_BYTES


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


@on_instance("map_organizations")
@require_http_methods(["GET", "POST"])
def upload_mappings(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Check or import a file of mappings of one configuration; the answer is the report."""
    form = MappingFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        options = FileOptions("check" in request.POST, form.keeps_good, form.cleaned_data["overwrite"])
        if is_large(file):
            return to_job(request, ImportReport.Kind.MAPPINGS, file, options, instance)
        import_options = MappingImportOptions(**asdict(options))
        try:
            done = import_mappings(
                Batch(actor_of(request)),
                file.file,
                instance,
                import_options,
                keeping=ReportStorage(file.name or ""),
            )
        except ImportRefused as error:
            form.add_error("file", str(error))
        else:
            return to_report(done)
    context = {**instance_frame(request, instance), "form": form, "max_rows": MAX_ROWS}
    return render(request, "integrations/imports/mappings.html", context, status=form_status(form))


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
                Batch(actor_of(request)),
                file.file,
                {},
                dry_run="check" in request.POST,
                keep_good=form.keeps_good,
                keeping=ReportStorage(file.name or ""),
            )
        except ImportRefused as error:
            form.add_error("file", str(error))
        else:
            return to_report(done)
    return render(
        request, "integrations/imports/configurations.html", {"form": form}, status=form_status(form)
    )


@needs("add_organization")
@needs("change_organization")
@require_http_methods(["GET", "POST"])
def upload_organizations(request: SignedInRequest) -> HttpResponse:
    """Check or import a CSV or JSON file; the answer is the kept report."""
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        if is_large(file):
            options = FileOptions(dry_run="check" in request.POST, keep_good=form.keeps_good)
            return to_job(request, ImportReport.Kind.ORGANIZATIONS, file, options)
        try:
            done = import_organizations(
                Batch(actor_of(request)),
                file.file,
                dry_run="check" in request.POST,
                keep_good=form.keeps_good,
                keeping=ReportStorage(file.name or ""),
            )
        except ImportRefused as error:
            form.add_error("file", str(error))
        else:
            return to_report(done)
    context = {"form": form, "columns": COLUMNS, "max_rows": MAX_ROWS}
    return render(request, "integrations/imports/organizations.html", context, status=form_status(form))


@needs("view_organization")
@require_GET
def organizations_template(request: SignedInRequest) -> StreamingHttpResponse:
    """A CSV file with our columns and one example row."""
    row = {COLUMNS[field][0].replace(" ", "_"): value for field, value in TEMPLATE_ROW.items()}
    return csv_response(csv_lines([row], list(row)), "organizations.csv", marked=True)
