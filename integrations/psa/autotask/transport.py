"""One exchange, or one call with its retries, inside fixed limits; every failure becomes a ``PSAError``.

urllib3's ``Retry`` decides by status alone, while Autotask's thread limit is recognised by its text under
any status and a 500 with ``errors`` must not be repeated. The loop in ``Transport.call`` therefore asks
``errors.wait_before_retry`` instead, and urllib3's own retries are off.
"""

from __future__ import annotations

import datetime as dt
import http.client
import logging
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.util.ssl_match_hostname import CertificateError

from integrations.outbound.addresses import Gate
from integrations.outbound.errors import (
    AddressRefused,
    AnswerDamaged,
    AnswerTooLarge,
    NoAnswer,
    OutboundError,
    ProxyUnreachable,
)
from integrations.outbound.session import GuardedSession, call_ends, read_body
from integrations.psa.autotask import errors
from integrations.psa.autotask.credentials import CredentialHeaders
from integrations.psa.autotask.destinations import check_url
from integrations.psa.autotask.json_values import read_json
from integrations.psa.autotask.payloads import read_errors
from integrations.psa.autotask.settings import AutotaskSettings
from integrations.psa.autotask.text import redact
from integrations.psa.autotask.timing import Clock, Deadline
from integrations.psa.base import (
    DestinationRefused,
    FailureKind,
    PSAError,
    Unavailable,
    UnexpectedAnswer,
)

Value = TypeVar("Value")

logger = logging.getLogger("integrations.psa.autotask")

_ERROR_BODY_LIMIT = 256 * 1024
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: ([0-9]{3})\b")
_RETRY_AFTER = re.compile(r"[0-9]{1,6}")


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
        self.first_dates: dict[str, dt.datetime] = {}
        """What each host's clock showed at its first answer, where it told."""
        self.sent = 0
        """How many requests were sent with credentials: those that the tenant's budget counts."""
        self._count_lock = threading.Lock()
        self._session = GuardedSession(gate or Gate(settings.extra_hosts), settings.limits)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def call(self, request: Request, deadline: Deadline, read: Callable[[object], Value]) -> Value:
        """Send ``request`` until it succeeds or its failure is final; ``read`` makes a value of its JSON.

        Raises the ``PSAError`` of the last try. Waits and tries together end by ``deadline``.
        """
        deadline = Deadline.after(self.settings.request_deadline, self.clock, deadline)
        attempt = 1
        while True:
            failure = self._try(request, deadline, read)
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

    def _try(
        self, request: Request, deadline: Deadline, read: Callable[[object], Value]
    ) -> _Success[Value] | PSAError:
        """One exchange, judged and read.

        A failure is returned, not raised: the frames below hold headers and whatever the server sent, and
        no traceback may carry them to a log or an error page.
        """
        try:
            answer = self.exchange(request, deadline)
            return _Success(read(self._judge(answer)))
        except PSAError as error:
            failure = error.with_traceback(None)
            failure.__context__ = failure.__cause__ = None
            return failure

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
        if request.auth is not None:
            with self._count_lock:
                self.sent += 1
        started = time.monotonic()
        ends = call_ends.set(started + deadline.remaining)
        path = urlsplit(request.url).path
        failure: PSAError | None = None
        answer: Answer | None = None
        try:
            answer = self._send(request, destination.host, deadline)
        except OutboundError as error:
            failure = _outbound_failure(error)
        except (requests.RequestException, HTTPError, http.client.HTTPException, OSError) as error:
            failure = _lost(destination.host, error, time.monotonic() - started >= deadline.remaining)
        finally:
            call_ends.reset(ends)
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
            body = read_body(response, self._cap(response.status_code))
        finally:
            response.close()
        date = http_moment(response.headers.get("Date", ""))
        if date is not None:
            self.first_dates.setdefault(host, date)
        return Answer(
            host,
            response.status_code,
            body,
            seconds_to_wait(response.headers.get("Retry-After", ""), response.headers.get("Date", "")),
        )

    def _cap(self, status: int) -> int:
        """Error pages need not be as long as answers."""
        return self.settings.max_body_bytes if status == 200 else _ERROR_BODY_LIMIT


def seconds_to_wait(retry_after: str, date: str) -> float | None:
    """The seconds that ``Retry-After`` asks for, which is a number of them or a moment (RFC 9110, 10.2.3).

    A moment is compared with the server's own clock in ``Date``, and with ours where that is not told. None
    where nothing is asked for, or nothing that can be understood.
    """
    if _RETRY_AFTER.fullmatch(retry_after):
        return float(retry_after)
    then = http_moment(retry_after)
    if then is None:
        return None
    now = http_moment(date) or dt.datetime.now(dt.UTC)
    return min(max((then - now).total_seconds(), 0.0), 999_999.0)


def http_moment(text: str) -> dt.datetime | None:
    """A moment as HTTP headers write it; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class _Success(Generic[Value]):
    value: Value


def _outbound_failure(error: OutboundError) -> PSAError:
    """The failure of this package that an error of the session stands for."""
    match error:
        case AddressRefused():
            return DestinationRefused(error.text, error.technical)
        case AnswerTooLarge():
            return UnexpectedAnswer(
                "Autotask's answer was larger than any answer should be, so the portal stopped reading it.",
                error.technical,
            )
        case AnswerDamaged():
            return UnexpectedAnswer(
                "Autotask's answer could not be read. Try again in a few minutes.", error.technical
            )
        case ProxyUnreachable():
            return errors.ProxyRefused(
                f"{error.text} Check HTTPS_PROXY and NO_PROXY, and whether the proxy runs.",
                error.technical,
                retryable=True,
            )
        case NoAnswer():
            return Unavailable(error.text, error.technical)
        case _:  # the answer ended early
            return errors.unavailable(error.technical)


def _lost(host: str, error: Exception, late: bool) -> PSAError:
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError | CertificateError):
            code = getattr(cause, "verify_code", 0)
            return errors.certificate_refused(host, code, f"TLS with {host} failed: {_reason(error)}")
        refused = _TUNNEL_REFUSED.match(str(cause)) if isinstance(cause, OSError) else None
        if refused is not None:
            technical = f"{host}: the proxy answered {refused[1]}"
            return errors.proxy_refused(host, int(refused[1]), technical)
    reason = f"{host}: {_reason(error)}"
    timed_out = isinstance(error, requests.Timeout | TimeoutError)
    return errors.out_of_time(reason) if late and timed_out else errors.unavailable(reason)


def _reason(error: Exception) -> str:
    """The kinds of the causes, outermost first. Never their texts, which may quote the request."""
    return " < ".join(type(cause).__name__ for cause in _causes(error))


def _causes(error: BaseException) -> list[BaseException]:
    """``error`` and what it wraps, outermost first; requests and urllib3 nest them in different ways."""
    causes = [error]
    while len(causes) < 6:
        last = causes[-1]
        nested = [argument for argument in last.args if isinstance(argument, BaseException)]
        reason = getattr(last, "reason", None)
        inner = reason if isinstance(reason, BaseException) else (nested[0] if nested else None)
        if inner is None or inner in causes:
            break
        causes.append(inner)
    return causes
