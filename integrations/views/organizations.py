"""The organizations page: list, add, change, delete, restore and upload."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from integrations.forms.imports import FileForm as UploadForm
from integrations.forms.organizations import OrganizationForm, list_query
from integrations.models import ImportReport, Organization
from integrations.services.audit import Batch
from integrations.services.imports.background import FileOptions
from integrations.services.imports.organization_rows import COLUMNS, MAX_ROWS, ImportRefused
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.reports import Keeping
from integrations.services.organizations import edit as services
from integrations.services.organizations import listing
from integrations.views.common import SignedInRequest, actor_of, needs, undo_tag
from integrations.views.imports import is_large, to_job, to_report

STATUS_LABELS = {
    listing.Status.ALL: "All",
    listing.Status.ACTIVE: "Active",
    listing.Status.INACTIVE: "Inactive",
    listing.Status.DELETED: "Deleted",
}
# (the key of the address, the heading); columns without a key cannot be sorted.
HEADINGS = (
    ("name", "Name"),
    ("external_id", "External id"),
    ("domain", "Domain"),
    ("city", "City"),
    ("state", "State"),
    ("active", "Active"),
    ("", "Mapped to"),
    ("updated", "Updated"),
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


@needs("view_organization")
@require_GET
def organizations(request: SignedInRequest) -> HttpResponse:
    """The list; search, status, order, page and page size are in the address."""
    query = list_query(request.GET)
    listed = listing.list_organizations(Organization.objects.visible_to(request.user), query)
    kept = {key: request.GET[key] for key in request.GET if key not in {"page", "status"}}
    context = {
        "listed": listed,
        "tabs": [
            (status, label, listed.counts[status], _address(kept, status))
            for status, label in STATUS_LABELS.items()
        ],
        "headings": HEADINGS,
        "page_sizes": listing.PAGE_SIZES,
        "is_filtered": bool(query.text) or query.status is not listing.Status.ALL,
    }
    return render(request, "integrations/organizations/list.html", context)


@needs("add_organization")
@require_http_methods(["GET", "POST"])
def add(request: SignedInRequest) -> HttpResponse:
    """Add one organization."""
    form = OrganizationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        batch = Batch(actor_of(request))
        try:
            organization = services.add_organization(batch.actor, form.cleaned_data, batch=batch)
        except services.ExternalIdTaken as error:
            form.add_error("external_id", str(error))
        else:
            _told(request, batch, f"“{organization.name}” was added.")
            return redirect("integrations:organizations")
    return render(request, "integrations/organizations/form.html", {"form": form}, status=_status(form))


@needs("change_organization")
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change one organization, unless somebody else did so since the form was opened."""
    organization = get_object_or_404(Organization.objects.visible_to(request.user).present(), pk=pk)
    if request.method == "POST":
        form = OrganizationForm(request.POST)
        if form.is_valid():
            response = _change(request, organization, form)
            if response is not None:
                return response
    else:
        form = OrganizationForm(
            initial=organization.snapshot() | {"seen": organization.updated_at.isoformat()}
        )
    context = {"form": form, "organization": organization}
    return render(request, "integrations/organizations/form.html", context, status=_status(form))


def _change(
    request: SignedInRequest, organization: Organization, form: OrganizationForm
) -> HttpResponse | None:
    """The redirect after a change; None when the form has to be shown again, with what is wrong."""
    values, batch = form.cleaned_data, Batch(actor_of(request))
    try:
        changed = services.change_organization(batch.actor, organization, values, values["seen"], batch=batch)
    except services.ExternalIdTaken as error:
        form.add_error("external_id", str(error))
        return None
    except services.ChangedMeanwhile:
        form.add_error(
            None,
            "Nothing was saved: somebody else has changed this organization since you opened it. "
            "Open it again to see what it is now.",
        )
        return None
    name = values["name"]
    if changed:
        _told(request, batch, f"“{name}” was saved.")
    else:
        messages.info(request, f"Nothing was saved: nothing about “{name}” differs.")
    return redirect("integrations:organizations")


@needs("delete_organization")
@require_http_methods(["GET", "POST"])
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask, say what goes with it, and delete softly."""
    organization = get_object_or_404(Organization.objects.visible_to(request.user).present(), pk=pk)
    if request.method == "POST":
        batch = Batch(actor_of(request))
        services.delete_organization(batch.actor, organization, batch=batch)
        _told(request, batch, f"“{organization.name}” was deleted. It can be restored from “Deleted”.")
        return redirect("integrations:organizations")
    mappings = organization.mappings.present().select_related("company", "instance")
    context = {"organization": organization, "mappings": mappings}
    return render(request, "integrations/organizations/delete.html", context)


@needs("delete_organization")
@require_POST
def restore(request: SignedInRequest, pk: int) -> HttpResponse:
    """Bring a deleted organization back."""
    visible = Organization.objects.visible_to(request.user)
    organization = get_object_or_404(visible, pk=pk, deleted_at__isnull=False)
    batch = Batch(actor_of(request))
    try:
        services.restore_organization(batch.actor, organization, batch=batch)
    except services.ExternalIdTaken as error:
        messages.error(
            request,
            f"“{organization.name}” was not restored: {error.holder} has its external id now. "
            "Change or delete that one first.",
        )
    else:
        into = organization.merged_into
        what = f"without what was merged into “{into.name}”" if into else "with its mappings"
        _told(request, batch, f"“{organization.name}” is back, {what}.")
    return redirect("integrations:organizations")


@needs("add_organization")
@needs("change_organization")
@require_http_methods(["GET", "POST"])
def upload(request: SignedInRequest) -> HttpResponse:
    """Check or import a CSV or JSON file; the answer is the kept report."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        if is_large(file):
            options = FileOptions(dry_run="check" in request.POST, keep_good=form.keeps_good)
            return to_job(request, ImportReport.Kind.ORGANIZATIONS, file, options)
        try:
            done = import_organizations(
                actor_of(request),
                file.file,
                dry_run="check" in request.POST,
                keep_good=form.keeps_good,
                keeping=Keeping(file.name or ""),
            )
        except ImportRefused as error:
            form.add_error("file", str(error))
        else:
            return to_report(done)
    context = {"form": form, "columns": COLUMNS, "max_rows": MAX_ROWS}
    return render(request, "integrations/imports/organizations.html", context, status=_status(form))


@needs("view_organization")
@require_GET
def template(request: SignedInRequest) -> HttpResponse:
    """A CSV file with our columns and one example row."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = [synonyms[0].replace(" ", "_") for synonyms in (COLUMNS[field] for field in TEMPLATE_ROW)]
    writer.writerows([names, list(TEMPLATE_ROW.values())])
    return HttpResponse(
        # Spreadsheets take a file for UTF-8 only when it says so.
        "\ufeff" + text.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="organizations.csv"'},
    )


def _told(request: SignedInRequest, batch: Batch, text: str) -> None:
    messages.success(request, text, extra_tags=undo_tag(request, batch))


def _address(kept: dict[str, str], status: listing.Status) -> str:
    return urlencode({key: value for key, value in kept.items() if value} | {"status": status.value})


def _status(form: Any) -> int:
    """422 for a form with errors."""
    return 422 if form.is_bound and form.errors else 200
