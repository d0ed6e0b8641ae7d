"""People: added by a one-time link, changed with a proof, and passwords that are hard to guess."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AccountEvent, Right
from integrations.services.audit import Batch
from integrations.services.read_api.tokens import TokenSpec, create_token
from portal.attempts import Source, claim
from tests.conftest import make_user
from tests.pages.test_look import assert_sound
from tests.support.addresses import pages
from tests.support.simulated import actor_of, everything_stored

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
Kind = AccountEvent.Kind
PEOPLE, ADD, WELCOME = "/people/", "/people/add/", "/accounts/welcome/"
CHOSEN = "Heron-lantern-44"


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def values(**changes: Any) -> dict[str, Any]:
    given = {"username": "nadia", "first_name": "Nadia", "email": "nadia@example.com", "is_active": "on"}
    return given | {"roles": [Group.objects.get(name="Members").pk]} | changes


def code_in(page: str) -> str:
    """The code of the link that a page shows once."""
    (code,) = set(re.findall(r"/accounts/welcome/#([\w=-]+\.[\w-]+)", html.unescape(page)))
    return str(code)


def choose(code: str, password: str = CHOSEN, again: str | None = None) -> Any:
    data = {"code": code, "password1": password, "password2": password if again is None else again}
    return Client().post(WELCOME, data)


def sign_in(name: str, password: str = CHOSEN) -> Client | None:
    client = Client()
    client.post(reverse("account_login"), {"login": name, "password": password})
    return client if "_auth_user_id" in client.session else None


# --- a new person -------------------------------------------------


def test_a_new_person_chooses_a_password_by_a_link_that_works_once(desk: Client, superuser: User) -> None:
    assert_sound(desk.get(ADD).content.decode())
    page = desk.post(ADD, values()).content.decode()
    assert_sound(page)
    code, nadia = code_in(page), User.objects.get(username="nadia")
    assert not nadia.has_usable_password()
    assert [group.name for group in nadia.groups.all()] == ["Members"]
    assert (nadia.is_superuser, nadia.is_staff, nadia.is_active) == (False, False, True)

    shown = Client().get(WELCOME)
    assert shown.status_code == 200
    assert_sound(shown.content.decode())
    assert choose(code)["Location"] == reverse("account_login")
    assert sign_in("nadia") is not None
    refused = choose(code, "Plover-anchor-77")
    assert refused.status_code == 422
    assert "used up" in refused.content.decode()
    assert sign_in("nadia") is not None
    told = AccountEvent.objects.filter(person=nadia).order_by("pk").values_list("kind", "by__username")
    assert list(told)[:4] == [
        (Kind.PERSON_ADDED, "sonja"), (Kind.RIGHTS_CHANGED, "sonja"), (Kind.LINK_MADE, "sonja"),
        (Kind.PASSWORD_CHANGED, None),
    ]  # fmt: skip
    assert code not in repr(everything_stored())


def test_a_link_ends_after_a_day_with_the_next_one_and_with_the_account(desk: Client) -> None:
    first = code_in(desk.post(ADD, values()).content.decode())
    nadia = User.objects.get(username="nadia")
    link = reverse("integrations:person_link", args=[nadia.pk])
    second = code_in(desk.post(link).content.decode())
    assert choose(first).status_code == 422
    with time_machine.travel(timezone.now() + dt.timedelta(hours=24, minutes=1)):
        assert choose(second).status_code == 422
    User.objects.filter(pk=nadia.pk).update(is_active=False)
    assert choose(second).status_code == 422
    User.objects.filter(pk=nadia.pk).update(is_active=True)
    other = make_user("omar")
    name = code_in(desk.post(reverse("integrations:person_link", args=[other.pk])).content.decode())
    mixed = f"{name.partition('.')[0]}.{second.partition('.')[2]}"
    for wrong in (mixed, "", ".", "x", "MQ.abc", "\0.1", "9" * 190, second[:-1], f"{second}x"):
        assert choose(wrong).status_code == 422, wrong
    assert choose(f" {second} ").status_code == 302


def test_a_link_ends_the_old_password_and_all_sessions(
    desk: Client, reader: User, client_of: Browser
) -> None:
    theirs = client_of(reader)
    page = desk.post(reverse("integrations:person_link", args=[reader.pk])).content.decode()
    assert theirs.get("/glossary/").status_code == 302
    assert sign_in("rita", "a long pass phrase") is None
    choose(code_in(page))
    assert sign_in("rita") is not None


def test_what_is_wrong_is_said_and_nobody_is_added(desk: Client, reader: User) -> None:
    for change, told in (
        ({"username": "RITA"}, "Somebody has this user name"),
        ({"username": "a b"}, "valid username"),
        ({"username": ""}, "required"),
        ({"email": "Rita@Example.com"}, "Somebody else has this address"),
        ({"email": "nobody"}, "valid email"),
    ):
        answer = desk.post(ADD, values(**change))
        assert answer.status_code == 422, change
        assert told in html.unescape(answer.content.decode()), change
    assert not User.objects.filter(username="nadia").exists()


# --- who may, and with which proof --------------------------------


def test_only_superusers_may(
    owner: User, member: User, reader: User, stranger: User, client_of: Browser
) -> None:
    addresses = [page.address({"pk": reader.pk}) for page in pages() if page.route.startswith("people/")]
    assert len(addresses) >= 9
    before = everything_stored()["User"]
    for person in (owner, member, reader, stranger):
        client = client_of(person)
        for address in addresses:
            assert client.get(address).status_code == client.post(address, values()).status_code == 404
    for address in addresses:
        assert Client().get(address)["Location"].startswith(reverse("account_login"))
    for user, stored in zip(everything_stored()["User"], before, strict=True):
        assert {**user, "last_login": None} == {**stored, "last_login": None}


@pytest.mark.parametrize("name", ["person_add", "person_change", "person_link", "person_factors"])
def test_giving_access_asks_for_a_proof(name: str, superuser: User, reader: User, client_of: Browser) -> None:
    client = client_of(superuser)
    address = reverse(f"integrations:{name}", args=[] if name == "person_add" else [reader.pk])
    auth.TOTP.activate(reader, "ABCDEFGHIJKLMNOP")
    before = everything_stored()["User"]
    data = values(is_superuser="on")
    assert client.post(address, data)["Location"].startswith(reverse("account_reauthenticate"))
    assert Authenticator.objects.filter(user=reader).exists()
    assert everything_stored()["User"] == before


@pytest.mark.parametrize("model", ["user", "group"])
def test_the_admin_asks_for_the_same_proof(
    model: str, superuser: User, reader: User, client_of: Browser
) -> None:
    client = client_of(superuser)
    pk = reader.pk if model == "user" else Group.objects.get(name="Readers").pk
    for page in (
        f"/admin/auth/{model}/{pk}/change/",
        f"/admin/auth/{model}/{pk}/delete/",
        f"/admin/auth/{model}/",
    ):
        assert client.get(page).status_code == 200
        assert client.post(page, {"post": "yes"})["Location"].startswith(reverse("account_reauthenticate"))
    assert User.objects.filter(pk=reader.pk).exists()
    if model == "user":
        assert client.post(f"/admin/auth/user/{pk}/password/", {"password1": CHOSEN}).status_code == 403
        assert client.get("/admin/auth/user/add/")["Location"] == ADD


# --- changing somebody --------------------------------------------


def test_a_superuser_changes_roles_and_the_log_tells(desk: Client, superuser: User, reader: User) -> None:
    address = reverse("integrations:person_change", args=[reader.pk])
    owners = Group.objects.get(name="Owners")
    given = values(roles=[owners.pk], is_superuser="on", email="rita@example.com")
    last = AccountEvent.objects.latest("pk").pk
    desk.post(address, given)
    reader.refresh_from_db()
    assert reader.is_superuser
    assert reader.is_staff
    assert list(reader.groups.all()) == [owners]
    events = AccountEvent.objects.filter(pk__gt=last, kind=Kind.RIGHTS_CHANGED)
    assert {(event.person, event.by) for event in events} == {(reader, superuser)}
    assert "Nothing was saved" in desk.post(address, given, follow=True).content.decode()

    desk.post(address, {"first_name": "Rita", "email": ""})
    reader.refresh_from_db()
    assert (reader.is_superuser, reader.is_staff, reader.is_active) == (False, False, False)
    assert not reader.groups.exists()


def test_nobody_takes_the_last_key_from_themselves(desk: Client, superuser: User) -> None:
    address = reverse("integrations:person_change", args=[superuser.pk])
    for given in ({"is_active": "on"}, {"is_superuser": "on"}):
        answer = desk.post(address, {"email": "sonja@example.com", **given})
        assert answer.status_code == 422
        assert "Ask another superuser" in answer.content.decode()
    superuser.refresh_from_db()
    assert superuser.is_superuser
    assert superuser.is_active


def test_a_page_shows_what_there_is_of_somebody_and_ends_it(
    desk: Client, owner: User, client_of: Browser
) -> None:
    auth.TOTP.activate(owner, "ABCDEFGHIJKLMNOP")
    create_token(Batch(actor_of(owner)), TokenSpec("Billing export", [Right.MAPPINGS]))
    theirs = client_of(owner)
    for _ in range(3):
        claim("olivia", Source("192.0.2.1"))
    address = reverse("integrations:person", args=[owner.pk])
    page = desk.get(address).content.decode()
    assert_sound(page)
    for shown in (
        "olivia@example.com",
        "Authenticator app, added",
        "Billing export",
        "Sign out everywhere",
        "Second factor added",
    ):
        assert shown in page, shown
    assert "ABCDEFGHIJKLMNOP" not in page

    answer = desk.post(reverse("integrations:person_unlock", args=[owner.pk]), follow=True)
    assert "Forgotten: 3 wrong passwords" in answer.content.decode()
    answer = desk.post(reverse("integrations:person_browsers", args=[owner.pk]), follow=True)
    assert "Signed out in 1 browser." in answer.content.decode()
    assert theirs.get("/glossary/").status_code == 302
    desk.post(reverse("integrations:person_factors", args=[owner.pk]))
    assert not Authenticator.objects.exists()
    assert (
        "There was none"
        in desk.post(reverse("integrations:person_factors", args=[owner.pk]), follow=True).content.decode()
    )


def test_the_list_is_searched(desk: Client, owner: User, member: User) -> None:
    page = desk.get(PEOPLE)
    assert_sound(page.content.decode())
    assert [person.username for person in page.context["page"]] == ["marcus", "olivia", "sonja"]
    assert [person.username for person in desk.get(PEOPLE, {"q": "OLIVIA@"}).context["page"]] == ["olivia"]
    assert "Nobody has such a name" in desk.get(PEOPLE, {"q": "zzz"}).content.decode()


# --- passwords ----------------------------------------------------


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("Summer2026!", "commonly used"), ("Password2026!", "commonly used"), ("a" * 64, "Repeats like"),
        ("abcabcabcabcabcabc", "Repeats like"), ("autotask", "too short"), ("autotask2026", "too easy"),
        ("datto123!datto123!", "Repeats like"), ("portal-2026", "too short"), ("nadia-nadia-1", "too"),
        ("1234567890123456", "easy to guess"), ("Heron-lant", "at least 12"),
        ("Summer" * 400, "easy to guess"),
    ],
)  # fmt: skip
def test_a_password_that_is_tried_early_is_refused_with_the_reason(
    password: str, told: str, db: None
) -> None:
    nadia = User(username="nadia", email="nadia@example.com")
    with pytest.raises(ValidationError) as refusal:
        validate_password(password, nadia)
    assert told in " ".join(refusal.value.messages)


@pytest.mark.parametrize(
    "password",
    [
        "heron lantern river", "a long pass phrase", "84019 27746 10385 66", "цапля фонарь река", CHOSEN,
        "x7" * 6 + " otter green anchor " + "y" * 300,
    ],
)  # fmt: skip
def test_no_digits_signs_or_capitals_are_asked_for(password: str) -> None:
    validate_password(password, User(username="nadia"))


def test_the_reason_is_said_where_the_password_is_chosen(desk: Client) -> None:
    code = code_in(desk.post(ADD, values()).content.decode())
    for password, again, told in (
        ("Summer2026!", None, "too easy to guess"), ("a" * 64, None, "Repeats like"),
        (CHOSEN, "Heron-lantern-45", "match"), ("nadia@example.com", None, "too similar"),
    ):  # fmt: skip
        answer = choose(code, password, again)
        assert answer.status_code == 422
        assert told in html.unescape(answer.content.decode())
        assert password not in answer.content.decode()
    assert choose(code).status_code == 302
