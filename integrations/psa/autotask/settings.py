"""What one Autotask client may do: where it may connect, for how long, and how much it accepts."""

from __future__ import annotations

from dataclasses import dataclass, field

from integrations.outbound.limits import Limits
from integrations.outbound.proxy import Proxy

DISCOVERY_URL = "https://webservices.autotask.net"


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How often a failed call is repeated, and how long to wait (seconds) before each repetition.

    The wait doubles with every attempt and is drawn at random from its upper half, so that several
    workers that failed together do not come back together.
    """

    unavailable_attempts: int = 3
    unavailable_wait: float = 0.5
    passing_attempts: int = 3
    passing_wait: float = 1.0
    rate_attempts: int = 6
    rate_wait: float = 1.0
    longest_wait: float = 20.0


@dataclass(frozen=True, slots=True)
class AutotaskSettings:
    """Limits and addresses of the client. Times are seconds, sizes bytes.

    ``extra_hosts`` are ``host:port`` pairs (a simulator) for which ``http`` and private addresses are
    allowed; everything else must be ``https`` on a public address below ``autotask.net``.
    ``request_deadline`` bounds one call with all its retries, ``read_deadline`` a whole company read.
    ``ca_bundle`` names certificates to trust besides the usual ones, ``proxy`` the way out for https.
    ``budget_slow`` and ``budget_refuse`` are shares of the tenant's hourly request budget.
    """

    extra_hosts: frozenset[str] = frozenset()
    discovery_url: str = DISCOVERY_URL
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    request_deadline: float = 90.0
    read_deadline: float = 1800.0
    max_body_bytes: int = 8 * 1024 * 1024
    max_pages: int = 2000
    max_json_depth: int = 24
    page_size: int = 500
    readers: int = 3
    budget_slow: float = 0.5
    budget_refuse: float = 0.9
    slow_pause: float = 0.5
    ca_bundle: str = ""
    proxy: Proxy | None = None
    retry: RetrySettings = field(default_factory=RetrySettings)

    @property
    def limits(self) -> Limits:
        """What of these the session is held to; it keeps two connections more than there are readers."""
        return Limits(
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            readers=self.readers,
            ca_bundle=self.ca_bundle,
            proxy=self.proxy,
        )
