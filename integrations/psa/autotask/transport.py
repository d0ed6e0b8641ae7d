"""The guarded HTTP session: one exchange, or one call with its retries, inside fixed limits.

Built on requests and urllib3. Redirects, proxies, cookies and ``.netrc`` are off; the socket goes to the
address that was checked; the body is counted while it arrives, before and after unpacking; and every
single read of the socket is held to the call's deadline, so that a server which sends one byte a minute
gains nothing.

urllib3's ``Retry`` decides by status alone, while Autotask's thread limit is recognised by its text under
any status and a 500 with ``errors`` must not be repeated. The loop in ``Transport.call`` therefore asks
``errors.wait_before_retry`` instead, and urllib3's own retries are off.
"""

from __future__ import annotations

import contextvars
import http.client
import io
import logging
import random
import re
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from integrations.psa.autotask import errors
from integrations.psa.autotask.destinations import Gate, check_url
from integrations.psa.autotask.payloads import read_errors, read_json
from integrations.psa.autotask.settings import AutotaskSettings
from integrations.psa.autotask.text import redact
from integrations.psa.base import (
    Credentials,
    DestinationRefused,
    FailureKind,
    InvalidRequest,
    PSAError,
    UnexpectedAnswer,
)

logger = logging.getLogger("integrations.psa.autotask")

# urllib3 writes whole request lines at DEBUG, and the zone look-up carries the user name in its query.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

_CHUNK = 64 * 1024
_ERROR_BODY_LIMIT = 256 * 1024
_RETRY_AFTER = re.compile(r"[0-9]{1,6}")


# --- time -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clock:
    """Where time and chance come from; tests give their own."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.SystemRandom)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which nothing more is waited for."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, seconds: float, clock: Clock, within: Deadline | None = None) -> Deadline:
        """The moment ``seconds`` from now, or that of ``within`` when it comes first."""
        at = clock.monotonic() + seconds
        return cls(clock, at if within is None else min(at, within.at))

    @property
    def remaining(self) -> float:
        """Seconds left; zero or less when it has passed."""
        return self.at - self.clock.monotonic()


_call_ends = contextvars.ContextVar[float]("autotask_call_ends")
"""``time.monotonic()`` at which the exchange of this thread must be over; read by its sockets."""


# --- sockets --------------------------------------------------------------------------------------


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
        ends = _call_ends.get()
        held = _HeldToDeadline(self.fp.detach(), sock, sock.gettimeout() or 30.0, ends)
        self.fp = io.BufferedReader(held)


def _guarded_pools(gate: Gate, connect_timeout: float) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools whose sockets are opened by ``gate`` and read under the call's deadline."""

    def new_socket(connection: HTTPConnection) -> socket.socket:
        remaining = max(_call_ends.get() - time.monotonic(), 0.001)
        port = connection.port or connection.default_port
        return gate.connect(connection.host, port, min(connect_timeout, remaining))

    class GuardedHTTP(HTTPConnection):
        response_class = _DeadlineResponse

        def _new_conn(self) -> socket.socket:
            return new_socket(self)

    class GuardedHTTPS(HTTPSConnection):
        response_class = _DeadlineResponse

        def _new_conn(self) -> socket.socket:
            return new_socket(self)

    class HTTPPool(HTTPConnectionPool):
        ConnectionCls = GuardedHTTP

    class HTTPSPool(HTTPSConnectionPool):
        ConnectionCls = GuardedHTTPS

    return {"http": HTTPPool, "https": HTTPSPool}


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, gate: Gate, settings: AutotaskSettings) -> None:
        self._pools = _guarded_pools(gate, settings.connect_timeout)
        super().__init__(
            pool_connections=4,
            pool_maxsize=settings.readers + 2,
            max_retries=Retry(total=False, read=False, redirect=False),
        )

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools


class GuardedSession(requests.Session):
    """A requests session without proxies, cookies, ``.netrc`` or redirects, on guarded sockets."""

    def __init__(self, gate: Gate, settings: AutotaskSettings) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 0
        self.verify = settings.ca_bundle or True
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.clear()
        self.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": "autotask-integration-portal",
            }
        )
        adapter = _GuardedAdapter(gate, settings)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: requests would otherwise read the whole body of a redirect, however large it is."""
        return None


# --- one exchange ---------------------------------------------------------------------------------


class CredentialHeaders(AuthBase):
    """Adds Autotask's three headers to a request. ``repr`` shows nothing."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __repr__(self) -> str:
        return "<CredentialHeaders>"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Bytes, because http.client encodes text as Latin-1 and its error would quote the value.
        request.headers["UserName"] = self._credentials.username.encode()  # type: ignore[assignment]
        request.headers["Secret"] = self._credentials.secret.encode()  # type: ignore[assignment]
        request.headers["ApiIntegrationCode"] = self._credentials.tracking_identifier.encode()  # type: ignore[assignment]
        return request


def check_credentials_form(credentials: Credentials) -> None:
    """Refuse values that no header can carry. Raises ``InvalidRequest``, which names the field only."""
    for label, value in (
        ("API Username", credentials.username),
        ("API User Password", credentials.secret),
        ("API Tracking Identifier", credentials.tracking_identifier),
    ):
        problem = ""
        if not value:
            problem = "is missing"
        elif value != value.strip():
            problem = "begins or ends with a space"
        elif len(value) > 1000:
            problem = "is too long"
        elif not value.isprintable():
            problem = "holds a line break or another character that cannot be sent"
        if problem:
            raise InvalidRequest(f"The {label} {problem}. Copy it again from Autotask.", f"{label} {problem}")


@dataclass(frozen=True, slots=True)
class Request:
    """One call: what is sent where. ``auth`` is None for the zone look-up, which needs no credentials."""

    method: str
    url: str
    body: bytes | None = None
    auth: CredentialHeaders | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, the unpacked body, and how long to wait if the server said so (seconds)."""

    host: str
    status: int
    body: bytes
    retry_after: float | None = None


class Exchange(Protocol):
    """One request, one answer."""

    def __call__(self, request: Request, deadline: Deadline) -> Answer: ...


class Transport:
    """Sends calls through one guarded session and turns every failure into a ``PSAError``.

    ``secrets`` are removed from whatever words the server sends back. Safe to use from several threads.
    """

    def __init__(
        self,
        settings: AutotaskSettings,
        *,
        secrets: tuple[str, ...] = (),
        clock: Clock | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self._secrets = secrets
        self._session = GuardedSession(gate or Gate(settings.extra_hosts), settings)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def call(self, request: Request, deadline: Deadline) -> object:
        """Send ``request`` until it succeeds or its failure is final; returns the parsed JSON.

        Raises the ``PSAError`` of the last try. Waits and tries together end by ``deadline``.
        """
        deadline = Deadline.after(self.settings.request_deadline, self.clock, deadline)
        attempt = 1
        while True:
            failure = self._try(request, deadline)
            if not isinstance(failure, PSAError):
                return failure.value
            wait = errors.wait_before_retry(failure, attempt, self.settings.retry, self.clock.rng)
            if wait is None or wait >= deadline.remaining:
                if failure.kind is FailureKind.RATE and failure.retry_after is None:
                    failure.retry_after = errors.BUSY_WAIT
                raise failure
            logger.info("attempt %d failed (%s), next in %.1f s", attempt, failure.kind, wait)
            self.clock.sleep(wait)
            attempt += 1

    def _try(self, request: Request, deadline: Deadline) -> _Success | PSAError:
        """One exchange, judged. A failure is returned, so that no traceback drags frames along."""
        try:
            answer = self.exchange(request, deadline)
            data = self._judge(answer)
        except PSAError as error:
            failure = error.with_traceback(None)
            failure.__context__ = failure.__cause__ = None
            return failure
        return _Success(data)

    def _judge(self, answer: Answer) -> object:
        if answer.status == 200:
            data = read_json(answer.body, max_depth=self.settings.max_json_depth)
            # A few operations report errors inside a 200.
            if not (isinstance(data, dict) and set(data) == {"errors"} and read_errors(data)):
                return data
            words = read_errors(data)
        else:
            words = self._error_words(answer)
        raise errors.failure_of(
            errors.FailedAnswer(
                answer.host,
                answer.status,
                tuple(redact(word, self._secrets) for word in words),
                answer.retry_after,
            )
        )

    def _error_words(self, answer: Answer) -> tuple[str, ...]:
        try:
            return read_errors(read_json(answer.body, max_depth=self.settings.max_json_depth))
        except UnexpectedAnswer:
            return ()  # an empty or HTML error page; the status alone decides

    def exchange(self, request: Request, deadline: Deadline) -> Answer:
        """Send ``request`` once. Raises ``Unavailable``, ``UnexpectedAnswer`` or ``DestinationRefused``."""
        destination = check_url(request.url, self.settings.extra_hosts)
        if deadline.remaining <= 0:
            raise errors.out_of_time(f"deadline passed before calling {destination.host}")
        started = time.monotonic()
        ends = _call_ends.set(started + deadline.remaining)
        path = urlsplit(request.url).path
        failure: PSAError | None = None
        answer: Answer | None = None
        try:
            answer = self._send(request, destination.host, deadline)
        except PSAError as error:
            failure = error
        except (requests.exceptions.SSLError, requests.exceptions.InvalidURL) as error:
            failure = _not_trusted(destination.host, error)
        except (requests.RequestException, HTTPError, http.client.HTTPException, OSError) as error:
            failure = _lost(destination.host, error, time.monotonic() - started >= deadline.remaining)
        finally:
            _call_ends.reset(ends)
        seconds = time.monotonic() - started
        # Raised out here: the frames of requests and urllib3 hold the headers, and must not travel along.
        if answer is None:
            failure = failure or errors.unavailable(f"no answer from {destination.host}")
            logger.warning(
                "%s %s %s -> %s in %.3f s", request.method, destination.host, path, failure.technical, seconds
            )
            raise failure.with_traceback(None)
        logger.info(
            "%s %s %s -> %d in %.3f s, %d bytes",
            request.method, destination.host, path, answer.status, seconds, len(answer.body),
        )  # fmt: skip
        return answer

    def _send(self, request: Request, host: str, deadline: Deadline) -> Answer:
        prepared = self._session.prepare_request(
            requests.Request(
                request.method,
                request.url,
                data=request.body,
                headers={} if request.body is None else {"Content-Type": "application/json"},
                auth=request.auth,
            )
        )
        limit = max(deadline.remaining, 0.001)
        response = self._session.send(
            prepared,
            stream=True,
            allow_redirects=False,
            timeout=(min(self.settings.connect_timeout, limit), min(self.settings.read_timeout, limit)),
        )
        try:
            body = self._body(response)
        finally:
            response.close()
        retry_after = response.headers.get("Retry-After", "")
        return Answer(
            host,
            response.status_code,
            body,
            float(retry_after) if _RETRY_AFTER.fullmatch(retry_after) else None,
        )

    def _body(self, response: requests.Response) -> bytes:
        """The body, unpacked, refused as soon as it passes the cap (a packed bomb stops there as well)."""
        cap = self.settings.max_body_bytes if response.status_code == 200 else _ERROR_BODY_LIMIT
        body = bytearray()
        for piece in _unpacked(response, cap):
            body += piece
            if len(body) > cap:
                raise _too_large(cap)
        return bytes(body)


@dataclass(frozen=True, slots=True)
class _Success:
    value: object


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
        raise errors.unavailable("gzip body ended early")


def _too_large(cap: int) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        "Autotask's answer was larger than any answer should be, so the portal stopped reading it.",
        f"body larger than {cap} bytes",
    )


def _odd(what: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        "Autotask's answer could not be read. Try again in a few minutes.",
        what,
    )


def _not_trusted(host: str, error: Exception) -> DestinationRefused:
    return DestinationRefused(
        f"The portal could not make sure that it is talking to {host}: the certificate of the other side "
        "is not valid for it. Nothing was sent.",
        f"TLS with {host} failed: {_reason(error)}",
    )


def _lost(host: str, error: Exception, late: bool) -> PSAError:
    reason = f"{host}: {_reason(error)}"
    timed_out = isinstance(error, requests.Timeout | TimeoutError)
    return errors.out_of_time(reason) if late and timed_out else errors.unavailable(reason)


def _reason(error: Exception) -> str:
    """The kind of the innermost cause. Never its text, which may quote the request."""
    names = [type(error).__name__]
    cause: BaseException | None = error
    while cause is not None and len(names) < 5:
        nested = [argument for argument in cause.args if isinstance(argument, BaseException)]
        reason = getattr(cause, "reason", None)
        cause = reason if isinstance(reason, BaseException) else (nested[0] if nested else None)
        if cause is not None:
            names.append(type(cause).__name__)
    return " < ".join(names)
