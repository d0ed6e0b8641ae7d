"""One call over HTTP: what it accepts, how long it waits, how often it tries, and what it never does."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integrations.outbound.addresses import Gate
from integrations.psa.base import (
    Credentials,
    CredentialsRefused,
    DestinationRefused,
    InvalidRequest,
    PSAError,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
)
from tests.outbound.certificates import make_certificate
from tests.psa.conftest import SECRET, TRACKING_IDENTIFIER, Connect, FastTime, Serve, northwind
from tests.psa.raw_server import RawServer, Script, answer

COUNT = b'{"queryCount": 7}'
Raw = Callable[[Script], RawServer]


@pytest.fixture
def raw() -> Iterator[Raw]:
    """Start a raw server; it stops at the end of the test."""
    running: list[RawServer] = []

    def start(script: Script) -> RawServer:
        running.append(RawServer(script).__enter__())
        return running[-1]

    yield start
    for server in running:
        server.__exit__(None, None, None)


def count_at(server: RawServer, connect: Connect, **settings: object) -> int:
    """Count all companies at a raw server."""
    return connect(server.base_url, **settings).count_companies(())


def test_a_plain_answer(raw: Raw, connect: Connect) -> None:
    server = raw(answer(COUNT))
    assert count_at(server, connect) == 7
    (request,) = server.received
    head = request.partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("POST /ATServicesRest/V1.0/Companies/query/count HTTP/1.1\r\n")
    assert f"Secret: {SECRET}" in head
    assert f"ApiIntegrationCode: {TRACKING_IDENTIFIER}" in head
    assert "Content-Type: application/json" in head
    assert "Cookie" not in head
    assert "Authorization" not in head


def test_secrets_of_any_script_are_sent_as_utf_8(raw: Raw, connect: Connect) -> None:
    server = raw(answer(COUNT))
    credentials = Credentials("ü@example.com", "pässwörd-€-9", "TRACKING")
    assert connect(server.base_url, credentials=credentials).count_companies(()) == 7
    assert "Secret: pässwörd-€-9\r\n".encode() in server.received[0]


@pytest.mark.parametrize("value", ["", " lead", "trail ", "line\nbreak", "nul\x00", "x" * 1001])
def test_values_that_no_header_can_carry_are_refused_before_anything_is_sent(
    value: str, connect: Connect
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        connect("http://127.0.0.1:9", credentials=Credentials("user", value, "TRACKING"))
    assert "API User Password" in refused.value.user_text
    assert value.strip() == "" or value not in str(refused.value)


def test_proxies_netrc_and_cookies_are_ignored(
    raw: Raw, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    server = raw(answer(COUNT, headers="Set-Cookie: session=tracked; Path=/\r\n"))
    client = connect(server.base_url)
    assert client.count_companies(()) == client.count_companies(()) == 7
    assert all(b"ookie" not in request and b"uthorization" not in request for request in server.received)


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_redirects_are_refused_and_not_followed(raw: Raw, connect: Connect, status: str) -> None:
    elsewhere = raw(answer(COUNT))
    server = raw(answer(b"", status=status, headers=f"Location: {elsewhere.base_url}/x\r\n"))
    with pytest.raises(UnexpectedAnswer, match="answered 30"):
        connect(server.base_url, extra_hosts=[elsewhere.base_url.partition("//")[2]]).count_companies(())
    assert len(server.received) == 1
    assert elsewhere.received == []


@pytest.mark.parametrize(
    ("script", "failure", "tries"),
    [
        (answer(b"<html>hello</html>"), UnexpectedAnswer, 1),
        (answer(b'{"queryCount": '), UnexpectedAnswer, 1),
        (answer(b""), UnexpectedAnswer, 1),
        (answer(b'{"queryCount": "7"}'), UnexpectedAnswer, 1),
        (answer(b"null"), UnexpectedAnswer, 1),
        (answer(b"[" * 100_000 + b"]" * 100_000), UnexpectedAnswer, 1),
        (answer(b"", status="204 No Content"), UnexpectedAnswer, 1),
        (answer(COUNT, headers="Content-Encoding: br\r\n"), UnexpectedAnswer, 1),
        (answer(COUNT, headers="Content-Encoding: gzip\r\n"), UnexpectedAnswer, 1),
        (answer(gzip.compress(COUNT)[:-9], headers="Content-Encoding: gzip\r\n"), Unavailable, 3),
        (answer(COUNT, length=500), Unavailable, 3),
        (lambda connection: None, Unavailable, 3),
        (lambda connection: connection.sendall(b"hello\r\n\r\n"), Unavailable, 3),
        (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000), Unavailable, 3),
        (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200), Unavailable, 3),
        (answer(b"", status="503 Busy"), Unavailable, 3),
        (answer(b"<html>", status="502 Bad"), Unavailable, 3),
        (answer(b"", status="500 Error"), Unavailable, 3),
        (
            answer(b'{"errors": ["Unable to find x in the Company Entity"]}', status="500 E"),
            InvalidRequest,
            1,
        ),
        (answer(b'{"errors": ["odd"]}'), InvalidRequest, 1),
        (answer(b"", status="401 Unauthorized"), CredentialsRefused, 1),
        (
            answer(b'{"errors": ["The API thread threshold of 3 threads ..."]}', status="500 E"),
            RateLimited,
            6,
        ),
        (answer(b"", status="429 Busy", headers="Retry-After: 3\r\n"), RateLimited, 6),
        (answer(b"", status="429 Busy", headers="Retry-After: 3600\r\n"), RateLimited, 1),
        (answer(b"x" * 9_000_000), UnexpectedAnswer, 1),
        (answer(b"x" * 300_000, status="500 E"), UnexpectedAnswer, 1),
    ],
)
def test_each_failure_has_its_kind_and_its_number_of_tries(
    raw: Raw, connect: Connect, script: Script, failure: type[PSAError], tries: int
) -> None:
    server = raw(script)
    with pytest.raises(failure) as failed:
        count_at(server, connect)
    # After a 401 the zone is asked for as well, without credentials.
    assert sum(b"\r\nSecret: " in request for request in server.received) == tries
    assert failed.value.user_text.endswith((".", "odd", "Entity"))


def test_an_answer_that_comes_at_the_third_try(raw: Raw, connect: Connect, fast_time: FastTime) -> None:
    scripts = iter([answer(b"", status="503 Busy"), lambda connection: None, answer(COUNT)])
    server = raw(lambda connection: next(scripts)(connection))
    assert count_at(server, connect) == 7
    assert len(fast_time.slept) == 2
    assert fast_time.slept[0] < fast_time.slept[1] <= 1.0


def test_retries_stay_inside_the_deadline(raw: Raw, connect: Connect, fast_time: FastTime) -> None:
    server = raw(answer(b"", status="429 Busy", headers="Retry-After: 15\r\n"))
    with pytest.raises(RateLimited) as busy:
        count_at(server, connect, request_deadline=40.0)
    assert fast_time.slept == [15.0, 15.0]
    assert busy.value.retry_after == 15.0


def test_gzip_is_understood(raw: Raw, connect: Connect) -> None:
    server = raw(answer(gzip.compress(COUNT), headers="Content-Encoding: gzip\r\n"))
    assert count_at(server, connect) == 7


def test_a_packed_bomb_stops_at_the_cap(raw: Raw, connect: Connect) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(b" " * 1_000_000) for _ in range(60)) + packer.flush()
    assert len(bomb) < 64_000
    server = raw(answer(bomb, headers="Content-Encoding: gzip\r\n"))
    started = time.monotonic()
    with pytest.raises(UnexpectedAnswer, match="larger than 65536"):
        count_at(server, connect, max_body_bytes=65_536)
    assert time.monotonic() - started < 4


def test_an_endless_body_stops_at_the_cap(raw: Raw, connect: Connect) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(10_000):
            connection.sendall(b" " * 65_536)

    with pytest.raises(UnexpectedAnswer, match="larger than"):
        count_at(raw(endless), connect, max_body_bytes=1_000_000)


def drip(head: bytes, piece: bytes, server_stopped: threading.Event | None = None) -> Script:
    """Send ``head``, then ``piece`` again and again, 20 ms apart."""

    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        until = time.monotonic() + 5
        while time.monotonic() < until and not (server_stopped and server_stopped.is_set()):
            connection.sendall(piece)
            time.sleep(0.02)

    return script


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 100000\r\n\r\n",
    ],
    ids=["status line", "header", "body", "chunk size", "redirect"],
)
def test_a_server_that_drips_is_left_at_the_deadline(raw: Raw, connect: Connect, head: bytes) -> None:
    server = raw(drip(head, b"1"))
    started = time.monotonic()
    with pytest.raises(Unavailable):
        count_at(server, connect, request_deadline=0.3, read_timeout=5.0)
    assert time.monotonic() - started < 2.5
    assert len(server.received) == 1


def test_a_silent_server_is_left_at_the_read_timeout_and_tried_again(connect: Connect) -> None:
    given_up = threading.Event()

    def silent(connection: socket.socket) -> None:
        given_up.wait(5)

    scripts: Iterator[Script] = iter([silent, answer(COUNT)])
    with ThreadedRawServer(lambda connection: next(scripts)(connection)) as server:
        assert count_at(server, connect, read_timeout=0.25) == 7
        given_up.set()
    assert len(server.received) == 2


def test_nothing_listens(connect: Connect, fast_time: FastTime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(Unavailable, match="failed"):
        connect(address).count_companies(())
    assert len(fast_time.slept) == 2


def test_connections_are_kept_and_reused(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(1200))
    opened: list[str] = []
    real = Gate().resolve

    def resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
        opened.append(host)
        return real(host, port)

    hosts = frozenset({simulator.base_url.partition("//")[2]})
    client = connect(simulator, gate=Gate(hosts, resolve))
    for _ in range(5):
        client.count_companies(())
    assert len(opened) == 1
    assert sum(len(page.companies) for page in client.companies(())) == 1200
    assert len(opened) <= 4


def test_no_more_than_three_calls_at_once_for_one_tracking_identifier(raw: Raw, connect: Connect) -> None:
    """Four clients with the same identifier: the fourth waits until a slot is free."""
    lock, now, most = threading.Lock(), 0, 0

    def serve_slowly(connection: socket.socket) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1
        answer(COUNT)(connection)

    server = ThreadedRawServer(serve_slowly)
    with server:
        clients = [connect(server.base_url) for _ in range(4)]
        found: list[int] = []
        threads = [
            threading.Thread(target=lambda client=client: found.append(client.count_companies(())))
            for client in clients
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [7] * 8
    assert most == 3


class ThreadedRawServer(RawServer):
    """Answers every connection in a thread of its own."""

    def __init__(self, script: Script) -> None:
        def in_thread(connection: socket.socket) -> None:
            copy = connection.dup()
            threading.Thread(target=_answer_and_close, args=(script, copy), daemon=True).start()

        super().__init__(in_thread)


def _answer_and_close(script: Script, connection: socket.socket) -> None:
    with connection:
        script(connection)


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for ``zone.invalid``, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    make_certificate(certificate, key, "zone.invalid")
    return certificate, key


class TLSServer(RawServer):
    """A raw server behind TLS; a failed handshake shows as no request at all."""

    def __init__(self, certificate: tuple[Path, Path]) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        super().__init__(answer(COUNT))
        self._socket = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=True)


@pytest.mark.parametrize(
    ("name", "trusted", "works"),
    [("zone.invalid", True, True), ("zone.invalid", False, False), ("other.invalid", True, False)],
    ids=["trusted and fitting", "not trusted", "for another host"],
)
def test_tls_is_always_verified_against_the_name(
    certificate: tuple[Path, Path], connect: Connect, name: str, trusted: bool, works: bool
) -> None:
    with TLSServer(certificate) as server:
        port = int(server.base_url.rpartition(":")[2])
        hosts = frozenset({f"{name}:{port}"})
        gate = Gate(hosts, lambda host, asked: [(socket.AF_INET, ("127.0.0.1", asked))])
        client = connect(
            f"https://{name}:{port}", gate=gate, ca_bundle=str(certificate[0]) if trusted else ""
        )
        if works:
            assert client.count_companies(()) == 7
            return
        with pytest.raises(DestinationRefused, match="SSLCertVerificationError"):
            client.count_companies(())
        assert server.received == []
