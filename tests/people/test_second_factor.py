"""Second factors: demanded by role, set up at the first sign-in; passkeys beside the authenticator app."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AccountEvent, Organization
from tests.conftest import make_user
from tests.pages.test_look import assert_sound
from tests.people.test_accounts import code_of
from tests.support.identity_provider import IdentityProvider
from tests.support.identity_provider import sign_in as sign_on
from tests.support.passkey import Device, asked, browser
from tests.support.simulated import everything_stored

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
Kind = AccountEvent.Kind
PASSWORD = "a long pass phrase"
HOME = "/"
INDEX, ADD = "/accounts/2fa/", "/accounts/2fa/webauthn/add/"


def sign_in(client: Client, person: User) -> Any:
    return client.post(reverse("account_login"), {"login": person.username, "password": PASSWORD})


def give_passkey(client: Client, name: str = "Laptop") -> Device:
    """Through the pages, for whoever has just come in or has proved who they are."""
    device = Device()
    credential = device.create(asked(client.get(ADD).content.decode()))
    assert client.post(ADD, {"name": name, "credential": credential}).status_code == 302
    return device


def proven(person: User) -> Client:
    client = browser()
    sign_in(client, person)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


# --- demanded by role ---------------------------------------------


@pytest.mark.parametrize(
    ("setting", "who"),
    [
        (["superusers", "owners"], {"sonja", "olivia"}),
        pytest.param([], set(), marks=pytest.mark.exhaustive),
        pytest.param(["nobody"], set(), marks=pytest.mark.exhaustive),
        pytest.param(["members"], {"marcus"}, marks=pytest.mark.exhaustive),
        pytest.param(["readers"], {"rita"}, marks=pytest.mark.exhaustive),
        pytest.param(
            ["everybody"], {"sonja", "olivia", "marcus", "rita", "stefan"}, marks=pytest.mark.exhaustive
        ),
    ],
)
def test_who_has_none_is_led_to_set_one_up_and_nowhere_else(
    setting: list[str], who: set[str], settings: Any, superuser: User, owner: User, member: User,
    reader: User, stranger: User,
) -> None:  # fmt: skip
    settings.REQUIRE_SECOND_FACTOR = setting
    for person in (superuser, owner, member, reader, stranger):
        client = Client()
        sign_in(client, person)
        for address in (HOME, "/organizations/", "/glossary/", "/accounts/password/change/", "/admin/"):
            led = client.get(address).headers.get("Location") == INDEX
            assert led == (person.username in who), (person, address)
        led = client.get(HOME, headers={"HX-Request": "true"}).headers.get("HX-Redirect") == INDEX
        assert led == (person.username in who)
        client.post("/organizations/add/", {"name": f"Acme {person.username}"})
        assert "Your role demands" in client.get(INDEX).content.decode() or not led
        assert client.post(reverse("account_logout")).status_code == 302
    added = {name.removeprefix("Acme ") for name in Organization.objects.values_list("name", flat=True)}
    assert added == {"sonja", "olivia", "marcus"} - who


def test_it_is_set_up_at_the_first_sign_in_without_another_password(
    owner: User, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = ["owners"]
    client = Client()
    sign_in(client, owner)
    page = client.get(reverse("mfa_activate_totp"))
    secret = re.search(r'id="authenticator_secret">([A-Z2-7]+)<', page.content.decode())
    assert secret is not None
    with django_capture_on_commit_callbacks(execute=True):
        led = client.post(reverse("mfa_activate_totp"), {"code": code_of(secret[1])})
    assert led["Location"] == reverse("mfa_view_recovery_codes")
    codes = client.get(led["Location"]).content.decode()
    assert "10 of 10 are unused" in codes
    assert "I have kept them: go on" in codes
    assert_sound(codes)
    assert client.get(HOME).status_code == 200

    again = Client()
    assert sign_in(again, owner)["Location"] == reverse("mfa_authenticate")
    used = again.post(reverse("mfa_authenticate"), {"code": code_of(secret[1])})
    assert used.status_code == 200, "the code that set it up is used"


def test_a_sign_in_is_no_proof_for_long_nor_for_anything_else(owner: User, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = ["owners"]
    client = browser()
    sign_in(client, owner)
    give_passkey(client)
    goal = client.get(reverse("integrations:token_add"))["Location"]
    assert goal.startswith("/accounts/reauthenticate/")
    assert client.get(ADD).status_code == 200, "a second one"
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=301)):
        assert client.get(ADD)["Location"].startswith("/accounts/reauthenticate/")


def test_who_takes_the_last_one_away_sets_up_another(owner: User, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = ["owners"]
    client = browser()
    sign_in(client, owner)
    give_passkey(client)
    assert client.get(HOME).status_code == 200
    key = Authenticator.objects.get(type="webauthn")
    client.post(reverse("mfa_remove_webauthn", args=[key.pk]))
    assert not Authenticator.objects.exists()
    assert client.get(HOME)["Location"] == INDEX


def test_single_sign_on_is_no_way_around_it(provider: IdentityProvider, nora: User, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = ["everybody"]
    client = Client()
    sign_on(client, provider)
    assert client.get(HOME)["Location"] == INDEX
    assert client.get(ADD).status_code == 200


# --- passkeys -----------------------------------------------------


def test_a_passkey_signs_in_and_proves_again(owner: User) -> None:
    client = proven(owner)
    assert_sound(client.get(ADD).content.decode())
    device = give_passkey(client)
    assert Authenticator.objects.filter(user=owner, type="recovery_codes").exists()

    last = AccountEvent.objects.latest("pk").pk
    client = browser()
    assert sign_in(client, owner)["Location"] == reverse("mfa_authenticate")
    page = client.get(reverse("mfa_authenticate")).content.decode()
    assert_sound(page)
    answer = client.post(reverse("mfa_authenticate"), {"credential": device.get(asked(page))})
    assert answer["Location"] == HOME
    event = AccountEvent.objects.filter(pk__gt=last).get()
    assert (event.kind, event.factor) == (Kind.SIGNED_IN, "password, passkey")

    last = event.pk
    again, goal = reverse("mfa_reauthenticate_webauthn"), reverse("integrations:token_add")
    page = client.get(again, {"next": goal}).content.decode()
    assert_sound(page)
    key = client.cookies["sessionid"].value
    answer = client.post(again, {"credential": device.get(asked(page)), "next": goal})
    assert answer["Location"] == goal
    assert client.cookies["sessionid"].value != key, "another session id after every proof"
    assert client.get(goal).status_code == 200
    event = AccountEvent.objects.filter(pk__gt=last).get()
    assert (event.kind, event.factor) == (Kind.PROVEN, "passkey")


def test_a_passkey_of_another_portal_or_of_another_person_does_not_fit(owner: User, member: User) -> None:
    device, other = give_passkey(proven(owner)), give_passkey(proven(member))
    client, address = browser(), reverse("mfa_authenticate")
    sign_in(client, owner)
    last = AccountEvent.objects.latest("pk").pk
    for credential in (
        device.get(asked(client.get(address).content.decode()), "https://portal.evil.example"),
        other.get(asked(client.get(address).content.decode())),
        "{}", "[]", "null", "nonsense", "",
    ):  # fmt: skip
        answer = client.post(address, {"credential": credential})
        assert answer.status_code == 200, credential
    kinds = set(AccountEvent.objects.filter(pk__gt=last).values_list("kind", "person__username"))
    assert kinds == {(Kind.FAILED, "olivia")}
    assert client.get(HOME).status_code == 302


def test_an_answer_is_taken_once(owner: User) -> None:
    device = give_passkey(proven(owner))
    client, address = browser(), reverse("mfa_authenticate")
    sign_in(client, owner)
    credential = device.get(asked(client.get(address).content.decode()))
    assert client.post(address, {"credential": credential}).status_code == 302
    other = browser()
    sign_in(other, owner)
    other.get(address)
    assert other.post(address, {"credential": credential}).status_code == 200


def test_everybody_has_passkeys_of_their_own_only(
    owner: User, member: User, reader: User, stranger: User, client_of: Browser
) -> None:
    hers = proven(owner)
    give_passkey(hers)
    key = Authenticator.objects.get(user=owner, type="webauthn")
    before = everything_stored()["Authenticator"]
    for person in (member, reader, stranger):
        client = proven(person)
        assert client.get(reverse("mfa_list_webauthn")).context["authenticators"].count() == 0
        for name in ("mfa_edit_webauthn", "mfa_remove_webauthn"):
            for method in ("get", "post"):
                answer = getattr(client, method)(reverse(name, args=[key.pk]), {"name": "Mine"})
                assert answer.status_code == 404
    assert everything_stored()["Authenticator"] == before
    for name, arguments in (
        ("mfa_list_webauthn", []), ("mfa_edit_webauthn", [key.pk]), ("mfa_remove_webauthn", [key.pk])
    ):  # fmt: skip
        page = hers.get(reverse(name, args=arguments)).content.decode()
        assert "Laptop" in page
        assert_sound(page)
    hers.post(reverse("mfa_edit_webauthn", args=[key.pk]), {"name": "Old laptop"})
    assert "Old laptop" in hers.get(reverse("mfa_list_webauthn")).content.decode()
    hers.post(reverse("mfa_remove_webauthn", args=[key.pk]))
    assert not Authenticator.objects.filter(user=owner).exists()


def test_passkeys_ask_for_a_proof_before_they_are_made(client_of: Browser) -> None:
    client = client_of(make_user("nadia"))
    for method in ("get", "post"):
        assert getattr(client, method)(ADD)["Location"].startswith("/accounts/reauthenticate/")
    assert not Authenticator.objects.exists()
