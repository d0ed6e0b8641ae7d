"""What the views share: who acts, who may, and what can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponseBase

from integrations.models import AuditEvent
from integrations.services.audit import Actor, Batch
from integrations.services.history.undo import rights_to_undo

P = ParamSpec("P")
MOST_SEARCHED = 300  # characters
MOST_DIGITS = 18  # every such number fits into a database's integer


class SignedInRequest(HttpRequest):
    """A request behind ``needs``: its user is a person."""

    user: User


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person, with the address that the request came from."""
    assert isinstance(request.user, User)  # noqa: S101  # `needs` has seen to it
    return Actor(
        name=request.user.get_full_name() or request.user.get_username(),
        origin=request.META.get("REMOTE_ADDR", ""),
        user=request.user,
    )


def may_undo(request: SignedInRequest, events: Any) -> bool:
    """True when something of these audit events can be taken back, and by this person."""
    rights = rights_to_undo(events)
    return bool(rights) and request.user.has_perms([f"integrations.{right}" for right in rights])


def undo_tag(request: SignedInRequest, batch: Batch) -> str:
    """The tag that makes a message carry Undo for the batch; "" when this person can take nothing back."""
    may_look = request.user.has_perm("integrations.view_auditevent")
    return (
        f"undo:{batch.key}"
        if may_look and may_undo(request, AuditEvent.objects.filter(batch=batch.key))
        else ""
    )


def whole_number(text: str) -> int | None:
    """The id that a browser sent, or None for anything that no id can be."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None


def search_text(text: str) -> str:
    """What somebody searches for: no longer than any name, without the NUL that PostgreSQL refuses."""
    return text.replace("\0", "").strip()[:MOST_SEARCHED]


View = Callable[Concatenate[SignedInRequest, P], HttpResponseBase]


def needs(permission: str) -> Callable[[View[P]], View[P]]:
    """The view is for signed-in people with this right of the app ("view_organization").

    Somebody who is not signed in is sent to the sign-in; somebody without the right gets a 404, which tells
    no name and not even that there is something.
    """

    def decorate(view: View[P]) -> View[P]:
        @login_required
        @wraps(view)
        def guarded(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.has_perm(f"integrations.{permission}"):
                raise Http404
            return view(request, *args, **kwargs)

        # The wrapped view's own attributes came along; what it needs on top of them is told to the tests.
        guarded.rights = frozenset({permission}) | getattr(view, "rights", frozenset())  # type: ignore[attr-defined]
        return guarded

    return decorate
