"""Tokens end with their maker and at their date, keep to their address ranges, and never travel in clear."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import ApiToken, AuditEvent, Right
from integrations.models.tokens import parse_networks
from integrations.services.audit import Actor, Batch
from integrations.services.operations.cleanup import delete_expired
from integrations.services.operations.metrics import _database_lines
from integrations.services.read_api import (
    TokenRefused,
    TokenSpec,
    authenticate,
    create_token,
)
from tests.conftest import make_user
from tests.support.processes import ROOT, run_python

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
HERE = "192.0.2.1"


def made_by(person: User | None, **wish: Any) -> tuple[ApiToken, str]:
    actor = Actor.person(person, HERE) if person else Actor("An operator", "command test")
    return create_token(Batch(actor), TokenSpec(**({"name": "billing", "rights": [Right.RESOLVE]} | wish)))


def ask(plain: str, path: str = "instances", **values: Any) -> Any:
    return Client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {plain}"}, **values)


# --- with whom they end -----------------------------------------------------------------------------------


def leave(person: User) -> None:
    person.delete()


def be_deactivated(person: User) -> None:
    person.is_active = False
    person.save()


def lose_the_role(person: User) -> None:
    person.groups.set([Group.objects.get(name="Readers")])


@pytest.mark.parametrize("gone", [leave, be_deactivated, lose_the_role])
def test_a_token_ends_with_the_person_who_made_it(owner: User, gone: Callable[[User], None]) -> None:
    _, own = made_by(owner)
    _, portals = made_by(owner, for_portal=True)
    _, commands = made_by(None)
    assert [ask(plain).status_code for plain in (own, portals, commands)] == [200, 200, 200]
    gone(owner)
    refused = ask(own)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_refused")
    assert "ended with the person who made it" in refused.json()["detail"]
    assert [ask(plain).status_code for plain in (portals, commands)] == [200, 200]


def test_what_ended_stays_closed_when_its_maker_comes_back(owner: User) -> None:
    token, plain = made_by(owner)
    kept, _ = made_by(owner, for_portal=True)
    expected = timezone.now()
    be_deactivated(owner)
    delete_expired()
    owner.is_active = True
    owner.save()
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert token.revoked_at >= expected
    with pytest.raises(TokenRefused, match="revoked"):
        authenticate(plain, HERE)
    event = AuditEvent.objects.get(action="token revoked")
    assert (event.target_id, event.actor_name, event.origin) == (str(token.pk), "The portal", "housekeeping")
    kept.refresh_from_db()
    assert kept.revoked_at is None
    delete_expired()
    assert AuditEvent.objects.filter(action="token revoked").count() == 1


def test_a_superuser_needs_no_role_to_keep_a_token(db: None) -> None:
    person = User.objects.create_superuser("sam", password="a long pass phrase")
    _, plain = made_by(person)
    assert ask(plain).status_code == 200
    person.is_superuser = False
    person.save()
    assert ask(plain).status_code == 401


def test_the_page_asks_whose_the_token_is_and_tells_what_has_ended(owner: User, client_of: Browser) -> None:
    client = client_of(owner)
    client.post(reverse("account_reauthenticate"), {"password": "a long pass phrase"})
    wish = {"name": "Own", "rights": ["resolve"], "networks": "192.0.2.9/24, 2001:DB8::1", "days": "5"}
    assert "longer than you are here" in client.post(reverse("integrations:token_add"), wish).content.decode()
    client.post(reverse("integrations:token_add"), wish | {"name": "Stays", "belongs": "portal", "days": ""})
    own, stays = ApiToken.objects.order_by("pk")
    assert (own.for_portal, own.networks) == (False, ["192.0.2.0/24", "2001:db8::1/128"])
    assert stays.for_portal
    assert dt.timedelta(days=364) < stays.expires_at - timezone.now() <= dt.timedelta(days=365)
    page = client.get(reverse("integrations:tokens")).content.decode()
    assert "Active, ends soon" in page
    assert "the portal’s own" in page
    assert "only from 192.0.2.0/24, 2001:db8::1/128" in page
    be_deactivated(owner)
    page = client_of(make_user("ottilie", "Owners")).get(reverse("integrations:tokens")).content.decode()
    assert page.count("Ended with its maker") == 1


# --- when they end ----------------------------------------------------------------------------------------


def test_every_token_has_an_end(owner: User) -> None:
    token, _ = made_by(owner, expires_at=None)
    assert token.expires_at is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(expires_at=None)


def test_people_programs_and_operators_are_told_before_a_token_ends(
    owner: User, member: User, client_of: Browser
) -> None:
    in_time, soon = (timezone.now() + dt.timedelta(days=days) for days in (40, 20))
    _, later = made_by(owner, name="Later", expires_at=in_time)
    token, plain = made_by(owner, name="Sooner", expires_at=soon)
    made_by(owner, name="Ended", expires_at=timezone.now() - dt.timedelta(days=1))
    home = reverse("integrations:home")
    page = client_of(owner).get(home).content.decode()
    assert "“Sooner” ends on" in page
    assert f"{soon:%Y-%m-%d}" in page
    assert "Sooner" not in client_of(member).get(home).content.decode()
    assert "portal_tokens_ending 1" in "".join(_database_lines())
    assert "Token-Expires" not in ask(later).headers
    told = parsedate_to_datetime(ask(plain).headers["Token-Expires"])
    assert abs(told - token.expires_at) < dt.timedelta(seconds=1)
    with time_machine.travel(soon + dt.timedelta(seconds=1), tick=False):
        assert ask(plain).status_code == 401
        page = client_of(owner).get(home).content.decode()
        assert "Sooner" not in page
        assert "“Later” ends on" in page


# --- from where -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ranges", "address", "opens"),
    [
        ("192.0.2.0/24", "192.0.2.77", True),
        ("192.0.2.0/24", "192.0.3.77", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("192.0.2.7", "2001:db8::7", False),
        ("2001:db8::/32 192.0.2.7", "2001:db8:1::9", True),
        ("10.0.0.0/8,192.0.2.7", "192.0.2.7", True),
        ("10.0.0.0/8", "", False),
        ("10.0.0.0/8", "unknown", False),
        ("", "198.51.100.1", True),
    ],
)
def test_a_token_opens_only_from_where_it_is_bound_to(
    owner: User, ranges: str, address: str, opens: bool
) -> None:
    _, plain = made_by(owner, networks=parse_networks(ranges))
    answer = ask(plain, REMOTE_ADDR=address)
    assert answer.status_code == (200 if opens else 401)
    if not opens:
        assert "network address" in answer.json()["detail"]


def test_refused_tokens_are_logged_with_the_address_and_without_the_token(
    owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    _, plain = made_by(owner, networks=["10.0.0.0/8"])
    with caplog.at_level(logging.WARNING):
        ask(plain)
        ask("aip_guess_1")
    lines = [record for record in caplog.records if record.name.endswith("read_api.tokens")]
    assert [vars(record)["address"] for record in lines] == ["127.0.0.1"] * 2
    assert plain.rpartition("_")[2] not in caplog.text
    assert "guess" not in caplog.text


def test_a_command_binds_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    call_command(
        "create_api_token", "Billing", "--right", "resolve", "--from", "192.0.2.9/24", "--from", "10.1.2.3"
    )
    assert "from 192.0.2.0/24, 10.1.2.3/32" in capsys.readouterr().err
    token = ApiToken.objects.get()
    assert (token.networks, token.for_portal) == (["192.0.2.0/24", "10.1.2.3/32"], True)


# --- over which line --------------------------------------------------------------------------------------


@pytest.fixture
def production(settings: Any) -> None:
    settings.TOKENS_OVER_TLS_ONLY = settings.SECURE_SSL_REDIRECT = True


@pytest.mark.parametrize("path", ["instances", "resolve?by=name&value=x", "no/such/thing", "openapi.json"])
def test_what_is_asked_in_clear_is_refused_and_not_led_on(
    owner: User, production: None, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    token, plain = made_by(owner)
    with caplog.at_level(logging.WARNING):
        answer = ask(plain, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (403, "tls_required")
    assert "revoke it" in problem["detail"]
    assert "https://" in problem["detail"]
    assert token.prefix in caplog.text
    assert plain not in caplog.text + answer.content.decode()
    token.refresh_from_db()
    assert token.last_used_at is None
    bare = Client().get(f"/api/v1/{path}")
    assert (bare.status_code, bare.json()["code"]) == (403, "tls_required")


@pytest.mark.parametrize("path", ["/api/v1/docs/", "/organizations/", "/api/v2/instances", "/api"])
@pytest.mark.parametrize("method", ["get", "post", "put"])
def test_a_token_that_is_sent_anywhere_in_clear_is_refused(
    owner: User, production: None, path: str, method: str
) -> None:
    _, plain = made_by(owner)
    answer = getattr(Client(), method)(path, headers={"Authorization": f"Bearer {plain}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "tls_required")


def test_over_tls_all_is_answered_and_pages_are_still_led_there(owner: User, production: None) -> None:
    _, plain = made_by(owner)
    assert ask(plain, secure=True).status_code == 200
    for page in ("/api/v1/docs/", reverse("integrations:home")):
        answer = Client().get(page)
        assert (answer.status_code, answer.headers["Location"]) == (301, f"https://testserver{page}")


def test_the_example_proxy_leads_no_token_on_either() -> None:
    text = (ROOT / "deploy" / "nginx" / "portal.conf").read_text(encoding="utf-8")
    plain = text[text.index("listen 80;") : text.index("listen 443")]
    answer = re.search(r"location /api/ \{.*?return 403 '(.*)';", plain, re.DOTALL)
    assert answer
    assert json.loads(answer[1])["code"] == "tls_required"
    assert "$host" not in plain


# --- an older database ------------------------------------------------------------------------------------

BEFORE = """
import django; django.setup()
from django.core.management import call_command
from django.db import connection
call_command("migrate", "integrations", "0020", verbosity=0)
for app in ("mfa", "auth", "sessions", "account", "socialaccount", "admin"):
    call_command("migrate", app, verbosity=0)
import uuid
def insert(cursor, table, **values):
    names, places = ", ".join(values), ", ".join(["%s"] * len(values))
    cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(values.values()))
with connection.cursor() as cursor:
    insert(cursor, "auth_user", id=1, username="olivia", password="", first_name="", last_name="", email="",
           is_staff=False, is_active=True, is_superuser=False, date_joined="2026-11-01 12:00:00")
    for pk, maker, actor, ends in (
        (1, 1, 1, None),
        (2, None, None, None),
        (3, None, 99, "2027-01-01 00:00:00"),
        (4, None, 98, None),
    ):
        insert(cursor, "integrations_apitoken", id=pk, name=f"t{pk}", prefix=f"aip_{pk}", digest="x",
               rights="[]", limited=False, created_at="2026-11-01 12:00:00", created_by_id=maker,
               expires_at=ends)
        insert(cursor, "integrations_auditevent", at="2026-11-01 12:00:00", actor_name="x", actor_id=actor,
               origin="x", batch=uuid.uuid4().hex, action="token created", target_type="token",
               target_id=str(pk), target_name="x")
"""
AFTER = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
import datetime as dt, json
from django.utils import timezone
from integrations.models import ApiToken
now = timezone.now()
print(json.dumps([
    (token.pk, token.for_portal, token.networks, (token.expires_at - now).days) for token in
    ApiToken.objects.order_by("pk")
]))
"""


@pytest.mark.process
def test_an_upgrade_gives_each_token_an_end_and_an_owner(tmp_path: Path) -> None:
    """A person's stays theirs, also when they were deleted since; a command's becomes the portal's own."""
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'portal.sqlite3'}", "PORTAL_DATA_DIR": str(tmp_path)}
    before = run_python(BEFORE, **database)
    assert before.returncode == 0, before.stderr
    after = run_python(AFTER, **database)
    assert after.returncode == 0, after.stderr
    first, second, third, fourth = json.loads(after.stdout)
    assert first == [1, False, [], 364]
    assert second == [2, True, [], 364]
    assert third[:3] == [3, False, []]
    assert third[3] < 364
    assert fourth == [4, False, [], 364]
