"""Pages show times in the zone of the person's browser, which tells it in a cookie (static/js/base.js).

Without the cookie, or with a zone that this machine does not know, it is the portal's ``TIME_ZONE``; so it is
for filters on dates. A moment in a sentence that is kept (of a job, an alert) is written in UTC, by
`in_text`: who shows the sentence puts the reader's clock in its place, and where nobody does, it is true too.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from functools import cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

IN_TEXT = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d) UTC\b")
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


def in_text(moment: dt.datetime) -> str:
    """The moment as it stands in a sentence that is kept: "2026-11-30 21:00 UTC"."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def pieces(text: str) -> Iterator[str | dt.datetime]:
    """The sentence in pieces: its moments, and what stands between them."""
    for number, piece in enumerate(IN_TEXT.split(text)):
        if number % 2 == 0:
            yield piece
            continue
        try:
            yield dt.datetime.fromisoformat(piece).replace(tzinfo=dt.UTC)
        except ValueError:  # looks like one
            yield f"{piece} UTC"


def by_clock(text: str, zone: dt.tzinfo) -> str:
    """The sentence with its moments by the clock of a zone, which is named: for mail and chats."""
    return "".join(
        piece if isinstance(piece, str) else f"{piece.astimezone(zone):%Y-%m-%d %H:%M %Z}"
        for piece in pieces(text)
    )
