"""People: who they are and what they may do, for superusers; the sign-in log; where one is signed in."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from integrations.forms.people import NewPersonForm, PersonForm, WelcomeForm
from integrations.models import AccountEvent
from integrations.services.audit import Batch, actor_of
from integrations.services.people import (
    LinkRefused,
    NotAllowed,
    add_person,
    change_person,
    choose_password,
    facts_of,
    make_link,
    remove_factors,
)
from integrations.services.people import people as everybody
from integrations.services.sign_ins import (
    account_events,
    end_all_sessions,
    end_session,
    live_sessions,
    presence,
)
from integrations.views.common import SignedInRequest, form_status, search_text, superusers_only
from portal.unlock import unlock_login

LOG_PAGE = 50
PEOPLE_PAGE = 50


# --- people, for superusers ---------------------------------------------------------------------------


@superusers_only
@require_GET
def people(request: SignedInRequest) -> HttpResponse:
    """Everybody with an account."""
    text = search_text(request.GET.get("q", ""))
    page = Paginator(everybody(text), PEOPLE_PAGE).get_page(request.GET.get("page"))
    return render(request, "integrations/people/list.html", {"page": page, "text": text})


@superusers_only
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_http_methods(["GET", "POST"])
@sensitive_variables("link")
def add(request: SignedInRequest) -> HttpResponse:
    """Make an account; the link by which its person chooses a password is shown in the answer only."""
    form = NewPersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = add_person(form.cleaned_data["username"], form.spec())
        except NotAllowed as error:
            form.add_error("username", str(error))
        else:
            return _show_link(request, person, is_new=True)
    return render(request, "integrations/people/form.html", {"form": form}, status=form_status(form))


@superusers_only
@require_GET
def person(request: SignedInRequest, pk: int) -> HttpResponse:
    """Somebody's account: roles, second factors, sessions, tokens, what happened last."""
    return _person_page(request, _found(pk), None)


@superusers_only
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_POST
def change(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change who somebody is and what they may do."""
    found = _found(pk)
    form = PersonForm(request.POST, person=found)
    if form.is_valid():
        try:
            changed = change_person(found, form.spec())
        except NotAllowed as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved." if changed else "Nothing was saved: nothing differs.")
            return redirect("integrations:person", pk)
    return _person_page(request, _found(pk), form)


@superusers_only
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_POST
def link(request: SignedInRequest, pk: int) -> HttpResponse:
    """Make a new one-time link; the old password ends."""
    return _show_link(request, _found(pk), is_new=False)


@superusers_only
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_POST
def reset_factors(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take somebody's second factors away, who has lost them."""
    removed = remove_factors(_found(pk))
    messages.success(request, "The second factors were removed." if removed else "There was none to remove.")
    return redirect("integrations:person", pk)


@superusers_only
@require_POST
def end_browsers(request: SignedInRequest, pk: int) -> HttpResponse:
    """Sign somebody out everywhere."""
    ended = end_all_sessions(_found(pk), "ended by a superuser")
    messages.success(request, f"Signed out in {ended} browser{'s' if ended != 1 else ''}.")
    return redirect("integrations:person", pk)


@superusers_only
@require_POST
def unlock(request: SignedInRequest, pk: int) -> HttpResponse:
    """Let somebody try again at once who mistyped too often."""
    failures = unlock_login(Batch(actor_of(request)), _found(pk).get_username())
    messages.success(request, f"They may try again. Forgotten: {failures} wrong passwords.")
    return redirect("integrations:person", pk)


def _found(pk: int) -> User:
    return get_object_or_404(User, pk=pk)


def _person_page(request: SignedInRequest, found: User, form: PersonForm | None) -> HttpResponse:
    context = {
        "person": found,
        "form": form or PersonForm(person=found),
        "facts": facts_of(found),
        "here": presence().session,
    }
    status = form_status(form) if form else 200
    return render(request, "integrations/people/person.html", context, status=status)


@sensitive_variables()
def _show_link(request: SignedInRequest, found: User, *, is_new: bool) -> HttpResponse:
    """In this answer and nowhere else. Behind the # a browser sends it to no server, so no log holds it."""
    address = f"{request.build_absolute_uri(reverse('account_welcome'))}#{make_link(found)}"
    context = {"person": found, "link": address, "is_new": is_new}
    return render(request, "integrations/people/link.html", context)


@sensitive_post_parameters()
@sensitive_variables()
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Choose a password by a one-time link. For whoever holds one, signed in or not."""
    form = WelcomeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            choose_password(form.cleaned_data["code"], form.cleaned_data["password1"])
        except LinkRefused as error:
            form.add_error("code", str(error))
        else:
            messages.success(request, "Your password is set. Sign in with it.")
            return redirect("account_login")
    return render(request, "integrations/people/welcome.html", {"form": form}, status=form_status(form))


# --- the log, and one's own sessions ------------------------------------------------------------------


@superusers_only
@require_GET
def log(request: SignedInRequest) -> HttpResponse:
    """What happened to everybody's account, the newest first."""
    kind, text = request.GET.get("kind", ""), search_text(request.GET.get("q", ""))
    events = account_events(kind=kind, text=text)
    context = {
        "page": Paginator(events, LOG_PAGE).get_page(request.GET.get("page")),
        "kinds": AccountEvent.Kind.choices,
        "kind": kind,
        "text": text,
        "days_kept": settings.SIGN_IN_LOG_DAYS,
    }
    return render(request, "integrations/people/log.html", context)


@login_required
@require_GET
def own_browsers(request: HttpRequest) -> HttpResponse:
    """Where one is signed in."""
    assert request.user.is_authenticated  # noqa: S101  # login_required
    context = {"browsers": live_sessions(request.user), "here": presence().session}
    return render(request, "integrations/people/browsers.html", context)


@login_required
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_POST
def end_own_browsers(request: HttpRequest) -> HttpResponse:
    """Sign one browser of one's own out, or all but this one. With a proof: whoever took a session over would
    throw its owner out.
    """
    assert request.user.is_authenticated  # noqa: S101  # login_required
    name = search_text(request.POST.get("browser", ""))
    ended = end_session(request.user, name) if name else bool(end_all_sessions(request.user))
    messages.success(
        request, "Signed out there." if ended else "Nothing was ended: you are signed in nowhere else."
    )
    return redirect("account_browsers")


@login_required
@require_GET
def own_log(request: HttpRequest) -> HttpResponse:
    """What happened to one's own account, the newest first."""
    assert request.user.is_authenticated  # noqa: S101  # login_required
    page = Paginator(account_events(request.user), LOG_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "own": True, "days_kept": settings.SIGN_IN_LOG_DAYS}
    return render(request, "integrations/people/log.html", context)
