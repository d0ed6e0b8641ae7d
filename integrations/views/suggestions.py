"""Suggestions: make them, and explain one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from integrations.models import Company, IntegrationInstance
from integrations.services.mapping import RowState
from integrations.services.suggestions import explain_match, propose_mappings, takes_long
from integrations.tasks import enqueue_suggestions
from integrations.views.common import SignedInRequest, instance_frame, on_instance, organization_or_404
from integrations.views.mapping_table import back_to_table, leave_job_behind


@on_instance("map_organizations")
@require_POST
def suggest(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Suggest Values: fresh proposals for every open organization; nothing is saved."""
    include_inactive = "include_inactive" in request.POST
    if takes_long(instance):
        enqueue_suggestions(instance, request.user, include_inactive=include_inactive)
    else:
        summary = propose_mappings(request.user, instance, include_inactive=include_inactive)
        tell = messages.warning if summary.obstacle else messages.info
        tell(request, summary.sentence())
        leave_job_behind(request, instance)
    return back_to_table(request, instance, shows=RowState.SUGGESTED)


@on_instance("view_integrationinstance")
@require_GET
def explain(
    request: SignedInRequest, instance: IntegrationInstance, organization_id: int, company_id: int
) -> HttpResponse:
    """Why (not): the matcher's reasoning for a pair."""
    organization = organization_or_404(request, instance, organization_id)
    company = get_object_or_404(instance.companies, pk=company_id)
    explained = explain_match(request.user, instance, organization, company)
    names = {
        str(pk): name
        for pk, name in Company.objects.filter(
            pk__in=[int(rival.company_id) for rival in explained.explanation.alternatives]
        ).values_list("pk", "name")
    }
    context = {
        **instance_frame(request, instance),
        "organization": organization,
        "company": company,
        "explanation": explained.explanation,
        "earlier": explained.earlier,
        "told": explained.told,
        "names": names,
    }
    return render(request, "integrations/suggestions/explain.html", context)
