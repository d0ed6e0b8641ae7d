"""What the sign-in library tells of, written into the sign-in log; and who acts, for all that is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import authentication_step_completed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_added
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from integrations.models import AccountEvent
from integrations.services.sign_ins import Presence, note, note_by_name, note_sign_in, present
from portal import second_factor
from portal.sessions import SIGNED_IN_AT, name_of

Kind = AccountEvent.Kind
BEGAN_WITH = "sign_in_began_with"  # a digest of the password, as Django keeps one of sessions


def start() -> None:
    """Listen."""
    user_logged_in.connect(signed_in, dispatch_uid="portal.signed_in")
    user_logged_out.connect(signed_out, dispatch_uid="portal.signed_out")
    authentication_step_completed.connect(step_completed, dispatch_uid="portal.step_completed")
    authenticator_added.connect(second_factor_added, dispatch_uid="portal.second_factor_added")
    authentication_failed.connect(second_factor_failed, dispatch_uid="portal.second_factor_failed")


class PresenceMiddleware:
    """Says who acts in this request, and from where, to whatever is written down meanwhile."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with present(lambda: presence_of(request)):
            return self.get_response(request)


def presence_of(request: HttpRequest) -> Presence:
    """Whoever is signed in here, or nobody, with the address that the request came from."""
    user = getattr(request, "user", None)
    key = request.session.session_key if hasattr(request, "session") else None
    return Presence(
        user if isinstance(user, User) else None,
        request.META.get("REMOTE_ADDR", ""),
        request.headers.get("User-Agent", ""),
        name_of(key) if key else "",
        partial(second_factor.demand, request),
    )


def signed_in(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Somebody is in: with all that they have proved on the way."""
    if request is not None:
        request.session[SIGNED_IN_AT] = time.time()
        second_factor.demand(request, user)
    records = get_authentication_records(request, user) if request is not None else []
    note_sign_in(user, [str(record.get("type") or record["method"]) for record in records])


def signed_out(user: User | None, **kwargs: Any) -> None:
    """Somebody has left."""
    if user is not None:
        note(Kind.SIGNED_OUT, user)


def step_completed(request: HttpRequest, user: User, method: str, **kwargs: Any) -> None:
    """A proof was given. Those of a sign-in are told when it is complete; here those asked for later."""
    if kwargs.get("reauthenticated"):
        request.session.cycle_key()
        note(Kind.PROVEN, user, factors=[str(kwargs.get("type") or method)])
    elif method != "mfa":
        request.session[BEGAN_WITH] = user.get_session_auth_hash()


def is_still_true(request: HttpRequest, user: User) -> bool:
    """Whether the password with which a sign-in began is still theirs, and they may come in.

    What the portal changes ends sign-ins that wait (watch.py); what was changed past it, or at this very
    moment, is seen here.
    """
    began = request.session.pop(BEGAN_WITH, "")
    return user.is_active and constant_time_compare(began, user.get_session_auth_hash())


def second_factor_added(request: HttpRequest, authenticator: Authenticator, **kwargs: Any) -> None:
    """The code by which an app was set up has been used: it opens nothing more (RFC 6238, 5.2)."""
    if authenticator.type == Authenticator.Type.TOTP:
        authenticator.wrap().validate_code(request.POST.get("code", ""))


def second_factor_failed(
    user: User, authenticator: Authenticator, reauthentication: bool = False, **kwargs: Any
) -> None:
    """A wrong code."""
    note(Kind.NOT_PROVEN if reauthentication else Kind.FAILED, user, factors=[authenticator.type])


def password_failed(request: HttpRequest, username: str) -> None:
    """A wrong password, or a name that nobody has."""
    kind = Kind.NOT_PROVEN if request.user.is_authenticated else Kind.FAILED
    note_by_name(kind, username, factors=["password"])


def locked_out(username: str) -> None:
    """Too many attempts, of which this one was not even looked at."""
    note_by_name(Kind.LOCKED_OUT, username, factors=["password"])


def single_sign_on_refused(reason: str) -> None:
    """The identity provider vouched for somebody who does not get in here."""
    note(Kind.REFUSED, None, factors=["socialaccount"], detail=reason)
