"""What people do with accounts at the same moment: steps of ``tests.concurrency.steps``."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.models import User

from integrations.services.people import (
    LinkRefused,
    NotAllowed,
    PersonSpec,
    add_person,
    change_person,
    choose_password,
    make_link,
)
from integrations.services.sign_ins import Presence, present


def prepare_people(*superusers: str) -> dict[str, Any]:
    """Superusers by these names; a link for a new person, and their recovery codes."""
    for name in superusers:
        User.objects.create(username=name, is_superuser=True, is_staff=True)
    nadia = add_person("nadia", PersonSpec("nadia@example.com", "", "", [], is_superuser=False))
    codes = RecoveryCodes.activate(nadia).get_unused_codes()
    return {"link": make_link(nadia), "code": codes[0]}


def use_link(code: str, password: str) -> dict[str, Any]:
    """Choose this password by the link."""
    try:
        choose_password(code, password)
    except LinkRefused:
        return {"used": False}
    return {"used": True, "password": password}


def use_recovery_code(code: str) -> dict[str, Any]:
    """Come in by the recovery code of the new person."""
    row = Authenticator.objects.get(user__username="nadia")
    return {"used": row.wrap().validate_code(code)}


def take_the_admin(by: str, of: str) -> dict[str, Any]:
    """One superuser takes it from another."""
    me, other = User.objects.get(username=by), User.objects.get(username=of)
    with present(lambda: Presence(me, "192.0.2.1")):
        try:
            return {"taken": change_person(other, PersonSpec("", "", "", [], is_superuser=False))}
        except NotAllowed:
            return {"taken": False}


def has_password(name: str, password: str) -> dict[str, Any]:
    """Whether this is their password."""
    return {"right": User.objects.get(username=name).check_password(password)}
