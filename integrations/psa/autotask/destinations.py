"""Which addresses the client may connect to: https below ``autotask.net``, and hosts that a setting names.

The addresses that DNS gives for such a host are checked when the socket is opened (``outbound.addresses``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from integrations.outbound.addresses import DEFAULT_PORTS, Destination, host_and_port
from integrations.psa.base import DestinationRefused

VENDOR_DOMAIN = ".autotask.net"

_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def check_url(url: str, extra_hosts: Iterable[str] = ()) -> Destination:
    """Return the destination of ``url`` when the portal may connect to it.

    Raises ``DestinationRefused`` for anything but ``https`` on port 443 of a host below
    ``autotask.net``, unless ``extra_hosts`` names its host and port.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise _refused("an address with characters that no address holds")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("an address that cannot be read") from None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in DEFAULT_PORTS or not host or "@" in parts.netloc or parts.fragment:
        raise _refused(f"the address {_shown(scheme, host)}")
    port = DEFAULT_PORTS[scheme] if port is None else port
    if host_and_port(host, port) in {name.strip().lower() for name in extra_hosts}:
        return Destination(scheme, host, port, is_extra=True)
    if (
        scheme == "https"
        and port == DEFAULT_PORTS["https"]
        and host.endswith(VENDOR_DOMAIN)
        and _HOST_NAME.fullmatch(host)
    ):
        return Destination(scheme, host, port, is_extra=False)
    raise _refused(f"the address {_shown(scheme, host)} (port {port})")


def _shown(scheme: str, host: str) -> str:
    return f"{scheme[:12]}://{host[:100]}"


def _refused(what: str) -> DestinationRefused:
    return DestinationRefused(
        f"The portal refused to connect to {what}: only https addresses below autotask.net are allowed. "
        "Nothing was sent there.",
        f"destination refused: {what}",
    )
