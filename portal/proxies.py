"""From where a request comes, and whether it came over TLS: what of it a proxy is believed.

Nobody else reads ``X-Forwarded-For`` or ``X-Forwarded-Proto``; after the middleware ``REMOTE_ADDR`` and the
scheme of a request are what counts for sign-in limits, the sign-in log, tokens, history and the log's lines.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponse

logger = logging.getLogger("portal.proxies")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNIX = "unix"  # whoever may open the portal's unix socket; its file says who may
THIS_MACHINE = ["127.0.0.0/8", "::1", UNIX]
# What a web server may have taken for the scheme already, as gunicorn does for a list of its own.
SCHEME_HEADERS = ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_PROTOCOL", "HTTP_X_FORWARDED_SSL")
HANDED_ON = ("HTTP_X_FORWARDED_FOR", *SCHEME_HEADERS)
MOST_TOLD = 20  # peers whose headers are not believed are told once each, at most so many by a process
_told: set[str] = set()


class ProxyMiddleware:
    """Puts the caller's address and scheme in place of the proxy's, for a proxy of TRUSTED_PROXIES only.

    Sets ``from_proxy``: whether the request was handed on by one. Stands before everything else.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = str(request.META.get("REMOTE_ADDR", ""))
        trusted = is_trusted(peer)
        address = client_address(peer, request.META.get("HTTP_X_FORWARDED_FOR", ""))
        request.META["REMOTE_ADDR"] = address
        if any(name in request.META for name in SCHEME_HEADERS):
            over_tls = trusted and _says_https(request.META.get("HTTP_X_FORWARDED_PROTO", ""))
            request.META["wsgi.url_scheme"] = "https" if over_tls else "http"
        request.from_proxy = trusted  # type: ignore[attr-defined]
        if settings.BEHIND_TLS_PROXY and not trusted and any(name in request.META for name in HANDED_ON):
            _tell_once(address)
        return self.get_response(request)


def client_address(peer: str, forwarded: str) -> str:
    """The address that a request came from, as Python writes it; "" where nobody knows.

    ``peer`` is who has connected ("" for a unix socket), ``forwarded`` the header X-Forwarded-For. Each proxy
    adds whom it was asked by, so the header is read from its end, for as long as who adds is trusted: what
    stands before that may come from the caller. What is no address ends the reading.
    """
    found = as_address(peer)
    if not is_trusted(peer):
        return str(found or "")
    for entry in reversed(forwarded.split(",")):
        named = as_address(_without_port(entry.strip()))
        if named is None:
            break
        found = named
        if not is_trusted(str(found)):
            break
    return str(found or "")


def is_trusted(peer: str) -> bool:
    """Whether this is a proxy of TRUSTED_PROXIES: an address, or "" for our unix socket."""
    if not settings.BEHIND_TLS_PROXY:
        return False
    networks, unix = _trusted(tuple(settings.TRUSTED_PROXIES))
    if not peer:
        return unix
    address = as_address(peer)
    return address is not None and any(address in network for network in networks)


def as_address(text: str) -> Address | None:
    """The address, an IPv4 one also where it is written as IPv6, without a zone; None for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def parse_proxy(text: str) -> Network | None:
    """An entry of TRUSTED_PROXIES, an address or a range; None for ``unix``. Raises ValueError."""
    if text.lower() == UNIX:
        return None
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"TRUSTED_PROXIES holds {text!r}: name addresses or ranges of the proxies, like 10.0.0.5 or "
            f"10.0.9.0/28, or {UNIX}, comma separated."
        ) from None
    if network.network_address != ip_network(text.partition("/")[0]).network_address:
        raise ValueError(
            f"TRUSTED_PROXIES holds {text!r}, an address within a range: name the range, {network}, or the "
            "address alone."
        )
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


@lru_cache(maxsize=8)
def _trusted(names: Sequence[str]) -> tuple[list[Network], bool]:
    parsed = [parse_proxy(name) for name in names]
    return [network for network in parsed if network is not None], None in parsed


def _without_port(entry: str) -> str:
    """Of ``192.0.2.1:51000`` and ``[2001:db8::1]:51000`` the address; anything else as it is."""
    if entry.startswith("["):
        bare, closed, port = entry[1:].partition("]")
        return bare if closed and (not port or _is_port(port)) else entry
    bare, _, port = entry.partition(":")
    return bare if _is_port(f":{port}") else entry


def _is_port(text: str) -> bool:
    return text[0] == ":" and text[1:].isascii() and text[1:].isdigit() and len(text) <= 6


def _says_https(header: str) -> bool:
    """Whether every proxy on the way was asked over TLS, whoever has written what."""
    return all(entry.strip().lower() == "https" for entry in header.split(","))


def _tell_once(address: str) -> None:
    if address not in _told and len(_told) < MOST_TOLD:
        _told.add(address)
        logger.warning(
            "A request came from %s, which is not in TRUSTED_PROXIES: what it says of address and scheme is "
            "not believed.", address or "a unix socket",
        )  # fmt: skip


# --- what production refuses ------------------------------------------------------------------------


def unsafe_proxies(names: Sequence[str], *, behind_proxy: bool) -> Iterator[str]:
    """A sentence for each entry that would believe strangers."""
    if names != THIS_MACHINE and not behind_proxy:
        yield (
            "TRUSTED_PROXIES is set without BEHIND_TLS_PROXY=true, so that no proxy is believed: set that "
            "too, or take TRUSTED_PROXIES away."
        )
    for name in names:
        network = parse_proxy(name)
        if network is not None and _is_too_wide(network):
            yield (
                f"TRUSTED_PROXIES holds {name!r}, which is no range of proxies: whoever is in it could name "
                "any address as their own. Name the proxies alone, like 10.0.0.5 or 10.0.9.0/28."
            )


def _is_too_wide(network: Network) -> bool:
    """Whether a range is larger than any provider's, or one from which nobody connects."""
    first = network.network_address
    if first.is_multicast or first.is_unspecified:
        return True
    if network.version == 4:
        return network.prefixlen < 8 or first.is_reserved
    return network.prefixlen < (7 if first.is_private else 20)
