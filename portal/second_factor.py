"""Second factors: what opens them is sealed; whose role demands one sets it up first; failures are noted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from integrations.models.seeds import open_seed, seal_seed
from integrations.services.sign_ins import has_second_factor, second_factor_demanded
from portal.sessions import SIGNED_IN_AT

ENROLLING = (
    "second_factor_demanded"  # since this sign-in; stays, so that the codes can be looked at afterwards
)
DUE = "second_factor_due"  # nothing else is open before it is set up

# What somebody has to reach who has none yet.
OPEN_BEFORE = {
    "mfa_index", "mfa_activate_totp", "mfa_list_webauthn", "mfa_add_webauthn", "mfa_view_recovery_codes",
    "mfa_download_recovery_codes", "account_logout", "account_reauthenticate", "account_reauthenticate_sso",
    "mfa_reauthenticate", "mfa_reauthenticate_webauthn", "openid_connect_callback", "account_log",
}  # fmt: skip


class SealedSeeds(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no type information
    """Seals the seeds of authenticator apps and recovery codes under the portal's key ring."""

    @sensitive_variables()
    def encrypt(self, text: str) -> str:
        """A seed as it is stored."""
        return seal_seed(text)

    @sensitive_variables()
    def decrypt(self, encrypted_text: str) -> str:
        """The seed. Raises crypto.SealedValueError, also for one in clear and for one of another row."""
        return open_seed(encrypted_text)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """What a new passkey is called unless its owner says otherwise."""
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"


# --- demanded by role ---------------------------------------------------------------------------------


def demand(request: HttpRequest, user: User) -> None:
    """Note in a session that has just begun, or whose person has changed their own access, whether one has to
    be set up.
    """
    if second_factor_demanded(user) and not has_second_factor(user):
        request.session[DUE] = request.session[ENROLLING] = True


def enrolling_since(request: HttpRequest) -> float | None:
    """When somebody came in who had to set up a second factor: that sign-in is proof enough for doing so."""
    return request.session.get(SIGNED_IN_AT) if request.session.get(ENROLLING) else None


class DemandedFactorMiddleware:
    """Leads whoever has to set up a second factor there, whatever page was asked for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponseBase | None:
        """Decide by the view's name."""
        if not request.session.get(DUE) or not isinstance(request.user, User):
            return None
        if has_second_factor(request.user):
            del request.session[DUE]
            return None
        match = request.resolver_match
        if match is not None and match.view_name in OPEN_BEFORE:
            return None
        goal = reverse("mfa_index")
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": goal})
        return HttpResponseRedirect(goal)
