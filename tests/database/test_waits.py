"""Nobody waits for ever: a server that takes what it is sent and never answers is given up in time."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client

from integrations.database import limits
from integrations.database.faults import Fault, fault_of
from integrations.database.limits import LIMITS, Limits
from integrations.database.postgres import base
from integrations.database.postgres.base import BoundedConnection, DatabaseWrapper
from integrations.database.postgres.names import with_addresses
from integrations.database.postgres.silence import Silence
from portal import probe_threads
from portal.logs import FaultFilter
from portal.probe_threads import Lookout
from tests.support.portal import wait_until

# What a server says to somebody whom it lets in: AuthenticationOk, the encoding, ReadyForQuery
# (https://www.postgresql.org/docs/current/protocol-message-formats.html).
LET_IN = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x19client_encoding\0UTF8\0S\0\0\0\x11TimeZone\0UTC\0Z\0\0\0\x05I"


@contextmanager
def frozen_server() -> Iterator[int]:
    """A server that lets everybody in and then is silent; its port."""
    held: list[socket.socket] = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                link, _ = listener.accept()
                link.recv(4096)
                link.sendall(LET_IN)
            except OSError:
                return
            held.append(link)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for link in held:
                link.close()
            thread.join(5)


def made(port: int, **options: object) -> DatabaseWrapper:
    """Django's connection to a server at that port, not made yet."""
    return DatabaseWrapper(
        {
            "NAME": "portal", "USER": "portal", "PASSWORD": "", "HOST": "127.0.0.1", "PORT": str(port),
            "OPTIONS": {"sslmode": "disable", "gssencmode": "disable", **options}, "TIME_ZONE": None,
            "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False,
        },
        "frozen",
    )  # fmt: skip


@contextmanager
def connected(**options: object) -> Iterator[DatabaseWrapper]:
    """Django's connection to such a server."""
    with frozen_server() as port:
        link = made(port, **options)
        try:
            yield link
        finally:
            link.close()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Limits of a thread that waits 0.3 s, whatever kind of process an earlier test has made of this one."""
    monkeypatch.setitem(limits.LIMITS, "short", Limits(lock=0.1, statement=0.2, sleep=1, wait=0.3))
    with limits.limit_thread("short"):
        yield


@pytest.mark.usefixtures("short")
def test_a_server_that_never_answers_is_away_and_its_connection_is_not_used_again() -> None:
    with connected() as link:
        link.connection = link.get_new_connection(link.get_connection_params())
        began = time.monotonic()
        with pytest.raises(OperationalError, match="no answer") as told, link.wrap_database_errors:
            link.connection.execute("SELECT 1")
        assert 0.3 <= time.monotonic() - began < 3
        assert fault_of(told.value) is Fault.AWAY
        assert link.errors_occurred  # so that Django looks whether it can be used again
        assert not link.is_usable()
        assert link.connection.closed


def test_a_kept_connection_is_given_up_sooner_than_a_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.database.postgres.base.CHECK_WAIT", 0.3)
    with limits.limit_thread("web"), connected() as link:
        link.connection = link.get_new_connection(link.get_connection_params())
        began = time.monotonic()
        assert not link.is_usable()
        assert time.monotonic() - began < 3


@contextmanager
def mute_server() -> Iterator[tuple[int, list[socket.socket]]]:
    """A server that takes whoever comes and never says a word; its port, and who came."""
    came: list[socket.socket] = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                came.append(listener.accept()[0])
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1]), came
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for link in came:
                link.close()
            thread.join(5)


def ask(link: DatabaseWrapper) -> str:
    """What somebody is told who needs a new connection."""
    with pytest.raises(OperationalError) as told, link.wrap_database_errors:
        link.get_new_connection(link.get_connection_params())
    assert fault_of(told.value) is Fault.AWAY
    return str(told.value)


def test_after_one_has_waited_for_a_silent_server_others_are_told_at_once() -> None:
    with mute_server() as (port, came):
        link = made(port, connect_timeout=2)
        assert "timeout" in ask(link)
        assert len(came) == 1
        began = time.monotonic()
        for _ in range(20):
            assert "did not answer a moment ago" in ask(link)
        assert time.monotonic() - began < 1
        link.connection = object()  # a kept one is not asked either
        assert not link.is_usable()
        assert len(came) == 1


def test_one_at_a_time_looks_whether_a_server_is_still_silent() -> None:
    silence, told = Silence(pause=0.05), []
    with pytest.raises(psycopg.errors.ConnectionTimeout), silence.listening():
        raise psycopg.errors.ConnectionTimeout
    with pytest.raises(psycopg.OperationalError, match="a moment ago"), silence.listening():
        told.append("nobody comes so far")
    time.sleep(0.06)
    with silence.listening():
        with pytest.raises(psycopg.OperationalError, match="a moment ago"), silence.listening():
            told.append("another one looks")
        assert silence.lasts
    assert not silence.lasts
    with silence.listening(), silence.listening():  # as many as come
        told.append("it has answered")
    assert told == ["it has answered"]


@pytest.mark.parametrize("end", [psycopg.OperationalError("refused"), KeyboardInterrupt()])
def test_whoever_looks_lets_the_next_one_look_whatever_he_met(end: BaseException) -> None:
    silence = Silence(pause=0)
    with pytest.raises(psycopg.errors.ConnectionTimeout), silence.listening():
        raise psycopg.errors.ConnectionTimeout
    with pytest.raises(type(end)), silence.listening():
        raise end
    with silence.listening():
        pass
    assert not silence.lasts


def test_a_worker_in_a_long_statement_gives_a_server_up_that_answers_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("integrations.database.postgres.base.ASK_AFTER", 0.1)
    with limits.limit_thread("worker"), connected(prepare_threshold=2) as link:
        link.connection = link.get_new_connection(link.get_connection_params())
        signs: list[float] = []

        def lives() -> bool:  # asked by somebody who comes: at first the server answers
            signs.append(time.monotonic())
            return len(signs) < 4

        assert link.connection.lives is not None
        link.connection.lives = lives
        with pytest.raises(OperationalError, match="no answer"), link.wrap_database_errors:
            link.connection.execute("SELECT pg_sleep(500)")
        assert len(signs) == 6  # three in a row were missed
        assert link.connection.closed


def test_signs_of_life_are_what_somebody_who_comes_is_told(short: None) -> None:
    with frozen_server() as port:  # lets everybody in, as one does that is at long work
        assert base._lives(made(port).get_connection_params())
    assert base._lives(made(port).get_connection_params())  # a refusal is an answer
    with mute_server() as (port, _):
        assert not base._lives(made(port, connect_timeout=2).get_connection_params())


def test_only_long_waits_ask_for_signs_of_life_and_none_behind_a_pooler() -> None:
    for kind, threshold, asks in [("worker", 2, True), ("migration", 2, True), ("web", 2, False),
                                  ("probe", 2, False), ("worker", None, False)]:  # fmt: skip
        with limits.limit_thread(kind), connected(prepare_threshold=threshold) as link:
            link.connection = link.get_new_connection(link.get_connection_params())
            assert (link.connection.lives is not None) is asks, (kind, threshold)


def test_a_resolver_that_never_answers_holds_nobody_and_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, answers = [], threading.Event()

    def resolver(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        answers.wait(30)
        return [(0, 0, 0, "", ("127.0.0.1", 5432))]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    parameters = {"host": "db.msp.example", "port": "5433"}
    try:
        for _ in range(3):
            with pytest.raises(psycopg.errors.ConnectionTimeout, match=r"'db.msp.example' .*DNS") as told:
                with_addresses(parameters, within=0.05)
            assert fault_of(told.value) is Fault.AWAY
        assert asked == ["db.msp.example"]
    finally:
        answers.set()
    wait_until(lambda: with_addresses(parameters) == {**parameters, "hostaddr": "127.0.0.1"}, "it answers", 5)


def test_names_of_hosts_are_looked_up_and_all_else_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolver(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host.startswith("gone"):
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, 1)) for address in ("192.0.2.1", "2001:db8::1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    for kept in ({}, {"host": "127.0.0.1"}, {"host": "::1"}, {"host": "/run/postgresql"},
                 {"host": "/run,10.0.0.1"}, {"host": "db", "hostaddr": "10.0.0.1"}):  # fmt: skip
        assert with_addresses(kept) == kept
    assert with_addresses({"host": "gone,/run,db", "port": "1,2,3", "user": "me"}) == {
        "host": "/run,db,db", "hostaddr": ",192.0.2.1,2001:db8::1", "port": "2,3,3", "user": "me",
    }  # fmt: skip
    with pytest.raises(psycopg.OperationalError, match="failed to resolve host 'gone'"):
        with_addresses({"host": "gone"})


def test_each_limit_of_the_server_ends_before_the_one_of_this_side() -> None:
    for kind, each in LIMITS.items():
        assert each.wait > each.statement or each.wait == each.statement == 0, kind


def test_a_wait_with_an_end_of_its_own_keeps_it() -> None:
    """As for notifications: its end is no fault."""
    with frozen_server() as port:
        address = f"host=127.0.0.1 port={port} user=portal sslmode=disable gssencmode=disable"
        link = BoundedConnection.connect(address, autocommit=True)
        link.longest = 30
        began = time.monotonic()
        assert list(link.notifies(timeout=0.1)) == []
        assert time.monotonic() - began < 3
        assert not link.closed
        link.close()


def test_whoever_asks_a_probe_waits_no_longer_than_it_may_and_one_thread_is_held() -> None:
    lookout, free, looks = Lookout("test", within=0.2), threading.Event(), []

    def look() -> str:
        looks.append(threading.current_thread().name)
        free.wait(10)
        return "seen"

    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            lookout.ask(look)
        assert time.monotonic() - began < 2
    assert len(looks) == 1
    free.set()
    wait_until(lambda: not_held(lookout), "the thread is free again", 5)
    assert lookout.ask(lambda: "another") == "another"


def not_held(lookout: Lookout) -> bool:
    try:
        return lookout.ask(lambda: "free") == "free"
    except TimeoutError:
        return False


def test_probes_answer_when_their_look_does_not_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    monkeypatch.setattr(probe_threads, "_lookouts", {})
    monkeypatch.setattr(probe_threads, "WITHIN", 0.2)
    monkeypatch.setattr("portal.probes.readiness", lambda **_: free.wait(10))
    monkeypatch.setattr("portal.probes.metrics_text", lambda _: free.wait(10))
    try:
        for path in ("/readyz", "/readyz/web"):
            told = client.get(path)
            assert (told.status_code, told.json()["checks"]) == (503, {"database": "not reachable"})
        assert client.get("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 503
        assert client.get("/healthz").status_code == 200
    finally:
        free.set()


def test_a_page_that_the_database_refuses_is_one_line_of_the_log() -> None:
    error = OperationalError("no answer\nDETAIL: none")
    given = (OperationalError, error, None)
    record = logging.LogRecord("django.request", logging.ERROR, "", 0, "%s: %s", ("Error", "/"), given)
    assert FaultFilter().filter(record)
    assert record.exc_info is None
    assert record.getMessage() == "Error: /: the database is away (no answer)"
