"""The drill: back up a portal that runs, lose everything, and have it again. On both databases."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest

from integrations.services.operations.backup_file import Manifest, sha256_of, write
from integrations.services.operations.backup_postgres import concerns_settings_alone
from integrations.services.operations.backup_sqlite import SqliteDatabase, sums
from tests.support.migrated import copy_migrated_file
from tests.support.portal import SETTINGS, Portal, Sqlite, running_portal, wait_until
from tests.support.processes import ROOT

pytestmark = [pytest.mark.process, pytest.mark.large]


def refused(portal: Portal, *arguments: str) -> str:
    """Why a command of the portal did not do it."""
    ended = portal.manage(*arguments, check=False)
    assert ended.returncode == 1, ended.stdout
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_of_a_running_portal_brings_all_of_it_back(kind: str, tmp_path: Path) -> None:
    made = tmp_path / "backups" / "monday.tar"
    with running_portal(kind, tmp_path) as portal:
        assert portal.press_refresh()[0] == 302
        wait_until(lambda: portal.job()[0] == "done", "companies are read")
        assert "There is no folder" in refused(portal, "backup", str(made))
        made.parent.mkdir()
        told = portal.manage("backup", str(made)).stdout
        assert "restored and compared" in told
        assert made.stat().st_mode & 0o077 == 0
        assert [path.name for path in made.parent.iterdir()] == ["monday.tar"]
        for secret in ("SECRET_KEY", "PORTAL_ENCRYPTION_KEYS"):
            assert SETTINGS[secret].encode() not in made.read_bytes()
        assert "is there already" in refused(portal, "backup", str(made))
        check_what_becomes_no_backup(portal, made.parent)

        before = portal.counts()
        portal.run("from integrations.models import Organization as O; O.objects.filter(pk__lt=9).delete()")
        assert portal.counts() != before
        assert "Stop web servers and workers" in refused(portal, "restore", str(made), "--replace")
        portal.stop()
        check_that_a_worker_is_named(portal, made)
        check_that_a_web_server_is_noticed(portal, made)
        check_what_is_no_backup(portal, made, tmp_path)
        assert "not empty" in refused(portal, "restore", str(made))
        check_that_a_wrong_key_is_told(portal, made)
        told = portal.manage("restore", str(made), "--replace").stdout
        assert "Restored" in told
        assert "What was there before is" in told
        assert portal.counts() == before
        assert portal.value("SELECT count(*) FROM integrations_worker") == 0  # those of then work no more
        check_that_an_old_backup_is_restored_with_a_word(portal, made, tmp_path)
        assert portal.counts() == before

        portal.start()
        wait_until(portal.is_ready, "the portal is ready again")
        assert portal.ask("/")[0] == 200  # the person is still signed in
        assert portal.press_refresh()[0] == 302
        wait_until(lambda: portal.job()[0] == "done", "the secret opens: companies are read again")


def check_what_becomes_no_backup(portal: Portal, folder: Path) -> None:
    """A disk without room, and a database that is not the portal's: said, with nothing left behind."""
    ended = subprocess.run(
        ["sh", "-c", "ulimit -f 100; exec $0 manage.py backup $1", sys.executable, str(folder / "full.tar")],
        cwd=ROOT, env=portal.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, "No backup was made" in ended.stderr) == (1, True), ended.stderr
    assert "Traceback" not in ended.stderr
    empty = portal.folder / "empty.sqlite3"
    copy_migrated_file(empty)
    told = portal.manage("backup", str(folder / "b.tar"), check=False, DATABASE_URL=f"sqlite:///{empty}")
    assert (told.returncode, "nobody in this database yet" in told.stderr) == (1, True)
    assert [path.name for path in folder.iterdir()] == ["monday.tar"]


def check_that_a_web_server_is_noticed(portal: Portal, made: Path) -> None:
    """One that nobody asks has nothing open, and would go on writing to the file that was put aside."""
    if not isinstance(portal.database, Sqlite):
        return
    web = subprocess.Popen(
        [sys.executable, "manage.py", "web", "--bind", f"127.0.0.1:{portal.port}", "--web-processes", "1"],
        cwd=ROOT, env=portal.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: portal.ask("/healthz")[0] == 200, "it answers")
        portal.run("from integrations.models import Worker; Worker.objects.all().delete()")
        assert "Stop web servers and workers" in refused(portal, "restore", str(made), "--replace")
    finally:
        web.terminate()
        web.wait(60)


def check_that_a_worker_is_named(portal: Portal, made: Path) -> None:
    """One that was killed counts for a minute; whoever reads its name and age can judge."""
    portal.run("from integrations.services.jobs.workers import record_heartbeat as r; r('far-away:4711')")
    told = refused(portal, "restore", str(made), "--replace")
    assert "far-away:4711 was heard of" in told
    assert "seconds ago" in told
    portal.run("from integrations.models import Worker; Worker.objects.all().delete()")


def check_that_a_wrong_key_is_told(portal: Portal, made: Path) -> None:
    """Before anything changes."""
    before = portal.counts()
    other = {"PORTAL_ENCRYPTION_KEYS": "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY="}
    told = portal.manage("restore", str(made), "--replace", check=False, **other)
    assert (told.returncode, "open none of the secrets" in told.stderr) == (1, True), told.stderr
    assert portal.counts() == before


def check_that_an_old_backup_is_restored_with_a_word(portal: Portal, made: Path, folder: Path) -> None:
    """One whose manifest has no SHA-256."""
    manifest = folder / "opened" / "manifest.json"
    with tarfile.open(made) as archive:
        archive.extract("manifest.json", folder / "opened", filter="data")
    described = json.loads(manifest.read_text())
    del described["sha256"]
    manifest.write_text(json.dumps(described))
    old = packed(folder, "old")
    assert "without a SHA-256" in portal.manage("restore", str(old), "--replace").stdout


def packed(folder: Path, name: str) -> Path:
    """A backup of what was unpacked into ``opened``."""
    path = folder / name
    with tarfile.open(path, "w") as archive:
        archive.add(folder / "opened" / "manifest.json", "manifest.json")
        archive.add(folder / "opened" / "database", "database")
    return path


def check_what_is_no_backup(portal: Portal, made: Path, folder: Path) -> None:
    """Empty, cut off, of something else, or with other rows than it says: refused, and nothing changes."""
    before = portal.counts()
    empty, cut, other = (folder / name for name in ("empty", "cut", "other"))
    empty.write_bytes(b"")
    cut.write_bytes(made.read_bytes()[: made.stat().st_size // 2])
    with tarfile.open(other, "w") as archive:
        archive.add(__file__, "notes.txt")
    with tarfile.open(made) as archive:
        archive.extractall(folder / "opened", filter="data")
    manifest, content = folder / "opened" / "manifest.json", folder / "opened" / "database"
    with content.open("ab") as file:
        file.write(b"\0")  # which changes no row
    changed = packed(folder, "changed")
    content.write_bytes(content.read_bytes()[:-1])
    manifest.write_text(manifest.read_text().replace('"auth_user": [1,', '"auth_user": [2,'))
    forged = packed(folder, "forged")
    for path in (empty, cut, other, changed):
        told = refused(portal, "restore", str(path), "--replace")
        assert "is no whole backup" in told
        assert len(told.splitlines()) == 1, told
    assert "SHA-256" in refused(portal, "restore", str(changed), "--replace")
    assert "does not hold what it says" in refused(portal, "restore", str(forged), "--replace")
    assert "There is no file" in refused(portal, "restore", str(folder / "missing"), "--replace")
    assert portal.counts() == before


def test_a_database_that_is_read_is_not_put_aside_without_its_newest_rows(tmp_path: Path) -> None:
    path, copy = tmp_path / "portal.sqlite3", tmp_path / "copy.sqlite3"
    database = SqliteDatabase(Mock(settings_dict={"NAME": str(path)}))
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE word (text)")
        tables = database.dump(copy)
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM word").fetchall()
            writer.execute("INSERT INTO word VALUES ('late')")
            with pytest.raises(RuntimeError, match="another program reads the database"):
                database.replace(copy, tables, lambda _: None)
            assert writer.execute("SELECT text FROM word").fetchall() == [("late",)]
    kept = database.replace(copy, tables, lambda _: None)
    with closing(sqlite3.connect(kept)) as aside:
        assert aside.execute("SELECT text FROM word").fetchall() == [("late",)]
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, Path(kept).name])


def test_a_backup_of_a_newer_version_is_refused_unless_told(tmp_path: Path) -> None:
    """Migrations that this code does not know have made its tables. Nothing is left of the try."""
    path, content, made = tmp_path / "data" / "portal.sqlite3", tmp_path / "database", tmp_path / "newer.tar"
    path.parent.mkdir()
    copy_migrated_file(content)
    with closing(sqlite3.connect(content)) as link, link:
        link.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('integrations', '0999_x', '')"
        )
        tables = sums(link)
    write(made, Manifest("2026-11-30", "sqlite", tables, {"database": sha256_of(content)}), content)
    owner = 12_345 if os.geteuid() == 0 else os.geteuid()
    os.chown(path.parent, owner, -1)

    def restore(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", "restore", str(made), *arguments]
        given = {**os.environ, **SETTINGS, "PORTAL_DATA_DIR": str(path.parent), "DATABASE_URL": ""}
        return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)

    refused = restore()
    assert (refused.returncode, "newer version" in refused.stderr) == (1, True), refused.stderr
    assert "integrations.0999_x" in refused.stderr
    assert not [each.name for each in path.parent.iterdir() if each.name.startswith(("portal.", ".restore"))]
    told = restore("--newer")
    assert "Restored" in told.stdout, told.stderr
    assert path.stat().st_uid == owner  # root restores, and the portal's user has to open it


def test_an_empty_place_has_nothing_to_keep_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    path, copy = tmp_path / "portal.sqlite3", tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(copy)) as made:
        made.execute("CREATE TABLE word (text)")
    path.touch()  # as whoever looks into a database that is not there leaves it
    database = SqliteDatabase(Mock(settings_dict={"NAME": str(path)}))

    def stopped(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.replace(copy, {"word": [0, 0]}, stopped)
    assert path.stat().st_size == 0
    assert database.replace(copy, {"word": [0, 0]}, lambda _: None) == ""
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_newer_pg_restore_may_name_settings_that_an_older_server_does_not_know() -> None:
    """https://www.postgresql.org/docs/17/release-17.html: transaction_timeout is new in 17."""
    said = (
        "pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "
        '"transaction_timeout"\nCommand was: SET transaction_timeout = 0;\n'
        "pg_restore: warning: errors ignored on restore: 1\n"
    )
    assert concerns_settings_alone(said)
    table = 'pg_restore: error: could not execute query: ERROR:  x\nCommand was: CREATE TABLE "a" ();\n'
    assert not concerns_settings_alone(said + table)
    assert not concerns_settings_alone("pg_restore: error: could not open input file\n")
    assert not concerns_settings_alone("")
