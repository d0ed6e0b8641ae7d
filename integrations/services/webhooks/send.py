"""Sending one message to an address that a person has entered: a checked one only, within fixed limits.

Webhooks are signed; rooms of chats (services/alerts) are told the same way.

The guarded connection is used that PSA clients use too: one look-up, every address of its answer checked,
and the socket opened to exactly that address; no redirects, proxies or cookies; a deadline on every read.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import requests
from django.conf import settings
from urllib3.exceptions import HTTPError

from integrations.outbound.addresses import Gate
from integrations.outbound.errors import AddressRefused as AddressRefused
from integrations.outbound.errors import OutboundError
from integrations.outbound.limits import Limits
from integrations.outbound.session import GuardedSession, call_ends
from integrations.outbound.urls import check_public_url
from integrations.services.webhooks.keys import signature_headers

CONNECT_TIMEOUT, READ_TIMEOUT, DEADLINE = 5.0, 10.0, 15.0  # seconds
RESPONSE_CAP = 4096  # bytes that are read of an answer; what it says does not matter


class SendingFailed(Exception):
    """The message did not arrive, or the receiver did not take it; the text is for the delivery log.

    ``status`` is the answer's, if there was one. ``for_all`` tells that other messages would fare the same.
    """

    def __init__(self, text: str, *, status: int | None = None, for_all: bool = True) -> None:
        super().__init__(text)
        self.status = status
        self.for_all = for_all


@dataclass(frozen=True)
class Message:
    """What is sent: the body as it is signed, what the headers say of it, and the keys that sign."""

    event_id: str
    event: str
    body: bytes
    keys: tuple[str, ...] = field(repr=False)


def allowed_hosts() -> frozenset[str]:
    """Hosts and ports that the setting names."""
    return frozenset(name.strip().lower() for name in settings.WEBHOOK_ALLOWED_HOSTS)


def check_address(url: str) -> None:
    """Refuse what is no https address of a public host, unless the setting names its host and port.

    The host's addresses are checked again whenever the portal connects. Raises AddressRefused.
    """
    check_public_url(url, allowed_hosts(), "WEBHOOK_ALLOWED_HOSTS")


def send(url: str, message: Message, gate: Gate | None = None) -> int:
    """Send the signed message once; the status of the answer, which is in the 200s. Raises SendingFailed."""
    headers = {
        "Content-Type": "application/json",
        "Portal-Event": message.event,
        "Portal-Event-Id": message.event_id,
        **signature_headers(message.keys, message.event_id, dt.datetime.now(dt.UTC), message.body),
    }
    return post(url, message.body, headers, gate)


def post(url: str, body: bytes, headers: Mapping[str, str], gate: Gate | None = None) -> int:
    """Post to an address that a person entered; the answer's status, in the 200s. Raises SendingFailed."""
    return post_and_read(url, body, headers, gate)[0]


def post_and_read(
    url: str, body: bytes, headers: Mapping[str, str], gate: Gate | None = None
) -> tuple[int, bytes]:
    """The same, with the beginning of what was answered. Raises SendingFailed."""
    try:
        check_address(url)
    except AddressRefused as error:
        raise SendingFailed(f"Not sent: {error.text}") from error
    limits = Limits(connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
    session = GuardedSession(gate or Gate(allowed_hosts()), limits)
    ends = call_ends.set(time.monotonic() + DEADLINE)
    status, answer, reason = 0, b"", ""
    try:
        status, answer = _exchange(session, url, body, headers)
    except (OutboundError, requests.RequestException, HTTPError, OSError) as error:
        reason = _reason(error)
    finally:
        call_ends.reset(ends)
        session.close()
    if reason:  # raised out here: the frames of the libraries hold address and headers
        raise SendingFailed(reason)
    if 300 <= status < 400:
        raise SendingFailed(f"Answered {status}: redirects are not followed.", status=status)
    if not 200 <= status < 300:
        busy = status >= 500 or status == 429
        raise SendingFailed(f"Answered {status}.", status=status, for_all=busy)
    return status, answer


def _exchange(
    session: GuardedSession, url: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, bytes]:
    timeout = (CONNECT_TIMEOUT, READ_TIMEOUT)
    with session.post(
        url, data=body, headers=dict(headers), stream=True, allow_redirects=False, timeout=timeout
    ) as response:
        return response.status_code, response.raw.read(RESPONSE_CAP, decode_content=False)


def _reason(error: Exception) -> str:
    """In words; never the library's text, which quotes the address with its query."""
    if isinstance(error, OutboundError):
        return f"Not sent: {error.text}" if isinstance(error, AddressRefused) else error.text
    if isinstance(error, requests.exceptions.SSLError):
        return "The receiver's certificate is not valid. Nothing was sent."
    if isinstance(error, requests.Timeout | TimeoutError):
        return "No answer in time."
    return f"The connection broke off ({type(error).__name__})."
