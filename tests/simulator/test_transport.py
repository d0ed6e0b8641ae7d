"""The wire itself: connections kept alive, odd requests, hang-ups, and a clean stop."""

from __future__ import annotations

import http.client
import socket
import threading
import time

import pytest

from integrations.simulators.autotask.server import Simulator
from tests.simulator.conftest import SECRET, TRACKING_IDENTIFIER, USERNAME, Caller, make_tenant

HEADERS = {"UserName": USERNAME, "Secret": SECRET, "ApiIntegrationCode": TRACKING_IDENTIFIER}
VERSION = "/ATServicesRest/V1.0/Version"


def connect(simulator: Simulator) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(simulator.base_url.removeprefix("http://"), timeout=10)


def test_a_connection_serves_many_requests(simulator: Simulator) -> None:
    connection = connect(simulator)
    connection.request("GET", VERSION, headers=HEADERS)
    connection.getresponse().read()
    kept = connection.sock
    for _ in range(3):
        connection.request("GET", VERSION, headers=HEADERS)
        answer = connection.getresponse()
        assert (answer.status, answer.version) == (200, 11)
        answer.read()
        assert connection.sock is kept
    connection.close()


def test_a_body_may_come_in_chunks(simulator: Simulator) -> None:
    connection = connect(simulator)
    body = (part for part in (b'{"filter":[{"op":"eq",', b'"field":"id","value":3}]}'))
    connection.request(
        "POST", "/ATServicesRest/V1.0/Companies/query/count", body=body, headers=HEADERS, encode_chunked=True
    )
    assert connection.getresponse().read() == b'{"queryCount":1}'
    connection.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: x\r\n", 400),
        (b"Content-Length: -5\r\n", 400),
        (b"Content-Length: 99999999999\r\n", 413),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(simulator: Simulator, head: bytes, status: int) -> None:
    host, port = simulator.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.sendall(f"POST {VERSION} HTTP/1.1\r\nHost: x\r\n".encode() + head + b"\r\n")
        assert plain.recv(65536).startswith(f"HTTP/1.1 {status} ".encode())


def test_head_is_refused_without_a_body(simulator: Simulator) -> None:
    connection = connect(simulator)
    connection.request("HEAD", VERSION, headers=HEADERS)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (405, b"")
    connection.request("GET", VERSION, headers=HEADERS)
    assert connection.getresponse().status == 200
    connection.close()


def test_a_caller_who_hangs_up_leaves_its_place_in_the_queue(simulator: Simulator) -> None:
    simulator.inject("slow-answer", bytes=1, pause=0.02, times=3, path="Version")
    host, port = simulator.base_url.removeprefix("http://").split(":")
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    for _ in range(3):
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            plain.sendall(f"GET {VERSION} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
            plain.recv(1)
    deadline = time.monotonic() + 5
    while Caller(simulator).get("Version").status_code == 429 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert Caller(simulator).get("Version").status_code == 200


def test_stopping_ends_threads_connections_and_waits() -> None:
    before = set(threading.enumerate())
    simulator = Simulator([make_tenant()], latency=30).start()
    simulator.add_zone(5)
    failed = threading.Event()

    def wait_for_an_answer() -> None:
        connection = connect(simulator)
        try:
            connection.request("GET", VERSION, headers=HEADERS)
            connection.getresponse().read()
        except (http.client.HTTPException, OSError):
            failed.set()
        finally:
            connection.close()

    waiting = threading.Thread(target=wait_for_an_answer)
    waiting.start()
    idle = socket.create_connection(("127.0.0.1", int(simulator.base_url.rpartition(":")[2])), timeout=10)
    while not len(simulator.requests):
        time.sleep(0.005)
    started = time.monotonic()
    simulator.stop()
    waiting.join(timeout=5)
    idle.close()
    assert time.monotonic() - started < 2
    assert set(threading.enumerate()) - before == set()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(simulator.base_url.rpartition(":")[2])), timeout=1)


def test_a_stopped_simulator_can_be_started_again_elsewhere() -> None:
    simulator = Simulator([make_tenant()])
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = simulator.base_url
    for _ in range(2):
        with simulator:
            assert Caller(simulator).get("Version").status_code == 200


def test_a_taken_port_is_an_error(simulator: Simulator) -> None:
    with pytest.raises(OSError), Simulator([make_tenant()], port=int(simulator.base_url.rpartition(":")[2])):
        pass
