"""The guarded HTTP session: where it connects, how long it reads, what it sends and what it takes.

Built on requests and urllib3. Redirects, cookies and ``.netrc`` are off, and a proxy is used only where the
limits name one. The socket goes to the address that was checked; the body is counted while it arrives, before
and after unpacking; and every single read of the socket is held to the call's deadline, so that a server
which sends one byte a minute gains nothing.
"""

from __future__ import annotations

import contextvars
import http.client
import io
import logging
import socket
import time
import zlib
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.retry import Retry
from urllib3.util.ssl_ import create_urllib3_context

from integrations.outbound.addresses import DEFAULT_PORTS, Gate
from integrations.outbound.errors import (
    AnswerCut,
    AnswerDamaged,
    AnswerTooLarge,
    NoAnswer,
    ProxyUnreachable,
)
from integrations.outbound.limits import Limits

# urllib3 writes whole request lines at DEBUG, and the zone look-up carries the user name in its query.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

_CHUNK = 64 * 1024

call_ends = contextvars.ContextVar[float]("call_ends")
"""``time.monotonic()`` at which the exchange of this thread must be over; read by its sockets."""


# --- sockets ---


class _HeldToDeadline(io.RawIOBase):
    """Reads from a socket, each time waiting no longer than the exchange may still last."""

    def __init__(
        self, raw: io.RawIOBase, connection: socket.socket, read_timeout: float, ends: float
    ) -> None:
        super().__init__()
        self._raw = raw
        self._connection = connection
        self._read_timeout = read_timeout
        self._ends = ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._ends - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the call's deadline passed")
        self._connection.settimeout(min(self._read_timeout, remaining))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        ends = call_ends.get()
        held = _HeldToDeadline(self.fp.detach(), sock, sock.gettimeout() or 30.0, ends)
        self.fp = io.BufferedReader(held)


def _guarded_pools(gate: Gate, connect_timeout: float) -> dict[str, type]:
    """Connection pools whose sockets are opened by ``gate`` and read under the call's deadline."""

    def new_socket(connection: HTTPConnection) -> socket.socket:
        timeout = min(connect_timeout, max(call_ends.get() - time.monotonic(), 0.001))
        port = connection.port or connection.default_port
        if connection.proxy is None:
            return gate.connect(connection.host, port, timeout)
        # The connection is one to the proxy, which a setting names; the tunnel leads to the destination.
        tunnel = getattr(connection, "_tunnel_host", None), getattr(connection, "_tunnel_port", None)
        gate.check_name(str(tunnel[0] or ""), int(tunnel[1] or DEFAULT_PORTS["https"]))
        try:
            return gate.connect(connection.host, port, timeout, is_named=True)
        except NoAnswer as error:
            raise ProxyUnreachable(
                f"The portal could not reach the proxy {connection.host}:{port} that it was told to use.",
                error.technical,
            ) from None

    def guarded(pool: type[HTTPConnectionPool]) -> type:
        guard = {"response_class": _DeadlineResponse, "_new_conn": new_socket}
        connection = type("GuardedConnection", (pool.ConnectionCls,), guard)
        return type("GuardedPool", (pool,), {"ConnectionCls": connection})

    return {"http": guarded(HTTPConnectionPool), "https": guarded(HTTPSConnectionPool)}


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, gate: Gate, limits: Limits) -> None:
        self._pools = _guarded_pools(gate, limits.connect_timeout)
        self._trust: dict[str, Any] = {}
        if limits.ca_bundle:
            context = create_urllib3_context()
            # urllib3 adds the usual certificates to these when it connects.
            context.load_verify_locations(cafile=limits.ca_bundle)
            self._trust = {"ssl_context": context}
        super().__init__(
            pool_connections=4,
            pool_maxsize=limits.readers + 2,
            max_retries=Retry(total=False, read=False, redirect=False),
        )

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **{**kwargs, **self._trust})
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **{**kwargs, **self._trust})
        manager.pool_classes_by_scheme = self._pools
        return manager


class GuardedSession(requests.Session):
    """A requests session without cookies, ``.netrc`` or redirects, on guarded sockets.

    The proxies of the environment mean nothing to it; the one of the limits is used for https.
    """

    def __init__(self, gate: Gate, limits: Limits) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 0
        self._proxy = limits.proxy
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.clear()
        self.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": "autotask-integration-portal",
            }
        )
        adapter = _GuardedAdapter(gate, limits)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request, through the proxy where it serves the destination."""
        parts = urlsplit(request.url or "")
        proxy, port, proxies = self._proxy, parts.port or DEFAULT_PORTS["https"], {}
        if proxy is not None and parts.scheme == "https" and proxy.serves(parts.hostname or "", port):
            proxies = {"https": proxy.url}
        return super().send(request, **{**kwargs, "proxies": proxies})

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: requests would otherwise read the whole body of a redirect, however large it is."""
        return None


# --- the body ---


def read_body(response: requests.Response, cap: int) -> bytes:
    """The body, unpacked; refused as soon as it passes ``cap`` bytes, so a packed bomb stops there as well.

    Raises ``AnswerTooLarge``, ``AnswerDamaged``, or ``AnswerCut`` for a packed body that ends early.
    """
    body = bytearray()
    for piece in _unpacked(response, cap):
        body += piece
        if len(body) > cap:
            raise _too_large(cap)
    return bytes(body)


def _unpacked(response: requests.Response, cap: int) -> Iterator[bytes]:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    received = 0
    inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
    for piece in response.raw.stream(_CHUNK, decode_content=False):
        received += len(piece)
        if received > cap:
            raise _too_large(cap)
        if encoding in {"identity", ""}:
            yield piece
            continue
        if encoding not in {"gzip", "x-gzip"}:
            raise _odd(f"content encoding {encoding[:30]!r} was not asked for")
        while piece and not inflate.eof:
            try:
                unpacked = inflate.decompress(piece, _CHUNK)
            except zlib.error:
                raise _odd("damaged gzip body") from None
            yield unpacked
            piece = inflate.unconsumed_tail
    if encoding in {"gzip", "x-gzip"} and received and not inflate.eof:
        raise AnswerCut("The answer ended early. Try again in a few minutes.", "gzip body ended early")


def _too_large(cap: int) -> AnswerTooLarge:
    return AnswerTooLarge(
        "The answer was larger than any answer should be, so the portal stopped reading it.",
        f"body larger than {cap} bytes",
    )


def _odd(what: str) -> AnswerDamaged:
    return AnswerDamaged("The answer could not be read. Try again in a few minutes.", what)
