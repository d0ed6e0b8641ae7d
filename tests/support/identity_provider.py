"""An identity provider over HTTP (OpenID Connect), for tests of single sign-on."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

CLIENT_ID, CLIENT_SECRET = "portal", "the client's secret"
SIGN_IN = "/accounts/oidc/sso/login/"

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(key: Any, **values: Any) -> dict[str, Any]:
    """The public part of a key as providers publish it."""
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return dict(kind.to_jwk(key.public_key(), as_dict=True)) | values


@dataclass
class IdentityProvider:
    """An OpenID Connect provider: discovery, token and user info; each code with its proof key (RFC 7636)."""

    server: HTTPServer
    person: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    signed_in_at: int = 1_700_000_000  # when the person has signed in there: long ago
    asks_again: bool = True  # whether it does what prompt=login says
    tells_when: bool = True  # whether it says auth_time
    claims: dict[str, Any] = field(default_factory=dict)  # of the ID token, instead of the right ones
    description: dict[str, Any] = field(default_factory=dict)  # of itself, the same
    without_id_token: bool = False
    key: Any = KEY  # signs the ID token
    key_name: str = "one"
    algorithm: str = "RS256"
    published: Any = field(default_factory=lambda: {"keys": [public(KEY, kid="one", use="sig")]})

    def start(self) -> None:
        """Answer the addresses of OpenID Connect."""
        url = self.server.url_for("").rstrip("/")
        described = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "userinfo_endpoint": f"{url}/userinfo",
            "jwks_uri": f"{url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        self.server.expect_request("/.well-known/openid-configuration").respond_with_handler(
            lambda _: Response(json.dumps(described | self.description), content_type="application/json")
        )
        self.server.expect_request("/keys").respond_with_handler(
            lambda _: Response(json.dumps(self.published), content_type="application/json")
        )
        self.server.expect_request("/authorize").respond_with_handler(self._in_a_browser)
        self.server.expect_request("/token", method="POST").respond_with_handler(self._token)
        self.server.expect_request("/userinfo").respond_with_handler(self._userinfo)

    def authorize(self, address: str) -> str:
        """What the person does there: sign in. Returns the address to which the provider sends them back."""
        parts = urlsplit(address)
        assert parts.path == "/authorize"
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        if asked.get("prompt") == "login" and self.asks_again:
            self.signed_in_at = int(time.time())
        self.codes[code] = (asked["code_challenge"], self.signed_in_at, asked["nonce"])
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def _in_a_browser(self, request: Request) -> Response:
        """Whoever comes signs in at once, and is sent back."""
        return Response(status=302, headers={"Location": self.authorize(request.url)})

    def _token(self, request: Request) -> Response:
        challenge, auth_time, nonce = self.codes.pop(request.form["code"], ("", 0, ""))
        digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
        if not proven or request.form["client_secret"] != CLIENT_SECRET:
            return Response(json.dumps({"error": "invalid_grant"}), 400, content_type="application/json")
        token = secrets.token_urlsafe()
        self.tokens.add(token)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 300}
        if not self.without_id_token:
            answer["id_token"] = self._id_token(auth_time, nonce)
        return Response(json.dumps(answer), content_type="application/json")

    def _id_token(self, auth_time: int, nonce: str) -> str:
        """Signed; not by way of jwt.encode, which makes no odd ones."""
        url = self.server.url_for("").rstrip("/")
        now = int(time.time())
        claims = {"iss": url, "aud": CLIENT_ID, "exp": now + 300, "iat": now, "nonce": nonce}
        claims["sub"] = self.person.get("sub")
        if self.tells_when:
            claims["auth_time"] = auth_time
        claims |= self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        name = {"kid": self.key_name} if self.key_name else None
        return jwt.PyJWS().encode(json.dumps(claims).encode(), self.key, self.algorithm, headers=name)

    def _userinfo(self, request: Request) -> Response:
        if request.headers["Authorization"].removeprefix("Bearer ") not in self.tokens:
            return Response(status=401)
        return Response(json.dumps(self.person), content_type="application/json")


def sign_in(client: Client, provider: IdentityProvider) -> Any:
    """Press the button and sign in at the provider; returns the portal's answer to coming back."""
    return client.get(provider.authorize(leave(client)))


def leave(client: Client, address: str = SIGN_IN, data: dict[str, str] | None = None) -> str:
    """Press a button that leads to the provider; where it leads. No redirect: form-action forbids one."""
    answer = client.post(address, data)
    assert answer.status_code == 200, answer.headers
    wait, _, goal = answer["Refresh"].partition("; url=")
    assert wait == "0"
    assert html.escape(goal) in answer.content.decode()
    return goal
