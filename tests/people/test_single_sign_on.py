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

from integrations.models import AccountEvent
from portal.provider import ENDPOINTS, _fault_of_provider
from tests.pages.test_look import assert_sound
from tests.support.identity_provider import CLIENT_ID, SIGN_IN, IdentityProvider, leave, sign_in
from tests.support.simulated import everything_stored

PASSWORD = "a long pass phrase"


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


# --- what is believed of the provider's answers ----------------------------------------------------------


def assert_refused(client: Client, provider: IdentityProvider, reason: str) -> None:
    """Nobody is in, nothing is tied or changed; a page says so, the sign-in log why."""
    before = list(SocialAccount.objects.values())
    response = sign_in(client, provider)
    assert response.status_code == 401
    assert "Not signed in" in response.content.decode()
    assert_sound(response.content.decode())
    assert signed_in_as(client) is None
    assert list(SocialAccount.objects.values()) == before
    event = AccountEvent.objects.latest("pk")
    assert (event.kind, event.person_name) == (AccountEvent.Kind.REFUSED, "")
    assert reason in event.detail


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "of another question"}, "another nonce"),
        ({"nonce": None}, "another nonce"),
        ({"nonce": ""}, "another nonce"),
        ({"nonce": ["x"]}, "another nonce"),
        ({"nonce": "n\u00f6nce"}, "another nonce"),
        ({"iss": "https://id.example.com"}, "Invalid id_token"),
        ({"iss": None}, "Invalid id_token"),
        ({"aud": "another client"}, "Invalid id_token"),
        ({"aud": None}, "Invalid id_token"),
        ({"aud": []}, "Invalid id_token"),
        ({"aud": [CLIENT_ID, "another client"]}, "aud without azp"),
        ({"aud": [CLIENT_ID, "another client"], "azp": "another client"}, "(azp)"),
        ({"azp": "another client"}, "(azp)"),
        ({"azp": ""}, "(azp)"),
        ({"exp": 1_700_000_000}, "Invalid id_token"),
        ({"sub": None}, "(sub)"),
        ({"sub": ""}, "(sub)"),
        ({"sub": 17}, "(sub)"),
        ({"sub": "u-99"}, "somebody else"),  # the user info tells of u-17
        ({"name": "N\0ra"}, "no database keeps"),
        ({"name": "N\ud800ra"}, "no database keeps"),
        ({"rank": float("nan")}, "no database keeps"),
    ],
)
def test_an_id_token_is_for_this_question_this_portal_and_this_person(
    provider: IdentityProvider, nora: User, claims: dict[str, Any], reason: str, known: bool
) -> None:
    if known:
        sign_in(Client(), provider)
    provider.claims = claims
    assert_refused(Client(), provider, reason)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [CLIENT_ID]},
        {"azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "another client"], "azp": CLIENT_ID},
    ],
)
def test_who_is_named_in_the_other_ways_of_the_standard_gets_in(
    client: Client, provider: IdentityProvider, nora: User, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    sign_in(client, provider)
    assert signed_in_as(client) == nora


def test_each_question_has_a_nonce_of_its_own(client: Client, provider: IdentityProvider, nora: User) -> None:
    """An answer to one question, sent as the answer to another of the same browser."""
    first, second = leave(client), leave(client)
    nonces = [parse_qs(urlsplit(there).query)["nonce"][0] for there in (first, second)]
    assert len(set(nonces)) == 2
    assert all(len(nonce) >= 32 for nonce in nonces)
    provider.claims = {"nonce": nonces[0]}
    assert client.get(provider.authorize(second)).status_code == 401
    assert signed_in_as(client) is None
    assert client.get(provider.authorize(first)).status_code == 302
    assert signed_in_as(client) == nora


def test_without_an_id_token_nobody_gets_in(client: Client, provider: IdentityProvider, nora: User) -> None:
    """OAuth alone says what may be read, not who has signed in here."""
    provider.without_id_token = True
    assert_refused(client, provider, "no ID token")


def test_the_id_there_counts_and_no_address(client: Client, provider: IdentityProvider, nora: User) -> None:
    """Somebody else there takes Nora's address after she has come: they are not her."""
    sign_in(client, provider)
    other = User.objects.create_user("mallory", "mallory@example.com", PASSWORD)
    provider.person = {"sub": "u-66", "email": "mallory@example.com", "email_verified": True}
    sign_in(Client(), provider)
    provider.person["email"] = "nora@example.com"
    hers = Client()
    sign_in(hers, provider)
    assert signed_in_as(hers) == other


@pytest.mark.parametrize("description", [
    {"issuer": "https://id.example"}, {"issuer": None}, {"token_endpoint": None}, {"userinfo_endpoint": 7},
])  # fmt: skip
def test_a_provider_that_is_not_the_configured_one_is_not_asked(
    client: Client, provider: IdentityProvider, nora: User, description: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    provider.description = description
    response = client.post(SIGN_IN)
    assert response.status_code == 502
    assert "single sign-on is not possible" in caplog.text
    provider.description = {}
    back = provider.authorize(leave(client))
    provider.description = description
    answer = client.get(back)
    assert answer.status_code == 502
    assert "could not be asked" in answer.content.decode()
    assert signed_in_as(client) is None


def test_over_tls_nothing_of_the_provider_is_in_clear() -> None:
    described = {"issuer": "https://id.example", **dict.fromkeys(ENDPOINTS, "https://id.example/x")}
    assert _fault_of_provider(described, "https://id.example/.well-known/openid-configuration") == ""
    assert _fault_of_provider(described, "https://id.example/") == ""
    for name in ENDPOINTS:
        fault = _fault_of_provider(described | {name: "http://id.example/x"}, "https://id.example")
        assert fault == f"its {name} is not https"


def test_a_tie_is_one_at_its_own_provider(client: Client, provider: IdentityProvider, nora: User) -> None:
    """After a move to another provider the same id may be anybody's."""
    sign_in(Client(), provider)
    tie = SocialAccount.objects.get()
    tie.extra_data["id_token"]["iss"] = "https://old.example"
    tie.save()
    assert_refused(client, provider, "another provider")
    tie.delete()
    sign_in(client, provider)
    assert signed_in_as(client) == nora


def test_who_turns_back_at_the_provider_is_told_where_they_are(
    client: Client, provider: IdentityProvider, nora: User
) -> None:
    there = leave(client)
    state = parse_qs(urlsplit(there).query)["state"][0]
    response = client.get(f"{SIGN_IN}callback/", {"error": "access_denied", "state": state})
    assert response["Location"] == reverse("socialaccount_login_cancelled")
    assert client.get(response["Location"]).status_code == 200
    assert signed_in_as(client) is None
