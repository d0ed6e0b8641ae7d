"""What the portal writes to disk is readable for its own user alone, whatever the machine's habit."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone

from portal.private_files import keep_private, refuse_files_of_others
from tests.support.migrated import copy_migrated_file
from tests.support.processes import ROOT, environment
from tests.support.web import running_server

OPEN = 0o022  # the usual umask: files readable for everybody


def readable_by_others(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]


def manage(folder: Path, *arguments: str, out: Path | None = None, **values: str) -> None:
    """Run a command with the usual umask, its output in a file as a shell would put it there."""
    variables = environment(
        PORTAL_DATA_DIR=str(folder), DATABASE_URL=f"sqlite:///{folder / 'portal.sqlite3'}", **values
    )
    with (out or Path(os.devnull)).open("wb") as stream:
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=ROOT, env=variables, umask=OPEN, stdout=stream, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]


@pytest.mark.process
def test_a_new_database_its_log_a_dump_and_a_backup_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    manage(folder, "prepare")
    manage(folder, "dumpdata", "auth.group", "--output", str(folder / "dump.json"))
    backup = "import sqlite3; from django.db import connection as c; c.ensure_connection();"
    manage(folder, "shell", "-c", f"{backup} c.connection.backup(sqlite3.connect({str(folder / 'copy')!r}))")
    assert (folder / "portal.sqlite3").exists()
    assert (folder / "dump.json").exists()
    assert (folder / "copy").exists()
    assert readable_by_others(folder) == []
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("ending", ["", "-wal"])
def test_a_file_that_cannot_be_read_is_named_and_not_waited_for(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a command leaves it that root ran. The tests may run as root, whom nothing is refused."""
    database = tmp_path / "portal.sqlite3"
    database.touch(0o600)
    closed = tmp_path / f"portal.sqlite3{ending}"
    closed.touch(0o600)
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed)
    with pytest.raises(ImproperlyConfigured, match=f"sqlite3{ending} cannot be read .*chown"):
        keep_private(database)


@pytest.mark.parametrize("name", ["", "static", "static/staticfiles.json", "metrics"])
def test_what_root_has_left_is_told_with_the_folder_to_give_away(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "metrics").mkdir()
    (tmp_path / "static" / "staticfiles.json").touch()
    (tmp_path / "backup-of-root.tar").touch()
    may, closed = os.access, {tmp_path / name, tmp_path / "backup-of-root.tar"}
    with monkeypatch.context() as patched:
        patched.setattr(os, "access", lambda file, mode: Path(file) not in closed and may(file, mode))
        with pytest.raises(ImproperlyConfigured, match=f"cannot be read .*chown -R USER {tmp_path}$"):
            refuse_files_of_others(tmp_path)
        closed.discard(tmp_path / name)
        refuse_files_of_others(tmp_path)


@pytest.mark.process
def test_a_running_portal_closes_an_older_database_and_writes_private_files(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", SECRET_KEY="k" * 60) as server:
        assert (server.folder / "portal.sqlite3").stat().st_mode & 0o777 == 0o600
        server.send(b"GET /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        with closing(sqlite3.connect(server.folder / "portal.sqlite3")) as link:
            link.execute("PRAGMA journal_mode=WAL")
            link.execute("SELECT count(*) FROM django_migrations").fetchall()
            assert [path for path in readable_by_others(server.folder) if "server.log" not in path] == []


def test_a_file_of_an_older_version_is_closed_with_all_that_lies_beside_it(tmp_path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        (tmp_path / f"portal.sqlite3{ending}").touch()
        (tmp_path / f"portal.sqlite3{ending}").chmod(0o644)
    keep_private(tmp_path / "portal.sqlite3")
    assert readable_by_others(tmp_path) == []
    keep_private(tmp_path / "nowhere" / "portal.sqlite3")


@pytest.mark.process
@pytest.mark.parametrize(
    "command",
    [
        ["export_organizations"],
        ["export_mappings", "--format", "csv"],
        ["export_configurations", "--all"],
        ["create_api_token", "Billing", "--right", "resolve"],
    ],
)
def test_an_export_into_a_file_is_private(command: list[str], tmp_path: Path) -> None:
    folder, out = tmp_path / "data", tmp_path / "out"
    folder.mkdir()
    copy_migrated_file(folder / "portal.sqlite3")
    out.touch()
    out.chmod(0o644)
    manage(folder, *command, out=out)
    assert out.stat().st_mode & 0o777 == 0o600


@pytest.mark.process
def test_no_cookie_of_ours_goes_without_the_prefix_over_tls(tmp_path: Path) -> None:
    """Session, form token and messages: whatever a page of a signed-in person and of nobody sets."""
    program = (
        "from django.test import Client; from django.contrib.auth.models import User;"
        "User.objects.create_superuser('sam', password='a long pass phrase'); c = Client();"
        "p = c.get('/accounts/login/', secure=True, headers={'host': 'localhost'});"
        "p2 = c.post('/accounts/login/', {'login': 'sam', 'password': 'a long pass phrase'}, secure=True,"
        " headers={'host': 'localhost'}); p3 = c.post('/organizations/add/', {'name': 'Acme'}, secure=True,"
        " headers={'host': 'localhost'});"
        "print(*sorted({(n, m['secure'], m['path'], m['domain'], m['httponly'])"
        " for r in (p, p2, p3) for n, m in r.cookies.items()}))"
    )
    folder = tmp_path / "data"
    folder.mkdir()
    copy_migrated_file(folder / "portal.sqlite3")
    variables = environment(
        PORTAL_DATA_DIR=str(folder),
        DATABASE_URL=f"sqlite:///{folder / 'portal.sqlite3'}",
        SECURE_COOKIES="true",
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{program}"],
        cwd=ROOT, env=variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    cookies = done.stdout.strip().removeprefix("(").removesuffix(")").split(") (")
    assert {cookie.split(",")[0].strip("'") for cookie in cookies} >= {
        "__Host-sessionid", "__Host-csrftoken", "__Host-messages",
    }  # fmt: skip
    for cookie in cookies:
        assert cookie.startswith("'__Host-")
        assert cookie.endswith(", True, '/', '', True")


def test_whom_to_tell_of_a_weakness(client: Client, db: None, settings: object) -> None:
    address = "/.well-known/security.txt"
    assert client.get(address).status_code == 404
    settings.SECURITY_CONTACT = ["mailto:security@example.com", "https://example.com/report"]  # type: ignore[attr-defined]
    answer = client.get(address, secure=True)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    contact, other, expires, _, canonical = answer.content.decode().splitlines()
    assert (contact, other) == ("Contact: mailto:security@example.com", "Contact: https://example.com/report")
    until = dt.datetime.fromisoformat(expires.removeprefix("Expires: "))
    assert dt.timedelta(days=1) < until - timezone.now() < dt.timedelta(days=365)
    assert canonical == "Canonical: https://testserver/.well-known/security.txt"
    assert client.post(address).status_code == 405
