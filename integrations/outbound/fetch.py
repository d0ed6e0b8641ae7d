"""Fetching one file from a web address: through the guarded session, within a size and a time."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from integrations.outbound.addresses import Gate
from integrations.outbound.errors import AnswerDamaged, NoAnswer, OutboundError
from integrations.outbound.limits import Limits
from integrations.outbound.session import GuardedSession, call_ends, read_body

NEXT = "Check the address, or try again later."
_NAMED = re.compile(r'filename="?([^";]+)"?', re.IGNORECASE)


@dataclass(frozen=True)
class FetchedFile:
    """What was answered, and what the answer calls it; the address may be secret down to its path."""

    body: bytes
    name: str


def fetch_file(url: str, gate: Gate, limits: Limits, *, most_bytes: int, seconds: float) -> FetchedFile:
    """Get the file at ``url``, which was checked; ``seconds`` is what all of it may take.

    Redirects are not followed. Raises OutboundError, whose texts hold nothing of the address but its host.
    """
    session = GuardedSession(gate, replace(limits, read_timeout=min(limits.read_timeout, seconds)))
    ends = call_ends.set(time.monotonic() + seconds)
    host = urlsplit(url).netloc
    try:
        return _fetch(session, url, limits, most_bytes)
    except OutboundError:
        raise
    except requests.exceptions.SSLError:
        failure = NoAnswer(
            f"The certificate of {host} is not valid. Nothing was read.", "invalid certificate"
        )
    except (requests.Timeout, TimeoutError):
        failure = NoAnswer(f"{host} did not answer in time. {NEXT}", "timed out")
    except (requests.RequestException, HTTPError, OSError) as error:
        what = type(error).__name__
        failure = NoAnswer(f"The connection to {host} broke off. {NEXT}", f"{host}: {what}")
    finally:
        call_ends.reset(ends)
        session.close()
    raise failure  # out here: the frames of the libraries hold the address with its query


def _fetch(session: GuardedSession, url: str, limits: Limits, most_bytes: int) -> FetchedFile:
    timeout = (limits.connect_timeout, limits.read_timeout)
    host = urlsplit(url).netloc
    headers = {"Accept": "*/*"}
    with session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=timeout) as response:
        status = response.status_code
        if 300 <= status < 400:
            raise NoAnswer(f"{host} answered with a redirect ({status}), which is not followed. {NEXT}")
        if status in {401, 403}:
            raise NoAnswer(f"{host} refused to give the file ({status}). Has its address expired? {NEXT}")
        if status != 200:
            raise NoAnswer(f"{host} answered {status} instead of the file. {NEXT}")
        body = read_body(response, most_bytes)
        if not body:
            raise AnswerDamaged(f"{host} answered with an empty file. {NEXT}")
        told = _NAMED.search(response.headers.get("Content-Disposition", ""))
        name = told[1].strip() if told else ""
        return FetchedFile(body, "".join(sign for sign in name if sign.isprintable())[:200])
