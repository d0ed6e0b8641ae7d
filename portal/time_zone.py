"""Pages show times in the zone of the person's browser, which tells it in a cookie (static/js/base.js).

Without the cookie, or with a zone that this machine does not know, it is the portal's ``TIME_ZONE``; so it is
in what is stored or sent: sentences of jobs, filters on dates, messages to other programs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

COOKIES = ("__Host-timezone", "timezone")  # over TLS, and without


class TimeZoneMiddleware:
    """Sets the zone for the time of the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer in the person's zone."""
        zone = zone_of(request)
        if zone is None:
            return self.get_response(request)
        with timezone.override(zone):
            return self.get_response(request)


def zone_of(request: HttpRequest) -> ZoneInfo | None:
    """The zone that the browser told; None for none, and for what is no name of a zone here."""
    told = (request.COOKIES[name] for name in COOKIES if name in request.COOKIES)
    name = unquote(next(told, ""))
    return ZoneInfo(name) if name in _known() else None


@cache
def _known() -> frozenset[str]:
    """The names of the zones of this machine: whatever a cookie says is looked up here, never opened."""
    return frozenset(available_timezones())
