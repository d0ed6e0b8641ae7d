"""What opens a door is sealed: seeds, addresses of webhooks, sessions; on an upgraded database too."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import pickle
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from allauth.mfa.utils import decrypt
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from integrations import crypto
from integrations.models import BrowserSession, Webhook, seeds
from portal.sessions import name_of
from tests.conftest import make_user
from tests.support.canaries import found_in, shapes
from tests.support.processes import run_python

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
PASSWORD = "a long pass phrase"
PATH = "/services/T0CANARY/B1+canary/x9Y8z7W6"
QUERY = "key=Qc4n4ry/Query+0"
FORM = "A form that waits for a password, canary-77"


def everything_in_the_database() -> bytes:
    """The database's file as it is; elsewhere every row of every table."""
    if connection.vendor == "sqlite":
        return bytes(connection.connection.serialize())
    rows = [list(model._base_manager.values_list()) for model in apps.get_models()]
    return repr(rows).encode() + pickle.dumps(rows)


def now_of(secret: str) -> str:
    return str(auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30)))


def test_shapes_are_found_wherever_they_begin() -> None:
    for before in ("", "a", "ab", "abc"):
        text = base64.b64encode(f"{before}canary-one and more".encode())
        assert any(signs in text for signs in shapes("canary-one").values()), before


def test_no_canary_is_found_after_every_feature_was_used(
    owner: User, client_of: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers: list[bytes] = []
    client = client_of(owner)

    def ask(method: str, address: str, data: Any = None, *, shown_once: bool = False) -> str:
        response = getattr(client, method)(address, data)
        if not shown_once:
            answers.append(response.content + repr(response.headers).encode())
        return str(response.content.decode())

    add = reverse("integrations:webhook_add")
    url = f"https://hooks.example{PATH}?{QUERY}"
    values = {"name": FORM, "url": url, "events": ["mapping.changed"]}
    ask("post", add, values)  # waits for the password
    assert BrowserSession.objects.filter(person=owner).exists()
    waiting = everything_in_the_database()
    ask("post", reverse("account_reauthenticate"), {"password": PASSWORD, "next": add}, shown_once=True)
    if not Webhook.objects.exists():
        ask("post", add, values, shown_once=True)
    webhook = Webhook.objects.get()
    ask("post", add, {**values, "name": ""})

    activation = reverse("mfa_activate_totp")
    page = ask("get", activation, shown_once=True)
    match = re.search(r'id="authenticator_secret">([A-Z2-7]+)<', page)
    assert match is not None
    secret = match[1]
    pending = everything_in_the_database()
    ask("post", activation, {"code": now_of(secret)})
    codes = re.findall(
        r"<li><code>(\d+)</code>", ask("get", reverse("mfa_view_recovery_codes"), shown_once=True)
    )
    assert len(codes) == 10
    seed = decrypt(Authenticator.objects.get(type="recovery_codes").data["seed"])

    edit = reverse("integrations:webhook_edit", args=[webhook.pk])
    ask("get", edit)
    ask("post", edit, {**values, "url": url + "&more", "events": ["mapping.review"]})
    for address in (
        reverse("integrations:webhooks"), webhook.get_absolute_url(), edit, reverse("integrations:history"),
        reverse("mfa_index"), reverse("integrations:home"),
    ):  # fmt: skip
        ask("get", address)
    dump = io.StringIO()
    call_command("dumpdata", stdout=dump)

    webhook.refresh_from_db()
    assert webhook.address.reveal()["url"].startswith(f"https://hooks.example{PATH}?{QUERY}")
    places = {
        "the database while a form waits": waiting,
        "the database while a secret waits": pending,
        "the database": everything_in_the_database(),
        "dumpdata": dump.getvalue().encode(),
        "the log": caplog.text.encode(),
        "the answers": b"".join(answers),
    }
    secrets = {
        "path": PATH,
        "query": QUERY,
        "TOTP secret": secret,
        "seed": seed,
        "session": client.cookies["sessionid"].value,
    }
    secrets |= {f"code {number}": code for number, code in enumerate(codes)}
    del places["the answers"]  # they set the cookie
    assert not found_in(places, secrets)
    del secrets["session"]
    assert not found_in({"the answers": b"".join(answers)}, secrets)
    assert not found_in({"the database while a form waits": waiting}, {"form": FORM})


def test_a_seed_in_clear_is_no_seed(owner: User) -> None:
    """Whoever can write into the database puts no seed of their own there."""
    row = Authenticator.objects.create(user=owner, type="totp", data={"secret": "ABCDEFGHIJKLMNOP"})
    with pytest.raises(crypto.SealedValueError):
        row.wrap().validate_code(now_of("ABCDEFGHIJKLMNOP"))


def raw_data(row: Authenticator) -> dict[str, Any]:
    """What lies in the database, past the model."""
    found: dict[str, Any] = Authenticator.objects.filter(pk=row.pk).values_list("data", flat=True)[0]
    return found


def put(row: Authenticator, **data: Any) -> None:
    """Write past the model, as whoever can write into the database does."""
    Authenticator.objects.filter(pk=row.pk).update(data=raw_data(row) | data)


def test_a_seed_of_somebody_else_opens_nothing_in_another_row(owner: User, member: User) -> None:
    """Two people's apps and recovery codes, swapped in the database, and one's own put elsewhere."""
    texts = {owner: "ABCDEFGHIJKLMNOP", member: "QRSTUVWXYZ234567"}
    apps_of = {person: auth.TOTP.activate(person, seed).instance for person, seed in texts.items()}
    codes_of = {person: RecoveryCodes.activate(person).instance for person in texts}
    listed = {person: row.wrap().get_unused_codes() for person, row in codes_of.items()}
    stored = {person: raw_data(row) for person, row in apps_of.items()}
    lists = {person: raw_data(row) for person, row in codes_of.items()}
    for mine, theirs in ((owner, member), (member, owner)):
        put(apps_of[mine], **stored[theirs])
        put(codes_of[mine], **lists[theirs])
    for mine, theirs in ((owner, member), (member, owner)):
        app, codes = Authenticator.objects.filter(user=mine).order_by("pk")
        with pytest.raises(crypto.SealedValueError):
            app.wrap().validate_code(now_of(texts[theirs]))
        with pytest.raises(crypto.SealedValueError):
            codes.wrap().validate_code(listed[theirs][0])
    put(codes_of[owner], seed=stored[owner]["secret"])  # of the same person, for another purpose
    with pytest.raises(crypto.SealedValueError):
        Authenticator.objects.get(pk=codes_of[owner].pk).wrap().get_unused_codes()
    for mine in texts:
        put(apps_of[mine], **stored[mine])
        put(codes_of[mine], **lists[mine])
        app, codes = Authenticator.objects.filter(user=mine).order_by("pk")
        assert app.wrap().validate_code(now_of(texts[mine]))
        assert codes.wrap().validate_code(listed[mine][0])


def test_a_sign_in_with_the_seed_of_another_row_is_refused(owner: User, member: User) -> None:
    """Whoever can write into the database puts the seed of their own app where a colleague's lies."""
    theirs = auth.TOTP.activate(member, "QRSTUVWXYZ234567").instance
    put(auth.TOTP.activate(owner, "ABCDEFGHIJKLMNOP").instance, **raw_data(theirs))
    client = Client(raise_request_exception=False)
    client.post(reverse("account_login"), {"login": owner.username, "password": PASSWORD})
    client.post(reverse("mfa_authenticate"), {"code": now_of("QRSTUVWXYZ234567")})
    assert "_auth_user_id" not in client.session


def test_seeds_of_an_earlier_version_open_until_they_are_sealed_anew(owner: User, member: User) -> None:
    """A web server of before that still runs while the database has its new schema writes them."""
    old = {"secret": crypto.seal({"seed": "ABCDEFGHIJKLMNOP"}, "mfa.authenticator:data")}
    row = auth.TOTP.activate(owner, "QRSTUVWXYZ234567").instance
    put(row, **old)
    assert Authenticator.objects.get(pk=row.pk).wrap().validate_code(now_of("ABCDEFGHIJKLMNOP"))
    codes = RecoveryCodes.activate(owner).instance
    listed = codes.wrap().get_unused_codes()
    seed = crypto.seal({"seed": decrypt(codes.data["seed"])}, "mfa.authenticator:data")
    migrated = [crypto.seal({"seed": code}, "mfa.authenticator:data") for code in ("1234", "5678")]
    put(codes, seed=seed)
    assert Authenticator.objects.get(pk=codes.pk).wrap().validate_code(listed[0])
    assert raw_data(codes)["seed"] != seed, "a code was used, which saves the row: sealed anew"
    put(codes, migrated_codes=migrated)
    assert call_rotation() == {"rotated": 2, "current": 0, "unreadable": []}
    assert call_rotation() == {"rotated": 0, "current": 2, "unreadable": []}
    for pk in (row.pk, codes.pk):
        for token in seeds.tokens_of(Authenticator.objects.get(pk=pk)):
            assert crypto.unseal(token, token.context)
    assert Authenticator.objects.get(pk=codes.pk).wrap().validate_code("5678")

    other = auth.TOTP.activate(member, "QRSTUVWXYZ234567").instance
    put(other, **raw_data(row))
    assert call_rotation() == {
        "rotated": 0, "current": 2, "unreadable": [f"second factor of {member}"],
    }, "and one of another row is named, not taken for its own"  # fmt: skip


def call_rotation() -> dict[str, Any]:
    out = io.StringIO()
    with contextlib.suppress(CommandError):
        call_command("rotate_encryption_keys", "--format", "json", stdout=out, stderr=io.StringIO())
    found: dict[str, Any] = json.loads(out.getvalue())[0]
    return found


@pytest.mark.parametrize("load", ["get", "only", "defer", "refresh", "select_for_update", "related"])
def test_a_row_knows_its_place_however_it_is_loaded(owner: User, load: str) -> None:
    row = auth.TOTP.activate(owner, "ABCDEFGHIJKLMNOP").instance
    rows = Authenticator.objects
    found = {
        "get": lambda: rows.get(),
        "only": lambda: rows.only("data").get(),
        "defer": lambda: rows.defer("data", "user", "type").get(),
        "refresh": lambda: row.refresh_from_db() or row,
        "select_for_update": lambda: rows.select_for_update().get(),
        "related": lambda: User.objects.get().authenticator_set.get(),  # type: ignore[attr-defined]
    }[load]()
    assert found.wrap().validate_code(now_of("ABCDEFGHIJKLMNOP"))
    found.record_usage()
    found.save()
    assert decrypt(rows.get().data["secret"]) == "ABCDEFGHIJKLMNOP"


def test_a_webhook_with_the_address_or_the_key_of_another_opens_nothing() -> None:
    """As every sealed field of ours: bound to its row and its column."""
    hooks = []
    for name in ("one", "two"):
        hook = Webhook(name=name)
        hook.move_to(f"https://{name}.example/x")
        hook.secret = {"key": f"key of {name}"}
        hook.save()
        hooks.append(hook)
    stored = {
        name: Webhook.objects.values_list(name, flat=True).get(pk=hooks[1].pk)
        for name in ("address", "secret")
    }
    for column, value in (("address", "address"), ("secret", "secret"), ("address", "secret")):
        row = hooks[1] if column != value else hooks[0]
        Webhook.objects.filter(pk=row.pk).update(**{column: stored[value]})
        with pytest.raises(crypto.SealedValueError):
            getattr(Webhook.objects.get(pk=row.pk), column).reveal()


def test_a_session_of_somebody_else_opens_nothing_in_another_row(owner: User, client_of: Browser) -> None:
    theirs, mine = client_of(owner), client_of(make_user("mallory"))
    key = mine.cookies["sessionid"].value
    stolen = BrowserSession.objects.get(pk=name_of(theirs.cookies["sessionid"].value))
    BrowserSession.objects.filter(pk=name_of(key)).update(session_data=stolen.session_data)
    assert mine.get(reverse("integrations:home")).status_code == 302
    reused = Client()
    reused.cookies["sessionid"] = stolen.pk  # what the table calls it is no key
    assert reused.get(reverse("integrations:home")).status_code == 302
    assert theirs.get(reverse("integrations:home")).status_code == 200


OLD_ROWS = """
import django; django.setup()
from django.core.management import CommandError, call_command
from django.db import connection
for app in ("auth", "mfa", "sessions", "account", "socialaccount", "admin"):
    call_command("migrate", app, verbosity=0)
call_command("migrate", "integrations", "0018", verbosity=0)
from django.contrib.sessions.backends.db import SessionStore
import json, sys, uuid
path, seed, pending = sys.argv[1:]
now = "2026-11-01 12:00:00"
data = SessionStore().encode({"mfa.totp.secret": pending})
state = json.dumps({"name": "Hook", "address": f"https://hooks.example{path}"})


def insert(cursor, table, **values):
    names, places = ", ".join(values), ", ".join(["%s"] * len(values))
    cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(values.values()))


with connection.cursor() as cursor:
    insert(cursor, "auth_user", username="olivia", password="", first_name="", last_name="", email="",
           is_staff=False, is_active=True, is_superuser=False, date_joined=now)
    cursor.execute("SELECT id FROM auth_user")
    ((person,),) = cursor.fetchall()
    for kind, content in (("totp", {"secret": seed}), ("recovery_codes", {"seed": seed * 4, "used_mask": 1})):
        insert(cursor, "mfa_authenticator", type=kind, data=json.dumps(content), created_at=now,
               user_id=person)
    for number in range(30):
        insert(cursor, "integrations_webhook", key=uuid.uuid4().hex, name=f"Hook {number}", secret="",
               events="[]", url=f"https://hooks.example{path}", is_active=True, position=0, created_at=now)
        insert(cursor, "integrations_auditevent", at=now, actor_name="olivia", origin="x",
               batch=uuid.uuid4().hex, action="webhook changed", target_type="webhook", target_id="1",
               target_name="Hook",
               before=state, after=state)
    insert(cursor, "django_session", session_key="abcabcabc", session_data=data, expire_date=now)
connection.close()
"""
UPGRADE = """
import django; django.setup()
from django.core.management import CommandError, call_command
from django.db import connection, DatabaseError
call_command("migrate", verbosity=0)
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from integrations.models import AuditEvent, Webhook, seeds
from django.contrib.sessions.models import Session
totp, codes = Authenticator.objects.order_by("pk")
with connection.cursor() as cursor:
    try:
        cursor.execute("UPDATE integrations_auditevent SET origin = 'y'")
        guarded = False
    except DatabaseError:
        guarded = True
import json
print(json.dumps({
    "seeds": [decrypt(totp.data["secret"]), decrypt(codes.data["seed"])],
    "placed": [seeds.is_in_place(token) for row in (totp, codes) for token in seeds.tokens_of(row)],
    "mask": codes.data["used_mask"],
    "urls": sorted({webhook.address.reveal()["url"] for webhook in Webhook.objects.all()}),
    "told": sorted({s["address"] for event in AuditEvent.objects.all() for s in (event.before, event.after)}),
    "sessions": Session.objects.count(),
    "guarded": guarded,
}))
"""


@pytest.mark.process
def test_an_upgrade_seals_what_is_there_and_leaves_no_trace_of_it(tmp_path: Path) -> None:
    seed, pending = "KQ4CANARYSEED234", "PENDINGCANARY765"
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'old.sqlite3'}"}
    arguments = f"import sys; sys.argv[1:] = {[PATH, seed, pending]!r}\n"
    made = run_python(arguments + OLD_ROWS, **database)
    assert made.returncode == 0, made.stderr
    files = sorted(tmp_path.iterdir())
    secrets = {"path": PATH, "seed": seed}
    assert found_in({path.name: path.read_bytes() for path in files}, secrets), "they were there"

    upgraded = run_python(UPGRADE, **database)
    assert upgraded.returncode == 0, upgraded.stderr
    assert json.loads(upgraded.stdout) == {
        "seeds": [seed, seed * 4],
        "placed": [True, True],
        "mask": 1,
        "urls": [f"https://hooks.example{PATH}"],
        "told": ["hooks.example"],
        "sessions": 0,
        "guarded": True,
    }
    contents = {path.name: path.read_bytes() for path in sorted(tmp_path.iterdir())}
    assert not found_in(contents, secrets | {"pending": pending})
