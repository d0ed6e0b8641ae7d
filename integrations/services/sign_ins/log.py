"""The sign-in log: writing it and reading it."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Collection

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from integrations.models import AccountEvent
from integrations.models.account_events import KEPT_AT_LEAST
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change
from integrations.services.sign_ins.acting import presence

Kind = AccountEvent.Kind
PLACES_REMEMBERED = KEPT_AT_LEAST
FORGOTTEN_AT_ONCE, MOST_FORGOTTEN = 1000, 50_000  # events in a transaction; in one call

FACTORS = {
    "password": "password",
    "socialaccount": "single sign-on",
    "totp": "authenticator app",
    "recovery_codes": "recovery code",
    "webauthn": "passkey",
}


def note(kind: Kind, person: User | None, *, factors: Collection[str] = (), detail: str = "") -> None:
    """Write down what happened to somebody's account, by whom and from where."""
    now = presence()
    AccountEvent.objects.create(
        kind=kind,
        person_id=person.pk if person else None,
        person_name=person.get_username()[:200] if person else "",
        by_id=now.person.pk if now.person else None,
        by_name=now.person.get_username()[:200] if now.person else "",
        address=now.address[:100],
        network=network_of(now.address),
        browser=now.browser[:200],
        factor=", ".join(FACTORS.get(factor, factor) for factor in dict.fromkeys(factors))[:100],
        detail=detail[:500],
    )


def note_sign_in(person: User, factors: Collection[str]) -> bool:
    """Write down that somebody has signed in; True when it was from a place where they never were before.

    A place is a network: people move within one all day. The first sign-in ever is from no new place.
    """
    network = network_of(presence().address)
    since = timezone.now() - PLACES_REMEMBERED
    earlier = AccountEvent.objects.of(person.pk).filter(kind=Kind.SIGNED_IN, at__gt=since)
    is_new = bool(network) and earlier.exists() and not earlier.filter(network=network).exists()
    note(Kind.SIGNED_IN, person, factors=factors)
    if is_new:
        note(Kind.NEW_PLACE, person, factors=factors, detail=f"The first time from {network}.")
    return is_new


def note_by_name(kind: Kind, username: str, *, factors: Collection[str] = (), detail: str = "") -> None:
    """The same for whoever has this user name. A name that nobody has is not kept: it may be a password."""
    person = User.objects.filter(username__iexact=username).first() if username else None
    note(kind, person, factors=factors, detail=detail)


def network_of(address: str) -> str:
    """The network that counts as one place: 256 addresses of IPv4, what one customer gets of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a command
        return ""
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 56), strict=False))


def account_events(
    person: User | None = None, *, kind: str = "", text: str = ""
) -> models.QuerySet[AccountEvent]:
    """The log, the newest first: of one person, of one kind, with this text in a user name or an address."""
    found = AccountEvent.objects.of(person.pk) if person else AccountEvent.objects.all()
    if kind in Kind.values:
        found = found.filter(kind=kind)
    if text:
        found = found.filter(models.Q(person_name__icontains=text) | models.Q(address__icontains=text))
    return found


def forget_events(batch: Batch) -> int:
    """Delete what is older than SIGN_IN_LOG_DAYS; returns how many events. Audited.

    By whole days, so that the history tells it once a day; no more than MOST_FORGOTTEN in one call, each
    thousand for itself, so that nobody waits long for the table. Can be stopped and repeated at any moment,
    and done by several workers.
    """
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    before, forgotten = today - dt.timedelta(days=settings.SIGN_IN_LOG_DAYS), 0
    while forgotten < MOST_FORGOTTEN:
        gone = AccountEvent.objects.forget(before, FORGOTTEN_AT_ONCE)
        forgotten += gone
        if not gone:
            break
    if forgotten:
        told = {"events": forgotten, "older_than_days": settings.SIGN_IN_LOG_DAYS}
        batch.record([Change(Action.SIGN_INS_FORGOTTEN, "portal", "", "Sign-in log", None, told)])
    return forgotten
