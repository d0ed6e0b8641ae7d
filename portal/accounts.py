"""Who may get an account: nobody by themselves; a superuser adds staff in the admin."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from requests import RequestException

logger = logging.getLogger(__name__)


def attempts_key(username: str) -> str:
    """The name under which failed sign-ins of this user name are counted, in any letter case."""
    return f"portal:{username.lower()}"


class StaffOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no type information
    """Closes the public sign-up form."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Always False: accounts are made in the Django admin or by ``createsuperuser``."""
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """What failed sign-ins are counted under: the user name alone, whatever host name was asked."""
        return attempts_key(str(credentials.get("email") or credentials.get("username") or ""))


class KnownStaffAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no type information
    """Single sign-on for people whom a superuser has added; it makes no accounts.

    The first time, the identity provider's verified e-mail address must be that of exactly one person here.
    From then on the provider's own id of the person counts, whatever becomes of the address.
    """

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Always False."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Tie a first sign-in to its person. Raises ImmediateHttpResponse, a page with the reason why not."""
        if sociallogin.is_existing:
            return
        address = next(iter(sociallogin.email_addresses), None)
        if address is None or not (address.verified or settings.OIDC_TRUST_EMAIL):
            raise ImmediateHttpResponse(_refused(request, "unverified", ""))
        people = list(User.objects.filter(email__iexact=address.email)[:2])
        if len(people) != 1:
            reason = "several" if people else "unknown"
            raise ImmediateHttpResponse(_refused(request, reason, address.email))
        sociallogin.connect(request, people[0])


def single_sign_on(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send the person to the identity provider; where it cannot be reached, say so."""
    try:
        answer: HttpResponse = openid_connect.login(request, provider_id)
    except RequestException as error:
        logger.warning("the identity provider did not answer: %s", type(error).__name__)
        return render(request, "socialaccount/authentication_error.html", status=502)
    return answer


def _refused(request: HttpRequest, reason: str, email: str) -> HttpResponse:
    logger.warning("single sign-on refused: %s", reason)  # without the address: logs hold no personal data
    return render(request, "socialaccount/refused.html", {"reason": reason, "email": email}, status=403)
