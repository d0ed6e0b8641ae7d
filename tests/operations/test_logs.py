"""Nothing that a request carries begins a line of a log, steers a terminal or turns what stands there."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import logging.config
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from integrations.models import AuditEvent, Right
from integrations.services.audit import Actor, Batch
from integrations.services.read_api import TokenSpec, create_token
from portal import logs
from tests.support.processes import ROOT, run_python
from tests.support.web import running_server

FORGED = "2026-11-30T08:00:00.000+00:00 INFO - portal.requests FORGED LINE"
BAD = f"a\n{FORGED}\r\n{FORGED}\u2028{FORGED}\x85{FORGED}\x0b{FORGED}\x1b[2K\u202eevil\x9b1A\x7f"
BEGINS = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00 [A-Z]+ \S+ \S+ ")


def assert_unforged(text: str, layout: str) -> None:
    """Each line is an entry's own or stands below one, and holds no sign that acts on whoever looks."""
    assert not text or text.endswith("\n")
    for line in text[:-1].split("\n") if text else []:
        assert not {unicodedata.category(sign) for sign in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}, line
        if layout == "json":
            assert isinstance(json.loads(line), dict)
        else:
            assert line.startswith(logs.CONTINUED) or BEGINS.match(line), line
        assert not line.startswith(FORGED), line


@pytest.fixture(params=["line", "json"])
def written(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """The log as the settings set it up, in either form; what was written so far, checked."""
    stream = io.StringIO()
    before = {name: list(logging.getLogger(name).handlers) for name in ("", "django", "django.server")}
    logging.config.dictConfig(logs.logging_settings("DEBUG", request.param))
    (handler,) = [one for one in logging.getLogger().handlers if isinstance(one, logs.ConsoleHandler)]
    handler.setStream(stream)

    def read() -> str:
        assert_unforged(stream.getvalue(), request.param)
        return stream.getvalue()

    yield read
    for name, handlers in before.items():
        logging.getLogger(name).handlers[:] = handlers


def test_an_address_with_a_line_end_forges_no_line(written: Callable[[], str], db: None) -> None:
    Client().get("/nope/%0a2026-11-30%2008:00:00,000%20INFO%20FORGED%20LINE%0d%e2%80%a8%1b[2K")
    text = written()
    assert "FORGED LINE" in text
    assert {"portal.requests", "django.request"} <= {name for name in text.split() if "." in name} | set(
        re.findall(r'"logger": "([^"]+)"', text)
    )


@pytest.mark.parametrize(
    "name", ["portal", "django", "django.request", "django.server", "django.security.DisallowedHost", "a.b"]
)
def test_every_logger_escapes(written: Callable[[], str], name: str) -> None:
    logger = logging.getLogger(name)
    logger.warning("said: %s", BAD, extra={"thing": BAD})
    try:
        int(BAD)
    except ValueError:
        logger.exception("failed for %s", BAD, stack_info=True)
    logger.error("failed", exc_info=RuntimeError(BAD))
    assert "FORGED LINE" in written()
    assert "Traceback" in written()


@given(st.text(max_size=60))
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    record = logging.LogRecord("portal", logging.INFO, "file.py", 1, "%s", (text,), None)
    assert_unforged(logs.LineFormatter().format(record) + "\n", "line")
    assert_unforged(logs.JsonFormatter().format(record) + "\n", "json")
    assert json.loads(logs.JsonFormatter().format(record))["message"] == text


def test_the_most_talkative_level_tells_no_context_of_a_template_and_no_address_of_a_receiver(
    written: Callable[[], str],
) -> None:
    """Libraries write at DEBUG what a template is given, and the path that a receiver keeps secret."""
    Template("{{ no_such_thing }}").render(Context({"plain": "Heron-71-lantern"}))
    logging.getLogger("urllib3.connectionpool").debug("POST %s", "/hooks/Heron-71-lantern")
    assert "Heron" not in written()


def test_names_stay_readable() -> None:
    for name in ("Zoë Müller & Söhne", "株式会社 日本", "Ωμέγα 😀", "C:\\new"):
        assert logs.escaped(name) == name
    assert logs.escaped("half\ud800") == "half\\ud800"


def test_a_record_that_cannot_be_written_tells_no_argument(capsys: pytest.CaptureFixture[str]) -> None:
    logger, handler = logging.getLogger("tests.apart"), logs.ConsoleHandler()
    logger.propagate = False
    handler.setFormatter(logs.LineFormatter())
    logger.addHandler(handler)
    logger.warning("%d of %d", BAD, 1)
    told = capsys.readouterr().err
    assert "TypeError" in told
    assert "test_logs.py" in told
    assert "FORGED" not in told


def test_what_the_api_and_a_broken_page_write(
    written: Callable[[], str], owner: User, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*args: object, **kwargs: object) -> None:
        raise RuntimeError(BAD)

    monkeypatch.setattr("integrations.api.endpoints.resolve", breaks)
    _, plain = create_token(Batch(Actor("An operator", "a test")), TokenSpec("x", [Right.RESOLVE]))
    query = {"by": "name", "value": "Acme"}
    headers = {"Authorization": f"Bearer {plain}"}
    answer = Client(raise_request_exception=False).get("/api/v1/resolve", query, headers=headers)
    assert answer.status_code == 500
    assert Client().get("/accounts/login/", headers={"Host": "a\nb.example"}).status_code == 400
    client_of(owner).post("/accounts/login/\nb", {"login": "a\nb"})
    assert f"token {plain[:12]}" in written()
    assert plain not in written()


def test_the_line_of_a_request_says_from_where_and_by_whom(
    written: Callable[[], str], member: User, caplog: pytest.LogCaptureFixture
) -> None:
    """Also that of the sign-in itself, at whose beginning nobody was signed in."""
    form = {"login": "marcus", "password": "a long pass phrase"}
    with caplog.at_level(logging.INFO, "portal.requests"):
        assert Client().post(reverse("account_login"), form, REMOTE_ADDR="192.0.2.77").status_code == 302
    (record,) = [record for record in caplog.records if record.name == "portal.requests"]
    assert (vars(record)["user"], vars(record)["address"]) == (member.pk, "192.0.2.77")
    assert f"from 192.0.2.77, user {member.pk}" in written() or '"address": "192.0.2.77"' in written()


def test_what_commands_print_of_names_stays_on_its_line(
    db: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """History, and the report of an import, whose names come from anywhere."""
    for name in (BAD[at : at + 300] for at in range(0, len(BAD), 300)):  # the longest that is kept
        AuditEvent.objects.create(
            actor_name=f"x\n{FORGED}", origin="a\x1b[2K", action="organization added",
            target_type="organization", target_id="1", target_name=name,
        )  # fmt: skip
    call_command("history")
    path = tmp_path / "organizations.csv"
    path.write_text('name,domain,odd\x1b[2K\n"Acme\x1b[2K\u202e","b\x1b[2K ad domain",\n', encoding="utf-8")
    with contextlib.suppress(CommandError):  # rows that fail end the command
        call_command("import_organizations", str(path), "--dry-run")
    for line in capsys.readouterr().out.splitlines():
        assert not line.startswith(FORGED)
        assert not {unicodedata.category(sign) for sign in line} & {"Cc", "Cf"}, line


@pytest.mark.process
def test_developers_server_and_debug_write_through_the_same_handler() -> None:
    """Django's own handlers for these two escape nothing."""
    program = (
        "import django; django.setup(); import logging; names = 'django', 'django.server', '';"
        "print([type(h).__name__ for name in names for h in logging.getLogger(name).handlers],"
        "logging.getLogger('django.server').propagate)"
    )
    assert run_python(program, DEBUG="true").stdout.strip() == "['ConsoleHandler'] True"


def test_refusals_of_all_kinds_are_told_with_their_address(
    written: Callable[[], str], owner: User, stranger: User, client_of: Any, settings: Any
) -> None:
    """No right, no token of the form, no host name, a wrong API token, one that asks too often, too large."""
    settings.API_REQUESTS_PER_MINUTE = 1
    cache.clear()
    from_here: Any = {"REMOTE_ADDR": "192.0.2.99"}
    client_of(stranger).get(reverse("integrations:tokens"), **from_here)
    Client(enforce_csrf_checks=True).post(reverse("account_login"), {"login": "x"}, **from_here)
    Client().get("/", headers={"Host": "other.example"}, **from_here)
    Client().get("/api/v1/instances", headers={"Authorization": "Bearer aip_x_y"}, **from_here)
    _, plain = create_token(Batch(Actor("An operator", "a test")), TokenSpec("x", [Right.RESOLVE]))
    for _ in range(2):
        Client().get("/api/v1/instances", headers={"Authorization": f"Bearer {plain}"}, **from_here)
    Client().post(reverse("account_login"), {"login": "x" * 100_000}, **from_here)
    text = written()
    assert text.count("192.0.2.99") >= 7
    for told in (
        "django.security.csrf", "django.security.DisallowedHost", "a token was refused",
        "too many requests of", "a request was too large",
    ):  # fmt: skip
        assert told in text
    for status in (404, 403, 400, 401, 429, 413):
        assert f" {status} in " in text


def test_the_guide_lists_the_loggers_of_security() -> None:
    guide = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    section = guide[guide.index("### What is logged about security") : guide.index("## Backup and restore")]
    for name in ("portal.requests", "portal.uploads", "integrations.services.read_api.tokens"):
        assert f"`{name}`" in section
        assert name in logging.Logger.manager.loggerDict
    assert "`django.security.csrf`" in section


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz", "/readyz/web", "/metrics", "/static/css/portal.css", "/accounts/login/", "/no"],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.1"])
def test_whatever_is_answered_carries_the_headers(db: None, path: str, address: str) -> None:
    answer = Client().get(path, REMOTE_ADDR=address)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    kind = answer.headers["Content-Type"]
    assert kind == "application/json" or "charset=" in kind.lower()


@pytest.mark.process
def test_no_header_moves_the_application(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        for header in (b"SCRIPT_NAME: /accounts", b"PATH_INFO: /admin/", b"Script-Name: /x"):
            head = b"GET /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            answer = server.send(head + header + b"\r\n\r\n")
            assert b" 200 OK" in answer[:40]
            assert b'href="/static/css' in answer


@pytest.mark.process
@pytest.mark.parametrize("layout", ["line", "json"])
def test_the_web_servers_own_log_and_its_access_log_escape(layout: str, tmp_path: Path) -> None:
    with running_server(
        tmp_path / "data", LOG_FORMAT=layout, GUNICORN_CMD_ARGS="--access-logfile - --log-level debug"
    ) as server:
        server.send(
            b"GET /nope/%0a2026-11-30T08:00:00%20FORGED HTTP/1.1\r\nHost: localhost\r\n"
            b"User-Agent: steers\x9b1A \xe2\x80\xa8 \xe2\x80\xae\r\nConnection: close\r\n\r\n"
        )
        server.send(b"GET /\x1b[2K\x0bFORGED HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        server.send(b"FORGED\x1b[2K \x85 HTTP\r\nX\x1b: 1\r\n\r\n")
        text = server.log()
    assert "steers" in text
    assert "FORGED" in text
    assert_unforged(text, layout)
