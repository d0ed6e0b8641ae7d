"""The identity provider, and what of its answers is believed (OpenID Connect Core 1.0, Discovery 1.0).

The sign-in library finds ``provider_classes`` here, in place of its own. It compares issuer, audience and
end of an ID token, binds each answer to its question by ``state`` and PKCE, and goes by ``sub``. Added here:
the ID token is there, signed, with the nonce of this very question, for nobody else, and of the same person
as the user info; the provider is the one that is configured; a tie to an account is one at its issuer.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
from typing import Any
from urllib.parse import urlsplit

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_variables
from requests import RequestException

from portal import sign_in_log
from portal.signatures import is_signed

logger = logging.getLogger(__name__)
WELL_KNOWN = "/.well-known/openid-configuration"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
KEPT = ("iss", "sub", "auth_time")  # of an ID token; the rest has done its duty
LONGEST_SUB = 191  # what the library keeps of it


class CheckedAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no type information
    """Asks the provider, and looks at its answers."""

    nonce = ""  # of the question that is being answered

    @property
    def openid_config(self) -> dict[str, Any]:
        """What the provider says of itself. Raises OAuth2Error when that is of somebody else."""
        if not hasattr(self, "_openid_config"):
            found = super().openid_config
            if fault := _fault_of_provider(found, self.get_provider().server_url):
                del self._openid_config
                logger.error("single sign-on is not possible: %s", fault)
                raise OAuth2Error("The identity provider is not the one that is configured.")
        return dict(self._openid_config)

    @sensitive_variables()
    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """Whoever has signed in. Raises OAuth2Error when the answer does not say so for certain."""
        if not isinstance(kwargs["response"].get("id_token"), str):
            raise _refusal("no ID token")
        try:
            login = super().complete_login(request, app, token, **kwargs)
        except OAuth2Error as error:
            raise _refusal(str(error)) from error
        if fault := _fault_of_answer(login.account, app.client_id, self.nonce):
            raise _refusal(fault)
        claims = login.account.extra_data["id_token"]
        login.account.extra_data["id_token"] = {name: claims[name] for name in KEPT if name in claims}
        return login

    @sensitive_variables()
    def _decode_id_token(self, app: Any, id_token: str) -> Any:
        """What it says. The library would take the connection for its signature. Raises OAuth2Error."""
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            try:
                published = answer.json()
            except ValueError as error:
                raise OAuth2Error("the provider's keys cannot be read") from error
        if not is_signed(id_token, published, app.secret):
            raise OAuth2Error("not signed by the provider")
        return super()._decode_id_token(app, id_token)


class CheckedProvider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth has no type information
    """Sends a nonce along with each question, and keeps it with the question's state."""

    package = OpenIDConnectProvider.get_package()  # where the library looks for its addresses
    oauth2_adapter_class = CheckedAdapter

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kwargs: Any
    ) -> HttpResponse:
        """To the provider."""
        nonce = secrets.token_urlsafe(32)
        params = kwargs.pop("auth_params", None)
        asked = {**(self.get_auth_params() if params is None else params), "nonce": nonce}
        answer: HttpResponse = super().redirect(
            request, process, next_url=next_url, data=data, auth_params=asked, nonce=nonce, **kwargs
        )
        return answer


class _Callback(OAuth2CallbackView):  # type: ignore[misc]  # allauth has no type information
    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, answer = super()._get_state(request, provider)
        self.adapter.nonce = (state or {}).get("nonce", "")
        return state, answer


def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Where the provider sends people back to. Raises Http404 where there is none."""
    try:
        answer: HttpResponse = _Callback.adapter_view(CheckedAdapter(request, provider_id))(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    except (RequestException, OAuth2Error) as error:  # before the provider is asked for anybody
        logger.warning("the identity provider cannot be asked: %s", type(error).__name__)
        return render(request, "socialaccount/authentication_error.html", status=502)
    return answer


def _fault_of_provider(config: dict[str, Any], address: str) -> str:
    """What is wrong with a provider's description of itself (Discovery 1.0, 4.3); "" for nothing."""
    missing = [name for name in ("issuer", *ENDPOINTS) if not isinstance(config.get(name), str)]
    if missing:
        return f"its description does not name {missing[0]}"
    expected = address.removesuffix(WELL_KNOWN)
    if config["issuer"].rstrip("/") != expected.rstrip("/"):
        return f"OIDC_SERVER_URL is {expected!r}, but there the issuer is {config['issuer']!r}: set that"
    if urlsplit(expected).scheme == "https":
        for name in ENDPOINTS:
            if urlsplit(config[name]).scheme != "https":
                return f"its {name} is not https"
    return ""


def _refusal(reason: str) -> OAuth2Error:
    logger.warning("single sign-on refused: %s", reason)
    sign_in_log.single_sign_on_refused(f"unusable answer: {reason}")
    return OAuth2Error(reason)


@sensitive_variables("nonce")
def _fault_of_answer(account: SocialAccount, client_id: str, nonce: str) -> str:
    """Why ID token and user info do not say for certain who has signed in; "" when they do."""
    told = account.extra_data
    if not _can_be_kept(told):
        return "holds what no database keeps"
    claims, about = told["id_token"], told.get("userinfo") or {}
    if fault := _fault_of_claims(claims, client_id, nonce):
        return fault
    if about.get("sub") != claims["sub"]:
        return "user info of somebody else"
    if _is_tied_elsewhere(account, claims["iss"]):
        return "tied to an account at another provider"
    return ""


def _can_be_kept(told: dict[str, Any]) -> bool:
    """Whether it is JSON that both databases take: no NaN, no NUL, no half characters."""
    try:
        return "\\u0000" not in json.dumps(told, allow_nan=False) and bool(
            json.dumps(told, ensure_ascii=False).encode()
        )
    except ValueError:
        return False


@sensitive_variables("nonce")
def _fault_of_claims(claims: dict[str, Any], client_id: str, nonce: str) -> str:
    """Why an ID token is not about who has just been asked (Core 1.0, 3.1.3.7); "" when it is.

    Issuer, audience and end were looked at when it was read.
    """
    told, audience, sub = claims.get("nonce"), claims.get("aud"), claims.get("sub")
    if not nonce or not isinstance(told, str) or not hmac.compare_digest(told.encode(), nonce.encode()):
        return "another nonce"
    if "azp" in claims and claims["azp"] != client_id:
        return "issued to somebody else (azp)"
    if isinstance(audience, list) and set(audience) != {client_id} and "azp" not in claims:
        return "for several, without saying for whom (aud without azp)"
    if not isinstance(sub, str) or not 0 < len(sub) <= LONGEST_SUB:
        return "no id of a person (sub)"
    return ""


def _is_tied_elsewhere(account: SocialAccount, issuer: str) -> bool:
    """Whether this ``sub`` is known from another issuer, at which it may be somebody else."""
    known = SocialAccount.objects.filter(provider=account.provider, uid=account.uid).first()
    before = (known.extra_data.get("id_token") or {}).get("iss") if known else None
    return before is not None and before != issuer


provider_classes = [CheckedProvider]
