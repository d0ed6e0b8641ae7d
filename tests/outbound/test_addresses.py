"""Which addresses count as public, and the address that the socket really dials."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.outbound.addresses import Gate, SocketAddress, is_public_address
from integrations.outbound.errors import AddressRefused, NoAnswer

IPV4, IPV6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("172.16.9.9", False),
        ("192.168.1.1", False),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("0.0.0.0", False),  # noqa: S104  # a value to judge, nothing binds to it
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("2606:4700::1111%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
        ("2002:a00:1::1", False),
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", False),
        ("webservices14.autotask.net", False),
        ("", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public_address(address) is public


@given(st.integers(min_value=0, max_value=2**32 - 1))
def test_an_ipv4_address_is_as_public_as_its_mapped_form(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    assert is_public_address(f"::ffff:{address}") == is_public_address(str(address))


class Dialled(Exception):
    """Stands for a connection; tells which address was dialled."""


def gate_to(
    *answers: list[SocketAddress], extra_hosts: frozenset[str] = frozenset()
) -> tuple[Gate, list[str]]:
    """A gate whose look-ups give these answers in turn, and the list of addresses it dials."""
    dialled: list[str] = []
    remaining = iter(answers)

    def open_socket(address: SocketAddress, timeout: float) -> socket.socket:
        del timeout
        dialled.append(address[1][0])
        raise Dialled

    return Gate(extra_hosts, lambda host, port: next(remaining), open_socket), dialled


def test_the_socket_goes_to_the_address_that_was_checked() -> None:
    # A second look-up would answer with the private address: the name is looked up once only.
    gate, dialled = gate_to([(IPV4, ("203.0.114.9", 443))], [(IPV4, ("10.0.0.5", 443))])
    with pytest.raises(Dialled):
        gate.connect("webservices14.autotask.net", 443, 1.0)
    assert dialled == ["203.0.114.9"]


@pytest.mark.parametrize(
    "answer",
    [
        [(IPV4, ("10.0.0.5", 443))],
        [(IPV4, ("169.254.169.254", 443))],
        [(IPV6, ("::1", 443))],
        [(IPV6, ("::ffff:192.168.0.1", 443))],
        [(IPV4, ("203.0.114.9", 443)), (IPV4, ("127.0.0.1", 443))],
    ],
)
def test_a_name_that_leads_inside_is_refused_before_anything_is_dialled(answer: list[SocketAddress]) -> None:
    gate, dialled = gate_to(answer)
    with pytest.raises(AddressRefused) as refused:
        gate.connect("webservices14.autotask.net", 443, 1.0)
    assert dialled == []
    assert "private or reserved" in refused.value.text


def test_an_extra_host_may_lead_inside_on_its_port_only() -> None:
    inside: list[SocketAddress] = [(IPV4, ("127.0.0.1", 8010))]
    gate, dialled = gate_to(inside, inside, extra_hosts=frozenset({"Simulator.Test:8010"}))
    with pytest.raises(Dialled):
        gate.connect("simulator.test", 8010, 1.0)
    with pytest.raises(AddressRefused):
        gate.connect("simulator.test", 8011, 1.0)
    assert dialled == ["127.0.0.1"]


def test_a_name_without_addresses_is_unavailable() -> None:
    def nothing(host: str, port: int) -> list[SocketAddress]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(NoAnswer, match="no address for"):
        Gate(resolve=nothing).connect("webservices14.autotask.net", 443, 1.0)


def test_a_name_service_that_does_not_answer_is_left_at_the_timeout() -> None:
    given_up = threading.Event()

    def silent(host: str, port: int) -> list[SocketAddress]:
        given_up.wait(5)
        return [(IPV4, ("127.0.0.1", port))]

    started = time.monotonic()
    with pytest.raises(NoAnswer, match="took longer"):
        Gate(frozenset({"slow.invalid:80"}), silent).connect("slow.invalid", 80, 0.1)
    given_up.set()
    assert time.monotonic() - started < 3


def test_addresses_are_tried_in_turn() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        # 127.0.0.2 has no listener there, so it refuses at once.
        answers: list[SocketAddress] = [(IPV4, ("127.0.0.2", port)), (IPV4, ("127.0.0.1", port))]
        gate = Gate(frozenset({f"simulator.test:{port}"}), lambda host, _: answers)
        connection = gate.connect("simulator.test", port, 2.0)
        assert connection.getpeername()[0] == "127.0.0.1"
        connection.close()


def silent_then(answering: int, seconds: float) -> tuple[Gate, list[tuple[str, float]]]:
    """A gate to three addresses, of which one answers after ``seconds``; and what was tried, for how long."""
    tried: list[tuple[str, float]] = []

    def open_socket(address: SocketAddress, timeout: float) -> socket.socket:
        tried.append((address[1][0], timeout))
        if address[1][0] != f"192.0.2.{answering}" or timeout < seconds:
            time.sleep(timeout)
            raise TimeoutError("timed out")
        return socket.socket()

    answers: list[SocketAddress] = [(IPV4, (f"192.0.2.{number}", 443)) for number in (1, 2, 3)]
    return Gate(frozenset({"many.test:443"}), lambda host, port: answers, open_socket), tried


@pytest.mark.parametrize("answering", [1, 2, 3])
def test_each_address_has_its_share_of_the_time(answering: int) -> None:
    gate, tried = silent_then(answering, 0.0)
    started = time.monotonic()
    gate.connect("many.test", 443, 0.6).close()
    assert time.monotonic() - started < 0.5
    assert [ip for ip, _ in tried] == [f"192.0.2.{number}" for number in range(1, answering + 1)]
    assert all(0.1 < share < 0.25 for _, share in tried)


def test_a_single_address_has_all_the_time() -> None:
    gate, tried = gate_to([(IPV4, ("203.0.114.9", 443))])
    with pytest.raises(Dialled):
        gate.connect("webservices14.autotask.net", 443, 3.0)
    assert tried == ["203.0.114.9"]


def test_slow_addresses_have_a_second_round() -> None:
    gate, tried = silent_then(2, 0.2)
    gate = dataclasses.replace(gate, first_try=0.05)
    gate.connect("many.test", 443, 1.5).close()
    assert [ip[-1] for ip, _ in tried] == ["1", "2", "3", "1", "2"]
    with pytest.raises(NoAnswer, match=r"TimeoutError|timed out"):
        silent_then(9, 0.0)[0].connect("many.test", 443, 0.3)


def test_an_address_that_refuses_is_not_asked_again() -> None:
    asked: list[str] = []

    def open_socket(address: SocketAddress, timeout: float) -> socket.socket:
        asked.append(address[1][0])
        raise ConnectionRefusedError("refused")

    both: list[SocketAddress] = [(IPV4, ("192.0.2.1", 443)), (IPV4, ("192.0.2.2", 443))]
    with pytest.raises(NoAnswer):
        Gate(frozenset({"x.test:443"}), lambda host, port: both, open_socket).connect("x.test", 443, 1.0)
    assert asked == ["192.0.2.1", "192.0.2.2"]


def test_what_follows_the_connection_has_all_the_time_that_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answers: list[SocketAddress] = [(IPV4, ("127.0.0.2", port)), (IPV4, ("127.0.0.1", port))]
        gate = Gate(frozenset({f"two.test:{port}"}), lambda host, _: answers, first_try=0.05)
        with gate.connect("two.test", port, 4.0) as connection:
            assert 2.0 < (connection.gettimeout() or 0.0) <= 4.0
