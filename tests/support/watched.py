"""All that a running portal leaves behind while it is used: files, temporary ones, answers, logs, dumps."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.support.databases import find_binaries
from tests.support.processes import ROOT
from tests.support.web import Server

PAGE, FRAME = 4096, 24 + 4096  # bytes of SQLite's pages, and of a page in its write-ahead log with its header
EVERY = 0.003  # seconds


@dataclass
class Watch:
    """What was seen of a server's files and answers so far."""

    server: Server
    answers: list[bytes] = field(default_factory=list)
    temporary: dict[str, bytes] = field(default_factory=dict)
    pages: set[bytes] = field(default_factory=set)
    dumps: list[bytes] = field(default_factory=list)

    def look(self) -> None:
        """Keep what lies in the database's files at this moment: the file, its log, its journal."""
        for path in self.server.folder.glob("portal.sqlite3*"):
            content = path.read_bytes()
            start, step, skip = (32, FRAME, 24) if path.name.endswith("-wal") else (0, PAGE, 0)
            self.pages |= {content[at + skip : at + step] for at in range(start, len(content), step)}

    def dump(self) -> None:
        """Keep what a backup and ``dumpdata`` hold at this moment."""
        dumped = self.server.run("from django.core.management import call_command; call_command('dumpdata')")
        self.dumps.append(dumped.encode())
        url = self.server.environment["DATABASE_URL"]
        if url.startswith("postgres"):
            command = [str(find_binaries() / "pg_dump"), url]
            self.dumps.append(subprocess.run(command, check=True, capture_output=True).stdout)
        else:
            self.look()

    def places(self) -> dict[str, bytes]:
        """Everything, by where it was."""
        logs = {path.name: path.read_bytes() for path in self.server.folder.glob("*.log")}
        files = {"the database's files": b"\n".join(self.pages), "dumps": b"\n".join(self.dumps)}
        temporary = {f"temporary file {name}": content for name, content in self.temporary.items()}
        return {**logs, **files, **temporary, "answers": b"\n".join(self.answers)}


@contextmanager
def watching(server: Server) -> Iterator[Watch]:
    """Look into the temporary folder all the while, as often as one can."""
    watch, ended = Watch(server), threading.Event()
    folder = Path(server.environment["TMPDIR"])

    def look() -> None:
        while not ended.is_set():
            for path in folder.rglob("*"):
                try:
                    content = path.read_bytes() if path.is_file() else b""
                except OSError:  # it was there for a moment
                    continue
                name = str(path.relative_to(folder))
                if len(content) > len(watch.temporary.get(name, b"")):
                    watch.temporary[name] = content
            time.sleep(EVERY)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()


@contextmanager
def worker(server: Server) -> Iterator[None]:
    """A background worker beside the server, with its log."""
    with (server.folder / "worker.log").open("wb") as log:
        command = [sys.executable, str(ROOT / "manage.py"), "worker", "--interval", "0.2"]
        process = subprocess.Popen(command, cwd=ROOT, env=server.environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(90)  # it ends a job that it is at


class Desk:
    """A browser whose answers are kept, but for those that show a secret once."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.session = watch, requests.Session()
        self.get("/accounts/login/")

    @property
    def key(self) -> str:
        """The session's cookie."""
        return self.session.cookies.get("sessionid") or ""

    def get(self, path: str, *, shown_once: bool = False, **options: Any) -> requests.Response:
        """A page."""
        return self._ask("GET", path, shown_once=shown_once, **options)

    def post(
        self, path: str, shown_once: bool = False, files: Any = None, **values: Any
    ) -> requests.Response:
        """Send a form as a page would."""
        form = {"csrfmiddlewaretoken": self.session.cookies.get("csrftoken", ""), **values}
        return self._ask("POST", path, shown_once=shown_once, data=form, files=files)

    def _ask(self, method: str, path: str, *, shown_once: bool, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.watch.server.url}{path}"
        answer = self.session.request(method, url, allow_redirects=False, timeout=60, **options)
        assert answer.status_code < 500, answer.text
        if not shown_once:
            headers = [f"{name}: {value}" for name, value in answer.headers.items() if name != "Set-Cookie"]
            self.watch.answers.append(answer.content + "\n".join(headers).encode())
        self.watch.look()
        return answer


def shown(answer: requests.Response, name: str) -> str:
    """The secret in a field that shows it once."""
    found = re.search(rf'id="{name}" type="text" value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    return found[1]


def environment_of(server: Server) -> dict[str, str]:
    """What the server was told in secret."""
    names = ("SECRET_KEY", "PORTAL_ENCRYPTION_KEYS", "METRICS_TOKEN", "OIDC_CLIENT_SECRET")
    given = server.environment | os.environ
    return {name: server.environment.get(name) or given[name] for name in names}
