"""API tokens: who may make them, what is kept of them, and when they open the door."""

from __future__ import annotations

import datetime as dt
import hmac
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations.models import ApiToken, AuditEvent, IntegrationInstance, RequestCount, Right
from integrations.services.audit import Actor, Batch
from integrations.services.operations import delete_expired
from integrations.services.read_api import tokens as services
from integrations.services.read_api.tokens import (
    TokenRefused,
    TokenSpec,
    TooManyRequests,
    authenticate,
    create_token,
    revoke_token,
)

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
OPERATOR = Actor("An operator", "command test")
HERE = "192.0.2.1"


@pytest.fixture
def main() -> IntegrationInstance:
    return IntegrationInstance.objects.create(psa="autotask", name="Main", username="api@example.com")


def make(**wish: Any) -> tuple[ApiToken, str]:
    return create_token(Batch(OPERATOR), TokenSpec(**({"name": "billing", "rights": [Right.RESOLVE]} | wish)))


def freshly_signed_in(client_of: Browser, user: User) -> Client:
    """A browser whose person has entered the password just now."""
    client = client_of(user)
    client.post(reverse("account_reauthenticate"), {"password": "a long pass phrase"})
    return client


# --- the token itself -------------------------------------------------------------------------------------


def test_a_token_is_kept_as_a_digest_only() -> None:
    token, plain = make()
    assert plain.startswith(f"{token.prefix}_")
    assert len(plain) - len(token.prefix) > 40  # 256 bits in url-safe base64
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # names of our own tables
            assert plain not in str(cursor.fetchall())
    assert plain not in repr(token)
    assert make()[1] != plain


def test_a_token_opens_the_door() -> None:
    token, plain = make()
    assert authenticate(plain, HERE) == token


def test_wrong_tokens_open_nothing() -> None:
    token, plain = make()
    wrong = ["", "_", "aip__", token.prefix, f"{token.prefix}_", plain[:-1], plain + "x", plain.upper()]
    wrong += [plain.replace("aip", "bip"), "a" * 5000, "aip_\x00_x", "aip_ä_ö", token.digest]
    for each in wrong:
        with pytest.raises(TokenRefused) as refusal:
            authenticate(each, HERE)
        assert plain not in str(refusal.value)


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    genuine = hmac.compare_digest

    def compare(ours: str, theirs: str) -> bool:
        compared.append((ours, theirs))
        return bool(genuine(ours, theirs))

    monkeypatch.setattr(hmac, "compare_digest", compare)
    token, plain = make()
    authenticate(plain, HERE)
    with pytest.raises(TokenRefused):
        authenticate("aip_unknown_token", HERE)
    assert [theirs for _, theirs in compared] == [token.digest, "0" * 64]


def test_an_expired_token_is_refused() -> None:
    token, plain = make(expires_at=timezone.now() + dt.timedelta(days=1))
    assert authenticate(plain, HERE) == token
    later = timezone.now() + dt.timedelta(days=1, seconds=1)
    with time_machine.travel(later, tick=False), pytest.raises(TokenRefused, match="expired"):
        authenticate(plain, HERE)


def test_a_revoked_token_is_refused_at_once_and_for_ever() -> None:
    token, plain = make()
    assert revoke_token(Batch(OPERATOR), token)
    with pytest.raises(TokenRefused, match="revoked"):
        authenticate(plain, HERE)
    assert not revoke_token(Batch(OPERATOR), token)
    assert AuditEvent.objects.filter(action="token revoked").count() == 1


def test_making_and_revoking_is_recorded_without_the_token(main: IntegrationInstance) -> None:
    token, plain = make(instances=[main])
    revoke_token(Batch(OPERATOR), token)
    made, revoked = AuditEvent.objects.filter(target_type="token").order_by("pk")
    assert made.after
    assert revoked.before
    assert revoked.after
    assert (made.action, made.before, made.after["instances"]) == ("token created", None, [main.pk])
    assert (revoked.before["revoked"], revoked.after["revoked"]) == (False, True)
    kept = str([made.__dict__, revoked.__dict__])
    assert plain not in kept
    assert token.digest not in kept


def test_last_use_is_written_once_a_minute() -> None:
    _, plain = make()
    with time_machine.travel(dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC), tick=False) as clock:

        def use() -> dt.datetime | None:
            authenticate(plain, HERE)
            return ApiToken.objects.get().last_used_at

        first = use()
        assert first == timezone.now()
        clock.shift(59)
        assert use() == first
        clock.shift(2)
        assert use() == timezone.now()


# --- limits -----------------------------------------------------------------------------------------------


def test_a_token_has_a_limit_of_its_own(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 5
    plain, other = make()[1], make()[1]
    with time_machine.travel(dt.datetime(2026, 5, 1, 12, 0, 20, tzinfo=dt.UTC), tick=False) as clock:

        def get(token: str) -> Any:
            return Client().get("/api/v1/instances", headers={"Authorization": f"Bearer {token}"})

        assert [get(plain).status_code for _ in range(7)] == [200] * 5 + [429] * 2
        response = get(plain)
        assert response.headers["Content-Type"] == "application/problem+json"
        assert int(response.headers["Retry-After"]) == response.json()["retry_after"] == 41
        assert get(other).status_code == 200
        clock.shift(int(response.headers["Retry-After"]))
        assert get(plain).status_code == 200


def test_guessing_is_limited_but_locks_nobody_out() -> None:
    _, plain = make()
    with time_machine.travel(dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC), tick=False):
        for _ in range(services.REFUSALS_PER_MINUTE):
            with pytest.raises(TokenRefused):
                authenticate("aip_guess_1", HERE)
        with pytest.raises(TooManyRequests):
            authenticate("aip_guess_1", HERE)
        authenticate(plain, HERE)
        with pytest.raises(TokenRefused):
            authenticate("aip_guess_1", "192.0.2.99")


def test_guesses_from_one_line_count_together() -> None:
    """Whoever has one address of an IPv6 network has 2^64 of them."""
    with time_machine.travel(dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC), tick=False):
        for number in range(services.REFUSALS_PER_MINUTE):
            with pytest.raises(TokenRefused):
                authenticate("aip_guess_1", f"2001:db8:1:2::{number:x}")
        with pytest.raises(TooManyRequests):
            authenticate("aip_guess_1", "2001:db8:1:2:ffff::1")
        with pytest.raises(TokenRefused):
            authenticate("aip_guess_1", "2001:db8:1:3::1")


def test_counts_are_exact_and_survive_clocks_that_differ() -> None:
    """Who is seconds behind counts into the minute of the others; a clock of next year blocks nobody."""
    counting = RequestCount.objects.count_one
    at = dt.datetime(2026, 5, 1, 12, 0, 1, tzinfo=dt.UTC)
    with time_machine.travel(at, tick=False) as clock:
        assert [counting("x"), counting("x"), counting("y")] == [1, 2, 1]
        clock.shift(-2)
        assert counting("x") == 3
        clock.shift(60)
        assert counting("x") == 4
        clock.shift(60)
        assert counting("x") == 1
        clock.shift(dt.timedelta(days=365))
        assert counting("x") == 1
        clock.shift(dt.timedelta(days=-365))
        assert counting("x") == 1
        clock.shift(300)
        assert counting("z") == 1
        delete_expired()
        assert list(RequestCount.objects.values_list("name", flat=True)) == ["z"]


def test_no_log_holds_the_token(caplog: pytest.LogCaptureFixture) -> None:
    _, plain = make()
    with caplog.at_level(logging.DEBUG), CaptureQueriesContext(connection) as queries:
        for sent in (plain, plain + "x"):
            Client().get("/api/v1/instances", headers={"Authorization": f"Bearer {sent}"})
    assert plain not in caplog.text
    assert plain not in str(queries.captured_queries)


# --- the page ---------------------------------------------------------------------------------------------


def addresses(token: ApiToken) -> dict[str, list[str]]:
    return {
        "get": [reverse("integrations:tokens"), reverse("integrations:token_add")],
        "post": [
            reverse("integrations:token_add"),
            reverse("integrations:token_revoke", args=[token.pk]),
        ],
    }


def test_the_pages_are_for_owners(
    owner: User, member: User, reader: User, stranger: User, client_of: Browser
) -> None:
    token, _ = make()
    for method, pages in addresses(token).items():
        for page in pages:
            response = getattr(Client(), method)(page)
            assert (response.status_code, "login" in response.headers["Location"]) == (302, True)
            for person in (member, reader, stranger):
                assert getattr(client_of(person), method)(page).status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None
    assert freshly_signed_in(client_of, owner).get(reverse("integrations:token_add")).status_code == 200


def test_making_a_token_asks_for_the_password_again(owner: User, client_of: Browser) -> None:
    for method in ("get", "post"):
        response = getattr(client_of(owner), method)(
            reverse("integrations:token_add"), {"name": "x", "rights": ["resolve"]}
        )
        assert response.status_code == 302
        assert "reauthenticate" in response.headers["Location"]
    assert not ApiToken.objects.exists()


def test_an_owner_makes_a_token_that_is_shown_once(
    owner: User, client_of: Browser, main: IntegrationInstance
) -> None:
    client = freshly_signed_in(client_of, owner)
    response = client.post(
        reverse("integrations:token_add"),
        {"name": "Billing", "rights": ["resolve", "mappings"], "instances": [main.pk], "days": "30"},
    )
    token = ApiToken.objects.get()
    plain = response.context["plain"]
    assert response.content.decode().count(plain) == 1
    assert response.headers["Cache-Control"] == "no-store"
    assert (token.rights, token.limited, token.created_by) == (["mappings", "resolve"], True, owner)
    assert token.expires_at is not None
    assert dt.timedelta(days=29) < token.expires_at - timezone.now() <= dt.timedelta(days=30)
    assert authenticate(plain, HERE) == token
    page = client.get(reverse("integrations:tokens")).content.decode()
    assert plain not in page
    assert token.digest not in page
    for shown in ("Billing", token.prefix, "Main", "Active", "Resolve an organization"):
        assert shown in page


@pytest.mark.parametrize(
    "values",
    [
        {"name": "", "rights": ["resolve"]},
        {"name": "x"},
        {"name": "x", "rights": ["everything"]},
        {"name": "x", "rights": ["resolve"], "days": "0"},
        {"name": "x", "rights": ["resolve"], "days": "731"},
        {"name": "x", "rights": ["resolve"], "networks": "10.0.0.0/8, everywhere"},
        {"name": "x", "rights": ["resolve"], "networks": "0.0.0.0/0"},
        {"name": "x", "rights": ["resolve"], "networks": "10.0.0.256"},
        {"name": "x", "rights": ["resolve"], "belongs": "nobody"},
        {"name": "x", "rights": ["resolve"], "instances": ["999"]},
        {"name": "x" * 101, "rights": ["resolve"]},
    ],
)
def test_a_wrong_form_makes_nothing(values: dict[str, Any], owner: User, client_of: Browser) -> None:
    response = freshly_signed_in(client_of, owner).post(reverse("integrations:token_add"), values)
    assert response.status_code == 422
    assert not ApiToken.objects.exists()


def test_an_owner_revokes_a_token(owner: User, client_of: Browser) -> None:
    token, plain = make()
    client = client_of(owner)
    page = reverse("integrations:token_revoke", args=[token.pk])
    assert client.get(page).status_code == 405
    response = client.post(page, follow=True)
    assert "was revoked" in response.content.decode()
    assert "Revoked" in response.content.decode()
    with pytest.raises(TokenRefused):
        authenticate(plain, HERE)
    assert AuditEvent.objects.get(action="token revoked").actor == owner
    assert "before" in client.post(page, follow=True).content.decode()


def test_the_list_costs_the_same_for_many_tokens(owner: User, client_of: Browser, main: Any) -> None:
    client = client_of(owner)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get(reverse("integrations:tokens"))
        return len(found)

    make(instances=[main])
    few = queries()
    for _ in range(20):
        make(instances=[main])
    assert queries() == few


# --- the command ------------------------------------------------------------------------------------------


def test_the_command_prints_the_token_alone(capsys: pytest.CaptureFixture[str], main: Any) -> None:
    call_command(
        "create_api_token", "Billing", "--right", "resolve", "--right", "mappings",
        "--instance", "main", "--days", "7",
    )  # fmt: skip
    printed = capsys.readouterr()
    token = ApiToken.objects.get()
    assert authenticate(printed.out.strip(), HERE) == token
    assert printed.out.strip() not in printed.err
    assert token.prefix in printed.err
    assert (token.name, token.rights, token.limited) == ("Billing", ["mappings", "resolve"], True)
    assert AuditEvent.objects.get(action="token created").origin == "command create_api_token"


def test_the_command_says_it_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_token", "Billing", "--all-rights", "--format", "json")
    printed = json.loads(capsys.readouterr().out)
    assert authenticate(printed["token"], HERE).prefix == printed["prefix"]
    assert printed["rights"] == [right.value for right in Right]
    ends = dt.datetime.fromisoformat(printed["expires_at"])
    assert dt.timedelta(days=364) < ends - timezone.now() <= dt.timedelta(days=365)
    assert printed["networks"] == "all"


@pytest.mark.parametrize(
    "arguments",
    [
        ["Billing"],
        ["Billing", "--right", "resolve", "--all-rights"],
        ["Billing", "--right", "resolve", "--instance", "nowhere"],
        ["Billing", "--right", "resolve", "--days", "0"],
        ["Billing", "--right", "resolve", "--days", "731"],
        ["Billing", "--right", "resolve", "--from", "everywhere"],
        ["  ", "--right", "resolve"],
        ["x" * 101, "--right", "resolve"],
    ],
)
def test_the_command_refuses_wrong_use(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as error:
        call_command("create_api_token", *arguments)
    assert error.value.returncode == 2
    assert not ApiToken.objects.exists()


def test_a_form_that_is_sent_twice_makes_one_token(owner: User, client_of: Browser) -> None:
    """Reloading “Token is ready” sends the form once more."""
    client, address = freshly_signed_in(client_of, owner), reverse("integrations:token_add")
    press = client.get(address).context["press"]
    form = {"name": "Twice", "rights": ["resolve"], "days": "30", "press": press}
    assert [client.post(address, form).status_code for _ in range(2)] == [200, 302]
    assert ApiToken.objects.filter(name="Twice").count() == 1
