"""The companies of a configuration: read them anew, find a missing one, make organizations of them."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from integrations.forms.imports import companies_query
from integrations.models import IntegrationInstance, Job
from integrations.services.audit import actor_of
from integrations.services.companies import find_missing_company, type_labels
from integrations.services.imports import importable
from integrations.services.jobs import shown_job
from integrations.tasks import enqueue_company_import, enqueue_refresh
from integrations.views.common import (
    SignedInRequest,
    instance_frame,
    needs,
    on_instance,
    search_text,
    whole_number,
)
from integrations.views.mapping_table import back_to_table

COMPANIES_A_PAGE = 100


@on_instance("map_organizations")
@require_POST
def refresh(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Refresh Options: start reading in the background."""
    enqueue_refresh(
        instance, request.user, full="full" in request.POST, accept_shrink="accept_shrink" in request.POST
    )
    return back_to_table(request, instance)


@on_instance("view_integrationinstance")
@require_GET
def job(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """The progress of the latest refresh; asks again by itself until it has ended."""
    latest = shown_job(instance, request.user)
    ended = latest is not None and not latest.is_open
    context = {"instance": instance, "job": latest, "ended": ended}
    response = render(request, "integrations/setup/job.html", context)
    if ended:
        response.headers["HX-Trigger"] = "options-refreshed"
    return response


@on_instance("map_organizations")
@require_POST
def cancel_job(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Stop the running refresh within a page."""
    open_job = instance.jobs.shown_to(request.user.pk).open().first()
    if open_job is not None:
        open_job.request_cancel()
    return back_to_table(request, instance)


@on_instance("view_integrationinstance")
@require_GET
def missing(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Why is my company missing?"""
    text = search_text(request.GET.get("q", ""))
    context = {
        **instance_frame(request, instance),
        "q": text,
        "answer": find_missing_company(instance, text) if text else None,
    }
    return render(request, "integrations/companies/missing.html", context)


@needs("add_organization")
@on_instance("map_organizations")
@require_GET
def companies(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """The companies to pick from; search, status, type and page are in the address."""
    query, number = companies_query(request.GET)
    page = Paginator(importable(instance, query), COMPANIES_A_PAGE).get_page(number)
    address_params = {
        name: str(request.GET[name]) for name in ("q", "status", "type", "mapped") if request.GET.get(name)
    }
    labels = type_labels(instance)
    context = {
        **instance_frame(request, instance),
        "query": query,
        "page": page,
        "chosen": urlencode(address_params),
        "types": sorted(labels.items(), key=lambda pair: pair[1].casefold()),
        "type_labels": labels,
        "job": instance.jobs.filter(kind=Job.Kind.IMPORT_ORGANIZATIONS).open().first(),
    }
    return render(request, "integrations/companies/import.html", context)


@needs("add_organization")
@on_instance("map_organizations")
@require_POST
def import_companies(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Start importing the ticked companies, or all that the address chooses; the answer is the report."""
    ticked = [whole_number(value) for value in request.POST.getlist("company")]
    numbers = [number for number in ticked if number is not None]
    query, _ = companies_query(QueryDict(request.POST.get("chosen", "")))
    if "all" not in request.POST and not numbers:
        messages.info(request, "Nothing was imported: no company was ticked.")
        return redirect("integrations:companies_import", instance.psa, instance.pk)
    options = query.as_options() if "all" in request.POST else {"companies": sorted(set(numbers))}
    job, created = enqueue_company_import(instance, request.user, actor_of(request), options)
    if not created:
        messages.warning(request, "Another import of this configuration is still running; here it is.")
    return redirect("integrations:import_report", job.key)
