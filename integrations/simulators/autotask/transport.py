"""Sockets: a listener per zone that reads requests, asks for their answers and sends them."""

from __future__ import annotations

import contextlib
import http.server
import logging
import socket
import socketserver
import sys
import threading
import urllib.parse
from collections.abc import Callable
from typing import ClassVar, cast

from integrations.simulators.autotask.wire import Answer, Request, ZoneAddress

logger = logging.getLogger(__name__)

MAX_REQUEST_BODY = 16 * 1024 * 1024

Finish = Callable[[int], None]
Respond = Callable[[Request], tuple[Answer, Finish]]


class Listener(socketserver.ThreadingTCPServer):
    """One listening port. ``respond`` gives the answer to a request, and what to call just before its last
    byte leaves (with the number of body bytes), so that whoever has read the answer finds it accounted for.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, zone: int, respond: Respond, stopping: threading.Event) -> None:
        super().__init__((host, port), RequestHandler)
        self.respond = respond
        self.stopping = stopping
        self.zone = ZoneAddress(zone, f"http://{host}:{self.server_address[1]}")
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        self._workers: set[threading.Thread] = set()
        self._thread = threading.Thread(target=self.serve_forever, name=f"zone-{zone}", daemon=True)

    def start(self) -> None:
        """Begin to accept connections, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting, close every connection, and wait for the threads to end."""
        closing = threading.Thread(target=self.shutdown, daemon=True)
        closing.start()
        # The accepting loop looks at its stop flag after each event; a connection is one at once.
        with contextlib.suppress(OSError):
            socket.create_connection(self.server_address[:2], timeout=1).close()  # type: ignore[arg-type]
        closing.join(timeout=5)
        self.server_close()
        with self._connections_lock:
            connections, workers = tuple(self._connections), tuple(self._workers)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for worker in (*workers, self._thread):
            worker.join(timeout=5)

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Serve one connection until it ends."""
        connection = cast("socket.socket", request)
        with self._connections_lock:
            self._connections.add(connection)
            self._workers.add(threading.current_thread())
        try:
            super().process_request_thread(connection, client_address)
        finally:
            with self._connections_lock:
                self._connections.discard(connection)
                self._workers.discard(threading.current_thread())

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hangs up is no error of the simulator; everything else is logged."""
        error = sys.exception()
        if isinstance(error, ConnectionError | TimeoutError):
            logger.debug("connection ended: %s", error)
        else:
            logger.error("request failed inside the simulator", exc_info=error)


class RequestHandler(http.server.BaseHTTPRequestHandler):
    """Reads requests from one connection and sends their answers."""

    protocol_version = "HTTP/1.1"
    server_version = "AutotaskSimulator"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout: ClassVar[float] = 120.0

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class looks for do_<VERB>; the simulator knows every verb and refuses by path.
        if name.startswith("do_"):
            return self.handle_request
        raise AttributeError(name)

    @property
    def listener(self) -> Listener:
        """The listener that accepted this connection."""
        return cast("Listener", self.server)

    def handle_request(self) -> None:
        """Answer the request whose head was just read."""
        body = self._read_body()
        if body is None:
            return
        target = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qsl(target.query, keep_blank_values=True, errors="replace")
        request = Request(
            method=self.command.upper(),
            path=urllib.parse.unquote(target.path, errors="replace"),
            query={name.lower(): value for name, value in query},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            zone=self.listener.zone,
        )
        answer, finish = self.listener.respond(request)
        accounted = False

        def account(sent: int) -> None:
            nonlocal accounted
            accounted = True
            finish(sent)

        try:
            self._send(answer, account, head_only=request.method == "HEAD")
        finally:
            if not accounted:  # the caller hung up half-way
                finish(0)

    def _read_body(self) -> bytes | None:
        """The request's body; None after an answer to one that cannot be read."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunks()
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_REQUEST_BODY:
            self.close_connection = True
            self.send_error(413 if length > 0 else 400)
            return None
        return self.rfile.read(length)

    def _read_chunks(self) -> bytes | None:
        body = bytearray()
        while True:
            try:
                size = int(self.rfile.readline(64).partition(b";")[0], 16)
            except ValueError:
                size = -1
            if not 0 <= size <= MAX_REQUEST_BODY - len(body):
                self.close_connection = True
                self.send_error(413 if size > 0 else 400)
                return None
            body += self.rfile.read(size)
            self.rfile.readline(64)
            if size == 0:
                return bytes(body)

    def _send(self, answer: Answer, finish: Finish, *, head_only: bool) -> None:
        delivery = answer.delivery
        if delivery.drop:
            finish(0)
            self._hang_up()
            return
        body = answer.encoded()
        head = self._head(answer, len(body))
        content = b"" if head_only else body
        if delivery.cut_after is not None:
            self.connection.sendall(head + content[: delivery.cut_after])
            finish(delivery.cut_after)
            self._hang_up()
            return
        if delivery.drip:
            self.connection.sendall(head)
            last = max(0, len(content) - 1) // delivery.drip * delivery.drip
            for start in range(0, last, delivery.drip):
                self.connection.sendall(content[start : start + delivery.drip])
                if self.listener.stopping.wait(delivery.pause):
                    break
            head, content = b"", content[last:]
        finish(len(body))
        self.connection.sendall(head + content)

    def _head(self, answer: Answer, length: int) -> bytes:
        self.send_response_only(answer.status)
        self.send_header("Server", self.version_string())
        if "Date" not in answer.headers:
            self.send_header("Date", self.date_time_string())
        if length:
            self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(length))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        buffer: list[bytes] = getattr(self, "_headers_buffer", [])
        head = b"".join(buffer) + b"\r\n"
        buffer.clear()
        return head

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are in the simulator's own log, not on the terminal."""
        logger.debug(format, *args)
