"""Which addresses an outgoing call may reach, and the sockets that hold to it.

The socket is opened to exactly the address that was checked; a second look-up, which could answer
differently, never happens. Through a proxy the address is not ours to choose, so the name alone is checked.
Which host names are allowed at all, whoever makes the call decides.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from integrations.outbound.errors import AddressRefused, NoAnswer

DEFAULT_PORTS = {"https": 443, "http": 80}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

SocketAddress = tuple[socket.AddressFamily, tuple[str, int]]
Resolver = Callable[[str, int], list[SocketAddress]]
"""Gives the addresses of a host name, best first; raises ``OSError`` when there are none."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A host that passed the URL check. ``is_extra``: named by a setting, so private addresses are fine."""

    scheme: str
    host: str
    port: int
    is_extra: bool

    @property
    def origin(self) -> str:
        """Scheme, host and, unless it is the usual one, port: ``https://webservices14.autotask.net``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def host_and_port(host: str, port: int) -> str:
    """The form in which extra hosts are written: ``127.0.0.1:8010``, ``[::1]:8010``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_public_address(address: str) -> bool:
    """True when ``address`` (IPv4 or IPv6 text) is an ordinary public address.

    IPv6 forms that carry an IPv4 address inside (mapped, 6to4, Teredo, NAT64) are judged by it as well.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if "%" in address:
        return False  # a zone index belongs to link-local addresses only
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _embedded_ipv4(ip)
        if inner is not None:
            translated = ip.ipv4_mapped is not None or ip in _NAT64
            return _is_public(inner) and (translated or _is_public(ip))
    return _is_public(ip)


def is_reserved_name(host: str) -> bool:
    """True when ``host`` leads to this machine or a private network by its very name or number."""
    is_number = ":" in host or host.replace(".", "").isdigit()
    return f".{host}".endswith(".localhost") or (is_number and not is_public_address(host))


def _embedded_ipv4(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.is_global and not (
        ip.is_private
        or ip.is_loopback
        or ip.is_link_local
        or ip.is_multicast
        or ip.is_reserved
        or ip.is_unspecified
    )


def system_resolver(host: str, port: int) -> list[SocketAddress]:
    """Addresses of ``host`` from the system's resolver."""
    found: list[SocketAddress] = []
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if family in {socket.AF_INET, socket.AF_INET6}:
            entry: SocketAddress = (socket.AddressFamily(family), (str(address[0]), port))
            if entry not in found:
                found.append(entry)
    return found


@dataclass(frozen=True, slots=True)
class Gate:
    """Opens sockets, and only to addresses that were checked.

    ``first_try`` (seconds) is the longest that one of several addresses is waited for at first, so that a
    dead one does not use up the time of the others. ``open_socket`` exists so that tests can see which
    address is dialled.
    """

    extra_hosts: frozenset[str] = frozenset()
    resolve: Resolver = system_resolver
    open_socket: Callable[[SocketAddress, float], socket.socket] | None = None
    first_try: float = 1.0

    def connect(self, host: str, port: int, timeout: float, *, is_named: bool = False) -> socket.socket:
        """Look ``host`` up once, check every address of the answer, and connect to the first that takes us.

        ``timeout`` (seconds) covers the look-up and all attempts together; each of several addresses has its
        share of it. ``is_named`` tells that a setting names the host, as it does the extra hosts. Raises
        ``AddressRefused`` when any address of a host that no setting names is not public, ``NoAnswer`` when
        none can be reached.
        """
        host = host.strip("[]").lower()
        deadline = time.monotonic() + timeout
        addresses = self._look_up(host, port, timeout)
        if not (is_named or self._is_extra(host, port)):
            for _, (ip, _) in addresses:
                if not is_public_address(ip):
                    raise AddressRefused(
                        f"The portal refused to connect to {host}: its name leads to an address inside a "
                        "private or reserved network. Ask whoever runs the portal's name service.",
                        f"destination refused: {host} resolves to {ip}",
                    )
        return self._open_one_of(addresses, host_and_port(host, port), deadline)

    def check_name(self, host: str, port: int) -> None:
        """Refuse a host that a proxy is asked for and that is none of the open internet by its very name.

        Raises ``AddressRefused``.
        """
        host = host.strip("[]").lower()
        if is_reserved_name(host) and not self._is_extra(host, port):
            raise AddressRefused(
                f"The portal refused to ask the proxy for {host}, which is inside a reserved network.",
                f"destination refused: {host} through a proxy",
            )

    def _is_extra(self, host: str, port: int) -> bool:
        return host_and_port(host, port) in {name.strip().lower() for name in self.extra_hosts}

    def _open_one_of(self, addresses: list[SocketAddress], where: str, deadline: float) -> socket.socket:
        """Try the addresses in turn, a moment each, and then those that did not answer with all that is left.

        A host often has an address of each kind of which only one can be reached: the other's silence must
        not cost the call.
        """
        reason = "no address"
        waiting, longest = addresses, self.first_try if len(addresses) > 1 else math.inf
        while waiting:
            silent: list[SocketAddress] = []
            for index, address in enumerate(waiting):
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    reason = "timed out"
                    break
                try:
                    share = min(longest, remaining / (len(waiting) - index))
                    opened = (self.open_socket or _open_socket)(address, share)
                except OSError as error:
                    reason = error.strerror or type(error).__name__
                    if isinstance(error, TimeoutError):
                        silent.append(address)
                else:
                    # The share was for getting there; what follows, as a handshake, has what is left.
                    opened.settimeout(max(deadline - time.monotonic(), 0.001))
                    return opened
            # One more round for those that may only be slow.
            waiting, longest = ([] if math.isinf(longest) else silent), math.inf
        host = where.rpartition(":")[0]
        raise NoAnswer(
            f"The portal could not reach {host}. Check its way to the internet, or try again later.",
            f"connect to {where} failed: {reason}",
        )

    def _look_up(self, host: str, port: int, timeout: float) -> list[SocketAddress]:
        found: list[SocketAddress] = []

        def look_up() -> None:
            with contextlib.suppress(OSError, UnicodeError):
                found.extend(self.resolve(host, port))

        # The system's resolver knows no timeout of ours, so it is left behind when it takes too long.
        thread = threading.Thread(target=look_up, name="look-up", daemon=True)
        thread.start()
        thread.join(timeout)
        in_time = not thread.is_alive()
        if in_time and found:
            return found
        raise NoAnswer(
            f"The name {host} could not be looked up. Check the portal's name service and its way to "
            "the internet.",
            f"no address for {host}" if in_time else f"looking {host} up took longer than {timeout:.1f} s",
        )


def _open_socket(address: SocketAddress, timeout: float) -> socket.socket:
    family, target = address
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(timeout)
        connection.connect(target)
    except OSError:
        connection.close()
        raise
    return connection
