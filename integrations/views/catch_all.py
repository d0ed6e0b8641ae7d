"""Choosing the catch-all company of a configuration."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from integrations.models import IntegrationInstance
from integrations.services.audit import Batch, actor_of
from integrations.services.companies import catch_all_choices, type_labels
from integrations.services.instances import NotUsable, set_catch_all
from integrations.views.common import (
    SignedInRequest,
    instance_frame,
    on_instance,
    search_text,
    tell_recorded,
    whole_number,
)


@on_instance("change_integrationinstance")
@require_http_methods(["GET", "POST"])
def catch_all(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Choose the company that organizations without a mapping are answered with, or none."""
    if request.method == "GET":
        text = search_text(request.GET.get("q", ""))
        companies = catch_all_choices(instance, text)
        context = {
            **instance_frame(request, instance),
            "q": text,
            "companies": companies,
            "finds_nothing": bool(text) and all(company.is_own for company in companies),
            "company": instance.catch_all_company(),
            "type_labels": type_labels(instance),
        }
        return render(request, "integrations/instances/catch_all.html", context)
    number = request.POST.get("company", "")
    company = get_object_or_404(instance.companies, pk=whole_number(number) or 0) if number else None
    batch = Batch(actor_of(request))
    try:
        changed = set_catch_all(batch, instance, company)
    except NotUsable as error:
        raise Http404 from error
    if changed:
        text = f"The catch-all company is {company.name}." if company else "There is no catch-all company."
        tell_recorded(request, batch, text)
    return redirect(instance)
