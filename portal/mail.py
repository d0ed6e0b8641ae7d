"""The way out for mail: what EMAIL_URL says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
LOCAL = {"consolemail": "console", "filemail": "filebased", "memorymail": "locmem"}  # for development
EXAMPLE = "smtp+tls://user:password@mail.example.com:587"
BACKEND = "django.core.mail.backends.{}.EmailBackend"


@dataclass(frozen=True)
class Mail:
    """How mail leaves: by a mail server, or not at all."""

    is_set_up: bool = False
    backend: str = BACKEND.format("dummy")
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    starts_tls: bool = False
    speaks_tls: bool = False
    folder: str = ""
    sender: str = ""
    timeout: int = 7  # seconds for each exchange with the server


def is_origin(url: str) -> bool:
    """Whether it is scheme, host and perhaps port, as browsers show the beginning of an address."""
    return re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+", url) is not None


def read_mail(url: str, sender: str) -> Mail:
    """What the address of a mail server and the sender of all mail say; no mail where there is no address.

    Raises ValueError with a sentence that holds nothing of the address, which may hold a password.
    """
    if not url:
        return Mail()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"EMAIL_URL is no address like {EXAMPLE}") from None
    if parts.scheme not in PORTS and parts.scheme not in LOCAL:
        known = ", ".join(f"{scheme}://" for scheme in PORTS)
        raise ValueError(f"EMAIL_URL has to begin with one of {known}")
    if not sender.isprintable() or not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(sender)[1]):
        raise ValueError("EMAIL_FROM has to be the sender of all mail, like portal@example.com")
    if parts.scheme in LOCAL:
        folder = unquote(parts.path)
        return Mail(True, BACKEND.format(LOCAL[parts.scheme]), folder=folder, sender=sender)
    if not host:
        raise ValueError(f"EMAIL_URL names no mail server, as {EXAMPLE} does")
    return Mail(
        is_set_up=True,
        backend=BACKEND.format("smtp"),
        host=host,
        port=PORTS[parts.scheme] if port is None else port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starts_tls=parts.scheme == "smtp+tls",
        speaks_tls=parts.scheme == "smtps",
        sender=sender,
    )
