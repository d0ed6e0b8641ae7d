"""Letting programs in: a bearer token, and one right an operation."""

from __future__ import annotations

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from ninja.security import HttpBearer

from integrations.api.problems import RightMissing
from integrations.models import Right
from integrations.services.read_api import Scope, authenticate, instances_of


class BearerToken(HttpBearer):
    """Takes a token that has the right (None: any valid token) and gives its scope as ``request.auth``."""

    openapi_description = "A token from the portal's page “API tokens”."

    def __init__(self, right: Right | None) -> None:
        super().__init__()
        self.right = right

    @sensitive_variables("token")
    def authenticate(self, request: HttpRequest, token: str) -> Scope:
        """The scope. Raises TokenRefused, TooManyRequests and RightMissing."""
        found = authenticate(token.strip(), request.META.get("REMOTE_ADDR", ""))
        request.api_token = found  # type: ignore[attr-defined]  # for the log's line, and to tell that it ends
        if self.right is not None and self.right.value not in found.rights:
            raise RightMissing(f"This token does not have the right “{self.right.value}”.")
        return Scope(instances_of(found))


class ApiRequest(HttpRequest):
    """A request behind ``BearerToken``."""

    auth: Scope
