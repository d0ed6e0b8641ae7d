"""Who may get an account: nobody by themselves; a superuser adds staff in the admin."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


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
