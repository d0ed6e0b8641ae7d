"""People: the sign-in log, everybody's for superusers and one's own."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from integrations.models import AccountEvent
from integrations.services.people import (
    account_events,
    end_all_sessions,
    end_session,
    live_sessions,
    presence,
)
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
def own_browsers(request: HttpRequest) -> HttpResponse:
    """Where one is signed in."""
    assert request.user.is_authenticated  # noqa: S101  # login_required
    context = {"browsers": live_sessions(request.user), "here": presence().session}
    return render(request, "integrations/people/browsers.html", context)


@login_required
@require_POST
def end_own_browsers(request: HttpRequest) -> HttpResponse:
    """Sign one browser of one's own out, or all but this one."""
    assert request.user.is_authenticated  # noqa: S101  # login_required
    name = request.POST.get("browser", "")
    ended = end_session(request.user, name) if name else bool(end_all_sessions(request.user))
    messages.success(
        request, "Signed out there." if ended else "Nothing was ended: you are signed in nowhere else."
    )
    return redirect("account_browsers")


@login_required
@require_GET
def own_log(request: HttpRequest) -> HttpResponse:
    """What happened to one's own account, the newest first."""
    assert request.user.is_authenticated  # noqa: S101  # login_required
    page = Paginator(account_events(request.user), LOG_PAGE).get_page(request.GET.get("page"))
    return render(request, "integrations/people/log.html", {"page": page, "own": True})
