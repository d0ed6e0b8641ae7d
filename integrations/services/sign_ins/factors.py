"""Second factors: who has one, and whose role demands one."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User

# What REQUIRE_SECOND_FACTOR may name, with the role's group.
ROLES = {"owners": "Owners", "members": "Members", "readers": "Readers"}


def second_factor_demanded(person: User) -> bool:
    """Whether somebody may do nothing before they have set up a second factor (``REQUIRE_SECOND_FACTOR``)."""
    demanded = set(settings.REQUIRE_SECOND_FACTOR)
    if "everybody" in demanded or (person.is_superuser and "superusers" in demanded):
        return True
    groups = [group for name, group in ROLES.items() if name in demanded]
    return bool(groups) and person.groups.filter(name__in=groups).exists()


def has_second_factor(person: User) -> bool:
    """An authenticator app or a passkey; recovery codes only help who has lost one."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return bool(Authenticator.objects.filter(user=person, type__in=kinds).exists())
