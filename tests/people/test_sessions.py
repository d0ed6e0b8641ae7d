"""Sessions: how long they last, where one is signed in, and what ends them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AccountEvent, BrowserSession
from portal.sessions import name_of
from tests.pages.test_look import assert_sound
from tests.support.admin_rows import address

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
Kind = AccountEvent.Kind
PASSWORD = "a long pass phrase"
GLOSSARY, BROWSERS, END = "/glossary/", "/accounts/browsers/", "/accounts/browsers/end/"


def sign_in(person: User, browser: str = "Firefox 140", address: str = "192.0.2.9") -> Client:
    client = Client(REMOTE_ADDR=address, headers={"User-Agent": browser})
    answer = client.post(reverse("account_login"), {"login": person.username, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def prove(client: Client) -> None:
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def is_in(client: Client) -> bool:
    return client.get(GLOSSARY).status_code == 200


def row_of(client: Client) -> BrowserSession:
    return BrowserSession.objects.get(pk=name_of(client.cookies["sessionid"].value))


# --- how long they last -------------------------------------------


def after(moment: dt.datetime, **passed: float) -> Any:
    return time_machine.travel(moment + dt.timedelta(**passed), tick=False)


def test_a_session_ends_when_nobody_uses_it(reader: User) -> None:
    now, client, other = timezone.now(), sign_in(reader), sign_in(reader)
    for minutes in (100, 200, 300):
        with after(now, minutes=minutes):
            assert is_in(client)
    with after(now, minutes=121):
        assert not is_in(other)
    with after(now, minutes=419):
        assert is_in(client)
    with after(now, minutes=419 + 121):
        assert not is_in(client)


def test_a_session_ends_after_half_a_day_whatever_is_done(reader: User) -> None:
    now, client = timezone.now(), sign_in(reader)
    for minutes in range(90, 12 * 60, 90):
        with after(now, minutes=minutes):
            session = client.session
            session["something"] = minutes
            session.save()
            assert is_in(client)
            client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    with after(now, hours=11, minutes=59):
        assert is_in(client)
    with after(now, hours=12, minutes=1):
        assert not is_in(client)


def test_when_it_was_seen_is_written_once_a_minute(reader: User) -> None:
    now, client = timezone.now(), sign_in(reader)
    with after(now, seconds=30):
        is_in(client)
        assert row_of(client).seen_at < now + dt.timedelta(seconds=29)
    with after(now, seconds=90):
        is_in(client)
        assert row_of(client).seen_at == now + dt.timedelta(seconds=90)


def test_a_sign_in_has_another_key_than_what_was_before(reader: User) -> None:
    client = Client()
    session = client.session
    session["before"] = True
    session.save()
    before = str(session.session_key)
    client.cookies["sessionid"] = before
    client.post(reverse("account_login"), {"login": "rita", "password": PASSWORD})
    assert client.cookies["sessionid"].value != before
    assert not BrowserSession.objects.filter(pk=name_of(before)).exists()


# --- where one is signed in ---------------------------------------


def test_everybody_sees_where_they_are_signed_in(
    owner: User, member: User, reader: User, stranger: User
) -> None:
    people = (owner, member, reader, stranger)
    clients = {
        person: sign_in(person, f"Browser of {person}", f"198.51.100.{person.pk % 250}") for person in people
    }
    for person, client in clients.items():
        page = client.get(BROWSERS)
        assert [row.person for row in page.context["browsers"]] == [person]
        text = page.content.decode()
        assert f"Browser of {person}" in text
        assert "this browser" in text
        assert client.cookies["sessionid"].value not in text
        assert_sound(text)
    assert Client().get(BROWSERS).status_code == Client().post(END).status_code == 302
    assert clients[owner].post(BROWSERS).status_code == 405
    prove(clients[owner])
    assert clients[owner].get(END).status_code == 405


def test_a_person_ends_one_or_all_others_but_nobody_elses(reader: User, member: User) -> None:
    here, one, two, theirs = sign_in(reader), sign_in(reader), sign_in(reader), sign_in(member)
    prove(here)
    here.post(END, {"browser": row_of(theirs).pk})
    assert is_in(theirs)
    here.post(END, {"browser": row_of(one).pk})
    assert [is_in(client) for client in (here, one, two)] == [True, False, True]
    here.post(END)
    assert [is_in(client) for client in (here, two, theirs)] == [True, False, True]
    ended = AccountEvent.objects.filter(kind=Kind.SESSIONS_ENDED)
    assert [event.person for event in ended] == [reader, reader]
    assert "signed in nowhere else" in here.post(END, follow=True).content.decode()


def test_ending_them_asks_for_a_proof_and_then_goes_on(reader: User) -> None:
    """Whoever has a stolen session alone does not throw its owner out."""
    here, other = sign_in(reader), sign_in(reader)
    asked = here.post(END)["Location"]
    assert asked.startswith("/accounts/reauthenticate/")
    assert is_in(other)
    here.post(asked, {"password": PASSWORD, "next": END})
    assert not is_in(other)
    assert is_in(here)


def test_a_superuser_ends_all_of_somebody(superuser: User, reader: User, member: User, desk: Client) -> None:
    clients = [sign_in(reader), sign_in(reader)]
    other = sign_in(member)
    data = {"action": "sign_out_everywhere", "_selected_action": [reader.pk]}
    assert "2 signed out" in desk.post(address(User, "changelist"), data, follow=True).content.decode()
    assert not any(map(is_in, clients))
    assert is_in(other)
    assert is_in(desk)
    event = AccountEvent.objects.latest("pk")
    assert (event.kind, event.person, event.by) == (Kind.SESSIONS_ENDED, reader, superuser)


# --- what ends them -----------------------------------------------


def change(person: User, **values: bool) -> None:
    for name, value in values.items():
        setattr(person, name, value)
    person.save()


def change_password(person: User) -> None:
    person.set_password("Heron-lantern-44")
    person.save()


CHANGES: dict[str, Callable[[User], object]] = {
    "password": change_password,
    "role": lambda person: person.groups.add(Group.objects.get(name="Owners")),
    "superuser": lambda person: change(person, is_superuser=True),
    "turned off": lambda person: change(person, is_active=False),
    "factor": lambda person: auth.TOTP.activate(person, "ABCDEFGHIJKLMNOP"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_right_password_or_factor_ends_them(what: str, reader: User, member: User) -> None:
    mine, theirs = sign_in(reader), sign_in(member)
    CHANGES[what](reader)
    assert not is_in(mine)
    assert is_in(theirs)
    assert AccountEvent.objects.latest("pk").kind == Kind.SESSIONS_ENDED


def test_taking_a_factor_away_ends_them(reader: User) -> None:
    client = sign_in(reader)
    factor = auth.TOTP.activate(reader, "ABCDEFGHIJKLMNOP").instance
    client = Client()
    client.force_login(reader)
    assert is_in(client)
    Authenticator.objects.get(pk=factor.pk).delete()
    assert not is_in(client)


def test_who_changes_it_themselves_stays_where_they_are(reader: User) -> None:
    here, elsewhere = sign_in(reader), sign_in(reader)
    changed = here.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": "Heron-lantern-44", "password2": "Heron-lantern-44"},
    )
    assert changed.status_code == 302
    assert is_in(here)
    assert not is_in(elsewhere)


LIKE_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
LIKE_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox 140 on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {LIKE_CHROME} Edg/142.0.0.0", "Edge 142 on Windows"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {LIKE_SAFARI}", "Safari 18 on iPhone"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("", "unknown"),
    ],
)
def test_a_browser_is_called_what_people_call_it(agent: str, shown: str, reader: User) -> None:
    client = sign_in(reader, agent)
    assert f">{shown}<" in client.get(BROWSERS).content.decode()
    assert shown.replace("unknown", "") in client.get("/accounts/log/").content.decode()
