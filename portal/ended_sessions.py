"""When a session has ended: whoever was at a page is led back to it after signing in, and nothing is lost.

A part of a page never becomes the sign-in: it answers ``HX-Redirect``. A form that was sent too late leads
back to the page that it stood on, not to an address that takes forms only. What had been entered,
static/js/session.js keeps in the browser until then; a short-lived cookie says that somebody comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import REASON_BAD_ORIGIN, REASON_NO_CSRF_COOKIE
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

COOKIE = f"{settings.COOKIE_PREFIX}comes-back"
COMES_BACK_WITHIN = 3600  # seconds
BACK = "You are signed in again. Your changes are still here; what you had just pressed, press once more."
SAFE = {"GET", "HEAD"}


def start() -> None:
    """Listen for sign-ins."""
    user_logged_in.connect(_welcome_back, dispatch_uid="portal.ended_sessions")


class EndedSessionMiddleware:
    """Turns every way to the sign-in, whoever sends there, into one that leads back to the page at hand."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if _asks_to_sign_in(response) and not request.user.is_authenticated:
            if "HX-Request" in request.headers or request.method not in SAFE:
                return to_sign_in(request)
        elif getattr(request, "came_back", False):
            response.delete_cookie(COOKIE)
        return response


def _asks_to_sign_in(response: HttpResponse) -> bool:
    """Whether it sends to the sign-in and from there on: not from there, nor from the end of a session."""
    goes_to = urlsplit(response.get("Location", "")) if response.status_code == 302 else None
    return goes_to is not None and goes_to.path == reverse("account_login") and "next=" in goes_to.query


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Lead to the sign-in and from there back to the page that the person is at."""
    address = f"{reverse('account_login')}?{urlencode({'next': page_of(request)})}"
    if "HX-Request" in request.headers:
        response = HttpResponse(status=204, headers={"HX-Redirect": address})
    else:
        response = HttpResponseRedirect(address)
    response.set_cookie(
        COOKIE, "1", max_age=COMES_BACK_WITHIN, secure=settings.SECURE_COOKIES, httponly=True, samesite="Lax"
    )
    return response


def page_of(request: HttpRequest) -> str:
    """The page (path and query) on which the request was made, "/" where nobody says.

    A browser tells it: htmx in ``HX-Current-URL``, a form in ``Referer``. Another site's page is not ours.
    """
    told = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(told, {request.get_host()}, require_https=request.is_secure()):
        return "/"
    parts = urlsplit(told)
    if parts.path == reverse("account_login"):
        wanted = parse_qs(parts.query).get("next", ["/"])[0]
        is_ours = url_has_allowed_host_and_scheme(wanted, None)
        return wanted if is_ours and wanted.startswith("/") else "/"
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _welcome_back(request: HttpRequest | None, **kwargs: object) -> None:
    if request is not None and request.COOKIES.get(COOKIE):
        request.came_back = True  # type: ignore[attr-defined]
        messages.info(request, BACK)


@require_safe
@login_required
def stay_signed_in(request: HttpRequest) -> HttpResponse:
    """Nothing but a sign of life, by which a session that nobody uses goes on; the headers say how long."""
    return HttpResponse(status=204)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say why a form was not taken, or lead on where its sender only has to sign in, or has just done so.

    https://docs.djangoproject.com/en/5.2/ref/settings/#csrf-failure-view
    """
    is_foreign = reason.split(" - ")[0] == REASON_BAD_ORIGIN.split(" - ")[0] or "eferer" in reason
    if is_foreign:
        context = {
            "origin": request.headers.get("Origin", ""),
            "here": f"{request.scheme}://{request.get_host()}",
        }
        return render(request, "403_origin.html", context, status=403)
    has_cookies = reason != REASON_NO_CSRF_COOKIE
    if has_cookies and not request.user.is_authenticated:
        return to_sign_in(request)
    page = page_of(request)
    if "HX-Request" in request.headers and reason.endswith("incorrect."):  # of another sign-in
        messages.warning(
            request, "You have signed in again meanwhile. Press once more: nothing was done yet."
        )
        return HttpResponse(status=204, headers={"HX-Redirect": page})
    return render(request, "403_csrf.html", {"page": page if has_cookies else ""}, status=403)
