"""How long a session waits, how many exchanges it holds at once, whom it trusts, and which way it goes."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.outbound.proxy import Proxy


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one session; whoever makes the calls fills them.

    ``connect_timeout`` (seconds) covers the name look-up and all addresses of a host together,
    ``read_timeout`` (seconds) each single read. ``readers`` is how many exchanges run at the same time.
    ``ca_bundle`` is the path of a file with certificates to trust besides the usual ones. ``proxy`` is the
    way out for https; without one, and for http, the session connects itself.
    """

    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    readers: int = 1
    ca_bundle: str = ""
    proxy: Proxy | None = None
