"""Proving once more who one is, before access is given or changed: by password, factor, or single sign-on.

The library knows the first two. Whoever comes by single sign-on and has neither proves it at the identity
provider, which is asked to make them sign in anew (OpenID Connect Core 1.0, 3.1.2.1: ``prompt=login``,
``max_age``) and has to say when that was (``auth_time``).
"""

from __future__ import annotations

import time
from typing import Any

from allauth.account import app_settings as account_settings
from allauth.account.views import ReauthenticateView
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.generic.edit import FormView
from requests import RequestException

from integrations.models import AccountEvent
from integrations.services.sign_ins import note
from portal import second_factor

PROVEN_AT = "proved_by_single_sign_on_at"
PURPOSE = "prove_again"  # in the state that waits for the provider's answer
CLOCKS_MAY_DIFFER = 60  # seconds
WAITING_FORM = "account_reauthentication_state"  # where the library keeps a form that waits for the proof


def is_proven(request: HttpRequest, *, app: str) -> bool:
    """Whether somebody has proved by single sign-on lately who they are, or has just come in to set up the
    second factor that their role demands. The library knows of its own ways itself.
    """
    moments = [request.session.get(PROVEN_AT)]
    if app == "allauth.mfa":
        moments.append(second_factor.enrolling_since(request))
    latest = max((float(moment) for moment in moments if moment), default=0.0)
    return bool(0 <= time.time() - latest < account_settings.REAUTHENTICATION_TIMEOUT)


def ways(user: User) -> list[dict[str, str]]:
    """Single sign-on as a way to prove it, for whoever comes that way."""
    if not settings.SOCIALACCOUNT_PROVIDERS or not SocialAccount.objects.filter(user=user).exists():
        return []
    url = reverse("account_reauthenticate_sso")
    return [{"id": "single_sign_on", "description": "Sign in again with single sign-on", "url": url}]


def leave_for(request: HttpRequest, url: str) -> HttpResponse:
    """Send the browser to the identity provider after a form was sent.

    Not by a redirect: the policy of the pages lets no form lead elsewhere (``form-action 'self'``).
    """
    answer = render(request, "socialaccount/leaving.html", {"url": url})
    answer.headers["Refresh"] = f"0; url={url}"
    return answer


class SingleSignOnAgain(ReauthenticateView):  # type: ignore[misc]  # allauth has no type information
    """One button to the identity provider; after coming back one to go on with the form that waits."""

    template_name = "account/reauthenticate_sso.html"

    def get_form_class(self) -> type[forms.Form]:
        """Nothing is entered here."""
        return forms.Form

    def get_form_kwargs(self) -> dict[str, Any]:
        """Nor does the form ask whose it is."""
        found: dict[str, Any] = FormView.get_form_kwargs(self)
        return found

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Whether the proof is there already."""
        return {**super().get_context_data(**kwargs), "is_proven": is_proven(self.request, app="")}

    def form_valid(self, form: forms.Form) -> HttpResponse:
        """Go on, or to the identity provider."""
        if is_proven(self.request, app=""):
            # Past ReauthenticateView, which would note that a password was given.
            answer: HttpResponse = super(ReauthenticateView, self).form_valid(form)
            return answer
        return _ask_provider(self.request, self.get_success_url())


prove_by_single_sign_on = login_required(SingleSignOnAgain.as_view())


def _ask_provider(request: HttpRequest, next_url: str) -> HttpResponse:
    tie = SocialAccount.objects.filter(user_id=request.user.pk).first()
    assert tie is not None  # noqa: S101  # ways() has offered it
    provider = get_adapter().get_provider(request, tie.provider)
    data = {PURPOSE: request.user.pk, "since": time.time()}
    params = {"prompt": "login", "max_age": "0"}
    try:
        away = provider.redirect(request, "login", next_url=next_url, data=data, auth_params=params)
    except (RequestException, OAuth2Error):
        return render(request, "socialaccount/authentication_error.html", status=502)
    return leave_for(request, away["Location"]) if away.status_code == 302 else away


def take_proof(request: HttpRequest, login: SocialLogin) -> None:
    """The identity provider has answered. Does nothing when it was asked for a sign-in.

    Raises ImmediateHttpResponse: to where the proof was wanted, or a page that says why it is none.
    """
    asked = login.state.get("data") or {}
    if PURPOSE not in asked:
        return
    reason = _why_not(request, login, asked)
    if reason:
        if request.user.is_authenticated:
            note(AccountEvent.Kind.NOT_PROVEN, request.user, factors=["socialaccount"], detail=reason)
        answer = render(request, "socialaccount/not_proven.html", {"reason": reason}, status=403)
        raise ImmediateHttpResponse(answer)
    request.session.cycle_key()
    request.session[PROVEN_AT] = time.time()
    note(AccountEvent.Kind.PROVEN, login.user, factors=["socialaccount"])
    goal = str(login.state.get("next") or reverse("integrations:home"))
    if WAITING_FORM in request.session:  # a form goes on by a press of a button, not because somebody looks
        goal = f"{reverse('account_reauthenticate_sso')}?{urlencode({'next': goal})}"
    raise ImmediateHttpResponse(HttpResponseRedirect(goal))


def _why_not(request: HttpRequest, login: SocialLogin, asked: dict[str, Any]) -> str:
    """Why the answer proves nothing; "" when it does."""
    if request.user.pk is None or request.user.pk != asked[PURPOSE]:
        return "somebody else is signed in to the portal by now"
    if not login.is_existing or login.user.pk != request.user.pk:
        return "somebody else has signed in at the identity provider"
    told = (login.account.extra_data.get("id_token") or {}).get("auth_time")
    if isinstance(told, bool) or not isinstance(told, int | float):
        return "the identity provider does not say when the sign-in was (auth_time)"
    if not asked["since"] - CLOCKS_MAY_DIFFER <= told <= time.time() + CLOCKS_MAY_DIFFER:
        return "the identity provider did not ask for a new sign-in"
    return ""
