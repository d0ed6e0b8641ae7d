"""Single sign-on against an identity provider over HTTP: known people get in, nobody else does."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.totp.internal import auth
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.pages.test_look import assert_sound
from tests.support.identity_provider import SIGN_IN, IdentityProvider, leave, sign_in
from tests.support.simulated import everything_stored


def signed_in_as(client: Client) -> User | None:
    """Who the portal takes this browser for."""
    key = client.session.get("_auth_user_id")
    return User.objects.get(pk=key) if key else None


def test_a_known_person_gets_in_and_their_account_there_is_remembered(
    client: Client, provider: IdentityProvider, nora: User
) -> None:
    response = sign_in(client, provider)

    assert response["Location"] == reverse("integrations:home")
    assert signed_in_as(client) == nora
    account = SocialAccount.objects.get()
    assert (account.user, account.uid) == (nora, "u-17")
    assert not SocialToken.objects.exists()
    nora.refresh_from_db()
    assert nora.check_password("a long pass phrase")

    provider.person["email"] = "someone.else@example.com"  # changed there; the id still says who it is
    again = Client()
    sign_in(again, provider)
    assert signed_in_as(again) == nora


def test_the_page_asked_for_first_comes_after_the_sign_in(
    client: Client, provider: IdentityProvider, nora: User
) -> None:
    html = client.get(reverse("account_login"), {"next": "/organizations/"}).content.decode()
    assert_sound(html)
    assert "Company sign-on" in html
    there = leave(client, f"{SIGN_IN}?process=login&next=%2Forganizations%2F")
    assert client.get(provider.authorize(there))["Location"] == "/organizations/"


def test_looking_at_the_address_asks_the_provider_nothing(
    client: Client, provider: IdentityProvider, nora: User
) -> None:
    """Only who presses the button begins a session; a tile at the provider that leads there needs a press."""
    page = client.get(SIGN_IN)
    assert "Company sign-on" in page.content.decode()
    assert_sound(page.content.decode())
    assert not client.cookies.get("sessionid")
    assert provider.server.log == []


@pytest.mark.parametrize("name", ["auth_params", "scope", "action"])
def test_an_address_adds_nothing_to_what_is_asked(
    client: Client, provider: IdentityProvider, name: str
) -> None:
    assert client.post(f"{SIGN_IN}?{name}=x").status_code == 404


@pytest.mark.parametrize(
    ("person", "told"),
    [
        ({"email": "stranger@example.com"}, "nobody in this portal has that e-mail address"),
        ({"email_verified": False}, "did not confirm your e-mail address"),
        ({"email_verified": None}, "did not confirm your e-mail address"),
        ({"email": None}, "did not confirm your e-mail address"),
        ({"email": "twice@example.com"}, "more than one person in this portal"),
    ],
)
def test_who_is_not_known_for_certain_does_not_get_in(
    client: Client, provider: IdentityProvider, nora: User, person: dict[str, Any], told: str
) -> None:
    for name in ("first", "second"):
        User.objects.create_user(name, "twice@example.com", "a long pass phrase")
    provider.person |= person
    provider.person = {name: value for name, value in provider.person.items() if value is not None}

    response = sign_in(client, provider)

    assert response.status_code == 403
    assert told in response.content.decode()
    assert_sound(response.content.decode())
    assert signed_in_as(client) is None
    assert not SocialAccount.objects.exists()
    assert User.objects.count() == 3


@pytest.mark.parametrize(
    "lookalike", ["n\u0131na.kim@example.com", "nina.\u212aim@example.com", "nina.kim@\u017fub.example.com"]
)
def test_an_address_of_other_letters_is_nobodys(
    client: Client, provider: IdentityProvider, nora: User, lookalike: str
) -> None:
    """Each of these is the same as an address here where a database or Python ignores the letters' case."""
    nina = User.objects.create_user("nina", "Nina.Kim@Example.com", "a long pass phrase")
    User.objects.create_user("sub", "nina.kim@sub.example.com", "a long pass phrase")
    provider.person["email"] = lookalike
    assert sign_in(client, provider).status_code == 403
    assert signed_in_as(client) is None
    assert not SocialAccount.objects.exists()
    provider.person["email"] = "NINA.KIM@example.com"
    sign_in(client, provider)
    assert signed_in_as(client) == nina


def test_a_provider_that_confirms_no_addresses_can_be_trusted_by_a_setting(
    client: Client, provider: IdentityProvider, nora: User, settings: Settings
) -> None:
    del provider.person["email_verified"]
    settings.OIDC_TRUST_EMAIL = True
    sign_in(client, provider)
    assert signed_in_as(client) == nora


def test_a_person_who_was_turned_off_does_not_get_in(
    client: Client, provider: IdentityProvider, nora: User
) -> None:
    nora.is_active = False
    nora.save()
    assert sign_in(client, provider)["Location"] == reverse("account_inactive")
    assert signed_in_as(client) is None


def test_the_second_factor_is_asked_for_all_the_same(
    client: Client, provider: IdentityProvider, nora: User
) -> None:
    auth.TOTP.activate(nora, "ABCDEFGHIJKLMNOP")
    assert sign_in(client, provider)["Location"] == reverse("mfa_authenticate")
    assert signed_in_as(client) is None


def test_an_answer_that_nobody_asked_for_is_refused(
    client: Client, provider: IdentityProvider, nora: User
) -> None:
    """A link with a code of somebody else's sign-in must not sign this browser in (RFC 6749, 10.12)."""
    other = Client()
    back = provider.authorize(leave(other))
    response = client.get(back)
    assert signed_in_as(client) is None
    assert "Not signed in" in response.content.decode()
    assert_sound(response.content.decode())


def test_a_provider_that_fails_is_told_as_such(
    client: Client, provider: IdentityProvider, nora: User, settings: Settings
) -> None:
    app = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    app["secret"] = "an old secret"
    response = sign_in(client, provider)
    assert "Not signed in" in response.content.decode()
    assert "an old secret" not in response.content.decode()
    assert signed_in_as(client) is None


def test_a_provider_that_cannot_be_reached_is_told_as_such(
    client: Client, provider: IdentityProvider, db: None
) -> None:
    provider.server.clear()
    provider.server.expect_request("/.well-known/openid-configuration").respond_with_data("", 503)
    response = client.post(SIGN_IN)
    assert response.status_code == 502
    assert "could not be asked" in response.content.decode()
    assert_sound(response.content.decode())


def test_without_a_provider_nothing_of_it_is_there(client: Client, db: None) -> None:
    html = client.get(reverse("account_login")).content.decode()
    assert "oidc" not in html
    assert client.get(SIGN_IN).status_code == 404


@pytest.mark.parametrize("address", ["/accounts/3rdparty/", "/accounts/3rdparty/signup/"])
def test_no_account_is_made_or_joined_by_hand(
    client: Client, provider: IdentityProvider, nora: User, address: str
) -> None:
    client.force_login(nora)
    assert client.get(address).status_code == 404
    assert client.post(address, {"username": "x", "email": "x@example.com"}).status_code == 404


@pytest.mark.parametrize("process", ["connect", "redirect", ""])
def test_the_way_to_the_provider_is_for_signing_in_only(
    client: Client, provider: IdentityProvider, nora: User, process: str
) -> None:
    """The library would tie whoever signs in there to whoever is signed in here."""
    client.force_login(nora)
    assert client.get(SIGN_IN, {"process": process}).status_code == 404
    assert client.post(SIGN_IN, {"process": process}).status_code == 404
    assert client.post(f"{SIGN_IN}?process=login", {"process": process}).status_code == 404
    assert not SocialAccount.objects.exists()


def test_a_stranger_gets_nobody_elses_sign_in(
    client: Client, provider: IdentityProvider, nora: User, stranger: User
) -> None:
    """Whose e-mail address a person has is for a superuser to say: there is no page to take Nora's."""
    client.force_login(stranger)
    for data in (
        {"action_add": "", "email": "nora@example.com"},
        {"action_primary": "", "email": "nora@example.com"},
    ):
        assert client.post("/accounts/email/", data).status_code == 404
    stranger.refresh_from_db()
    assert stranger.email == "stefan@example.com"

    hers = Client()
    sign_in(hers, provider)
    assert signed_in_as(hers) == nora


def test_asking_the_provider_and_coming_back_unasked_writes_no_row(
    client: Client, provider: IdentityProvider, nora: User
) -> None:
    before = everything_stored()
    assert client.post(SIGN_IN).status_code == 200
    for query in ({}, {"code": "x", "state": "y"}, {"error": "access_denied"}):
        assert client.get(f"{SIGN_IN}callback/", query).status_code == 401
    assert everything_stored() == before


def test_who_turns_back_at_the_provider_is_told_where_they_are(
    client: Client, provider: IdentityProvider, nora: User
) -> None:
    there = leave(client)
    state = parse_qs(urlsplit(there).query)["state"][0]
    response = client.get(f"{SIGN_IN}callback/", {"error": "access_denied", "state": state})
    assert response["Location"] == reverse("socialaccount_login_cancelled")
    assert client.get(response["Location"]).status_code == 200
    assert signed_in_as(client) is None
