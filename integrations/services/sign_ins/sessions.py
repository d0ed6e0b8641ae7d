"""Where people are signed in, and ending that."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models, transaction

from integrations.models import AccountEvent, BrowserSession
from integrations.services.sign_ins.acting import presence
from integrations.services.sign_ins.log import note


def live_sessions(person: User) -> models.QuerySet[BrowserSession]:
    """The browsers in which somebody is signed in now, the last seen first."""
    return BrowserSession.objects.live().filter(person=person).order_by("-seen_at")


def end_session(person: User, name: str) -> bool:
    """Sign a person's browser out; False when it is not signed in, or not as that person."""
    ended, _ = BrowserSession.objects.filter(person=person, pk=name).delete()
    if ended:
        note(AccountEvent.Kind.SESSIONS_ENDED, person, detail="one browser")
    return bool(ended)


def end_all_sessions(person: User, reason: str = "") -> int:
    """Sign a person out everywhere but in the browser in which they do this themselves; returns how often.

    Sign-ins that have only begun end too, uncounted: their first proof may be what is no longer true.
    """
    now = presence()
    is_here = now.person is not None and now.person.pk == person.pk
    others = BrowserSession.objects.of(person.pk).exclude(pk=now.session if is_here else "")
    with transaction.atomic():
        others.filter(person=None).delete()
        ended, _ = others.delete()
    if is_here:
        now.look_again(person)
    if ended:
        browsers = "1 browser" if ended == 1 else f"{ended} browsers"
        note(AccountEvent.Kind.SESSIONS_ENDED, person, detail=f"{browsers}: {reason}" if reason else browsers)
    return ended
