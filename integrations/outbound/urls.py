"""Which web addresses a person may tell the portal to call by itself: https ones of public hosts."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from integrations.outbound.addresses import DEFAULT_PORTS, host_and_port, is_reserved_name
from integrations.outbound.errors import AddressRefused

LONGEST_HOST = 253  # letters; RFC 1035, 2.3.4


def check_public_url(url: str, allowed: Collection[str], setting: str) -> None:
    """Refuse what is no https address of a public host, unless ``allowed`` names its host and port.

    ``setting`` is the setting that names them, for the sentence. The host's addresses are checked again
    whenever the portal connects. Raises AddressRefused.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused("An address has ASCII letters without spaces.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("This is no address.") from error
    host = (parts.hostname or "").lower()
    if parts.scheme not in DEFAULT_PORTS or not host:
        raise AddressRefused("An address begins with https:// and a host name.")
    if len(host) > LONGEST_HOST or len(parts.netloc) > LONGEST_HOST + len(":65535"):
        raise AddressRefused(f"A host name has {LONGEST_HOST} letters at most.")
    if "@" in parts.netloc or parts.fragment:
        raise AddressRefused("An address holds no user name, password or fragment.")
    if host_and_port(host, DEFAULT_PORTS[parts.scheme] if port is None else port) in allowed:
        return
    if parts.scheme != "https":
        raise AddressRefused("Only https is allowed.")
    if is_reserved_name(host):
        raise AddressRefused(
            "This address lies inside a private or reserved network. Whoever runs the portal can allow it "
            f"with {setting}."
        )
