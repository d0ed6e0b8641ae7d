"""Giving a person who mistyped too often their sign-in back before the limit runs out by itself."""

from __future__ import annotations

from django.contrib.auth.models import User

from integrations.models import AccountEvent
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change
from integrations.services.sign_ins import note
from portal.attempts import forget_failures


class UnknownUser(LookupError):
    """Nobody has this user name."""


def unlock_login(batch: Batch, username: str) -> int:
    """Forget the failed sign-ins under this user name; returns how many there were. Audited.

    The limit of a network address, which ends after a minute, stays. Raises UnknownUser.
    """
    user = User.objects.filter(username__iexact=username.strip()).first()
    if user is None:
        raise UnknownUser(username)
    failures = forget_failures(user.username)
    note(AccountEvent.Kind.UNLOCKED, user)
    before = {"failures": failures}
    batch.record([Change(Action.SIGN_IN_UNLOCKED, "user", str(user.pk), user.username, before)])
    return failures
