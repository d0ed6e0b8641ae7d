"""Wrong passwords of one user name: how many there were of late, and forgetting them.

The sign-in library refuses a name that got too many (``ACCOUNT_RATE_LIMITS``) and tells nobody how many there
were, so they are counted here too, for whoever lets the person in again.
"""

from __future__ import annotations

import hashlib
import time

from allauth.core import ratelimit
from django.core.cache import cache
from django.http import HttpRequest

WINDOW = 5 * 60  # seconds that a wrong password counts, as in ACCOUNT_RATE_LIMITS


def key_of(username: str) -> str:
    """The name under which the library counts this user name, in any letter case.

    By way of capitals, as PostgreSQL compares names: who spells a name with a long s finds the same person.
    """
    return f"portal:{username.upper().lower()}"


def note_failure(username: str) -> None:
    """Count a wrong password."""
    name = _entry(username)
    cache.set(name, [*_recent(name), time.time()], WINDOW)


def forget_failures(username: str) -> int:
    """Let the user name be tried again at once; returns how many wrong passwords are forgotten.

    Limits by network address stay.
    """
    name = _entry(username)
    failures = len(_recent(name))
    cache.delete(name)
    # The library forgets the limit of the address that asks as well: here that of no machine.
    nobody = HttpRequest()
    nobody.META["REMOTE_ADDR"] = "0.0.0.0"  # noqa: S104  # nothing is bound to it
    ratelimit.clear(nobody, action="login_failed", key=key_of(username))
    return failures


def _entry(username: str) -> str:
    return f"failed-sign-ins:{hashlib.sha256(key_of(username).encode()).hexdigest()}"


def _recent(name: str) -> list[float]:
    since = time.time() - WINDOW
    return [moment for moment in cache.get(name, ()) if moment > since]
