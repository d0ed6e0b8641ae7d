"""Somebody who comes by single sign-on, and the provider that vouches for them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider


@pytest.fixture
def provider(httpserver: HTTPServer, settings: Settings) -> IdentityProvider:
    """A running provider that the portal is set to."""
    address = httpserver.url_for("").rstrip("/")
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "sso",
                    "name": "Company sign-on",
                    "client_id": CLIENT_ID,
                    "secret": CLIENT_SECRET,
                    "settings": {"server_url": address, "oauth_pkce_enabled": True},
                }
            ]
        }
    }
    found = IdentityProvider(httpserver)
    found.person = {"sub": "u-17", "email": "Nora@Example.com", "email_verified": True}
    found.start()
    return found


@pytest.fixture
def nora(db: None) -> User:
    return User.objects.create_user("nora", "nora@example.com", "a long pass phrase")
