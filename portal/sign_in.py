"""Giving a person who mistyped too often their sign-in back before the limit runs out by itself."""

from __future__ import annotations

from allauth.core.internal import ratelimit
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest

from integrations.services.audit import Actor, Batch, Change
from portal.accounts import attempts_key

APP, ACTION = "allauth.account", "login_failed"


class UnknownUser(LookupError):
    """Nobody has this user name."""


def unlock_login(actor: Actor, username: str) -> int:
    """Forget the failed sign-ins under this user name; returns how many there were. Audited.

    The limit of a network address, which ends after a minute, stays. Raises UnknownUser.
    """
    user = User.objects.filter(username__iexact=username.strip()).first()
    if user is None:
        raise UnknownUser(username)
    keys = {
        ratelimit.get_cache_key(
            HttpRequest(), app=APP, action=ACTION, rate=rate, key=attempts_key(user.username)
        )
        for rate in ratelimit.get_rates(app=APP, action=ACTION)
        if rate.per == "key"
    }
    failures = max((len(cache.get(key) or ()) for key in keys), default=0)
    cache.delete_many(keys)
    change = Change("sign-in unlocked", "user", str(user.pk), user.username, {"failures": failures}, None)
    Batch(actor).record([change])
    return failures
