"""Whoever guesses waits longer and longer; the owner of the name gets in, a superuser ends every wait."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AuditEvent
from portal import attempts, devices
from portal.attempts import Source, claim, forget_failures, forgive, wait_for

pytestmark = pytest.mark.django_db
Signed = Callable[[User], Client]
PASSWORD = "a long pass phrase"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    """A clock that stands still unless it is moved, and no wrong passwords of before."""
    cache.clear()
    with time_machine.travel(timezone.now(), tick=False) as moved:
        yield moved
    cache.clear()


def sign_in(
    password: str = PASSWORD, address: str = "192.0.2.1", client: Client | None = None, name: str = "marcus"
) -> Any:
    form = {"login": name, "password": password}
    return (client or Client()).post(reverse("account_login"), form, REMOTE_ADDR=address)


def is_in(response: Any) -> bool:
    return bool(response.status_code == 302)


def wait_told(response: Any) -> int:
    found = re.search(r"Try again in (\d+) (second|minute)s?\.", response.content.decode())
    return int(found[1]) * (60 if found[2] == "minute" else 1) if found else 0


# --- the form ------------------------------------------------------------------------------------------


def test_a_known_browser_sends_the_form_whatever_its_neighbours_send(member: User, clock: Any) -> None:
    home, stranger = Client(), Client()
    assert is_in(sign_in(client=home))
    known, clean = home.cookies[devices.COOKIE].value, Client()

    def sign_out() -> None:
        home.logout()  # takes every cookie away
        home.cookies[devices.COOKIE] = known

    sign_out()
    for _ in range(attempts.FORMS - 1):  # home was the first, when it was not known yet
        assert sign_in("", client=stranger).status_code == 200
    for name in ("marcus", "rita", ""):
        assert sign_in("", client=stranger, name=name).status_code == 429
    assert sign_in(client=clean).status_code == 429, "the right password from a browser that is not known"
    assert clean.get(reverse("account_login")).status_code == 200, "looking is no sending"
    assert sign_in("", client=stranger, address="192.0.2.2").status_code == 200

    assert is_in(sign_in(client=home))
    sign_out()
    assert sign_in(client=home, name="rita").status_code == 429, "known for its own person alone"
    for _ in range(attempts.FORMS - 1):
        sign_in("", client=home)
    assert sign_in("", client=home).status_code == 429, "nor has it no limit"
    clock.shift(61)
    assert is_in(sign_in(client=home))


def test_the_addresses_of_one_line_are_one(member: User) -> None:
    for number in range(attempts.FORMS):
        assert sign_in("", f"2001:db8:1:2::{number:x}").status_code == 200
    assert sign_in("", "2001:db8:1:2:ffff::1").status_code == 429
    assert sign_in("", "2001:db8:1:3::1").status_code == 200


# --- the owner of the name --------------------------------------------------------------------------------


def test_wrong_passwords_from_elsewhere_lock_nobody_out(member: User) -> None:
    """Five of them from anywhere locked any name for everybody, again and again."""
    for _ in range(20):
        assert not is_in(sign_in("wrong", "198.51.100.7"))
    assert not is_in(sign_in(address="198.51.100.7")), "who guesses waits, also with the right one"
    assert is_in(sign_in(address="192.0.2.1")), "the owner, at a new browser"


def test_a_known_browser_gets_through_whatever_others_do(member: User, clock: Any) -> None:
    home = Client()
    assert is_in(sign_in(client=home))
    home.post(reverse("account_logout"))
    for number in range(40):  # a crowd of addresses, all of them fresh
        sign_in("wrong", f"198.51.{number}.7")
    assert not is_in(sign_in(address="203.0.113.9")), "a new browser waits a moment"
    assert 0 < wait_told(sign_in(address="203.0.113.9")) <= attempts.LONGEST_OF_ALL
    assert is_in(sign_in(client=home, address="203.0.113.8")), "also from another address"
    clock.shift(attempts.LONGEST_OF_ALL + 1)
    assert is_in(sign_in(address="203.0.113.9"))


def test_a_known_browser_gets_through_beside_a_guesser_at_the_same_address(member: User) -> None:
    home = Client()
    assert is_in(sign_in(client=home))
    for number in range(15):
        sign_in("wrong", name=f"nobody-{number}")
    assert not is_in(sign_in()), "the address has its limit over all names"
    assert is_in(sign_in(client=home))


def test_outside_guesses_keep_nobody_from_proving_it_inside(member: User, client_of: Signed) -> None:
    client = client_of(member)
    for number in range(40):
        sign_in("wrong", f"198.51.{number}.7")
    proof = client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert proof.status_code == 302


# --- whoever guesses --------------------------------------------------------------------------------------


def test_the_wait_grows_with_every_wrong_password_and_is_told(member: User, clock: Any) -> None:
    waits = []
    for _ in range(12):
        response = sign_in("wrong")
        while waited := wait_told(response):
            waits.append(waited)
            clock.shift(waited)
            response = sign_in("wrong")
    assert waits == [2, 4, 8, 16, 32, 64, 180, 300, 540]  # minutes are rounded up
    assert wait_for(3, 3, 900) == 2
    assert wait_for(1000, 3, 900) == 900


def test_waiting_attempts_count_for_nothing_and_the_right_one_ends_it(member: User, clock: Any) -> None:
    for _ in range(20):
        sign_in("wrong")
        clock.shift(0.01)
    assert forget_failures("marcus") == 3
    for _ in range(3):
        sign_in("wrong")
    clock.shift(2)
    assert is_in(sign_in())
    assert wait_told(sign_in("wrong")) == 0


def test_a_known_browser_that_guesses_waits_too(member: User) -> None:
    home = Client()
    sign_in(client=home)
    home.post(reverse("account_logout"))
    for number in range(3):
        sign_in("wrong", f"192.0.2.{number}", home)
    assert wait_told(sign_in(client=home, address="192.0.2.200")) == 2


def test_whoever_took_a_session_over_waits_when_guessing_the_password(
    member: User, client_of: Signed
) -> None:
    client = client_of(member)
    for number in range(3):
        address = f"192.0.2.{number}"
        client.post(reverse("account_reauthenticate"), {"password": "wrong"}, REMOTE_ADDR=address)
    refused = client.post(reverse("account_reauthenticate"), {"password": PASSWORD}, REMOTE_ADDR="192.0.2.9")
    assert "Try again in 2 seconds" in refused.content.decode()


def test_names_that_nobody_has_wait_the_same(member: User) -> None:
    for name in ("marcus", "nobody"):
        texts = [wait_told(sign_in("wrong", f"192.0.2.{len(name)}", name=name)) for _ in range(5)]
        assert texts == [0, 0, 0, 2, 2]


def test_neighbours_in_a_network_of_ipv6_count_as_one(member: User) -> None:
    for number in range(3):
        sign_in("wrong", f"2001:db8:1:1::{number}")
    assert wait_told(sign_in("wrong", "2001:db8:1:1::99")) == 2
    assert wait_told(sign_in("wrong", "2001:db8:1:2::99")) == 0


def test_spelling_a_name_otherwise_is_no_new_beginning(member: User) -> None:
    for name in ("marcus", "MARCUS", " marcu\u017f "):
        sign_in("wrong", name=name)
    assert wait_told(sign_in("wrong", name="Marcus")) == 2


def test_after_a_quiet_hour_all_is_forgotten(member: User, clock: Any) -> None:
    for _ in range(4):
        sign_in("wrong")
    clock.shift(attempts.KEPT + 1)
    assert wait_told(sign_in("wrong")) == 0
    assert forget_failures("marcus") == 1


def test_a_claim_counts_before_the_password_is_looked_at() -> None:
    """Of many at the same moment only those get through that would one after the other."""
    here = Source("address 192.0.2.1")
    assert [claim("marcus", here) for _ in range(20)] == [0, 0, 0, *[2] * 17]
    forgive("marcus", here)
    assert claim("marcus", here) == 0


# --- the cookie -------------------------------------------------------------------------------------------


def test_only_our_own_cookie_of_that_person_makes_a_browser_known(member: User, reader: User) -> None:
    home = Client()
    sign_in(client=home)
    cookie = home.cookies[devices.COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert "marcus" not in cookie.value
    forged = ["", "x", cookie.value[:-1], cookie.value.swapcase(), "e30:1rXXXX:abc"]
    for value in forged:
        browser = Client()
        browser.cookies[devices.COOKIE] = value
        request = browser.get(reverse("account_login")).wsgi_request
        assert not devices.source_of(request, "marcus").known
    request = home.get(reverse("account_login")).wsgi_request
    assert devices.source_of(request, "Marcus").known
    assert not devices.source_of(request, "rita").known
    home.post(reverse("account_logout"))
    sign_in(client=home, name="rita")
    request = home.get(reverse("account_login")).wsgi_request
    assert devices.source_of(request, "marcus").known
    assert devices.source_of(request, "rita").known


def test_a_password_alone_makes_no_browser_known_where_a_second_factor_is_due(member: User) -> None:
    from allauth.mfa.totp.internal import auth

    auth.TOTP.activate(member, "ABCDEFGHIJKLMNOP")
    browser = Client()
    assert is_in(sign_in(client=browser))  # to the second factor
    assert devices.COOKIE not in browser.cookies


# --- unlocking --------------------------------------------------------------------------------------------


def test_a_superuser_ends_every_wait_of_a_name(member: User, client_of: Signed) -> None:
    for number in range(40):
        sign_in("wrong", f"198.51.{number}.7")
    for _ in range(4):
        sign_in("wrong")
    assert not is_in(sign_in())
    admin = client_of(User.objects.create_superuser("sam", password=PASSWORD))
    page = reverse("admin:auth_user_changelist")
    answer = admin.post(page, {"action": "unlock", "_selected_action": [member.pk]}, follow=True)
    assert re.search(r"\d+ wrong passwords are forgotten", answer.content.decode())
    assert is_in(sign_in())
    event = AuditEvent.objects.get(action="sign-in unlocked")
    assert (event.target_name, event.actor_name) == ("marcus", "sam")
