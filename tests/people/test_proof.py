"""Proving once more who one is: whoever has no password does it by single sign-on, and nobody is shut out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AccountEvent, ApiToken
from tests.pages.test_look import assert_sound
from tests.support.identity_provider import IdentityProvider, leave
from tests.support.identity_provider import sign_in as sign_on

pytestmark = pytest.mark.django_db
Kind = AccountEvent.Kind
AGAIN = "/accounts/reauthenticate/sso/"
GOAL = "/tokens/add/"
TOKEN = {"name": "Report", "rights": ["mappings"], "expires": "90"}


@pytest.fixture
def owner_by_sign_on(provider: IdentityProvider, nora: User) -> Client:
    """An owner without any password, signed in."""
    nora.set_unusable_password()
    nora.save()
    nora.groups.add(Group.objects.get(name="Owners"))
    client = Client()
    sign_on(client, provider)
    return client


def test_an_owner_without_a_password_makes_a_token(
    owner_by_sign_on: Client, provider: IdentityProvider
) -> None:
    client = owner_by_sign_on
    asked = client.get(GOAL)
    assert asked["Location"] == f"{AGAIN}?next=%2Ftokens%2Fadd%2F"
    page = client.get(asked["Location"]).content.decode()
    assert_sound(page)
    assert "sign in once more" in page
    there = leave(client, AGAIN, {"next": GOAL})
    query = parse_qs(urlsplit(there).query)
    assert (query["prompt"], query["max_age"]) == (["login"], ["0"])
    key = client.cookies["sessionid"].value
    assert client.get(provider.authorize(there))["Location"] == GOAL
    assert client.cookies["sessionid"].value != key, "another session id after every proof"
    assert client.get(GOAL).status_code == 200
    event = AccountEvent.objects.latest("pk")
    assert (event.kind, event.factor, event.person_name) == (Kind.PROVEN, "single sign-on", "nora")


def test_a_form_that_waited_goes_on_by_a_press_of_a_button(
    owner_by_sign_on: Client, provider: IdentityProvider
) -> None:
    client = owner_by_sign_on
    data = {"name": "Report", "url": "https://hooks.example/x", "events": ["mapping.changed"]}
    add = reverse("integrations:webhook_add")
    assert client.post(add, data)["Location"].startswith(AGAIN)
    back = client.get(provider.authorize(leave(client, AGAIN, {"next": add})))["Location"]
    assert back == f"{AGAIN}?next=%2Fwebhooks%2Fadd%2F"
    page = client.get(back).content.decode()
    assert "waits for you" in page
    assert_sound(page)
    made = client.post(AGAIN, {"next": add})
    assert "Signing key" in made.content.decode()

    with time_machine.travel(timezone.now() + dt.timedelta(seconds=301)):
        assert client.get(GOAL)["Location"].startswith(AGAIN), "the proof ends"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"asks_again": False}, "did not ask for a new sign-in"),
        ({"tells_when": False}, "does not say when"),
        ({"claims": {"auth_time": True}}, "does not say when"),
        ({"claims": {"auth_time": "1700000000"}}, "does not say when"),
        ({"claims": {"auth_time": 4_000_000_000}}, "did not ask for a new sign-in"),
        ({"claims": {"auth_time": -1}}, "did not ask for a new sign-in"),
        ({"person": {"sub": "u-99", "email": "nora@example.com", "email_verified": True}}, "somebody else"),
    ],
)
def test_what_proves_nothing_opens_nothing(
    owner_by_sign_on: Client, provider: IdentityProvider, fault: dict[str, Any], told: str
) -> None:
    client = owner_by_sign_on
    for name, value in fault.items():
        setattr(provider, name, value)
    answer = client.get(provider.authorize(leave(client, AGAIN, {"next": GOAL})))
    assert answer.status_code == 403
    assert told in answer.content.decode()
    assert_sound(answer.content.decode())
    assert client.get(GOAL)["Location"].startswith(AGAIN)
    assert AccountEvent.objects.latest("pk").kind == Kind.NOT_PROVEN
    assert SocialAccount.objects.count() == 1
    assert client.get("/").status_code == 200, "still signed in as before"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another question"},
        {"aud": "another client"},
        {"azp": "another client"},
        {"auth_time": float("nan")},
        {"auth_time": float("inf")},
    ],
)
def test_an_answer_that_is_not_for_this_question_proves_nothing(
    owner_by_sign_on: Client, provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert owner_by_sign_on.get(provider.authorize(leave(owner_by_sign_on, AGAIN))).status_code == 401
    assert owner_by_sign_on.get(GOAL)["Location"].startswith(AGAIN)


def test_a_plain_sign_in_proves_nothing(owner_by_sign_on: Client, provider: IdentityProvider) -> None:
    sign_on(owner_by_sign_on, provider)
    assert owner_by_sign_on.get(GOAL)["Location"].startswith(AGAIN)


def test_the_answer_is_for_who_asked(
    owner_by_sign_on: Client, provider: IdentityProvider, owner: User
) -> None:
    client = owner_by_sign_on
    there = leave(client, AGAIN, {"next": GOAL})
    state = dict(client.session)
    client.force_login(owner)
    session = client.session
    session["socialaccount_states"] = state["socialaccount_states"]
    session.save()
    assert client.get(provider.authorize(there)).status_code == 403
    assert client.get(GOAL)["Location"].startswith("/accounts/reauthenticate/")


def test_a_provider_that_cannot_be_reached_is_told_as_such(
    owner_by_sign_on: Client, provider: IdentityProvider
) -> None:
    provider.server.clear()
    provider.server.expect_request("/.well-known/openid-configuration").respond_with_data("", 503)
    assert owner_by_sign_on.post(AGAIN, {"next": GOAL}).status_code == 502


def test_who_has_a_password_may_choose(provider: IdentityProvider, nora: User) -> None:
    nora.groups.add(Group.objects.get(name="Owners"))
    client = Client()
    sign_on(client, provider)
    asked = client.get(GOAL)["Location"]
    assert asked.startswith("/accounts/reauthenticate/?")
    assert f'href="{AGAIN}?next=/tokens/add/"' in client.get(asked).content.decode().replace("%2F", "/")


def test_nobody_else_is_offered_it(
    provider: IdentityProvider, owner: User, member: User, reader: User, stranger: User,
    client_of: Callable[[User], Client],
) -> None:  # fmt: skip
    for person in (owner, member, reader, stranger):
        client = client_of(person)
        for answer in (client.get(AGAIN), client.post(AGAIN)):
            assert answer["Location"] == reverse("account_reauthenticate")
    assert Client().get(AGAIN)["Location"].startswith(reverse("account_login"))
    assert not ApiToken.objects.exists()
