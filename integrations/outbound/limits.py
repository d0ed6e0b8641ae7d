"""How long a session waits, how many exchanges it holds at once, and whom it trusts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one session; whoever makes the calls fills them.

    ``connect_timeout`` (seconds) covers the name look-up and all addresses of a host together,
    ``read_timeout`` (seconds) each single read. ``readers`` is how many exchanges run at the same time.
    ``ca_bundle`` is the path of a file with the certificates to trust; empty for the usual ones.
    """

    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    readers: int = 1
    ca_bundle: str = ""
