"""Merging two organizations that are the same customer."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from integrations.models import Organization
from integrations.services.audit import Batch
from integrations.services.organizations.edit import ChangedMeanwhile
from integrations.services.organizations.merge import (
    CompanyUndecided,
    MergePlan,
    alike,
    merge_organizations,
    plan_merge,
)
from integrations.services.organizations.values import LABELS
from integrations.views.common import SignedInRequest, actor_of, needs, search_text, undo_tag, whole_number


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
        context = {"organization": organization, "q": text, "found": alike(visible, organization, text)}
        return render(request, "integrations/organizations/merge_choose.html", context)
    into = get_object_or_404(visible.exclude(pk=pk), pk=number)
    if request.method == "POST":
        return _merge(request, organization, into)
    return _ask(request, plan_merge(organization, into))


def _merge(request: SignedInRequest, merged: Organization, into: Organization) -> HttpResponse:
    batch = Batch(actor_of(request))
    chosen = {
        name.removeprefix("company-"): whole_number(value) or 0
        for name, value in request.POST.items()
        if name.startswith("company-") and isinstance(value, str)
    }
    try:
        merge_organizations(batch.actor, merged, into, chosen, request.POST.get("seen", ""), batch=batch)
    except ChangedMeanwhile:
        error = "Nothing was merged: something about them has changed since you saw it. Look once more."
    except CompanyUndecided:
        error = "Choose the company that is right: the two are mapped to different ones."
    else:
        text = f"“{merged.name}” was merged into “{into.name}”."
        messages.success(request, text, extra_tags=undo_tag(request, batch))
        return redirect("integrations:organization_edit", into.pk)
    found = Organization.objects.present().in_bulk([merged.pk, into.pk])
    if len(found) < 2:
        messages.error(request, "Nothing was merged: one of them was deleted meanwhile.")
        return redirect("integrations:organizations")
    return _ask(request, plan_merge(found[merged.pk], found[into.pk]), error)


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
