"""Who may get an account: nobody by themselves; a superuser adds staff."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account import views as account
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.decorators import reauthentication_required
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import respond_429
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from requests import RequestException

from portal import attempts, devices, proof, sign_in_log

logger = logging.getLogger(__name__)

# The library's ways to prove once more who one is, in our words.
WAYS = {
    "mfa_reauthenticate": {"description": "Use the authenticator app or a recovery code"},
    "mfa_reauthenticate:webauthn": {"description": "Use a passkey"},
}


class StaffOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no type information
    """Closes the public sign-up form."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Always False: accounts are made by superusers on the page of people, or by ``createsuperuser``."""
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Whether somebody has to prove who they are before something of this app is done."""
        if proof.is_proven(context.request, app=app):
            return False
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """How a person can prove it: the library's ways that they have, and single sign-on."""
        known = [method | WAYS.get(method["id"], {}) for method in super().get_reauthentication_methods(user)]
        return [*known, *(proof.ways(user) if user.pk else ())]

    def get_client_ip(self, request: HttpRequest) -> str:
        """What the library's own limits count under; all who come by a bare unix socket share one."""
        return str(request.META.get("REMOTE_ADDR") or "unix")

    def login(self, request: HttpRequest, user: User) -> None:
        """Let somebody in who has given all proofs. Raises ImmediateHttpResponse: one is true no more."""
        if not sign_in_log.is_still_true(request, user):
            messages.error(request, "Something about your account was changed meanwhile. Sign in again.")
            raise ImmediateHttpResponse(redirect("account_login"))
        super().login(request, user)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """The person whose password this is; None for a wrong one. Raises ValidationError when too early."""
        username = _username(credentials)
        source = devices.source_of(request, username)
        user = super().authenticate(request, **credentials)
        if user is not None:
            attempts.forgive(username, source)
        return user

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse what comes too often, and write that down. Raises ValidationError."""
        username = _username(credentials)
        source = devices.source_of(request, username)
        if wait := attempts.claim(username, source):
            sign_in_log.locked_out(username)
            raise ValidationError(
                f"Too many wrong passwords. Try again in {_in_words(wait)}.", code="too_many_login_attempts"
            )

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Write it down; it is counted already."""
        sign_in_log.password_failed(request, _username(credentials))


def _in_words(seconds: int) -> str:
    return f"{seconds} second{'s' * (seconds > 1)}" if seconds < 100 else f"{-(-seconds // 60)} minutes"


def _username(credentials: dict[str, Any]) -> str:
    return str(credentials.get("username") or credentials.get("email") or "")


class KnownStaffAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no type information
    """Single sign-on for people whom a superuser has added; it makes no accounts.

    The first time, the identity provider's verified e-mail address must be that of exactly one person here.
    From then on the provider's own id of the person counts, whatever becomes of the address: nobody else who
    is given that address there later gets in by it.
    """

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Always False."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Tie a first sign-in to its person. Raises ImmediateHttpResponse, a page with the reason why not."""
        proof.take_proof(request, sociallogin)
        if sociallogin.is_existing:
            return
        address = next(iter(sociallogin.email_addresses), None)
        if address is None or not (address.verified or settings.OIDC_TRUST_EMAIL):
            raise ImmediateHttpResponse(_refused(request, "unverified", ""))
        people = [
            person
            for person in User.objects.filter(email__iexact=address.email)
            if _is_address(person.email, _address_as_told(request, sociallogin))
        ]
        if len(people) != 1:
            reason = "several" if people else "unknown"
            raise ImmediateHttpResponse(_refused(request, reason, address.email))
        with transaction.atomic():
            person = User.objects.select_for_update().get(pk=people[0].pk)
            ties = SocialAccount.objects.filter(user=person, provider=sociallogin.account.provider)
            if not ties.exists():
                sociallogin.connect(request, person)
                return
        # Somebody else has their address by now, or the provider has given them another id.
        raise ImmediateHttpResponse(_refused(request, "tied", address.email))


def _address_as_told(request: HttpRequest, sociallogin: SocialLogin) -> str:
    """The address letter by letter: the library has lowered its own copy, the Kelvin sign to a k."""
    account_there = sociallogin.account
    told = account_there.get_provider(request).extract_email_addresses(account_there.extra_data)
    return str(told[0].email) if told else ""


def _is_address(ours: str, theirs: str) -> bool:
    """Whether two addresses differ at most in the case of A to Z.

    For PostgreSQL a dotless i is an i, and there is a mailbox behind each: CVE-2019-19844 was about that.
    """
    return ours.encode().lower() == theirs.encode().lower()  # of bytes, so that only ASCII letters change


def log_in(request: HttpRequest) -> HttpResponse:
    """The sign-in form, so many times a minute from a network address.

    A browser in which the person has signed in before is counted for itself: whoever shares its address takes
    nothing from it.
    """
    if request.method == "POST":
        source = devices.source_of(request, str(request.POST.get("login", "")))
        if attempts.is_flooding(source):
            refusal: HttpResponse = respond_429(request)
            return refusal
    answer: HttpResponse = account.login(request)
    return answer


def change_password(request: HttpRequest) -> HttpResponse:
    """Let a person change their password. Raises Http404 where they have none: they are to come by single
    sign-on only, and the library would lead them to a page to set one.
    """
    if request.user.is_authenticated and not request.user.has_usable_password():
        raise Http404
    answer: HttpResponse = account.password_change(request)
    return answer


# The library's own pages of recovery codes note on a mere GET that the codes were seen, and with that may
# write back a code that a sign-in has used meanwhile.


@require_safe
@login_required
@never_cache
@reauthentication_required(app="allauth.mfa")  # type: ignore[untyped-decorator]  # allauth has no type information
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Show a person their unused recovery codes. Raises Http404 where they have none."""
    codes = _recovery_codes(request)
    context = {"unused_codes": codes.get_unused_codes(), "total_count": len(codes.generate_codes())}
    return render(request, "mfa/recovery_codes/index.html", context)


@require_safe
@login_required
@never_cache
@reauthentication_required(app="allauth.mfa")  # type: ignore[untyped-decorator]  # allauth has no type information
def download_recovery_codes(request: HttpRequest) -> HttpResponse:
    """A person's unused recovery codes as a text file, one a line. Raises Http404 where there are none."""
    unused = _recovery_codes(request).get_unused_codes()
    if not unused:
        raise Http404
    name = {"Content-Disposition": 'attachment; filename="recovery-codes.txt"'}
    return HttpResponse("".join(f"{code}\n" for code in unused), content_type="text/plain", headers=name)


def _recovery_codes(request: HttpRequest) -> Any:
    row = get_object_or_404(Authenticator, user=request.user, type=Authenticator.Type.RECOVERY_CODES)
    return row.wrap()


def single_sign_on(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send who has pressed the button to the identity provider; where it cannot be reached, say so.

    Raises Http404 for what else the library would do there: tie an account there to who is signed in here, or
    pass on what the address asks for.
    """
    if request.GET.keys() - {"process", "next"}:
        raise Http404
    if {*request.GET.getlist("process"), *request.POST.getlist("process")} - {"login"}:
        raise Http404
    try:
        answer: HttpResponse = openid_connect.login(request, provider_id)
    except (RequestException, OAuth2Error) as error:
        logger.warning("the identity provider did not answer: %s", type(error).__name__)
        return render(request, "socialaccount/authentication_error.html", status=502)
    return proof.leave_for(request, answer["Location"]) if answer.status_code == 302 else answer


def _refused(request: HttpRequest, reason: str, email: str) -> HttpResponse:
    sign_in_log.single_sign_on_refused(f"{reason} address")
    logger.warning("single sign-on refused: %s", reason)  # without the address: logs hold no personal data
    return render(request, "socialaccount/refused.html", {"reason": reason, "email": email}, status=403)
