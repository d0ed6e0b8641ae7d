"""Browsers in which a person has signed in before: they get through whoever else tries that person's name.

The browser keeps a signed cookie with a random number for each user name; the number opens nothing, it only
has its own count of wrong passwords (portal/attempts.py).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.http import HttpRequest, HttpResponse

from integrations.models.request_counts import neighbourhood
from portal.attempts import Source, key_of

COOKIE = f"{settings.COOKIE_PREFIX}known"
SALT = "portal.devices"
KNOWN_FOR = 180 * 24 * 3600  # seconds since the last sign-in here
MOST_NAMES = 10  # people who share a browser
NUMBER = re.compile(r"[0-9a-f]{32}")


def start() -> None:
    """Listen for sign-ins."""
    user_logged_in.connect(_remember, dispatch_uid="portal.devices")


class KnownDeviceMiddleware:
    """Hands the browser its cookie after a sign-in that came to its end, with all its factors."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        names: dict[str, str] | None = getattr(request, "known_names", None)
        if names is not None:
            response.set_cookie(
                COOKIE, signing.dumps(names, salt=SALT), max_age=KNOWN_FOR,
                secure=settings.SECURE_COOKIES, httponly=True, samesite="Lax",
            )  # fmt: skip
        return response


def source_of(request: HttpRequest, username: str) -> Source:
    """Where a password for this name is tried: its person's session or browser, or else a network address."""
    user = getattr(request, "user", None)
    if isinstance(user, User) and key_of(user.username) == key_of(username):
        return Source(f"session of {user.pk}", known=True)
    number = _names(request).get(_digest(username))
    if number:
        return Source(f"browser {number}", known=True)
    return Source(f"address {neighbourhood(str(request.META.get('REMOTE_ADDR', '')))}")


def _remember(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    if request is None:
        return
    names, mine = _names(request), _digest(user.username)
    number = names.pop(mine, "") or secrets.token_hex(16)
    newest = {mine: number, **names}
    request.known_names = dict(list(newest.items())[:MOST_NAMES])  # type: ignore[attr-defined]


def _digest(username: str) -> str:
    return hashlib.sha256(key_of(username).encode(errors="replace")).hexdigest()[:20]


def _names(request: HttpRequest) -> dict[str, str]:
    try:
        found = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KNOWN_FOR)
    except signing.BadSignature:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: number for name, number in found.items() if NUMBER.fullmatch(str(number))}
