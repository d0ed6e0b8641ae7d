"""An identity provider over HTTP (OpenID Connect), for tests of single sign-on."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

CLIENT_ID, CLIENT_SECRET = "portal", "the client's secret"
SIGN_IN = "/accounts/oidc/sso/login/"


@dataclass
class IdentityProvider:
    """An OpenID Connect provider: discovery, token and user info; each code with its proof key (RFC 7636)."""

    server: HTTPServer
    person: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Answer the addresses of OpenID Connect."""
        url = self.server.url_for("").rstrip("/")
        self.server.expect_request("/.well-known/openid-configuration").respond_with_json(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "userinfo_endpoint": f"{url}/userinfo",
                "jwks_uri": f"{url}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        )
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
        self.codes[code] = asked["code_challenge"]
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def _token(self, request: Request) -> Response:
        challenge = self.codes.pop(request.form["code"], "")
        digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
        if not proven or request.form["client_secret"] != CLIENT_SECRET:
            return Response(json.dumps({"error": "invalid_grant"}), 400, content_type="application/json")
        token = secrets.token_urlsafe()
        self.tokens.add(token)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 300}
        return Response(json.dumps(answer), content_type="application/json")

    def _userinfo(self, request: Request) -> Response:
        if request.headers["Authorization"].removeprefix("Bearer ") not in self.tokens:
            return Response(status=401)
        return Response(json.dumps(self.person), content_type="application/json")


def sign_in(client: Client, provider: IdentityProvider) -> Any:
    """Press the button and sign in at the provider; returns the portal's answer to coming back."""
    there = client.get(SIGN_IN)
    assert there.status_code == 302
    return client.get(provider.authorize(there["Location"]))
