"""What proves who we are: the headers that carry it, and values that no header can carry."""

from __future__ import annotations

import requests
from requests.auth import AuthBase

from integrations.psa.base import Credentials, InvalidRequest


class CredentialHeaders(AuthBase):
    """Adds Autotask's three headers to a request. ``repr`` shows nothing."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __repr__(self) -> str:
        return "<CredentialHeaders>"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Bytes, because http.client encodes text as Latin-1 and its error would quote the value.
        request.headers["UserName"] = self._credentials.username.encode()  # type: ignore[assignment]
        request.headers["Secret"] = self._credentials.secret.encode()  # type: ignore[assignment]
        request.headers["ApiIntegrationCode"] = self._credentials.tracking_identifier.encode()  # type: ignore[assignment]
        return request


def check_credentials_form(credentials: Credentials) -> None:
    """Refuse values that no header can carry. Raises ``InvalidRequest``, which names the field only."""
    for label, value in (
        ("API Username", credentials.username),
        ("API User Password", credentials.secret),
        ("API Tracking Identifier", credentials.tracking_identifier),
    ):
        problem = ""
        if not value:
            problem = "is missing"
        elif value != value.strip():
            problem = "begins or ends with a space"
        elif len(value) > 1000:
            problem = "is too long"
        elif not value.isprintable():
            problem = "holds a line break or another character that cannot be sent"
        if problem:
            raise InvalidRequest(f"The {label} {problem}. Copy it again from Autotask.", f"{label} {problem}")
