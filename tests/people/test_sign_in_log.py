"""The sign-in log: who came in or failed to, from where, with what, and every change of rights and proofs."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from integrations.models import AccountEvent, Right
from integrations.services.audit import Batch
from integrations.services.read_api.tokens import TokenSpec, create_token, revoke_token
from integrations.services.sign_ins.log import network_of
from tests.conftest import make_user
from tests.people.test_accounts import code_of
from tests.support.identity_provider import IdentityProvider
from tests.support.identity_provider import sign_in as sign_on
from tests.support.simulated import actor_of

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
Kind = AccountEvent.Kind
PASSWORD = "a long pass phrase"
BROWSER = {"User-Agent": "Firefox 140"}


def try_password(
    name: str, password: str = PASSWORD, address: str = "192.0.2.9", client: Client | None = None
) -> Any:
    return (client or Client()).post(
        reverse("account_login"), {"login": name, "password": password}, REMOTE_ADDR=address, headers=BROWSER
    )


def kinds_since(last: int = 0) -> list[str]:
    return list(AccountEvent.objects.filter(pk__gt=last).order_by("pk").values_list("kind", flat=True))


def last_event() -> int:
    return AccountEvent.objects.latest("pk").pk


# --- signing in ---------------------------------------------


def test_a_sign_in_tells_person_address_factor_and_result(member: User) -> None:
    last = last_event()
    try_password("marcus", "wrong")
    client = Client()
    try_password("Marcus", client=client)
    client.post(reverse("account_logout"))
    failed, succeeded, ended = AccountEvent.objects.filter(pk__gt=last).order_by("pk")
    assert [failed.kind, succeeded.kind, ended.kind] == [Kind.FAILED, Kind.SIGNED_IN, Kind.SIGNED_OUT]
    for event in (failed, succeeded):
        assert (event.person, event.person_name) == (member, "marcus")
        assert (event.address, event.browser, event.factor) == ("192.0.2.9", "Firefox 140", "password")
    assert failed.by is None
    assert ended.by == member


def test_what_was_typed_as_a_name_that_nobody_has_is_not_kept(db: None) -> None:
    try_password("Heron-lantern-44", "marcus")
    event = AccountEvent.objects.get()
    assert (event.kind, event.person, event.person_name) == (Kind.FAILED, None, "")
    assert "Heron" not in repr(AccountEvent.objects.values())


def test_a_lock_out_is_told(member: User) -> None:
    for _ in range(3):
        try_password("marcus", "wrong", address="203.0.113.7")
    last = last_event()
    try_password("marcus", address="203.0.113.7")
    assert kinds_since(last) == [Kind.LOCKED_OUT]
    assert AccountEvent.objects.latest("pk").person == member
    last = last_event()
    call_command("unlock_login", "marcus", stdout=io.StringIO())
    assert kinds_since(last) == [Kind.UNLOCKED]


def test_second_factors_are_told_also_when_they_fail(member: User) -> None:
    auth.TOTP.activate(member, "ABCDEFGHIJKLMNOP")
    codes = RecoveryCodes.activate(member).generate_codes()
    last = last_event()
    client = Client()
    try_password("marcus", client=client)
    assert kinds_since(last) == [], "not in yet"
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    client.post(reverse("mfa_authenticate"), {"code": codes[0]})
    failed, succeeded = AccountEvent.objects.filter(pk__gt=last).order_by("pk")
    assert (failed.kind, failed.factor) == (Kind.FAILED, "authenticator app")
    assert (succeeded.kind, succeeded.factor) == (Kind.SIGNED_IN, "password, recovery code")


def test_single_sign_on_is_told_with_its_tie_and_its_refusals(
    provider: IdentityProvider,
    nora: User,
) -> None:
    last = last_event()
    sign_on(Client(), provider)
    assert kinds_since(last) == [Kind.TIE_ADDED, Kind.SIGNED_IN]
    assert AccountEvent.objects.latest("pk").factor == "single sign-on"
    SocialAccount.objects.all().delete()
    provider.person["email"] = "nobody@example.com"
    last = last_event()
    sign_on(Client(), provider)
    assert kinds_since(last) == [Kind.REFUSED]
    assert "nobody@" not in repr(AccountEvent.objects.values())


def test_a_new_place_is_told_once(member: User) -> None:
    for address in (
        "192.0.2.9",
        "192.0.2.200",
        "2001:db8:1:1::5",
        "2001:db8:1:2::6",
        "198.51.100.1",
        "192.0.2.3",
    ):
        try_password("marcus", address=address)
    new = AccountEvent.objects.filter(kind=Kind.NEW_PLACE).order_by("pk")
    assert [event.network for event in new] == ["2001:db8:1::/56", "198.51.100.0/24"]


def test_a_network_is_a_place_and_a_command_is_none() -> None:
    assert network_of("192.0.2.77") == "192.0.2.0/24"
    assert network_of("2001:db8:0:12ff::1") == "2001:db8:0:1200::/56"
    assert network_of("command createsuperuser by root") == ""


def test_a_proof_that_was_asked_for_is_told(member: User, client_of: Browser) -> None:
    client = client_of(member)
    last = last_event()
    for password in ("wrong", PASSWORD):
        client.post(reverse("account_reauthenticate"), {"password": password})
    failed, given = AccountEvent.objects.filter(pk__gt=last).order_by("pk")
    assert (failed.kind, failed.by) == (Kind.NOT_PROVEN, member)
    assert (given.kind, given.factor) == (Kind.PROVEN, "password")


# --- what changes rights and proofs ---------------------------------------------


def changes(user: User) -> dict[str, Callable[[], object]]:
    """Every way to become more or less, with what the log says of it."""
    owners = Group.objects.get(name="Owners")
    watchers = Group.objects.create(name="Watchers")
    user.groups.add(watchers)
    right = Permission.objects.get(codename="view_webhook")

    def save(**values: object) -> None:
        for name, value in values.items():
            setattr(user, name, value)
        user.save()

    def password() -> None:
        user.set_password("Heron-lantern-44")
        user.save()

    def no_password() -> None:
        user.set_unusable_password()
        user.save()

    return {
        "superuser, may open the admin": lambda: save(is_superuser=True, is_staff=True),
        "no longer superuser": lambda: save(is_superuser=False),
        "got the role Owners": lambda: user.groups.add(owners),
        "lost the role Owners": lambda: owners.user_set.remove(user),
        "got the role Owners,": lambda: owners.user_set.add(user),
        "lost the role Members, Owners": lambda: user.groups.remove(*user.groups.exclude(name="Watchers")),
        "got the right view_webhook": lambda: user.user_permissions.add(right),
        "lost the right view_webhook": lambda: right.user_set.clear(),
        "lost the role Watchers": lambda: watchers.delete(),
        "no longer may sign in": lambda: save(is_active=False),
        "email: marcus@example.com → m@example.com": lambda: save(email="m@example.com"),
        "Password changed": password,
        "Password taken away": no_password,
        "authenticator app": lambda: auth.TOTP.activate(user, "ABCDEFGHIJKLMNOP"),
        "sso: u-9": lambda: SocialAccount.objects.create(user=user, provider="sso", uid="u-9"),
    }


def test_nobody_becomes_anything_without_an_event(member: User, subtests: pytest.Subtests) -> None:
    for told, change in changes(member).items():
        with subtests.test(told):
            last = last_event()
            change()
            events = AccountEvent.objects.filter(pk__gt=last)
            assert [event.person for event in events] == [member]
            assert told.rstrip(",") in (events[0].detail, events[0].what)
    last = last_event()
    member.save()
    assert kinds_since(last) == [], "nothing was changed"
    Authenticator.objects.all().delete()
    SocialAccount.objects.all().delete()
    member.delete()
    assert kinds_since(last) == [Kind.FACTOR_REMOVED, Kind.TIE_REMOVED, Kind.PERSON_DELETED]


def test_a_role_that_gets_a_right_is_told(db: None) -> None:
    Group.objects.get(name="Readers").permissions.add(Permission.objects.get(codename="change_webhook"))
    assert AccountEvent.objects.get().detail == "the role Readers got change_webhook"


def test_who_made_it_is_told_a_superuser_or_a_command(desk: Client, superuser: User, member: User) -> None:
    last = last_event()
    address = reverse("admin:auth_user_change", args=[member.pk])
    form = desk.get(address).context["adminform"].form
    data = {name: form.initial.get(name) or "" for name in form.fields}
    data |= {
        "is_active": "on",
        "is_superuser": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
    }
    data["groups"] = [Group.objects.get(name="Owners").pk]
    data["user_permissions"] = []
    data.pop("last_login", None)
    response = desk.post(address, data, REMOTE_ADDR="192.0.2.50", headers=BROWSER)
    assert response.status_code == 302, response.context["adminform"].form.errors
    events = AccountEvent.objects.filter(pk__gt=last)
    assert {event.detail for event in events} == {"superuser", "got the role Owners", "lost the role Members"}
    assert {(event.by, event.address, event.person) for event in events} == {
        (superuser, "192.0.2.50", member)
    }

    call_command(
        "createsuperuser",
        "--noinput",
        "--username",
        "rooty",
        "--email",
        "r@example.com",
        stdout=io.StringIO(),
    )
    event = AccountEvent.objects.latest("pk")
    assert (event.kind, event.detail, event.by) == (Kind.PERSON_ADDED, "superuser, may open the admin", None)
    assert event.address.startswith("command ")


def test_tokens_are_told(owner: User) -> None:
    last = last_event()
    token, plain = create_token(Batch(actor_of(owner)), TokenSpec("Report", [Right.MAPPINGS]))
    revoke_token(Batch(actor_of(owner)), token)
    assert kinds_since(last) == [Kind.TOKEN_MADE, Kind.TOKEN_REVOKED]
    assert plain not in repr(AccountEvent.objects.values())


def test_a_newer_hash_of_the_same_password_is_no_change(member: User, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher", "django.contrib.auth.hashers.MD5PasswordHasher",
    ]  # fmt: skip
    last = last_event()
    try_password("marcus")
    member.refresh_from_db()
    assert member.password.startswith("pbkdf2")
    assert kinds_since(last) == [Kind.SIGNED_IN]


# --- reading it ---------------------------------------------


def test_a_person_sees_their_own_events_and_superusers_see_all(
    owner: User, member: User, reader: User, stranger: User, superuser: User, client_of: Browser
) -> None:
    for person in (owner, member, reader, stranger):
        try_password(person.username, address=f"203.0.113.{person.pk % 250}")
    everybody, own = reverse("integrations:sign_in_log"), reverse("account_log")
    for person in (owner, member, reader, stranger):
        client = client_of(person)
        assert client.get(everybody).status_code == 404
        events = client.get(own).context["page"].object_list
        assert events
        assert {event.person for event in events} == {person}
    client = client_of(superuser)
    names = {event.person_name for event in client.get(everybody).context["page"].object_list}
    assert names >= {"olivia", "marcus", "rita", "stefan"}
    found = client.get(everybody, {"kind": Kind.SIGNED_IN, "q": "MARC"}).context["page"].object_list
    assert {(event.person_name, event.kind) for event in found} == {("marcus", Kind.SIGNED_IN)}
    assert "No event fits" in client.get(everybody, {"q": "nobody at all"}).content.decode()
    assert client.get(everybody, {"kind": "nonsense", "page": "x"}).status_code == 200
    assert Client().get(own).status_code == Client().get(everybody).status_code == 302
    assert client.post(own).status_code == client.post(everybody).status_code == 405


def test_a_role_that_is_given_the_right_alone_sees_nothing(client_of: Browser, db: None) -> None:
    """The log tells superusers' addresses: no role opens it."""
    user = make_user("nadia", "Owners")
    user.user_permissions.add(Permission.objects.get(codename="view_accountevent"))
    assert client_of(user).get(reverse("integrations:sign_in_log")).status_code == 404


def test_the_code_of_an_app_is_in_no_event(member: User) -> None:
    secret = "ABCDEFGHIJKLMNOP"
    auth.TOTP.activate(member, secret)
    client = Client()
    try_password("marcus", client=client)
    code = code_of(secret)
    client.post(reverse("mfa_authenticate"), {"code": code})
    stored = repr(AccountEvent.objects.values("detail", "factor", "person_name"))
    assert code not in stored
    assert secret not in stored
