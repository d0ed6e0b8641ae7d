"""A connection that takes no changes is not kept: after a read-only spell nobody is refused any longer."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test import Client
from django.utils import timezone

from integrations.database import writable
from integrations.database.writable import keep_only_writable
from integrations.models import Worker


@pytest.fixture
def link(db: None, tmp_path: Path) -> Iterator[DatabaseWrapper]:
    """A connection to a SQLite file, kept as the portal keeps its own."""
    named = {**connection.settings_dict, "NAME": str(tmp_path / "portal.sqlite3"), "CONN_MAX_AGE": 60}
    made = DatabaseWrapper({**named, "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL"}}, "spell")
    with made.cursor() as cursor:
        cursor.execute("CREATE TABLE word (text)")
    yield made
    made.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's own refusal")
def test_a_connection_to_a_server_that_takes_no_changes_is_closed_after_its_first_refusal() -> None:
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    connection.close_if_unusable_or_obsolete()
    assert connection.connection is not None  # nothing was refused yet
    with pytest.raises(DatabaseError, match="read-only"), transaction.atomic():
        Worker.objects.create(name="refused", started_at=timezone.now(), seen_at=timezone.now())
    connection.close_if_unusable_or_obsolete()
    assert connection.connection is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="what PostgreSQL tells with a connection")
def test_a_connection_that_is_made_while_the_server_takes_no_changes_ends_with_its_request() -> None:
    connection.close()
    connection.settings_dict["OPTIONS"]["options"] = "-c default_transaction_read_only=on"
    try:
        connection.ensure_connection()
    finally:
        del connection.settings_dict["OPTIONS"]["options"]
    connection.close_if_unusable_or_obsolete()
    assert connection.connection is None


def test_a_connection_is_closed_after_its_first_refusal(link: DatabaseWrapper) -> None:
    with link.cursor() as cursor:
        cursor.execute("PRAGMA query_only = on")  # by which SQLite answers as for a file opened read-only
        with pytest.raises(DatabaseError, match="readonly"):
            cursor.execute("INSERT INTO word VALUES ('one')")
    link.close_if_unusable_or_obsolete()
    assert link.connection is None
    with link.cursor() as cursor:
        cursor.execute("INSERT INTO word VALUES ('two')")
    link.close_if_unusable_or_obsolete()
    assert link.connection is not None  # and one that takes changes is kept


@pytest.mark.parametrize("ending", ["", "-wal"])
def test_a_connection_that_is_made_in_a_read_only_spell_ends_with_its_request(
    link: DatabaseWrapper, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a program of another user has left what SQLite keeps beside its file."""
    link.close()
    path = Path(link.settings_dict["NAME"])
    path.with_name(path.name + "-wal").touch()
    closed, may = path.with_name(path.name + ending), os.access
    with monkeypatch.context() as patched:
        patched.setattr(os, "access", lambda file, mode: Path(file) != closed and may(file, mode))
        link.ensure_connection()
    link.close_if_unusable_or_obsolete()
    assert link.connection is None


@pytest.mark.django_db(transaction=True)
def test_both_probes_tell_of_a_database_that_takes_no_changes(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can sign in then."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    else:
        monkeypatch.setitem(connection.settings_dict, "NAME", "/no/such/folder/portal.sqlite3")
    try:
        for path in ("/readyz", "/readyz/web"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "takes no changes")
    finally:
        monkeypatch.undo()
        if connection.vendor == "postgresql":
            connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the disk of a file")
def test_both_probes_tell_of_a_disk_without_room(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small change may find room in the log of before, so none is tried."""
    file = tmp_path / "portal.sqlite3"
    file.touch()
    monkeypatch.setitem(connection.settings_dict, "NAME", str(file))
    assert client.get("/readyz/web").json()["checks"]["database"] == "ok"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))  # by which a disk takes no more
    try:
        answers = [client.get(path) for path in ("/readyz", "/readyz/web")]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for answer in answers:
        assert answer.status_code == 503
        assert answer.json()["checks"]["database"] == "has no room: its disk is full"
    assert client.get("/readyz/web").status_code == 200
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_a_refusal_for_want_of_room_is_told_for_a_while(
    link: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server has left is known by nothing else; SQLite answers so at its limit of pages."""
    monkeypatch.setattr(writable._Room, "refused_at", -writable.FULL_FOR)
    keep_only_writable(link)
    assert writable.has_room(link)
    with link.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 2")
        with pytest.raises(DatabaseError, match="full"):
            cursor.execute("INSERT INTO word VALUES (%s)", ["x" * 99_999])
        cursor.execute("PRAGMA max_page_count = 99999")
    assert not writable.has_room(link)
    monkeypatch.setattr(writable, "FULL_FOR", 0.0)
    assert writable.has_room(link)
