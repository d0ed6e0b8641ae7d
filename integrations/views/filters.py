"""The company filter card: rows in and out, preview, save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from integrations.forms.filters import BaseFilterFormSet
from integrations.forms.user_field import UserFieldForm
from integrations.models import IntegrationInstance
from integrations.psa.base import Filter, PSAError
from integrations.services.audit import Batch, actor_of
from integrations.services.companies import MOST_ROWS, preview_filters, save_filters, set_user_field
from integrations.tasks import enqueue_refresh
from integrations.views.cards import filter_forms
from integrations.views.common import (
    SignedInRequest,
    field_errors,
    on_instance,
    recorded,
    tell_recorded,
    whole_number,
)
from integrations.views.setup import setup_page


@on_instance("map_organizations")
@require_POST
def edit(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Add or remove a row, or follow a changed field; nothing is saved."""
    sent = filter_forms(instance, request.POST)
    rows = _redrawn(sent, at_once=bool(request.htmx))
    removed = whole_number(request.POST.get("remove", ""))
    if removed is not None and removed < len(rows):
        del rows[removed]
    if "add" in request.POST and len(rows) < MOST_ROWS:
        rows.append({})
    filters = filter_forms(instance, initial=rows or [{}])
    if request.htmx:
        return render(
            request, "integrations/setup/filter_rows.html", {"instance": instance, "filters": filters}
        )
    return setup_page(request, instance, filters=filters)


def _redrawn(filters: BaseFilterFormSet, *, at_once: bool) -> list[dict[str, Any]]:
    return [form.redrawn(at_once=at_once) for form in filters.forms]


@on_instance("map_organizations")
@require_POST
def check(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """What is wrong with the one field of a row that somebody has just left; nothing is saved."""
    filters = filter_forms(instance, request.POST)
    return field_errors(request, filters.forms)


@on_instance("map_organizations")
@require_POST
def preview(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """How many companies the rows would choose, a sample, and which mapped ones would drop out."""
    filters = filter_forms(instance, request.POST)
    previewed: dict[str, object] | None = None
    if filters.is_valid():
        try:
            previewed = {"result": preview_filters(instance, filters.conditions())}
        except PSAError as error:
            previewed = {"error": error.user_text}
        filters = filter_forms(instance, initial=_redrawn(filters, at_once=False))
    if request.htmx:
        context = {"instance": instance, "filters": filters, "preview": previewed, "asked": True}
        return render(request, "integrations/setup/filter_rows.html", context)
    return setup_page(request, instance, filters=filters, preview=previewed)


@on_instance("map_organizations")
@require_POST
def save(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Save the rows and read the companies anew."""
    filters = filter_forms(instance, request.POST)
    if not filters.is_valid():
        return setup_page(request, instance, filters=filters)
    if "drop" not in request.POST and not filters.conditions() and instance.last_full_read_at is None:
        return setup_page(request, instance, filters=filters, preview={"chooses_none": True})
    if "drop" not in request.POST and (previewed := _drops(instance, filters.conditions())):
        filters = filter_forms(instance, initial=_redrawn(filters, at_once=False))
        return setup_page(request, instance, filters=filters, preview=previewed)
    with recorded(request, "The company filter was saved. The companies are being read anew.") as batch:
        save_filters(batch, instance, filters.conditions())
        enqueue_refresh(instance, request.user, full=True)
    if "drop" in request.POST:  # where the rows come that it was said would need review
        return redirect(f"{instance.get_absolute_url()}?state=review#mappings")
    return redirect(instance)


def _drops(instance: IntegrationInstance, conditions: Sequence[Filter]) -> dict[str, object] | None:
    """The preview of a filter by which mapped companies would drop out that are in the present one.

    None also where nothing is mapped, or the PSA cannot be asked: the read that follows then fails as
    well and changes nothing.
    """
    if not instance.mappings.in_tables().exists():
        return None
    try:
        result = preview_filters(instance, conditions)
    except PSAError:
        return None
    leaving = [company for company in result.dropped if company.in_filter]
    return {"result": result, "asks": len(leaving)} if leaving else None


@on_instance("change_integrationinstance")
@require_POST
def save_user_field(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Choose the user-defined field that is read with the companies, and read them anew."""
    form = UserFieldForm(instance, request.POST)
    if not form.is_valid():
        return setup_page(request, instance, user_field=form)
    batch = Batch(actor_of(request))
    if set_user_field(batch, instance, form.cleaned_data["user_field"]):
        enqueue_refresh(instance, request.user, full=True)
        tell_recorded(request, batch, "The user-defined field was saved. The companies are being read anew.")
    return redirect(f"{instance.get_absolute_url()}#schedule")
