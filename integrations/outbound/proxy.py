"""The proxy that an office may demand for every call that leaves it: its address, and what goes past it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

DEFAULT_PORT = 3128


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy for https calls, by CONNECT: it passes bytes on and sees neither address path nor contents.

    ``url`` may hold a user name and a password, so it is in no ``repr``. ``past`` names hosts that are
    reached directly, in lower case.
    """

    host: str
    port: int
    url: str = field(repr=False)
    past: tuple[str, ...] = ()

    def serves(self, host: str, port: int) -> bool:
        """Whether a call to this host and port goes through the proxy.

        The entries of ``NO_PROXY`` are a host or domain (also for the names below it), either with a port, a
        network such as ``10.0.0.0/8`` (for addresses written as numbers), or ``*`` for everything.
        """
        host = host.strip("[]").lower()
        return not any(_fits(entry, host, port) for entry in self.past)


def read_proxy(url: str, no_proxy: str = "") -> Proxy | None:
    """The proxy of the variables ``HTTPS_PROXY`` and ``NO_PROXY``; None where none is set.

    Raises ValueError with a sentence that does not quote the address, which may hold a password.
    """
    text = url.strip()
    if not text:
        return None
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
        password = unquote(parts.password or "")
    except ValueError:
        raise ValueError("it is no address such as http://proxy.example:3128") from None
    if parts.scheme != "http":
        raise ValueError(
            f"its address begins with {parts.scheme[:12]}://, but a proxy is reached by http:// (what passes "
            "through it is encrypted all the same)"
        )
    if not host or parts.path.strip("/") or parts.query or not password.isprintable():
        raise ValueError("it is no address such as http://proxy.example:3128")
    past = tuple(entry.strip().lower() for entry in no_proxy.split(",") if entry.strip())
    host_text = f"[{host}]" if ":" in host else host
    sign_in = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    port = port or DEFAULT_PORT
    return Proxy(host.lower(), port, f"http://{sign_in}{host_text}:{port}", past)


def _fits(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit() and (":" not in name or name.startswith("[")):
        if int(wanted) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").lstrip(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))
