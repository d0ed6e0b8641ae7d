"""Faults of what the database writes on: full, at its limit, and not writable."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.faults.cases import POSTGRES, SQLITE, Skipped, fault
from tests.support.portal import Portal, Postgres, Sqlite, wait_until

AT_ITS_LIMIT = """
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
client = Client(raise_request_exception=False)
client.force_login(User.objects.get())
with connection.cursor() as cursor:
    cursor.execute("PRAGMA page_count")
    pages = cursor.fetchone()[0]
    cursor.execute(f"PRAGMA max_page_count = {pages + 2}")
refused = None
for number in range(200):
    answer = client.post("/organizations/add/", {"name": f"Too many {number}", "notes": "n" * 3000},
                         headers={"host": "localhost"})
    if answer.status_code != 302:
        refused = answer
        break
from integrations.models import Organization
kept = Organization.objects.filter(name__startswith="Too many")
print(refused.status_code, "no room left" in refused.content.decode(), kept.count() == number)
kept.delete()
"""


@contextmanager
def stuffed(folder: Path) -> Iterator[None]:
    """Meanwhile the file system of the folder has no room left."""
    stuffing = folder / "stuffing"
    with stuffing.open("wb") as file, suppress(OSError):
        while True:
            file.write(bytes(65536))
            file.flush()
    try:
        yield
    finally:
        stuffing.unlink()


def refuses_what_has_no_room(portal: Portal) -> str:
    """Write until it is refused; each that was accepted is there."""
    sql = "SELECT count(*) FROM integrations_organization"
    before, accepted = portal.value(sql), 0
    status, page = 0, ""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        status, page = portal.ask(
            "/organizations/add/", {"name": f"Full {time.monotonic()}", "notes": "n" * 3000}
        )
        if status != 302:
            break
        accepted += 1
    assert (status, "no room left" in page) == (503, True), f"it answered {status}"
    assert portal.value(sql) == before + accepted, "what was accepted is not all there"
    assert portal.ask("/organizations/")[0] == 200, "reading is possible"
    assert portal.ask("/healthz")[0] == 200
    told = portal.ask("/readyz/web")
    assert (told[0], "has no room" in told[1]) == (503, True), f"the probe answered {told}"
    assert portal.runs
    return "pages are read; what writes says “The portal cannot write now”; all that was accepted is there"


@fault("the disk of the database is full", SQLITE)
def _full(portal: Portal) -> str:
    if not os.path.ismount(portal.database.folder):
        raise Skipped("no small file system could be mounted here")
    with stuffed(portal.database.folder):
        return refuses_what_has_no_room(portal)


@fault("the disk of the database is full", POSTGRES)
def _full_tablespace(portal: Portal) -> str:
    """The tables lie on a small file system, the log of the server does not: a full one would stop it."""
    assert isinstance(portal.database, Postgres)
    place = portal.database.folder / "small"
    place.mkdir()
    options = ",".join(["size=96m", *(f"uid={user}" for user in [portal.database.data.stat().st_uid])])
    mounted = ["mount", "-t", "tmpfs", "-o", f"{options},mode=700", "tmpfs", str(place)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode != 0:
        raise Skipped("no small file system could be mounted here")
    try:
        with psycopg.connect(portal.database.maintenance, autocommit=True) as link:
            link.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
            move(link, "small")
            wait_until(portal.is_ready, "ready with its tables there", 60)
            with stuffed(place):
                told = refuses_what_has_no_room(portal)
            move(link, "pg_default")
            link.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
    return told


def move(link: psycopg.Connection[tuple[object, ...]], tablespace: str) -> None:
    """Move all tables there; the portal meets a database that lets nobody in, for a second."""
    link.execute("ALTER DATABASE portal ALLOW_CONNECTIONS false")
    try:
        link.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'portal'")
        busy = "SELECT 1 FROM pg_stat_activity WHERE datname = 'portal'"
        wait_until(lambda: link.execute(busy).fetchone() is None, "all connections end", 20)
        link.execute(f"ALTER DATABASE portal SET TABLESPACE {tablespace}")
    finally:
        link.execute("ALTER DATABASE portal ALLOW_CONNECTIONS true")


@fault("the database has as many pages as it may (max_page_count)", SQLITE)
def _page_count(portal: Portal) -> str:
    told = portal.run(AT_ITS_LIMIT)
    assert told == "503 True True", told
    return "what writes says “The portal cannot write now”; all that was accepted is there"


@fault("the file system of the database is read-only at the start, for 20 s", SQLITE)
def _read_only(portal: Portal) -> str:
    folder = portal.database.folder
    if not os.path.ismount(folder):
        raise Skipped("no small file system could be mounted here")
    portal.stop()
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True, capture_output=True)
    try:
        portal.start()
        time.sleep(20)
        assert portal.runs, "the start has given up"
        assert "cannot be prepared yet" in portal.log(), "nothing in the log"
        assert portal.ask("/healthz", seconds=5)[0] == 0
    finally:
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True, capture_output=True)
    return "the start waits and says why in the log; no probe answers"


@contextmanager
def not_writable(path: Path) -> Iterator[None]:
    """Meanwhile whoever opens the file can only read it; root is kept off by its attribute alone."""
    command = "chattr" if os.geteuid() == 0 else "chmod"
    change, back = ("+i", "-i") if os.geteuid() == 0 else ("400", "600")
    if subprocess.run([command, change, path], check=False, capture_output=True).returncode != 0:
        raise Skipped("this file system does not let a file be made read-only for this user")
    try:
        yield
    finally:
        subprocess.run([command, back, path], check=True, capture_output=True)


def sign_in(portal: Portal) -> tuple[int, str]:
    """Send the sign-in form with a wrong password."""
    form = {"login": f"somebody {time.monotonic_ns()}", "password": "x"}
    return portal.ask("/accounts/login/", form, signed_in=False)


@fault("the file of the database is read-only for 15 s while the portal runs", SQLITE)
def _read_only_meanwhile(portal: Portal) -> str:
    """The web process is replaced meanwhile, so that all its connections are made in the spell."""
    assert isinstance(portal.database, Sqlite)
    with not_writable(portal.database.path), ThreadPoolExecutor(8) as people:
        for path in ("/readyz", "/readyz/web"):
            status, page = portal.ask(path)
            assert (status, "takes no changes" in page) == (503, True), f"{path} answered {status}"
        os.kill(portal.processes("gunicorn")[-1], signal.SIGKILL)
        wait_until(lambda: portal.ask("/organizations/")[0] == 200, "reading is possible", 20)
        for status, page in people.map(lambda _: sign_in(portal), range(8)):
            assert (status, "cannot write now" in page) == (503, True), f"sign-in answered {status}"
        time.sleep(10)
    wait_until(portal.is_ready, "the probe says that all is well", 30)
    with ThreadPoolExecutor(8) as people:
        answers = [status for status, _ in people.map(lambda _: sign_in(portal), range(24))]
    assert 503 not in answers, f"after the probe was well again sign-in answered {answers}"
    return "pages are read; sign-in says “The portal cannot write now”, probes too; then nobody is refused"
