"""Choosing the catch-all company of a configuration."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from integrations.services.audit import Batch
from integrations.services.companies.filters import type_labels
from integrations.services.instances.catch_all import (
    NotUsable,
    catch_all_company,
    offered,
    set_catch_all,
)
from integrations.views.common import (
    SignedInRequest,
    actor_of,
    frame,
    instance_or_404,
    needs,
    provider_or_404,
    search_text,
    undo_tag,
    whole_number,
)


@needs("change_integrationinstance")
@require_http_methods(["GET", "POST"])
def catch_all(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Choose the company that organizations without a mapping are answered with, or none."""
    instance = instance_or_404(request, psa, pk)
    if request.method == "GET":
        text = search_text(request.GET.get("q", ""))
        companies = offered(instance, text)
        context = {
            **frame(request, provider_or_404(psa), instance),
            "q": text,
            "companies": companies,
            "finds_nothing": bool(text) and all(company.is_own for company in companies),
            "company": catch_all_company(instance),
            "type_labels": type_labels(instance),
        }
        return render(request, "integrations/instances/catch_all.html", context)
    number = request.POST.get("company", "")
    company = get_object_or_404(instance.companies, pk=whole_number(number) or 0) if number else None
    batch = Batch(actor_of(request))
    try:
        changed = set_catch_all(batch.actor, instance, company, batch=batch)
    except NotUsable as error:
        raise Http404 from error
    if changed:
        what = f"The catch-all company is {company.name}." if company else "There is no catch-all company."
        messages.success(request, what, extra_tags=undo_tag(request, batch))
    return redirect(instance)
