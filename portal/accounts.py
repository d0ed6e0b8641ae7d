"""Who may get an account: nobody by themselves; a superuser adds staff in the admin."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class StaffOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no type information
    """Closes the public sign-up form."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Always False: accounts are made in the Django admin or by ``createsuperuser``."""
        return False
