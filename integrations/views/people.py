"""People: the sign-in log, everybody's for superusers and one's own."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from integrations.models import AccountEvent
from integrations.services.people import account_events
from integrations.views.common import SignedInRequest, search_text, superusers_only

LOG_PAGE = 50


@superusers_only
@require_GET
def log(request: SignedInRequest) -> HttpResponse:
    """What happened to everybody's account, the newest first."""
    kind, text = request.GET.get("kind", ""), search_text(request.GET.get("q", ""))
    events = account_events(kind=kind, text=text)
    context = {
        "page": Paginator(events, LOG_PAGE).get_page(request.GET.get("page")),
        "kinds": AccountEvent.Kind.choices,
        "kind": kind,
        "text": text,
    }
    return render(request, "integrations/people/log.html", context)


@login_required
@require_GET
def own_log(request: HttpRequest) -> HttpResponse:
    """What happened to one's own account, the newest first."""
    assert request.user.is_authenticated  # noqa: S101  # login_required
    page = Paginator(account_events(request.user), LOG_PAGE).get_page(request.GET.get("page"))
    return render(request, "integrations/people/log.html", {"page": page, "own": True})
