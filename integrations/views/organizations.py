"""The organizations page: list, add, change, delete, restore and merge."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from integrations.forms.organizations import OrganizationForm, list_query
from integrations.models import Organization
from integrations.services.audit import Batch, actor_of
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.history import DifferenceRenderer, HistoryQuery, history_page
from integrations.services.organizations import (
    LABELS,
    PAGE_SIZES,
    CompanyUndecided,
    ExternalIdTaken,
    MergePlan,
    Status,
    add_organization,
    alike,
    change_organization,
    delete_organization,
    list_organizations,
    merge_organizations,
    plan_merge,
    restore_organization,
    standing_of,
)
from integrations.views.common import (
    SignedInRequest,
    form_status,
    needs,
    recorded,
    search_text,
    tell_recorded,
    whole_number,
)

STATUS_LABELS = {
    Status.ALL: "All",
    Status.ACTIVE: "Active",
    Status.INACTIVE: "Inactive",
    Status.DELETED: "Deleted",
}
# (the key of the address, the heading); columns without a key cannot be sorted.
CHANGES_SHOWN = 10
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


@needs("view_organization")
@require_GET
def organizations(request: SignedInRequest) -> HttpResponse:
    """The list; search, status, order, page and page size are in the address."""
    query = list_query(request.GET)
    listed = list_organizations(Organization.objects.visible_to(request.user), query)
    params = {key: request.GET[key] for key in request.GET if key not in {"page", "status"}}
    context = {
        "listed": listed,
        "tabs": [
            (status, label, listed.counts[status], _address(params, status))
            for status, label in STATUS_LABELS.items()
        ],
        "headings": HEADINGS,
        "page_sizes": PAGE_SIZES,
        "is_filtered": bool(query.text) or query.status is not Status.ALL,
    }
    return render(request, "integrations/organizations/list.html", context)


@needs("view_organization")
@require_GET
def organization(request: SignedInRequest, pk: int) -> HttpResponse:
    """One organization: where it is mapped, what is known of it, and its last changes; deleted ones too."""
    visible = Organization.objects.visible_to(request.user).select_related("merged_into")
    shown = get_object_or_404(visible, pk=pk)
    context = {"organization": shown, "standing": standing_of(shown)}
    if request.user.has_perm("integrations.view_auditevent"):
        page = history_page(HistoryQuery(organization=pk), CHANGES_SHOWN)
        words = DifferenceRenderer(entry.event for entry in page.entries)
        context["rows"] = [(entry, words.differences(entry.event)) for entry in page.entries]
        context["has_older"] = page.older is not None
    return render(request, "integrations/organizations/detail.html", context)


@needs("add_organization")
@require_http_methods(["GET", "POST"])
def add(request: SignedInRequest) -> HttpResponse:
    """Add one organization."""
    form = OrganizationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with recorded(request, f"“{form.cleaned_data['name']}” was added.") as batch:
                added = add_organization(batch, form.cleaned_data)
        except ExternalIdTaken as error:
            form.add_error("external_id", str(error))
        else:
            return redirect("integrations:organization", added.pk)
    return render(request, "integrations/organizations/form.html", {"form": form}, status=form_status(form))


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
    return render(request, "integrations/organizations/form.html", context, status=form_status(form))


def _change(
    request: SignedInRequest, organization: Organization, form: OrganizationForm
) -> HttpResponse | None:
    """The redirect after a change; None when the form has to be shown again, with what is wrong."""
    values, batch = form.cleaned_data, Batch(actor_of(request))
    try:
        changed = change_organization(batch, organization, values, values["seen"])
    except ExternalIdTaken as error:
        form.add_error("external_id", str(error))
        return None
    except ChangedMeanwhile:
        form.add_error(
            None,
            "Nothing was saved: somebody else has changed this organization since you opened it. "
            "Open it again to see what it is now.",
        )
        return None
    name = values["name"]
    if changed:
        tell_recorded(request, batch, f"“{name}” was saved.")
    else:
        messages.info(request, f"Nothing was saved: nothing about “{name}” differs.")
    return redirect("integrations:organization", organization.pk)


@needs("delete_organization")
@require_http_methods(["GET", "POST"])
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask, say what goes with it, and delete softly."""
    organization = get_object_or_404(Organization.objects.visible_to(request.user).present(), pk=pk)
    if request.method == "POST":
        text = f"“{organization.name}” was deleted. It can be restored from “Deleted”."
        with recorded(request, text) as batch:
            delete_organization(batch, organization)
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
    into = organization.merged_into
    what = f"without what was merged into “{into.name}”" if into else "with its mappings"
    try:
        with recorded(request, f"“{organization.name}” is back, {what}.") as batch:
            restore_organization(batch, organization)
    except ExternalIdTaken as error:
        messages.error(
            request,
            f"“{organization.name}” was not restored: {error.holder} has its external id now. "
            "Change or delete that one first.",
        )
    return redirect("integrations:organizations")


def _address(params: dict[str, str], status: Status) -> str:
    return urlencode({key: value for key, value in params.items() if value} | {"status": status.value})


@needs("map_organizations")
@needs("change_organization")
@needs("delete_organization")
@require_http_methods(["GET", "POST"])
def merge(request: SignedInRequest, pk: int) -> HttpResponse:
    """Choose whom the organization is merged into, see what that does, and do it."""
    visible = Organization.objects.visible_to(request.user).present()
    organization = get_object_or_404(visible, pk=pk)
    number = whole_number(request.POST.get("into") or request.GET.get("into") or "")
    if number is None:
        if request.method == "POST":
            raise Http404
        text = search_text(request.GET.get("q", ""))
        context = {"organization": organization, "q": text, "candidates": alike(visible, organization, text)}
        return render(request, "integrations/organizations/merge_choose.html", context)
    into = get_object_or_404(visible.exclude(pk=pk), pk=number)
    if request.method == "POST":
        return _merge(request, organization, into)
    return _ask(request, plan_merge(organization, into))


def _merge(request: SignedInRequest, merged: Organization, into: Organization) -> HttpResponse:
    chosen = {
        name.removeprefix("company-"): whole_number(value) or 0
        for name, value in request.POST.items()
        if name.startswith("company-") and isinstance(value, str)
    }
    try:
        with recorded(request, f"“{merged.name}” was merged into “{into.name}”.") as batch:
            merge_organizations(batch, merged, into, chosen, request.POST.get("seen", ""))
    except ChangedMeanwhile:
        error = "Nothing was merged: something about them has changed since you saw it. Look once more."
    except CompanyUndecided:
        error = "Choose the company that is right: the two are mapped to different ones."
    else:
        return redirect("integrations:organization", into.pk)
    present = Organization.objects.present().in_bulk([merged.pk, into.pk])
    if len(present) < 2:
        messages.error(request, "Nothing was merged: one of them was deleted meanwhile.")
        return redirect("integrations:organizations")
    return _ask(request, plan_merge(present[merged.pk], present[into.pk]), error)


def _ask(request: SignedInRequest, plan: MergePlan, error: str = "") -> HttpResponse:
    context = {
        "plan": plan,
        "error": error,
        "facts": [
            (label, getattr(plan.merged, name), getattr(plan.into, name), name in plan.taken_over)
            for name, label in LABELS.items()
            if name != "is_active" and (getattr(plan.merged, name) or getattr(plan.into, name))
        ],
    }
    return render(request, "integrations/organizations/merge.html", context, status=422 if error else 200)
