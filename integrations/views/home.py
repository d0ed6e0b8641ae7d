"""The first page: every configuration and how it is."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from integrations.models import ApiToken, IntegrationInstance
from integrations.psa.registry import PROVIDERS, provider_for
from integrations.services.instances import RESTORABLE_FOR, first_steps, instance_cards
from integrations.views.common import SignedInRequest, needs, search_text


@needs("view_integrationinstance")
def home(request: SignedInRequest) -> HttpResponse:
    """All integrations with their configurations, those with the words of a search, and the deleted ones."""
    visible = IntegrationInstance.objects.visible_to(request.user)
    deleted = visible.filter(deleted_at__gte=timezone.now() - RESTORABLE_FOR)
    text = search_text(request.GET.get("q", ""))
    every = instance_cards(visible.present())
    cards = [card for card in every if _is_about(text, *_names(card.instance))]
    found = {card.instance.psa for card in cards}
    context = {
        "q": text,
        "cards": cards,
        "steps": first_steps(every),
        "providers": [
            provider
            for provider in PROVIDERS.values()
            if provider.key in found or _is_about(text, provider.full_name)
        ],
        "deleted": deleted.order_by("-deleted_at"),
        "ending": ApiToken.objects.ending_soon()
        if request.user.has_perm("integrations.view_apitoken")
        else [],
    }
    return render(request, "integrations/home.html", context)


def _names(instance: IntegrationInstance) -> tuple[str, ...]:
    provider = provider_for(instance.psa)
    return provider.full_name, instance.name, instance.description, instance.zone_name


def _is_about(text: str, *names: str) -> bool:
    """Whether each word of the text is in one of the names."""
    whole = "\n".join(names).casefold()
    return all(word in whole for word in text.casefold().split())


@needs("view_integrationinstance")
def glossary(request: SignedInRequest) -> HttpResponse:
    """The words of the trade, explained."""
    return render(request, "integrations/glossary.html")
