"""What operators and their tools ask: /healthz, /readyz, /metrics.

Answered before everything else, so that a probe by address needs no host name, no https and no session.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse

from integrations.services.operations import metrics_text, readiness
from portal.counters import RequestCounters
from portal.probe_threads import ask

# These answers pass by what adds the headers of all others. Without HSTS: inner addresses ask for them.
PROBE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
logger = logging.getLogger(__name__)
counters = RequestCounters(settings.DATA_DIR / "metrics")


class ProbesMiddleware:
    """Answers the three addresses; everything else goes on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.answers = {
            "/healthz": healthz,
            "/readyz": readyz,
            "/readyz/web": readyz_web,
            "/metrics": metrics,
        }

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.answers.get(request.path)
        if answer is None or request.method not in {"GET", "HEAD"}:
            return self.get_response(request)
        response = answer(request)
        for name, value in PROBE_HEADERS.items():
            response.headers[name] = value
        return response


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


def readyz(request: HttpRequest) -> HttpResponse:
    """The portal as a whole: database, migrations and a worker's heartbeat. 503 when one is missing."""
    return _told("readyz", readiness)


def readyz_web(request: HttpRequest) -> HttpResponse:
    """For load balancers: without the worker, whose absence is no reason to turn staff away."""
    return _told("readyz/web", partial(readiness, worker=False))


def _told(name: str, look: Callable[[], dict[str, str]]) -> HttpResponse:
    try:
        found = ask(name, look)
    except TimeoutError:
        logger.warning("/%s: the database has not answered in time", name)
        found = {"database": "not reachable"}
    ready = all(state == "ok" for state in found.values())
    return JsonResponse({"ready": ready, "checks": found}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text for whoever has METRICS_TOKEN; without a token, for this machine. Others get 404."""
    if not _may_read_metrics(request):
        return HttpResponseNotFound("Not found\n", content_type="text/plain; charset=utf-8")
    try:
        body = ask("metrics", lambda: metrics_text(counters.total()))
    except (DatabaseError, TimeoutError) as error:
        logger.warning("The figures could not be read from the database: %s", str(error).strip())
        return HttpResponse(
            "The database does not answer.\n", status=503, content_type="text/plain; charset=utf-8"
        )
    return HttpResponse(body, content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_read_metrics(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    # A proxy on this machine is loopback, too; what it forwards comes from elsewhere.
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
