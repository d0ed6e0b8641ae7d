"""What somebody tries who has a part of another's sign-in: half of it, a session, an address, the clock."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.contrib.auth.models import Group, User
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AccountEvent, BrowserSession
from integrations.services.people import make_link
from integrations.services.sign_ins import live_sessions
from tests.conftest import make_user
from tests.people.test_accounts import code_of
from tests.support.identity_provider import SIGN_IN, IdentityProvider, leave
from tests.support.identity_provider import sign_in as sign_on
from tests.support.sweeps import first_few

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
Kind = AccountEvent.Kind
PASSWORD, ANOTHER = "a long pass phrase", "Plover-anchor-77"
SECRET = "ABCDEFGHIJKLMNOP"
LOGIN, CODE, AGAIN = "/accounts/login/", "/accounts/2fa/authenticate/", "/accounts/reauthenticate/"


class CountingHasher(MD5PasswordHasher):
    """Counts how often a password is hashed, which is what takes time."""

    algorithm = "counted"
    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).hashed += 1
        return super().encode(password, salt)


def sign_in(name: str, password: str = PASSWORD, **where: str) -> Client:
    client = Client(**where)  # type: ignore[arg-type]
    client.post(LOGIN, {"login": name, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/accounts/browsers/").status_code == 200


def half_way(person: User) -> Client:
    """After the password, before the code."""
    client = Client()
    answer = client.post(LOGIN, {"login": person.username, "password": PASSWORD})
    assert answer["Location"] == CODE
    return client


def proven(person: User) -> Client:
    client = sign_in(person.username)
    client.post(AGAIN, {"password": PASSWORD})
    return client


# --- half of a sign-in ----------------------------------------------------------------------------


def change_password(person: User) -> None:
    person.set_password(ANOTHER)
    person.save()


def turn_off(person: User) -> None:
    person.is_active = False
    person.save()


def give_a_role(person: User) -> None:
    person.groups.add(Group.objects.get(name="Owners"))


def end_all(person: User) -> None:
    desk = proven(make_superuser("sonja"))
    desk.post(reverse("integrations:person_browsers", args=[person.pk]))


def make_superuser(name: str) -> User:
    return User.objects.create_superuser(name, f"{name}@example.com", PASSWORD)


@pytest.mark.parametrize("happens", [change_password, turn_off, give_a_role, end_all, make_link])
def test_a_sign_in_that_waits_for_a_code_ends_like_a_session(
    happens: Callable[[User], Any], member: User
) -> None:
    """Whoever knew the password yesterday and finds the telephone today does not get in by having begun."""
    auth.TOTP.activate(member, SECRET)
    waiting = half_way(member)
    assert not live_sessions(member).exists(), "nobody is signed in there yet"
    happens(User.objects.get(pk=member.pk))
    assert waiting.post(CODE, {"code": code_of(SECRET)}).headers["Location"].startswith(LOGIN)
    assert not is_in(waiting)
    assert not AccountEvent.objects.filter(person=member, kind=Kind.SIGNED_IN).exists()


@pytest.mark.parametrize("change", [{"password": make_password(ANOTHER)}, {"is_active": False}])
def test_what_was_changed_past_the_portal_ends_a_sign_in_that_waits(
    change: dict[str, Any], member: User
) -> None:
    """By SQL, or at the very moment at which the old password was looked at."""
    auth.TOTP.activate(member, SECRET)
    waiting = half_way(member)
    User.objects.filter(pk=member.pk).update(**change)
    answer = waiting.post(CODE, {"code": code_of(SECRET)}, follow=True)
    assert "changed meanwhile" in answer.content.decode()
    assert not is_in(waiting)
    assert not AccountEvent.objects.filter(person=member, kind=Kind.SIGNED_IN).exists()


def test_a_sign_in_that_waits_is_nobody_elses_and_not_for_long(member: User, reader: User) -> None:
    auth.TOTP.activate(member, SECRET)
    waiting, late = half_way(member), half_way(member)
    assert BrowserSession.objects.filter(coming=member, person=None).count() == 2
    change_password(reader)
    waiting.post(CODE, {"code": code_of(SECRET)})
    assert is_in(waiting)
    assert BrowserSession.objects.filter(coming=member, person=None).count() == 1
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=16)):
        late.post(CODE, {"code": code_of(SECRET)})
        assert not is_in(late)


def test_a_link_for_a_new_password_is_no_way_around_the_second_factor(member: User) -> None:
    auth.TOTP.activate(member, SECRET)
    data = {"code": make_link(member), "password1": ANOTHER, "password2": ANOTHER}
    client = Client()
    assert client.post("/accounts/welcome/", data)["Location"] == LOGIN
    assert not is_in(client)
    assert client.post(LOGIN, {"login": "marcus", "password": ANOTHER})["Location"] == CODE
    assert not is_in(client)


def test_a_code_that_proved_something_opens_nothing_again_however_it_is_written(member: User) -> None:
    auth.TOTP.activate(member, SECRET)
    code, client = code_of(SECRET), half_way(member)
    client.post(CODE, {"code": code})
    assert is_in(client)
    wide = "".join(chr(ord(digit) - ord("0") + 0xFF10) for digit in code)
    other = half_way(member)
    for again in (code, f"{code[:3]} {code[3:]}", f"{code[:3]}-{code[3:]}", wide):
        assert other.post(CODE, {"code": again}).status_code == 200
        assert not is_in(other)
    assert client.post("/accounts/2fa/reauthenticate/", {"code": code}).status_code == 200


# --- a session of somebody ------------------------------------------------------------------------


def test_the_old_password_is_guessed_no_faster_on_the_page_that_changes_it(member: User) -> None:
    client = sign_in("marcus")
    given = {"password1": ANOTHER, "password2": ANOTHER}
    answers = [
        client.post("/accounts/password/change/", {"oldpassword": f"guess {number}", **given})
        for number in range(5)
    ]
    assert "Too many wrong passwords" in answers[-1].content.decode()
    told = AccountEvent.objects.filter(person=member, by=member)
    assert told.filter(kind=Kind.NOT_PROVEN, factor="password").count() == 3
    assert told.filter(kind=Kind.LOCKED_OUT).exists()
    member.refresh_from_db()
    assert member.check_password(PASSWORD)


def test_a_password_is_changed_by_whoever_knows_it_and_by_nobody_else(member: User) -> None:
    client, other = sign_in("marcus"), sign_in("marcus")
    given = {"password1": ANOTHER, "password2": ANOTHER}
    for wrong in ("", "wrong", ANOTHER):
        client.post("/accounts/password/change/", {"oldpassword": wrong, **given})
    assert is_in(sign_in("marcus"))
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **given})
    assert is_in(client)
    assert not is_in(other)
    assert not is_in(sign_in("marcus"))
    assert is_in(sign_in("marcus", ANOTHER))


def remove_on_the_page(client: Client, person: User) -> None:
    client.post(reverse("integrations:person_factors", args=[person.pk]))


def remove_in_the_admin(client: Client, person: User) -> None:
    key = Authenticator.objects.get(user=person)
    client.post(f"/admin/mfa/authenticator/{key.pk}/delete/", {"post": "yes"})


@pytest.mark.parametrize("remove", [remove_on_the_page, remove_in_the_admin])
def test_whoever_takes_their_own_factor_away_sets_up_another_at_once(
    remove: Callable[[Client, User], None], superuser: User, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = ["superusers"]
    auth.TOTP.activate(superuser, SECRET)
    client = half_way(superuser)
    client.post(CODE, {"code": code_of(SECRET)})
    client.post(AGAIN, {"password": PASSWORD})
    assert is_in(client)
    remove(client, superuser)
    assert not Authenticator.objects.exists()
    assert client.get("/glossary/")["Location"] == "/accounts/2fa/"


def test_whoever_gives_themselves_a_role_that_demands_a_factor_sets_one_up(
    superuser: User, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = ["owners"]
    client = proven(superuser)
    owners = Group.objects.get(name="Owners")
    given = {"is_superuser": "on", "is_active": "on", "roles": [owners.pk], "email": superuser.email}
    client.post(reverse("integrations:person_change", args=[superuser.pk]), given)
    assert superuser.groups.exists()
    assert client.get("/glossary/")["Location"] == "/accounts/2fa/"


# --- the last superuser ---------------------------------------------------------------------------


def in_the_admin(person: User) -> dict[str, Any]:
    """What the admin's form sends for somebody without any right."""
    return {"username": person.username, "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}


def test_a_superuser_takes_the_admin_from_others_only(superuser: User) -> None:
    other = make_superuser("sue")
    client = proven(superuser)
    client.post(f"/admin/auth/user/{superuser.pk}/change/", in_the_admin(superuser))
    client.post(f"/admin/auth/user/{superuser.pk}/delete/", {"post": "yes"})
    several = {"action": "delete_selected", "_selected_action": [superuser.pk, other.pk], "post": "yes"}
    assert client.post("/admin/auth/user/", several).status_code == 403
    superuser.refresh_from_db()
    assert superuser.is_superuser
    assert superuser.is_active
    client.post(f"/admin/auth/user/{other.pk}/change/", in_the_admin(other))
    other.refresh_from_db()
    assert (other.is_superuser, other.is_active) == (False, False)
    client.post(f"/admin/auth/user/{other.pk}/delete/", {"post": "yes"})
    assert list(User.objects.all()) == [superuser]


# --- an address at the identity provider ----------------------------------------------------------


def test_an_address_that_somebody_else_is_given_later_opens_nothing(
    provider: IdentityProvider, nora: User
) -> None:
    """Nora left, and the provider gave her address to a namesake."""
    sign_on(Client(), provider)
    provider.person |= {"sub": "u-99"}
    client = Client()
    answer = sign_on(client, provider)
    assert answer.status_code == 403
    assert "tied to another account" in answer.content.decode()
    assert not is_in(client)
    assert [tie.uid for tie in SocialAccount.objects.all()] == ["u-17"]

    SocialAccount.objects.all().delete()  # what a superuser does in the admin
    sign_on(client, provider)
    assert is_in(client)
    assert [tie.uid for tie in SocialAccount.objects.all()] == ["u-99"]


# --- where a sign-in leads ------------------------------------------------------------------------

ELSEWHERE = (
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example",
    "javascript:alert(1)", "/\t/evil.example", "\t//evil.example", "http:///evil.example", "///evil.example",
    "https://testserver@evil.example/", "https://testserver.evil.example", "//testserver\\@evil.example",
    "data:text/html,x", "\x00//evil.example",
)  # fmt: skip


@pytest.mark.parametrize("goal", first_few(ELSEWHERE, 3))
def test_no_sign_in_leads_out_of_the_portal(goal: str, member: User, provider: IdentityProvider) -> None:
    make_user("nora2").groups.clear()
    User.objects.filter(username="nora2").update(email="nora@example.com")
    asked, data = f"?next={quote(goal)}", {"login": "marcus", "password": PASSWORD}
    answers = [
        Client().post(LOGIN + asked, data),
        Client().post(LOGIN, {**data, "next": goal}),
        (client := sign_in("marcus")).post(AGAIN + asked, {"password": PASSWORD}),
        client.post(AGAIN, {"password": PASSWORD, "next": goal}),
        client.get(LOGIN + asked),
        client.post(f"/accounts/logout/{asked}", {"next": goal}),
        (here := Client()).get(provider.authorize(leave(here, f"{SIGN_IN}{asked}"))),
    ]
    for number, answer in enumerate(answers):
        assert answer.status_code == 302, number
        assert answer.headers["Location"] in {"/", LOGIN, AGAIN}, (number, answer.headers["Location"])


# --- the clock ------------------------------------------------------------------------------------


def test_nothing_of_a_clock_that_was_ahead_outlives_its_correction(member: User) -> None:
    """Neither a session whose limits would not hold, nor a proof, nor a wait of two days."""
    with time_machine.travel(timezone.now() + dt.timedelta(days=2)):
        ahead = proven(member)
        assert is_in(ahead)
        for _ in range(8):
            sign_in("marcus", "wrong", REMOTE_ADDR="192.0.2.1")
        assert not is_in(sign_in("marcus", REMOTE_ADDR="192.0.2.1"))
    assert not is_in(ahead)
    assert not live_sessions(member).exists()
    assert is_in(sign_in("marcus", REMOTE_ADDR="192.0.2.1"))


def test_web_machines_whose_clocks_differ_a_little_are_one_portal(member: User) -> None:
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=4)):
        ahead = sign_in("marcus")
        for _ in range(8):
            sign_in("marcus", "wrong", REMOTE_ADDR="192.0.2.1")
    assert is_in(ahead)
    assert not is_in(sign_in("marcus", REMOTE_ADDR="192.0.2.1")), "no way around the wait"


# --- the pages themselves -------------------------------------------------------------------------


def test_what_a_name_is_answered_tells_nothing_of_whether_somebody_has_it(
    member: User, stranger: User
) -> None:
    """The same page for a wrong password, a name that nobody has, one turned off, one without a password."""
    turn_off(stranger)
    make_link(make_user("olga"))
    pages = set()
    for name in ("marcus", "nobody", "stefan", "olga"):
        page = Client().post(LOGIN, {"login": name, "password": "wrong"}).content.decode()
        pages.add(re.sub(r'"\w{64}"', "", page).replace(name, "NAME"))
    (same,) = pages
    assert "NAME" in same


def test_a_name_is_answered_after_the_same_work_whoever_has_it(member: User, settings: Any) -> None:
    """Hashing takes a third of a second in production: with one more or less a name would tell itself."""
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    settings.ACCOUNT_RATE_LIMITS = False
    auth.TOTP.activate(make_user("tess"), SECRET)
    make_user("marc")
    turn_off(make_user("stefan"))
    make_link(make_user("olga"))
    work = {}
    for name in ("marc", "nobody", "stefan", "olga", "tess"):
        before = CountingHasher.hashed
        Client().post(LOGIN, {"login": name, "password": "wrong"})
        work[name] = CountingHasher.hashed - before
    assert len(set(work.values())) == 1, work
    assert min(work.values()) > 0


def test_two_who_add_the_same_name_at_once_are_told(desk: Client) -> None:
    """The second is told as if it had come later: between its look and its row the first was written."""

    def written_meanwhile(sender: type[User], instance: User, **kwargs: Any) -> None:
        pre_save.disconnect(dispatch_uid="test", sender=User)
        User.objects.bulk_create([User(username=instance.username)])

    pre_save.connect(written_meanwhile, sender=User, dispatch_uid="test")
    answer = desk.post(reverse("integrations:person_add"), {"username": "nadia", "email": "n@example.com"})
    assert answer.status_code == 422
    assert "Somebody has this user name" in answer.content.decode()
    assert not User.objects.filter(email="n@example.com").exists()
