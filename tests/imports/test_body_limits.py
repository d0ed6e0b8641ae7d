"""Nothing of a body is read before it is known who sends how much; files go where one is asked for."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.contrib.auth.models import User
from django.core.files import uploadedfile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from integrations.files.shape import MAX_ROWS
from integrations.forms import imports
from integrations.models import Organization
from portal.attempts import FREE_OF_ALL, LONGEST
from portal.devices import KNOWN_FOR
from portal.uploads import AROUND_A_FILE, SIGNED_OUT_BYTES
from tests.support.addresses import account_routes, pages
from tests.support.processes import ROOT
from tests.support.web import running_server

Browser = Callable[[User], Client]
UPLOADS = [
    "organizations_upload", "configurations_upload", "mappings_upload", "source_add", "source_upload",
]  # fmt: skip
FORMS = ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]


class Unread:
    """The body of a request that nobody may read."""

    def read(self, size: int = -1) -> NoReturn:
        raise AssertionError("the body was read")

    readline = read


def send(client: Client, address: str, length: int, form: str = FORMS[0]) -> Any:
    """Announce a body of this length; reading any of it fails the test."""
    client.handler.enforce_csrf_checks = True
    extra: dict[str, Any] = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(length)}
    return client.generic("POST", address, b"", form, **extra)


@pytest.mark.exhaustive
@pytest.mark.parametrize("form", FORMS)
def test_no_page_reads_anything_of_who_may_not_use_it(
    form: str, reader: User, stranger: User, client_of: Browser, subtests: pytest.Subtests
) -> None:
    nobody, people = Client(), [client_of(stranger), client_of(reader)]
    for page in pages():
        address = page.address({"psa": "autotask"})
        with subtests.test(page.name):
            answer = send(nobody, address, 5000, form)
            assert (answer.status_code, "login" in answer.headers["Location"]) == (302, True)
            for user, client in zip((stranger, reader), people, strict=True):
                if not user.has_perms([f"integrations.{right}" for right in page.rights]):
                    assert send(client, address, 400_000_000, form).status_code == 404


@pytest.mark.parametrize("form", FORMS)
def test_pages_for_everybody_take_no_more_than_their_forms_send(
    form: str, db: None, subtests: pytest.Subtests
) -> None:
    routes = [re.sub("<int:[^>]*>", "1", route) for route in account_routes()]
    addresses = {"/" + re.sub("<[^>]*>", "sso", route) for route in routes}
    for address in {*addresses, "/admin/", "/admin/login/", "/admin/auth/user/add/"}:
        with subtests.test(address):
            answer = send(Client(), address, SIGNED_OUT_BYTES + 1, form)
            assert answer.status_code == 413
            assert "64.0" in answer.content.decode()


def test_who_is_signed_in_can_send_a_large_form_and_files_only_where_one_is_asked_for(
    db: None, client_of: Browser, subtests: pytest.Subtests, settings: Any
) -> None:
    client = client_of(User.objects.create_superuser("sam", password="a long pass phrase"))
    for page in pages():
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if page.name in UPLOADS:
            most = imports.MOST_BYTES + AROUND_A_FILE
        with subtests.test(page.name):
            answer = send(client, page.address({"psa": "autotask"}), most + 1)
            assert answer.status_code == 413
            assert "Split a file" in answer.content.decode()


def test_a_file_that_no_form_asks_for_lies_nowhere(
    member: User, client_of: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    made: list[str] = []
    genuine = uploadedfile.TemporaryUploadedFile.__init__

    def noted(self: Any, name: str, *rest: Any) -> None:
        made.append(name)
        genuine(self, name, *rest)

    monkeypatch.setattr(uploadedfile.TemporaryUploadedFile, "__init__", noted)
    sign_in = {"login": "marcus", "password": "a long pass phrase"}
    assert Client().post(reverse("account_login"), sign_in | {"file": upload()}).status_code == 302
    client = client_of(member)
    client.post(reverse("integrations:organization_add"), {"name": "Acme", "file": upload()})
    assert Organization.objects.filter(name="Acme").exists()
    assert made == []
    client.post(reverse("integrations:organizations_upload"), {"file": upload(), "rows": "all"})
    assert made == ["some.csv"]


def upload() -> SimpleUploadedFile:
    return SimpleUploadedFile("some.csv", b"name\nBirch\n" * 10)


def test_the_example_proxy_lets_through_what_the_portal_takes() -> None:
    text = (ROOT / "deploy" / "nginx" / "portal.conf").read_text(encoding="utf-8")
    found = re.findall(r"client_max_body_size (\d+)m;", text)
    assert len(found) == 1
    most = imports.MOST_BYTES + AROUND_A_FILE
    assert most <= int(found[0]) * 1024**2 < most * 1.1


def test_the_guide_tells_the_limits_that_hold(settings: Any) -> None:
    guide = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    section = guide[guide.index("## How much comes in") : guide.index("## Watching it")]
    for limit in (
        f"{imports.MOST_BYTES // 1_000_000} MB", f"{MAX_ROWS:,} rows", f"{SIGNED_OUT_BYTES // 1024} KB",
        f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2} MB",
        f"client_max_body_size {(imports.MOST_BYTES + AROUND_A_FILE) // 1_000_000}m",
    ):  # fmt: skip
        assert limit in section
    waits = guide[guide.index("## Wrong passwords") :]
    for limit in (
        "2, 4, 8",
        f"{LONGEST // 60} minutes",
        f"{FREE_OF_ALL} times",
        f"{KNOWN_FOR // 86_400} days",
    ):
        assert limit in waits


@pytest.mark.process
@pytest.mark.parametrize("length", ["Content-Length: 400000000", "Transfer-Encoding: chunked"])
def test_a_flood_at_the_sign_in_fills_no_temporary_folder(length: str, tmp_path: Path) -> None:
    """400 MB lay in the temporary folder before the refusal; here the first 30 of them are sent."""
    with running_server(tmp_path / "data") as server:
        temporary, seen = server.folder / "tmp", [0]
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                opened = Path("/proc").glob("[0-9]*/fd/*")
                seen[0] = max(seen[0], sum(_size(path) for path in opened if _below(path, temporary)))
                time.sleep(0.02)

        watching = threading.Thread(target=watch)
        watching.start()
        head = (
            "POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\n{length}\r\n\r\n"
        ).encode()
        part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        block = b"a" * 1_000_000
        chunked = "chunked" in length
        answer = b""
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as link:
            with contextlib.suppress(OSError):  # refused before all was sent
                link.sendall(head)
                for piece in [part, *[block] * 30]:
                    link.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            link.settimeout(5)
            with contextlib.suppress(OSError):
                answer = link.recv(100)
        done.set()
        watching.join()
        assert seen[0] < 100_000
        assert answer == b"" or b" 413 " in answer or b" 403 " in answer
        assert b"ok" in server.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # closed meanwhile
        return 0


def _below(path: Path, folder: Path) -> bool:
    try:
        return str(path.readlink()).startswith(f"{folder}/")
    except OSError:
        return False
