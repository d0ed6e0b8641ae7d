"""Every secret is followed through every feature of a running portal, on a new database and an old one."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.totp.internal import auth
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from integrations.simulators.autotask.server import Simulator
from tests.people.test_sealed import OLD_ROWS
from tests.support.canaries import found_in
from tests.support.databases import drop_database, make_database, make_tables, postgres_server
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.support.migrated import give_tables
from tests.support.processes import run_python
from tests.support.simulated import SECOND_SECRET, SECOND_USERNAME, SECRET, USERNAME, host_of, make_tenant
from tests.support.simulated import TRACKING_IDENTIFIER as TRACKING
from tests.support.watched import Desk, Watch, environment_of, shown, watching, worker
from tests.support.web import running_server

pytestmark = pytest.mark.process
PASSWORD, CHANGED, NEW = "walrus-Canary 41 lantern", "plover-Canary 52 anvil", "heron-Canary 63 quilt"
WRONG, WRONG_SECRET = "otter-Canary 74 wrong", "Wrong-Canary-85-secret"
PATH, OTHER_PATH, QUERY = "/services/T0CANARY/B1/x9Y8z7", "/hooks/canary/Q8w7E6r5", "key=Qc4n4ry/Query+0"
OLD = {
    "old path": "/services/T0OLDCANARY/B7/k1",
    "old seed": "KQ4CANARYSEED234",
    "old pending": "PENDINGCANARY765",
}
LIST, SIGNATURE = "/exports/canary-R2d2/list.csv", "sig=S4s-Canary-28/x+y"
UNSEEN = "U" * 10 + "-Canary-96-multipart"

PEOPLE = f"""
from django.contrib.auth.models import Group, User
User.objects.create_superuser("sonja", "sonja@example.com", {PASSWORD!r})
User.objects.create_user("nora", "nora@example.com").groups.add(Group.objects.get(name="Owners"))
"""
LONG_AGO = """
import sys
from portal.sessions import SessionStore
store = SessionStore(KEY)
for record in store["account_authentication_methods"]:
    record["at"] = 0
store.save()
"""
SEEDS = """
import json
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
print(json.dumps([decrypt(row.data["seed"]) for row in Authenticator.objects.filter(type="recovery_codes")]))
"""
MAP = """
from django.contrib.auth.models import User
from integrations.models import IntegrationInstance
from tests.support.simulated import make_organization, map_to
sonja, main = User.objects.get(username="sonja"), IntegrationInstance.objects.get(name="Main")
map_to(sonja, main, make_organization(NAME), 101)
"""
IMPORT = """
from django.core.management import call_command
call_command("import_configurations", FILE)
"""


@pytest.fixture(params=["new", "upgraded"])
def age(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, age: str) -> Iterator[str]:
    """A database with the tables of today: made so, or brought there from one with secrets in clear."""

    def prepare(url: str) -> str:
        if age == "new":
            give_tables(url)
            return url
        arguments = f"import sys; sys.argv[1:] = {list(OLD.values())!r}\n"
        made = run_python(arguments + OLD_ROWS, DATABASE_URL=url)
        assert made.returncode == 0, made.stderr
        make_tables(url)
        return url

    if request.param == "sqlite":
        (tmp_path / "data").mkdir()
        yield prepare(f"sqlite:///{tmp_path / 'data' / 'portal.sqlite3'}")
        return
    with postgres_server() as server:
        name = f"portal_canary_{uuid.uuid4().hex[:8]}"
        try:
            yield prepare(make_database(server, name))
        finally:
            drop_database(server, name)


@pytest.fixture
def receiver(httpserver: HTTPServer) -> HTTPServer:
    """Takes messages at the second try; at the first it answers with all that it was sent."""

    def answer(request: Request) -> Response:
        echo = json.dumps({"url": request.url, "headers": dict(request.headers)})
        return Response(echo, 500 if len(httpserver.log) % 2 else 200)

    def serve(request: Request) -> Response:
        first = sum(seen.path == LIST for seen, _ in httpserver.log) == 0
        return Response("name\nFrom afar Ltd\n", content_type="text/csv") if first else answer(request)

    for path in (PATH, OTHER_PATH):
        httpserver.expect_request(path).respond_with_handler(answer)
    httpserver.expect_request(LIST).respond_with_handler(serve)
    return httpserver


@pytest.fixture
def identities(httpserver: HTTPServer) -> IdentityProvider:
    """The company's own identity provider, which knows Nora."""
    found = IdentityProvider(httpserver)
    found.person = {"sub": "u-17", "email": "nora@example.com", "email_verified": True}
    found.start()
    return found


@pytest.fixture
def watch(
    tmp_path: Path, database: str, receiver: HTTPServer, identities: IdentityProvider, age: str
) -> Iterator[Watch]:
    """A portal that logs all it can, a worker, an Autotask, an identity provider, a receiver of webhooks."""
    here = receiver.url_for("").rstrip("/")
    second = make_tenant(username=SECOND_USERNAME, secret=SECOND_SECRET, database_id=700001)
    with Simulator([make_tenant(), second]) as autotask:
        values: dict[str, Any] = {
            "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json" if age == "new" else "line",
            "AUTOTASK_EXTRA_HOSTS": host_of(autotask), "AUTOTASK_DISCOVERY_URL": autotask.base_url,
            "WEBHOOK_ALLOWED_HOSTS": urlsplit(here).netloc,
            "SOURCE_ALLOWED_HOSTS": urlsplit(here).netloc, "OIDC_SERVER_URL": here,
            "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "METRICS_TOKEN": "metrics-Canary-17-a8s7d6f5g4",
        }  # fmt: skip
        with (
            running_server(tmp_path / "data", database=database, **values) as server,
            worker(server),
            watching(server) as found,
        ):
            yield found


def code_of(secret: str) -> str:
    return str(auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30)))


def sign_in(desk: Desk, secrets: dict[str, str]) -> None:
    """The wrong password in both fields, then the right one."""
    secrets |= {"password": PASSWORD, "wrong password": WRONG}
    desk.post("/accounts/login/", login="sonja", password=WRONG)
    desk.post("/accounts/login/", shown_once=True, login=WRONG, password="x")  # the field keeps its text
    assert desk.post("/accounts/login/", login="sonja", password=PASSWORD).status_code == 302
    secrets["session of the sign-in"] = desk.key


def add_a_webhook(desk: Desk, secrets: dict[str, str], receiver: HTTPServer) -> None:
    """The form waits for the password, in a session that has grown old; then changed, with another key."""
    secrets |= {"path": PATH, "query": QUERY, "other path": OTHER_PATH}
    desk.watch.server.run(LONG_AGO.replace("KEY", repr(desk.key)))
    values: dict[str, Any] = {
        "name": "Desk",
        "url": receiver.url_for(PATH) + f"?{QUERY}",
        "events": "mapping.changed",
    }
    waits = desk.post("/webhooks/add/", **values)
    assert waits.headers["Location"].startswith("/accounts/reauthenticate/")
    desk.watch.dump()
    made = desk.post("/accounts/reauthenticate/", shown_once=True, password=PASSWORD, next="/webhooks/add/")
    if made.status_code == 302:
        made = desk.post("/webhooks/add/", shown_once=True, **values)
    secrets["signing key"] = shown(made, "key")
    secrets["proven session"] = desk.key
    (pk,) = set(re.findall(r"/webhooks/(\d+)/", made.text)) or {"1"}
    desk.post(f"/webhooks/{pk}/edit/", **{**values, "name": ""})
    secrets["renewed key"] = shown(desk.post(f"/webhooks/{pk}/key/", shown_once=True), "key")


def set_up_a_second_factor(desk: Desk, secrets: dict[str, str]) -> None:
    """App and recovery codes, looked at, downloaded, used, made anew."""
    page = desk.get("/accounts/2fa/totp/activate/", shown_once=True).text
    found = re.search(r'id="authenticator_secret">([A-Z2-7]+)<', page)
    assert found is not None, page
    secrets["TOTP secret"] = found[1]
    desk.watch.dump()
    desk.post("/accounts/2fa/totp/activate/", code="000000", shown_once=True)  # the page shows it again
    assert desk.post("/accounts/2fa/totp/activate/", code=code_of(found[1])).status_code == 302
    codes: list[str] = []
    for anew in (False, True):
        if anew:
            assert desk.post("/accounts/2fa/recovery-codes/generate/").status_code == 302
        page = desk.get("/accounts/2fa/recovery-codes/", shown_once=True).text
        desk.get("/accounts/2fa/recovery-codes/download/", shown_once=True)
        codes += re.findall(r"<li><code>(\d+)</code>", page)
        seeds = json.loads(desk.watch.server.run(SEEDS))
        secrets |= {f"recovery seed {anew} {number}": seed for number, seed in enumerate(seeds)}
    assert len(codes) == 20
    secrets |= {f"recovery code {number}": code for number, code in enumerate(codes)}
    other = Desk(desk.watch)
    other.post("/accounts/login/", login="sonja", password=PASSWORD)
    other.post("/accounts/2fa/authenticate/", code="12345678")
    assert other.post("/accounts/2fa/authenticate/", code=codes[10]).status_code == 302
    secrets["session by a recovery code"] = other.key


def connect(desk: Desk, secrets: dict[str, str], folder: Path) -> None:
    """Wrong credentials, right ones, in a form that brings a file as well, from a command; a read."""
    secrets |= {"Autotask secret": SECRET, "tracking": TRACKING, "wrong secret": WRONG_SECRET}
    secrets |= {"second secret": SECOND_SECRET, "unseen": UNSEEN}
    add = "/integrations/autotask/add/"

    def form(**changes: str) -> dict[str, Any]:
        values = {"name": "Main", "zone": "", "username": USERNAME, "secret": SECRET,
                  "tracking_identifier": TRACKING} | changes  # fmt: skip
        return {f"connection-{name}": value for name, value in values.items()}

    desk.post(add, **form(secret=WRONG_SECRET))
    desk.post(add, files={"connection-file": ("x.csv", b"x" * 4_000_000)}, **form(secret=UNSEEN))
    made = desk.post(add, **form())
    assert made.status_code == 302, made.text
    desk.post(f"{made.headers['Location']}connection/", **form(name="", secret=SECRET))
    desk.post(f"{made.headers['Location']}mappings/refresh/")
    wait_until(lambda: "Abbott" in desk.get(f"{made.headers['Location']}companies/import/?q=Abbott").text
               or "12 companies" in desk.get(made.headers["Location"]).text
               or desk.watch.server.run(READ).strip() != "0")  # fmt: skip
    path = folder / "configurations.json"
    path.write_text(json.dumps([{"name": "Second", "username": SECOND_USERNAME}]))
    given = json.dumps({"Second": {"secret": SECOND_SECRET, "tracking_identifier": TRACKING}})
    desk.watch.server.run(IMPORT.replace("FILE", repr(str(path))), PORTAL_IMPORT_SECRETS=given)


READ = "from integrations.models import Company; print(Company.objects.filter(remote_id='101').count())"


def wait_until(is_so: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def use_tokens(desk: Desk, secrets: dict[str, str]) -> None:
    """Made, used, spelt wrong."""
    made = desk.post("/tokens/add/", shown_once=True, name="Report", rights="mappings", days="90")
    token = secrets["token"] = shown(made, "token")
    for plain in (token, token + "x"):
        api = desk.session.get(
            f"{desk.watch.server.url}/api/v1/mappings",
            headers={"Authorization": f"Bearer {plain}"},
            timeout=60,
        )
        desk.watch.answers.append(api.content)
    metrics = {"Authorization": f"Bearer {environment_of(desk.watch.server)['METRICS_TOKEN']}"}
    desk.get("/metrics", headers=metrics)


def invite(desk: Desk, secrets: dict[str, str]) -> None:
    """A one-time link, the password that its holder chooses, and another one later."""
    secrets |= {"chosen password": NEW, "changed password": CHANGED}
    link = shown(
        desk.post("/people/add/", shown_once=True, username="rita", email="rita@example.com"), "link"
    )
    code = secrets["one-time link"] = link.partition("#")[2]
    guest = Desk(desk.watch)
    guest.post("/accounts/welcome/", shown_once=True, code=code, password1=NEW, password2="x")
    assert guest.post("/accounts/welcome/", code=code, password1=NEW, password2=NEW).status_code == 302
    guest.post("/accounts/welcome/", shown_once=True, code=code, password1=NEW, password2=NEW)
    guest.post("/accounts/login/", login="rita", password=NEW)
    values: dict[str, Any] = {"oldpassword": NEW, "password1": CHANGED, "password2": CHANGED}
    assert guest.post("/accounts/password/change/", **values).status_code == 302
    secrets["session of a guest"] = guest.key


def sign_on(watch: Watch, secrets: dict[str, str], identities: IdentityProvider) -> None:
    """By single sign-on, once with an answer to another question."""
    desk, status = Desk(watch), 0
    for claims in ({"nonce": "another"}, {}):
        identities.claims = claims
        there = (
            desk.post("/accounts/oidc/sso/login/", shown_once=True).headers["Refresh"].partition("url=")[2]
        )
        back = identities.authorize(there)
        asked = parse_qs(urlsplit(back).query)
        status = desk.get(back).status_code
        secrets[f"code {claims}"] = asked["code"][0]
        secrets[f"nonce {claims}"] = parse_qs(urlsplit(there).query)["nonce"][0]
    assert status == 302
    secrets["session by single sign-on"] = desk.key
    secrets |= {f"access token {number}": token for number, token in enumerate(identities.tokens)}


def save_a_source(desk: Desk, secrets: dict[str, str], receiver: HTTPServer) -> None:
    """A file at an address that its query opens: fetched, then refused with an echo of all that was asked."""
    secrets |= {"source": LIST, "its query": SIGNATURE}
    values: dict[str, Any] = {"name": "Afar", "what": "organizations", "refresh_every_hours": "24"}
    address = receiver.url_for(LIST) + f"?{SIGNATURE}"
    desk.post("/sources/add/", **{**values, "name": "", "url": address})
    page = desk.post("/sources/add/", **values, url=address).headers["Location"]

    def asked(times: int) -> bool:
        return sum(request.path == LIST for request, _ in receiver.log) >= times

    wait_until(lambda: asked(1))
    wait_until(lambda: desk.post(f"{page}refresh/").status_code == 302 and asked(2))
    desk.post(f"{page}edit/", **{**values, "name": "", "url": address + "&more"})
    for path in (page, f"{page}edit/", "/sources/", "/admin/integrations/importsource/"):
        desk.get(path)


def look_everywhere(desk: Desk) -> None:
    """Pages that tell of all this, exports, the admin."""
    for path in (
        "/", "/history/", "/webhooks/", "/webhooks/1/", "/webhooks/1/edit/", "/tokens/", "/people/",
        "/people/log/", "/jobs/", "/imports/", "/accounts/log/", "/accounts/browsers/", "/accounts/2fa/",
        "/configurations/export/", "/organizations/export/", "/admin/integrations/webhook/",
        "/admin/integrations/integrationinstance/", "/admin/mfa/authenticator/", "/admin/auth/user/",
        "/admin/integrations/browsersession/", "/admin/integrations/auditevent/", "/nowhere/",
    ):  # fmt: skip
        answer = desk.get(path)
        for link in sorted(
            set(re.findall(r'href="(/(?:webhooks|admin/[a-z]+/[a-z]+)/\d+/[^"]*)"', answer.text))
        )[:6]:
            desk.get(link)


@pytest.mark.long
def test_no_secret_lies_anywhere_after_every_feature_was_used(
    watch: Watch, receiver: HTTPServer, identities: IdentityProvider, tmp_path: Path, age: str
) -> None:
    watch.server.run(PEOPLE)
    desk, secrets = Desk(watch), environment_of(watch.server)
    sign_in(desk, secrets)
    add_a_webhook(desk, secrets, receiver)
    connect(desk, secrets, tmp_path)
    use_tokens(desk, secrets)
    invite(desk, secrets)
    sign_on(watch, secrets, identities)
    set_up_a_second_factor(desk, secrets)
    for name in ("Abbott", "Birch"):
        watch.server.run(MAP.replace("NAME", repr(name)))
    wait_until(lambda: sum(PATH in request.path for request, _ in receiver.log) >= 2)
    # More than a request may hold in memory, and few rows: what becomes of each is looked through as well.
    rows = b"name,note\n" + b"".join(b"Firm %d,%s\n" % (number, b"far away " * 400) for number in range(800))
    desk.post("/organizations/upload/", files={"file": ("organizations.csv", rows)}, dry_run="on")
    save_a_source(desk, secrets, receiver)
    look_everywhere(desk)
    watch.dump()

    if age == "upgraded":
        secrets |= OLD
    places = watch.places()
    assert all(places[name] for name in ("server.log", "worker.log", "answers", "dumps"))
    assert any("temporary file" in place for place in places), "the upload went by a file"
    assert b"DEBUG" in places["server.log"]
    assert all(len(secret) >= 8 for secret in secrets.values())
    found = found_in(places, secrets)
    assert not found


def test_the_watch_sees_what_lies_there(tmp_path: Path) -> None:
    """What lies in a file, a temporary one, a dump or an answer is found there."""
    with running_server(tmp_path / "data") as server, watching(server) as watch:
        server.run(
            "from django.contrib.auth.models import User; User.objects.create(username='Canary-11-seen')"
        )
        Path(server.environment["TMPDIR"], "x").write_text("Canary-22-seen")
        Desk(watch).post("/accounts/login/", login="Canary-33-seen", password="x")
        watch.dump()
        time.sleep(0.2)
    found = found_in(watch.places(), {str(number): f"Canary-{number}-seen" for number in (11, 22, 33)})
    assert {line.partition(" (")[0] for line in found} == {
        "11 in the database's files", "11 in dumps", "22 in temporary file x", "33 in answers",
    }  # fmt: skip
