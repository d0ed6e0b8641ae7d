"""Small servers between a client and a simulator: a CONNECT proxy, a TLS front, a dead address."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self


class Relay:
    """Accepts connections and serves each in a thread of its own, until it is left."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_server((host, 0))
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=5)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_quietly, args=(connection,), daemon=True).start()

    def _serve_quietly(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.serve(connection)

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection."""
        raise NotImplementedError


def pump(left: socket.socket, right: socket.socket) -> None:
    """Pass bytes on in both directions until one side ends."""
    while True:
        pending = isinstance(left, ssl.SSLSocket) and left.pending() > 0
        readable = [left] if pending else select.select([left, right], [], [], 30)[0]
        if not readable:
            return
        for source in readable:
            data = source.recv(65536)
            if not data:
                return
            (right if source is left else left).sendall(data)


class ConnectProxy(Relay):
    """A proxy that knows CONNECT alone, and every name as this machine; it may ask for a password or refuse.

    ``tunnels`` are the destinations that were asked for, ``answers`` 200 unless it refuses by another status.
    """

    def __init__(self, *, sign_in: str = "", answers: int = 200) -> None:
        super().__init__()
        self.tunnels: list[str] = []
        self._wanted = base64.b64encode(sign_in.encode()).decode() if sign_in else ""
        self._answers = answers

    def serve(self, connection: socket.socket) -> None:
        """Read the head of one request, and open the tunnel or refuse it."""
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(4096)
            if not piece:
                return
            head += piece
        method, destination, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.tunnels.append(f"{method} {destination}")
        if self._wanted and f"Proxy-Authorization: Basic {self._wanted}\r\n".encode() not in head:
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        if self._answers != 200:
            connection.sendall(f"HTTP/1.1 {self._answers} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        with socket.create_connection(("127.0.0.1", int(destination.rpartition(":")[2])), 5) as there:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pump(connection, there)


class TLSFront(Relay):
    """Ends TLS with a certificate and passes what is inside on to a port of this machine."""

    def __init__(self, certificate: tuple[Path, Path], to_port: int) -> None:
        super().__init__()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        self._to_port = to_port

    def serve(self, connection: socket.socket) -> None:
        """Shake hands, and pass bytes on."""
        with (
            self._context.wrap_socket(connection, server_side=True) as inner,
            socket.create_connection(("127.0.0.1", self._to_port), 5) as there,
        ):
            pump(inner, there)


@contextlib.contextmanager
def address_that_never_accepts(host: str, port: int) -> Iterator[None]:
    """A listener whose backlog is full: connections to it get neither an answer nor a refusal."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(8):
            filler = held.enter_context(socket.socket())
            filler.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                filler.connect((host, port))
        yield
