"""Uploads of organizations, mappings and configurations; the answer is the kept report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from integrations.files.shape import MAX_ROWS, ImportRefused
from integrations.files.writer import csv_lines
from integrations.forms.imports import FileForm, MappingFileForm
from integrations.models import ImportReport, IntegrationInstance
from integrations.services.audit import Batch, actor_of
from integrations.services.drafts import open_draft
from integrations.services.imports import (
    FOREGROUND_LIMIT_BYTES,
    Report,
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
    takes_file,
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


def _import(
    request: SignedInRequest,
    form: FileForm,
    work: Callable[..., Report],
    kind: ImportReport.Kind | None = None,
    instance: IntegrationInstance | None = None,
) -> HttpResponse | None:
    """To the report of an uploaded file, at once to what failed; None where the form is (still) to be shown.

    Whoever wants to look first comes to the steps of a file of a ``kind``. A large one is imported in the
    background, and its report fills while one looks.
    """
    if request.method != "POST" or not form.is_valid():
        return None
    file = form.cleaned_data["file"]
    if kind is not None and "look" in request.POST:
        return redirect("integrations:draft", open_draft(request.user, kind, file, instance).key)
    if kind is not None and (file.size or 0) > FOREGROUND_LIMIT_BYTES:
        job = enqueue_file_import(kind, file, actor_of(request), request.user, form.options, instance)
        return redirect("integrations:import_report", job.key)
    try:
        done = work(Batch(actor_of(request)), file.file, options=form.options)
    except ImportRefused as error:
        form.add_error("file", str(error))
        return None
    address = reverse("integrations:import_report", args=[done.key])
    return redirect(f"{address}?outcome=failed" if done.failed else address)


@on_instance("map_organizations")
@takes_file
@require_http_methods(["GET", "POST"])
def upload_mappings(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Check or import a file of mappings of one configuration; the answer is the report."""
    form = MappingFileForm(request.POST or None, request.FILES or None)
    work = partial(import_mappings, instance=instance)
    if answer := _import(request, form, work, ImportReport.Kind.MAPPINGS, instance):
        return answer
    context = {**instance_frame(request, instance), "form": form, "max_rows": MAX_ROWS}
    return render(request, "integrations/imports/mappings.html", context, status=form_status(form))


@needs("add_integrationinstance")
@needs("change_integrationinstance")
@takes_file
@require_http_methods(["GET", "POST"])
def upload_configurations(request: SignedInRequest) -> HttpResponse:
    """Check or import a file of configurations; new ones are stored as not verified."""
    form = FileForm(request.POST or None, request.FILES or None)
    if answer := _import(request, form, partial(import_configurations, secrets={})):
        return answer
    return render(
        request, "integrations/imports/configurations.html", {"form": form}, status=form_status(form)
    )


@needs("add_organization")
@needs("change_organization")
@takes_file
@require_http_methods(["GET", "POST"])
def upload_organizations(request: SignedInRequest) -> HttpResponse:
    """Check or import a CSV or JSON file; the answer is the kept report."""
    form = FileForm(request.POST or None, request.FILES or None)
    if answer := _import(request, form, import_organizations, ImportReport.Kind.ORGANIZATIONS):
        return answer
    context = {"form": form, "columns": COLUMNS, "max_rows": MAX_ROWS}
    return render(request, "integrations/imports/organizations.html", context, status=form_status(form))


@needs("view_organization")
@require_GET
def organizations_template(request: SignedInRequest) -> StreamingHttpResponse:
    """A CSV file with our columns and one example row."""
    row = {COLUMNS[field][0].replace(" ", "_"): value for field, value in TEMPLATE_ROW.items()}
    return csv_response(csv_lines([row], list(row)), "organizations.csv", marked=True)
