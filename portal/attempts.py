"""How often a password may be tried: whoever guesses waits longer and longer, the owner of the name does not.

Wrong passwords are counted under the user name and where they come from: a browser in which that person has
signed in before (portal/devices.py), or a network address. Each such source has a wait of its own, which
grows with every wrong password; nothing locks a name. Only when a name was tried wrongly from many addresses,
all that are not known wait, a little. Known browsers never wait for what others do.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import time
from dataclasses import dataclass

from django.core.cache import cache

from integrations.database.cache_lock import alone_with
from integrations.models import RequestCount

KEPT = 3600  # seconds after the last wrong password that those of a source or a name count
FREE, LONGEST = 3, 15 * 60  # wrong passwords of one source without a wait; the longest wait in seconds
FREE_OF_ALL, LONGEST_OF_ALL = 30, 60  # the same of all sources of a name that are not known
MOST_KEPT = 200  # wrong passwords of a name
CLOCKS_MAY_DIFFER = 300  # seconds, of several web machines
OF_ADDRESS, MINUTE = 10, 60  # wrong passwords of an address over all names, in so many seconds


FORMS = 30  # sign-in forms of one source in a minute, right or wrong


@dataclass(frozen=True)
class Source:
    """Where a password is tried: a network address, or a browser or session that is known for the name."""

    name: str
    known: bool = False


def wait_for(failures: int, free: int, longest: int) -> float:
    """Seconds to wait after so many wrong passwords: none at first, then 2, 4, 8 … up to the longest."""
    return 0 if failures < free else min(longest, 2.0 ** min(failures - free + 1, 20))


def key_of(username: str) -> str:
    """The name under which this user name is counted, in any letter case.

    By way of capitals, as PostgreSQL compares names: who spells a name with a long s finds the same person.
    """
    return f"portal:{username.strip().upper().lower()}"


def claim(username: str, source: Source) -> int:
    """Seconds until this source may try this name again; 0: now, and the attempt is counted as a wrong one.

    Counted beforehand, so that of many at the same moment no more are looked at than one after the other.
    ``forgive`` takes the right one back. An attempt that has to wait counts for nothing.
    """
    of_source, of_name, of_address = _entries(username, source)
    with alone_with(*([of_source] if source.known else [of_source, of_name, of_address])) as alone:
        if not alone:
            return 1  # many at the same moment
        now = time.time()
        failures, last = _of_source(of_source, now)
        of_all, at_address = _recent(of_name, now), _recent(of_address, now, MINUTE)
        until = [last + wait_for(failures, FREE, LONGEST)]
        if not source.known:
            until += [moment + wait_for(len(of_all), FREE_OF_ALL, LONGEST_OF_ALL) for moment in of_all[-1:]]
            if len(at_address) >= OF_ADDRESS:
                until.append(at_address[-OF_ADDRESS] + MINUTE)
        if max(until) > now:
            return math.ceil(max(until) - now)
        cache.set(of_source, (failures + 1, now), KEPT)
        cache.set(of_name, [*of_all, now][-MOST_KEPT:], KEPT)
        if not source.known:
            cache.set(of_address, [*at_address, now], MINUTE)
    return 0


def is_flooding(source: Source) -> bool:
    """Count one sign-in form of this source, whatever is in it: whether that is too many for this minute."""
    name = hashlib.sha256(source.name.encode(errors="replace")).hexdigest()[:40]
    return RequestCount.objects.count_one(f"sign-in-form:{name}") > FORMS


def forgive(username: str, source: Source) -> None:
    """The password was right: what this source had wrong before counts no more, and this was no wrong one."""
    of_source, of_name, of_address = _entries(username, source)
    cache.delete(of_source)
    with alone_with(of_name, of_address) as alone:
        if not alone:
            return  # it counts as one too many, which is no harm
        now = time.time()
        cache.set(of_name, _recent(of_name, now)[:-1], KEPT)
        if not source.known:
            cache.set(of_address, _recent(of_address, now, MINUTE)[:-1], MINUTE)


def forget_failures(username: str) -> int:
    """Let the name be tried again at once from everywhere; returns how many wrong passwords are forgotten.

    Limits by network address stay.
    """
    _, of_name, _ = _entries(username, Source(""))
    failures = len(_recent(of_name, time.time()))
    cache.set(_era(username), secrets.token_hex(8), 2 * KEPT)  # no entry of before is found again
    return failures


def _era(username: str) -> str:
    return f"sign-ins-since:{hashlib.sha256(key_of(username).encode()).hexdigest()}"


def _entries(username: str, source: Source) -> tuple[str, str, str]:
    """What the failures of the source, those of the name and those of the address are kept under."""
    name = f"{key_of(username)}|{cache.get(_era(username), '')}"
    of_source, of_name, of_address = (
        hashlib.sha256(text.encode(errors="replace")).hexdigest()
        for text in (f"{name}|{source.name}", name, source.name)
    )
    return f"sign-in-source:{of_source}", f"sign-in-name:{of_name}", f"sign-in-address:{of_address}"


def _of_source(entry: str, now: float) -> tuple[int, float]:
    failures, last = cache.get(entry, (0, 0.0))
    return (failures, last) if _counts(last, now, KEPT) else (0, 0.0)


def _recent(entry: str, now: float, kept: int = KEPT) -> list[float]:
    return [moment for moment in cache.get(entry, ()) if _counts(moment, now, kept)]


def _counts(moment: float, now: float, kept: int) -> bool:
    """Whether it is not too long ago. After the clock was set back nobody waits until it has caught up."""
    return now - kept < moment < now + CLOCKS_MAY_DIFFER
