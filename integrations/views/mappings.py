"""The mapping card: refresh, suggest, choose, save, undo."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from integrations.forms.mapping_table import columns_in_address, table_query
from integrations.models import Company, IntegrationInstance, Organization
from integrations.services.audit import Batch
from integrations.services.companies.filters import type_labels
from integrations.services.companies.search import company_choices
from integrations.services.jobs.run import request_cancel, shown_job
from integrations.services.mapping import proposals
from integrations.services.mapping import save as mappings
from integrations.services.mapping.preferences import keep_table_view
from integrations.services.mapping.table import matching_organizations, one_row
from integrations.services.suggestions import decisions
from integrations.services.suggestions.suggest import propose_mappings, takes_long
from integrations.tasks import enqueue_refresh, enqueue_suggestions
from integrations.views.common import (
    SignedInRequest,
    actor_of,
    needs,
    search_text,
    undo_tag,
    whole_number,
)
from integrations.views.setup import (
    bar_context,
    frame,
    instance_or_404,
    organization_or_404,
    provider_or_404,
    rows_context,
    table_context,
)


def _back(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Back to the table as it was: its address travels in the hidden field ``table``."""
    query = QueryDict(request.POST.get("table", ""))
    address = reverse("integrations:setup", args=[instance.psa, instance.pk])
    return redirect(f"{address}?{query.urlencode()}#mappings" if query else f"{address}#mappings")


@needs("view_integrationinstance")
@require_GET
def table(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """The mapping card alone, for a page that learned of new options."""
    instance = instance_or_404(request, psa, pk)
    return render(request, "integrations/mapping/mappings.html", table_context(request, instance))


@needs("view_integrationinstance")
@require_POST
def keep_view(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Keep the columns and the rows a page for this person, and show them; the address tells them too."""
    instance = instance_or_404(request, psa, pk)
    size = whole_number(request.POST.get("size", "")) or 0
    view = keep_table_view(request.user, request.POST.getlist("column"), size)
    query = QueryDict(request.POST.get("table", ""), mutable=True)
    query["columns"], query["size"] = columns_in_address(view.columns), str(view.size)
    address = reverse("integrations:setup", args=[instance.psa, instance.pk])
    return redirect(f"{address}?{query.urlencode()}#mappings")


@needs("map_organizations")
@require_POST
def refresh(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Refresh Options: start reading in the background."""
    instance = instance_or_404(request, psa, pk)
    enqueue_refresh(
        instance, request.user, full="full" in request.POST, accept_shrink="accept_shrink" in request.POST
    )
    return _back(request, instance)


@needs("view_integrationinstance")
@require_GET
def job(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """The progress of the latest refresh; asks again by itself until it has ended."""
    instance = instance_or_404(request, psa, pk)
    latest = shown_job(instance, request.user)
    response = render(request, "integrations/setup/job.html", {"instance": instance, "job": latest})
    if latest is not None and not latest.is_open:
        response.headers["HX-Trigger"] = "options-refreshed"
    return response


@needs("map_organizations")
@require_POST
def cancel_job(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Stop the running refresh within a page."""
    instance = instance_or_404(request, psa, pk)
    open_job = instance.jobs.shown_to(request.user.pk).open().first()
    if open_job is not None:
        request_cancel(open_job)
    return _back(request, instance)


@needs("map_organizations")
@require_POST
def suggest(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Suggest Values: fresh proposals for every open organization; nothing is saved."""
    instance = instance_or_404(request, psa, pk)
    include_inactive = "include_inactive" in request.POST
    if takes_long(instance):
        enqueue_suggestions(instance, request.user, include_inactive=include_inactive)
    else:
        summary = propose_mappings(request.user, instance, include_inactive=include_inactive)
        messages.info(request, summary.sentence())
    return _back(request, instance)


@needs("map_organizations")
@require_POST
def save(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Save Mappings: everything that is ticked."""
    instance = instance_or_404(request, psa, pk)
    shown, ticked = _numbers(request, "shown"), _numbers(request, "ticked")
    proposals.select_proposals(request.user, instance, shown, ticked)
    outcome = mappings.save_mappings(actor_of(request), request.user, instance)
    if outcome.saved:
        messages.success(request, outcome.sentence(), extra_tags=f"undo:{outcome.batch}")
    elif not outcome.conflicts:
        messages.info(request, outcome.sentence())
    for conflict in outcome.conflicts[:10]:
        messages.error(request, conflict.sentence())
    if len(outcome.conflicts) > 10:
        messages.error(request, f"{len(outcome.conflicts) - 10:,} more rows were not saved for such reasons.")
    return _back(request, instance)


@needs("map_organizations")
@require_POST
def tick(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Keep a row's tick; answers the bar that says what saving would do."""
    instance = instance_or_404(request, psa, pk)
    proposals.select_proposals(
        request.user, instance, _numbers(request, "shown"), _numbers(request, "ticked")
    )
    return render(request, "integrations/mapping/action_bar.html", bar_context(request, instance))


@needs("map_organizations")
@require_POST
def tick_all(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Tick every row that the address chooses (all pages), or untick every row."""
    instance = instance_or_404(request, psa, pk)
    query = table_query(QueryDict(request.POST.get("chosen", "")))
    chosen = matching_organizations(instance, request.user, query)
    number = proposals.select_every(request.user, instance, chosen, request.POST.get("ticked") == "1")
    what = "selected" if request.POST.get("ticked") == "1" else "no longer selected"
    rows = "row" if number == 1 else "rows"
    messages.info(request, f"{number:,} {rows} {what}, on all pages. Nothing is saved yet.")
    return _back(request, instance)


@needs("map_organizations")
@require_http_methods(["GET", "POST"])
def choose(request: SignedInRequest, psa: str, pk: int, organization_id: int) -> HttpResponse:
    """GET: search the companies for a row (a whole page, or the list of a combobox). POST: choose one."""
    instance = instance_or_404(request, psa, pk)
    organization = organization_or_404(request, instance, organization_id)
    if request.method == "POST":
        return _choose(request, instance, organization)
    text = search_text(request.GET.get("q", ""))
    is_list: bool = request.htmx  # type: ignore[attr-defined]  # set by django-htmx's middleware
    # What is found by a text does not depend on what is proposed for the row.
    row = organization if text and is_list else one_row(instance, request.user, organization.pk)
    context = {
        **frame(request, provider_or_404(psa), instance),
        "row": row,
        "q": text,
        "choices": company_choices(instance, row, text),
        "table_address": request.GET.get("table", ""),
        "type_labels": type_labels(instance),
    }
    if is_list:
        return render(request, "integrations/mapping/company_options.html", context)
    return render(request, "integrations/mapping/choose.html", context)


def _choose(
    request: SignedInRequest, instance: IntegrationInstance, organization: Organization
) -> HttpResponse:
    wanted = request.POST.get("company", "")
    company: Company | None = None
    if wanted:
        company = get_object_or_404(instance.companies, pk=whole_number(wanted))
    try:
        proposals.choose_company(request.user, instance, organization, company, moves="move" in request.POST)
    except proposals.OrganizationElsewhere as error:
        messages.error(
            request, f"{organization.name} is mapped in “{error}”. Use “Move here” to take it over."
        )
    except proposals.CompanyNotOffered as error:
        raise Http404 from error
    return _row_or_back(request, instance, organization)


@needs("map_organizations")
@require_POST
def discard(request: SignedInRequest, psa: str, pk: int, organization_id: int) -> HttpResponse:
    """Forget what was chosen or suggested for a row."""
    instance = instance_or_404(request, psa, pk)
    organization = organization_or_404(request, instance, organization_id)
    proposals.discard_proposal(request.user, instance, organization)
    return _row_or_back(request, instance, organization)


@needs("map_organizations")
@require_POST
def ignore(request: SignedInRequest, psa: str, pk: int, organization_id: int) -> HttpResponse:
    """Leave an organization deliberately unmapped, or take that back."""
    instance = instance_or_404(request, psa, pk)
    organization = organization_or_404(request, instance, organization_id)
    actor = actor_of(request)
    batch = Batch(actor)
    if request.POST.get("ignored") == "0":
        decisions.stop_ignoring(actor, instance, organization, batch=batch)
        text = f"{organization.name} is open again."
    else:
        decisions.ignore_organization(actor, request.user, instance, organization, batch=batch)
        text = f"{organization.name} is ignored from now on and left out of the counts."
    messages.success(request, text, extra_tags=undo_tag(request, batch))
    return _row_or_back(request, instance, organization)


def _row_or_back(
    request: SignedInRequest, instance: IntegrationInstance, organization: Organization
) -> HttpResponse:
    """The row with the action bar for a page that swaps it, or the whole page."""
    if not request.htmx:  # type: ignore[attr-defined]  # set by django-htmx's middleware
        return _back(request, instance)
    row = one_row(instance, request.user, organization.pk)
    context = {**rows_context(request, instance, [row]), **bar_context(request, instance)}
    return render(request, "integrations/mapping/swapped_row.html", context)


def _numbers(request: SignedInRequest, name: str) -> list[int]:
    found = [whole_number(value) for value in request.POST.getlist(name)]
    return [number for number in found if number is not None]
