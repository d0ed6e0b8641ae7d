"""The first page: every configuration and how it is."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from integrations.models import ApiToken, IntegrationInstance
from integrations.psa.registry import PROVIDERS
from integrations.services.instances import RESTORABLE_FOR, first_steps, instance_cards
from integrations.views.common import SignedInRequest, needs


@needs("view_integrationinstance")
def home(request: SignedInRequest) -> HttpResponse:
    """All integrations with their configurations, and the deleted ones that can be restored."""
    visible = IntegrationInstance.objects.visible_to(request.user)
    deleted = visible.filter(deleted_at__gte=timezone.now() - RESTORABLE_FOR)
    context = {
        "cards": instance_cards(visible.present()),
        "steps": first_steps(visible.present()),
        "providers": PROVIDERS.values(),
        "deleted": deleted.order_by("-deleted_at"),
        "ending": ApiToken.objects.ending_soon()
        if request.user.has_perm("integrations.view_apitoken")
        else [],
    }
    return render(request, "integrations/home.html", context)


@needs("view_integrationinstance")
def glossary(request: SignedInRequest) -> HttpResponse:
    """The words of the trade, explained."""
    return render(request, "integrations/glossary.html")
