"""The addresses of the database's host, looked up with an end: the machine's own resolver may have none.

It cannot be interrupted, so it works in a thread that nobody waits for longer than he may; whoever asks for
the same name meanwhile waits for the same look.
"""

from __future__ import annotations

import socket
import threading
from ipaddress import ip_address
from typing import Any

import psycopg

WITHIN = 5.0  # seconds; as long as a new connection may take
PORT = "5432"

_under_way: dict[tuple[str, str], _Look] = {}
_lock = threading.Lock()


class _Look(threading.Thread):
    """One look for a name, which ends when the resolver does; a daemon, so that it holds no process."""

    def __init__(self, host: str, port: str) -> None:
        super().__init__(name=f"look-up-{host}", daemon=True)
        self.host, self.port = host, port
        self.addresses: list[str] = []
        self.error: OSError | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        """Ask the resolver."""
        try:
            found = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
            self.addresses = [str(each[4][0]) for each in found]
        except (OSError, UnicodeError) as error:
            self.error = error if isinstance(error, OSError) else OSError(str(error))
        finally:
            with _lock:
                _under_way.pop((self.host, self.port), None)
            self.ended.set()


def with_addresses(parameters: dict[str, Any], within: float = WITHIN) -> dict[str, Any]:
    """Parameters of a connection in which each host that is a name has its addresses beside it.

    Several hosts stand in it, comma separated, as libpq takes them. Raises OperationalError when none of the
    names is known, ConnectionTimeout when that is not known in time.
    """
    hosts = str(parameters.get("host") or "").split(",")
    if parameters.get("hostaddr") or not any(map(_is_name, hosts)):
        return parameters
    ports = str(parameters.get("port") or PORT).split(",")
    found: list[tuple[str, str, str]] = []
    failed: psycopg.OperationalError | None = None
    for number, host in enumerate(hosts):
        port = ports[number] if len(ports) > 1 else ports[0]
        try:
            found += [(host, address, port) for address in _addresses(host, port, within)]
        except psycopg.OperationalError as error:
            failed = error
    if not found and failed is not None:
        raise failed
    columns = [",".join(each) for each in zip(*found, strict=True)]
    return parameters | dict(zip(("host", "hostaddr", "port"), columns, strict=True))


def _is_name(host: str) -> bool:
    """Whether it is to be looked up: neither a folder of sockets nor an address."""
    if not host or host.startswith(("/", "@")):
        return False
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return True
    return False


def _addresses(host: str, port: str, within: float) -> list[str]:
    if not _is_name(host):
        return ["" if host.startswith(("/", "@")) else host]
    with _lock:
        look = _under_way.get((host, port))
        if look is None:
            look = _under_way[host, port] = _Look(host, port)
            look.start()
    if not look.ended.wait(within):
        raise psycopg.errors.ConnectionTimeout(
            f"the resolver of this machine has not told the address of {host!r} within {within:.0f} s: "
            "look at its DNS"
        )
    if look.error is not None:
        raise psycopg.OperationalError(f"failed to resolve host {host!r}: {look.error}")
    return look.addresses
