"""Who asks, and whether over TLS: only a proxy that is named is believed, and of it only what it has seen."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from integrations.models import AccountEvent, BrowserSession, Right
from integrations.services.audit import Actor, Batch
from integrations.services.read_api import TokenSpec, create_token
from portal import proxies
from portal.proxies import client_address
from tests.support.processes import ROOT, read_settings
from tests.support.properties import examples
from tests.support.web import running_server

PASSWORD = "a long pass phrase"
PROXIES = ["10.0.9.0/28", "2001:db8:9::/64", "203.0.113.250", "unix"]
PEER, STRANGER = "10.0.9.1", "198.51.100.7"


@pytest.fixture(autouse=True)
def behind_proxies(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Proxies in two networks, one at an address of its own, and one at the portal's unix socket."""
    settings.BEHIND_TLS_PROXY, settings.TRUSTED_PROXIES = True, PROXIES
    monkeypatch.setattr(proxies, "_told", set())
    return settings


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        (PEER, "192.0.2.1", "192.0.2.1"),
        (PEER, "", PEER),
        (PEER, "192.0.2.66, 192.0.2.1", "192.0.2.1"),  # the caller wrote the first one
        (PEER, "10.0.9.2, 192.0.2.1", "192.0.2.1"),
        (PEER, "192.0.2.66,192.0.2.1,203.0.113.250,10.0.9.2", "192.0.2.1"),  # two proxies before the last
        (PEER, "192.0.2.1, 2001:db8:9::5", "192.0.2.1"),
        (PEER, "10.0.9.3, 10.0.9.2", "10.0.9.3"),  # a proxy that asks for itself
        ("2001:db8:9::1", "2001:DB8::1", "2001:db8::1"),
        ("::ffff:10.0.9.1", "192.0.2.1", "192.0.2.1"),
        (PEER, "::ffff:192.0.2.1", "192.0.2.1"),
        (PEER, "192.0.2.1, ::ffff:10.0.9.2", "192.0.2.1"),
        (PEER, "192.0.2.1:51000", "192.0.2.1"),
        (PEER, "[2001:db8::1]:51000", "2001:db8::1"),
        (PEER, "[2001:db8::1]", "2001:db8::1"),
        (PEER, "192.0.2.1:51000, 10.0.9.2:443", "192.0.2.1"),
        (PEER, "fe80::1%eth0", "fe80::1"),
        (PEER, "fe80::1%<script>", "fe80::1"),
        (PEER, "  192.0.2.1\t", "192.0.2.1"),
        # What is no address is not believed, nor what stands before it.
        (PEER, "unknown", PEER),
        (PEER, "192.0.2.66, unknown", PEER),
        (PEER, "192.0.2.66, unknown, 10.0.9.2", "10.0.9.2"),
        (PEER, "192.0.2.1,", PEER),
        (PEER, "192.0.2.1:http", PEER),
        (PEER, "[2001:db8::1]x", PEER),
        (PEER, "[2001:db8::1", PEER),
        (PEER, "192.0.2.1\n2026 FORGED", PEER),
        (PEER, "<script>", PEER),
        (PEER, "192.0.2.1:\u0661\u0662", PEER),  # digits, but no port
        # A stranger is who has connected, whatever else is said.
        (STRANGER, "192.0.2.1", STRANGER),
        ("::ffff:198.51.100.7", "192.0.2.1", STRANGER),
        ("10.0.9.16", "192.0.2.1", "10.0.9.16"),  # the next one after the range
        # At the unix socket.
        ("", "192.0.2.1", "192.0.2.1"),
        ("", "192.0.2.66, 192.0.2.1, 10.0.9.2", "192.0.2.1"),
        ("", "", ""),
        ("", "unknown", ""),
        ("not an address", "192.0.2.1", ""),
    ],
)
def test_the_right_most_address_that_no_proxy_of_ours_has_counts(
    peer: str, forwarded: str, address: str
) -> None:
    assert client_address(peer, forwarded) == address


@examples(60)
@given(st.text(max_size=60), st.ip_addresses())
def test_whatever_a_caller_writes_before_the_proxys_entry_changes_nothing(text: str, caller: Any) -> None:
    if proxies.is_trusted(str(caller)):
        return
    seen = client_address(PEER, f"{text}, {caller}")
    assert proxies.as_address(seen) == proxies.as_address(str(caller))


def test_without_the_setting_nobody_is_believed(settings: Settings) -> None:
    settings.BEHIND_TLS_PROXY = False
    for peer in (PEER, STRANGER, "127.0.0.1", "::1", ""):
        assert client_address(peer, "192.0.2.1") == peer


def test_unless_named_otherwise_only_this_machine_is_believed(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = proxies.THIS_MACHINE
    for peer in ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", ""):
        assert client_address(peer, "192.0.2.1") == "192.0.2.1", peer
    for peer in ("10.0.0.1", "192.168.1.1", "172.17.0.1", "fd00::1", "fe80::1", STRANGER):
        assert client_address(peer, "192.0.2.1") == peer
    settings.TRUSTED_PROXIES = ["10.0.9.1"]
    assert client_address("", "192.0.2.1") == "", "a unix socket, where only an address is named"


@pytest.mark.django_db
def test_every_place_knows_the_same_address(member: User, owner: User, settings: Settings) -> None:
    """The sign-in log, sessions, waits after wrong passwords, the ranges of tokens."""
    behind: Any = {"REMOTE_ADDR": PEER, "HTTP_X_FORWARDED_FOR": "192.0.2.66, 192.0.2.1"}
    cache.clear()
    login = reverse("account_login")
    assert Client().post(login, {"login": "marcus", "password": PASSWORD}, **behind).status_code == 302
    assert AccountEvent.objects.get(kind=AccountEvent.Kind.SIGNED_IN).address == "192.0.2.1"
    assert BrowserSession.objects.get().address == "192.0.2.1"

    spec = TokenSpec("bound", [Right.RESOLVE], networks=("192.0.2.1/32",))
    _, token = create_token(Batch(Actor("An operator", "a test")), spec)
    bearer = {"Authorization": f"Bearer {token}"}

    def ask(**meta: Any) -> int:
        return Client().get("/api/v1/instances", headers=bearer, **meta).status_code

    assert ask(**behind) == 200
    assert ask(**behind | {"HTTP_X_FORWARDED_FOR": "192.0.2.1, 192.0.2.66"}) == 401
    assert ask(REMOTE_ADDR=STRANGER, HTTP_X_FORWARDED_FOR="192.0.2.1") == 401
    assert ask(REMOTE_ADDR="", HTTP_X_FORWARDED_FOR="192.0.2.1") == 200
    assert ask(REMOTE_ADDR="") == 401

    cache.clear()
    for number in range(12):  # one address guesses, and says each time that it is another
        Client().post(
            login, {"login": f"name{number}", "password": "wrong"},
            REMOTE_ADDR=STRANGER, HTTP_X_FORWARDED_FOR=f"192.0.2.{number}",
        )  # fmt: skip
    wrong = Client().post(login, {"login": "rita", "password": "x"}, REMOTE_ADDR=STRANGER)
    assert "Too many wrong passwords" in wrong.content.decode()
    other = Client().post(login, {"login": "olivia", "password": PASSWORD}, **behind)
    assert other.status_code == 302, "nobody else waits for that"


@pytest.mark.django_db
def test_who_comes_by_a_bare_unix_socket_can_sign_in(member: User) -> None:
    answer = Client().post(
        reverse("account_login"), {"login": "marcus", "password": PASSWORD}, REMOTE_ADDR=""
    )
    assert answer.status_code == 302
    assert AccountEvent.objects.get(kind=AccountEvent.Kind.SIGNED_IN).address == ""


@pytest.mark.parametrize(
    ("peer", "said", "secure"),
    [
        (PEER, {"HTTP_X_FORWARDED_PROTO": "https"}, True),
        (PEER, {"HTTP_X_FORWARDED_PROTO": "HTTPS"}, True),
        (PEER, {"HTTP_X_FORWARDED_PROTO": "https, https"}, True),
        (PEER, {"HTTP_X_FORWARDED_PROTO": "http"}, False),
        (PEER, {"HTTP_X_FORWARDED_PROTO": "https, http"}, False),  # the caller wrote the first one
        (PEER, {"HTTP_X_FORWARDED_PROTO": "http, https"}, False),
        (PEER, {"HTTP_X_FORWARDED_PROTO": ""}, False),
        (PEER, {"HTTP_X_FORWARDED_SSL": "on", "wsgi.url_scheme": "https"}, False),
        (PEER, {"HTTP_X_FORWARDED_PROTOCOL": "ssl", "wsgi.url_scheme": "https"}, False),
        ("", {"HTTP_X_FORWARDED_PROTO": "https"}, True),
        (STRANGER, {"HTTP_X_FORWARDED_PROTO": "https"}, False),
        # Even where the web server has believed it.
        (STRANGER, {"HTTP_X_FORWARDED_PROTO": "https", "wsgi.url_scheme": "https"}, False),
        (PEER, {}, False),
        (STRANGER, {"wsgi.url_scheme": "https"}, True),  # the web server itself speaks TLS
    ],
)
def test_only_a_proxy_says_that_a_request_came_over_tls(
    db: None, settings: Settings, peer: str, said: dict[str, str], secure: bool
) -> None:
    settings.TOKENS_OVER_TLS_ONLY = True
    answer = Client().get("/api/v1/instances", REMOTE_ADDR=peer, **said)  # type: ignore[arg-type]
    assert (answer.json()["code"] != "tls_required") is secure


def test_only_a_proxy_says_what_a_request_is_called(db: None) -> None:
    def called(peer: str) -> str:
        return (
            Client()
            .get("/accounts/login/", headers={"x-request-id": "proxy-4711"}, REMOTE_ADDR=peer)
            .headers["X-Request-ID"]
        )

    assert called(PEER) == "proxy-4711"
    assert called(STRANGER) != "proxy-4711"


def test_a_proxy_that_is_not_named_is_told_once(db: None, caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise nobody would learn why every page leads to https again."""
    with caplog.at_level(logging.WARNING, "portal.proxies"):
        for _ in range(3):
            Client().get("/healthz", REMOTE_ADDR="10.0.0.77", HTTP_X_FORWARDED_PROTO="https")
        for number in range(60):
            Client().get("/healthz", REMOTE_ADDR=f"198.51.100.{number}", HTTP_X_FORWARDED_FOR="192.0.2.1")
        Client().get("/healthz", REMOTE_ADDR="10.0.0.78")  # says nothing
    lines = [record.getMessage() for record in caplog.records if record.name == "portal.proxies"]
    assert sum("10.0.0.77, which is not in TRUSTED_PROXIES" in line for line in lines) == 1
    assert len(lines) == proxies.MOST_TOLD


def test_nothing_else_reads_what_proxies_say() -> None:
    """The headers are read in one place, and of Django and the library no setting reads them again."""
    reading = re.compile(
        r"X[-_]FORWARDED[-_](FOR|PROTO)\b|PROXY_SSL_HEADER|TRUSTED_CLIENT_IP|TRUSTED_PROXY_C", re.IGNORECASE
    )
    named = {
        str(path.relative_to(ROOT))
        for folder in ("portal", "integrations")
        for path in (ROOT / folder).rglob("*.py")
        if reading.search(path.read_text(encoding="utf-8"))
    }
    # The probes look whether a request was handed on at all, by whomever.
    assert named == {"portal/proxies.py", "portal/probes.py"}


@pytest.mark.process
def test_wrong_entries_stop_every_start_with_a_sentence() -> None:
    for wrong, told in (
        ("10.0.0", "name addresses or ranges"), ("10.0.0.5/8", "name the range, 10.0.0.0/8"),
        ("proxy.example", "name addresses or ranges"),
    ):  # fmt: skip
        ended = read_settings("s.TRUSTED_PROXIES", TRUSTED_PROXIES=wrong)
        assert ended.returncode != 0
        assert told in ended.stderr
    assert read_settings("s.TRUSTED_PROXIES").stdout.strip() == "['127.0.0.0/8', '::1', 'unix']"


@pytest.mark.process
@pytest.mark.parametrize("at", ["port", "socket"])
@pytest.mark.parametrize("behind", ["true", "false"])
def test_the_web_server_believes_nobody_by_itself(tmp_path: Path, at: str, behind: str) -> None:
    """gunicorn would take the scheme from whoever asks at a unix socket or from this machine."""
    ask = (
        b"GET /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.9\r\n"
        b"X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
    )
    unix = tmp_path / "portal.sock" if at == "socket" else None
    with running_server(
        tmp_path / "data", unix=unix,
        BEHIND_TLS_PROXY=behind, SECURE_SSL_REDIRECT="true", FORWARDED_ALLOW_IPS="*",
    ) as server:  # fmt: skip
        answer, log = server.send(ask).decode(), server.log()
    assert answer.startswith(f"HTTP/1.1 {200 if behind == 'true' else 301} ")
    assert ("from 192.0.2.9, user 0" in log) is (behind == "true")
