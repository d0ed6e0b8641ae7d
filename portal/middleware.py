"""What holds for every request: its id, and the response headers (SECURITY.md, "The browser")."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from integrations.api.problems import problem
from portal.logs import request_id
from portal.probes import counters

requests = logging.getLogger("portal.requests")

# Everything is forbidden that is not named. No inline script or style: a company named <script> stays text.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


OVER_TLS = "The API is answered over https only. Ask the same address with https://."
SENT_IN_CLEAR = (
    "The token was sent in clear over http and was not looked at. Whoever could read along has it: revoke "
    "it, make another, and ask the same address with https://."
)
TOKEN_PREFIX = re.compile(r"Bearer\s+(aip_[a-z2-7]{8})_", re.IGNORECASE)
ACCEPTABLE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Gives each request an id, which stands in its log lines, on error pages and in ``X-Request-ID``.

    The id of a trusted proxy is kept (portal/proxies.py). Logs one line a request: never the query string
    nor the body, which may hold names and secrets.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "") if getattr(request, "from_proxy", False) else ""
        known = given if ACCEPTABLE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        request.request_id = known  # type: ignore[attr-defined]  # for log lines written after this
        token = request_id.set(known)
        began = time.perf_counter()
        try:
            response = self.get_response(request)
            self._note(request, response, time.perf_counter() - began)
        finally:
            request_id.reset(token)
        response.headers["X-Request-ID"] = known
        return response

    def _note(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        view = request.resolver_match.view_name if request.resolver_match else ""
        if not view and response.status_code < 400:  # static files and probes
            return
        counters.count(view, response.status_code, seconds)
        address, user = request.META.get("REMOTE_ADDR", ""), _person(request)
        token = getattr(getattr(request, "api_token", None), "prefix", "")
        requests.info(
            "%s %s %s in %.0f ms, from %s, %s",
            request.method, request.path, response.status_code, 1000 * seconds, address or "-",
            f"token {token}" if token else f"user {user}",
            extra={
                "method": request.method,
                "path": request.path,
                "status": response.status_code,
                "milliseconds": round(1000 * seconds, 1),
                "view": view,
                "address": address,
                "user": user,
                "token": token,
            },
        )  # fmt: skip


def _person(request: HttpRequest) -> int:
    """The id of who asked, 0 for nobody known; also right after they signed in. Asks no database."""
    user = vars(request).get("user")
    if type(user) is SimpleLazyObject:  # not isinstance, for which it would look the person up
        user = getattr(request, "_cached_user", None)
    return getattr(user, "pk", None) or 0


class TokensOverTlsMiddleware:
    """Refuses what a program sends over plain http; led on, it would send its token in clear each time.

    Stands before the redirect to https. The API's description, which people read without one, is led on.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request.headers.get("Authorization", "")
        for_programs = request.path.startswith("/api/") and request.path != "/api/v1/docs/"
        if request.is_secure() or not settings.TOKENS_OVER_TLS_ONLY or not (token or for_programs):
            return self.get_response(request)
        known = TOKEN_PREFIX.match(token)
        requests.warning("a token came in clear over http: %s", known[1] if known else "of no known form")
        return problem(403, "tls_required", SENT_IN_CLEAR if token else OVER_TLS)


class SecurityHeadersMiddleware:
    """Adds the content security policy, the permissions policy and, for pages, ``no-store``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
