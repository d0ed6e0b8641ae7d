"""What deployment.md says of coming in is what holds, and a few things that only it promises."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
import time_machine
from allauth.account import app_settings as account_settings
from allauth.mfa.totp.internal import auth
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.passwords import OURS, HardToGuess
from tests.people.test_accounts import code_of
from tests.support.identity_provider import SIGN_IN, IdentityProvider, leave
from tests.support.identity_provider import sign_in as sign_on

ROOT = Path(__file__).resolve().parents[2]
PASSWORD, SECRET = "a long pass phrase", "ABCDEFGHIJKLMNOP"
BROWSERS = "/accounts/browsers/"


def section(title: str) -> str:
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def is_in(client: Client) -> bool:
    return client.get(BROWSERS).status_code == 200


def test_the_guide_names_the_words_that_no_password_is_made_of() -> None:
    told = section("Passwords")
    for word in OURS:
        assert re.search(rf"\b{word}\b", told), word
        with pytest.raises(ValidationError):
            HardToGuess().validate(f"{word}-{word}-{word}")


def test_the_guide_lists_every_way_in(settings: Any) -> None:
    ways = re.findall(r"^\| ([\w -]+) \|", section("Ways in"), re.MULTILINE)
    assert ways == ["way", "password", "single sign-on", "one-time link", "API token"]
    assert not getattr(settings, "MFA_PASSKEY_LOGIN_ENABLED", False), "a passkey alone would be a fifth"
    assert not getattr(settings, "ACCOUNT_LOGIN_BY_CODE_ENABLED", False)


def test_the_guide_tells_how_long_a_sign_in_lasts(settings: Any) -> None:
    told = section("How long a sign-in lasts")
    assert f"{settings.SESSION_IDLE.total_seconds() / 60:.0f} minutes unused (`SESSION_IDLE_MINUTES`)" in told
    assert f"{settings.SESSION_LENGTH.total_seconds() / 3600:.0f} hours at most (`SESSION_HOURS`)" in told
    assert f"A proof counts for {account_settings.REAUTHENTICATION_TIMEOUT // 60} minutes" in told
    assert f"waits {account_settings.LOGIN_TIMEOUT // 60} minutes for its second factor" in " ".join(
        told.split()
    )
    for promise in ("any number", "identity provider"):
        assert promise in told


def test_a_sign_in_by_the_provider_lasts_no_longer_than_any(provider: IdentityProvider, nora: User) -> None:
    """Whatever the provider thinks of its own session."""
    client, now = Client(), timezone.now()
    sign_on(client, provider)
    assert is_in(client)
    with time_machine.travel(now + dt.timedelta(minutes=119)):
        assert is_in(client)
    with time_machine.travel(now + dt.timedelta(minutes=119 + 121)):
        assert not is_in(client)


def test_an_answer_of_the_provider_counts_once(provider: IdentityProvider, nora: User) -> None:
    """The address that the browser came back to, once more: here and in another browser."""
    client, other = Client(), Client()
    back = provider.authorize(leave(client, SIGN_IN))
    client.get(back)
    assert is_in(client)
    client.post(reverse("account_logout"))
    for again in (client, other):
        assert again.get(back).status_code != 302
        assert not is_in(again)


def test_every_proof_gives_the_session_another_id(member: User) -> None:
    client, seen = Client(), set()
    client.post(reverse("account_login"), {"login": "marcus", "password": PASSWORD})
    seen.add(client.cookies["sessionid"].value)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    seen.add(client.cookies["sessionid"].value)
    auth.TOTP.activate(member, SECRET)
    client = Client()
    client.post(reverse("account_login"), {"login": "marcus", "password": PASSWORD})
    seen.add(client.cookies["sessionid"].value)
    client.post(reverse("mfa_authenticate"), {"code": code_of(SECRET)})
    seen.add(client.cookies["sessionid"].value)
    assert is_in(client)
    later = timezone.now() + dt.timedelta(minutes=2)
    with time_machine.travel(later):
        client.post(reverse("mfa_reauthenticate"), {"code": code_of(SECRET)})
    seen.add(client.cookies["sessionid"].value)
    assert len(seen) == 5
