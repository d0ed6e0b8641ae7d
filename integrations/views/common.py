"""What the views share: who acts, who may, and what can be taken back."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import chain
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.cache import cache
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import SimpleLazyObject
from django_htmx.middleware import HtmxDetails

from integrations.files.writer import CONTENT_TYPES
from integrations.models import AuditEvent, IntegrationInstance, Organization
from integrations.psa.registry import PROVIDERS, Provider, UnknownPSA, provider_for
from integrations.services.audit import Batch, actor_of
from integrations.services.history import rights_to_undo

P = ParamSpec("P")
MOST_SEARCHED = 300  # characters
MOST_DIGITS = 18  # every such number fits into a database's integer


class SignedInRequest(HttpRequest):
    """A request behind ``needs``: its user is a person. ``htmx`` is set by django-htmx's middleware."""

    user: User
    htmx: HtmxDetails


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


# To whoever settles a mapping on a page that does not tell what it showed: it is from before an upgrade.
OUTDATED_PAGE = (
    "Nothing was changed: the page was out of date. This is how it is now; look at it and press again."
)

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


def superusers_only(view: View[P]) -> View[P]:
    """The view is for superusers; everybody else gets a 404, whatever rights they have."""

    @needs("view_accountevent")
    @wraps(view)
    def guarded(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_superuser:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def takes_file(view: View[P]) -> View[P]:
    """The view's form asks for a file. To all others portal/uploads.py lets none through."""
    view.takes_file = True  # type: ignore[attr-defined]
    return view


InstanceView = Callable[Concatenate[SignedInRequest, IntegrationInstance, ...], HttpResponseBase]


def on_instance(permission: str) -> Callable[[InstanceView], Callable[..., HttpResponseBase]]:
    """The view ``needs`` this right, and instead of the address's ``psa`` and ``pk`` it gets their instance.

    An instance that is not there, is deleted, or is not this person's to see is a 404.
    """

    def decorate(view: InstanceView) -> Callable[..., HttpResponseBase]:
        @needs(permission)
        @wraps(view)
        def of_instance(request: SignedInRequest, /, psa: str, pk: int, **rest: Any) -> HttpResponseBase:
            return view(request, instance_or_404(request, psa, pk), **rest)

        return of_instance

    return decorate


@contextmanager
def recorded(request: SignedInRequest, text: str, level: int = messages.SUCCESS) -> Iterator[Batch]:
    """What is written with the batch becomes history; the page then says so in ``text``, with Undo.

    Nothing is said when the block raises.
    """
    batch = Batch(actor_of(request))
    yield batch
    tell_recorded(request, batch, text, level)


def tell_recorded(request: SignedInRequest, batch: Batch, text: str, level: int = messages.SUCCESS) -> None:
    """Say on the next page what the batch did; with Undo, if this person can take anything of it back."""
    messages.add_message(request, level, text, extra_tags=undo_tag(request, batch))


def new_press() -> str:
    """A number for a form whose answer shows what is shown once: sent a second time it is known."""
    return secrets.token_urlsafe(12)


def first_press(request: SignedInRequest) -> bool:
    """Whether this person sends the form with this number for the first time within a day."""
    press = hashlib.sha256(request.POST.get("press", "").encode()).hexdigest()
    return bool(cache.add(f"press:{request.user.pk}:{press}", 1, 24 * 3600)) or "press" not in request.POST


def provider_or_404(psa: str) -> Provider:
    """The PSA of the address; an unknown one is a 404."""
    try:
        return provider_for(psa)
    except UnknownPSA as error:
        raise Http404 from error


def instance_or_404(request: SignedInRequest, psa: str, pk: int) -> IntegrationInstance:
    """The instance of the address, if this person may see it."""
    instance = IntegrationInstance.objects.find(request.user, psa, pk)
    if instance is None:
        raise Http404
    return instance


def organization_or_404(request: SignedInRequest, instance: IntegrationInstance, pk: int) -> Organization:
    """The organization of the address, if it has a row in the instance's table."""
    visible = Organization.objects.visible_to(request.user)
    return get_object_or_404(visible.with_row(instance.pk, instance.psa), pk=pk)


def frame(
    request: SignedInRequest, provider: Provider, instance: IntegrationInstance | None
) -> dict[str, Any]:
    """The head of the page: breadcrumb and configuration switcher."""
    return {
        "provider": provider,
        "providers": PROVIDERS.values(),
        "instance": instance,
        "instances": SimpleLazyObject(
            lambda: list(IntegrationInstance.objects.listed(request.user, provider.key))
        ),
    }


def instance_frame(request: SignedInRequest, instance: IntegrationInstance) -> dict[str, Any]:
    """The head of a page of one configuration."""
    return frame(request, provider_or_404(instance.psa), instance)


def form_status(form: Any) -> int:
    """422 for a form with errors."""
    return 422 if form.is_bound and form.errors else 200


def field_errors(request: SignedInRequest, forms: Iterable[BaseForm]) -> HttpResponse:
    """What is wrong with the field that ``check`` names, as a part of a page; no such field is a 404."""
    fields = {form[name].html_name: form[name] for form in forms for name in form.fields}
    checked = fields.get(request.POST.get("check", ""))
    if checked is None:
        raise Http404
    return HttpResponse(str(checked.errors))


def csv_response(lines: Iterable[str], name: str, *, marked: bool = False) -> StreamingHttpResponse:
    """A CSV file to keep. ``marked``: with the mark by which spreadsheets know UTF-8; our imports skip it."""
    return file_response(chain("\ufeff", lines) if marked else lines, name, "csv")


def file_response(lines: Iterable[str], name: str, form: str) -> StreamingHttpResponse:
    """A file to keep; ``form`` is a key of files/writer.py, "csv" or "json"."""
    return StreamingHttpResponse(
        lines,
        content_type=CONTENT_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
