"""The company filter card: rows in and out, preview, save."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from integrations.forms.filters import MOST_ROWS
from integrations.psa.base import PSAError
from integrations.services.audit import Batch
from integrations.services.companies.filters import preview_filters, save_filters
from integrations.tasks import enqueue_refresh
from integrations.views.cards import filter_forms
from integrations.views.common import (
    SignedInRequest,
    actor_of,
    instance_or_404,
    needs,
    undo_tag,
    whole_number,
)
from integrations.views.setup import setup_page


@needs("map_organizations")
@require_POST
def edit(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Add or remove a row, or follow a changed field; nothing is saved."""
    instance = instance_or_404(request, psa, pk)
    sent = filter_forms(instance, request.POST)
    rows = [
        {name: str(form[name].value() or "") for name in ("field", "operation", "value")}
        for form in sent.forms
    ]
    removed = whole_number(request.POST.get("remove", ""))
    if removed is not None and removed < len(rows):
        del rows[removed]
    if "add" in request.POST and len(rows) < MOST_ROWS:
        rows.append({})
    filters = filter_forms(instance, initial=rows or [{}])
    if request.htmx:  # type: ignore[attr-defined]  # set by django-htmx's middleware
        return render(
            request, "integrations/setup/filter_rows.html", {"instance": instance, "filters": filters}
        )
    return setup_page(request, instance, filters=filters)


@needs("map_organizations")
@require_POST
def check(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """What is wrong with the one field of a row that somebody has just left; nothing is saved."""
    filters = filter_forms(instance_or_404(request, psa, pk), request.POST)
    fields = {form[name].html_name: form[name] for form in filters.forms for name in form.fields}
    checked = fields.get(request.POST.get("check", ""))
    if checked is None:
        raise Http404
    return HttpResponse(str(checked.errors))


@needs("map_organizations")
@require_POST
def preview(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """How many companies the rows would choose, a sample, and which mapped ones would drop out."""
    instance = instance_or_404(request, psa, pk)
    filters = filter_forms(instance, request.POST)
    found: dict[str, object] | None = None
    if filters.is_valid():
        try:
            found = {"result": preview_filters(instance, filters.conditions())}
        except PSAError as error:
            found = {"error": error.user_text}
    if request.htmx:  # type: ignore[attr-defined]  # set by django-htmx's middleware
        context = {"instance": instance, "filters": filters, "preview": found}
        return render(request, "integrations/setup/filter_rows.html", context)
    return setup_page(request, instance, filters=filters, preview=found)


@needs("map_organizations")
@require_POST
def save(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Save the rows and read the companies anew."""
    instance = instance_or_404(request, psa, pk)
    filters = filter_forms(instance, request.POST)
    if not filters.is_valid():
        return setup_page(request, instance, filters=filters)
    batch = Batch(actor_of(request))
    save_filters(batch.actor, instance, filters.conditions(), batch=batch)
    enqueue_refresh(instance, request.user, full=True)
    text = "The company filter was saved. The companies are being read anew."
    messages.success(request, text, extra_tags=undo_tag(request, batch))
    return redirect(instance)
