"""The way out for mail: what EMAIL_URL says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import getaddresses
from urllib.parse import SplitResult, unquote, urlsplit

from portal.environment import ENCODED, raw_sign_in_password

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
    scheme, _, rest = url.partition("://")
    if scheme not in LOCAL and (said := raw_sign_in_password(rest)):
        raise ValueError(f"EMAIL_URL {said}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        raise ValueError(f"EMAIL_URL is no address like {EXAMPLE}; {ENCODED}") from None
    if parts.scheme not in PORTS and parts.scheme not in LOCAL:
        known = ", ".join(f"{scheme}://" for scheme in PORTS)
        raise ValueError(f"EMAIL_URL has to begin with one of {known}")
    if not _is_one_sender(sender):
        raise ValueError("EMAIL_FROM has to be the one sender of all mail, like portal@example.com")
    if parts.scheme in LOCAL:
        folder = unquote(parts.path)
        return Mail(True, BACKEND.format(LOCAL[parts.scheme]), folder=folder, sender=sender)
    _check_server(parts, user, password)
    return Mail(
        is_set_up=True,
        backend="portal.smtp.EmailBackend",
        host=host,
        port=PORTS[parts.scheme] if port is None else port,
        user=user,
        password=password,
        starts_tls=parts.scheme == "smtp+tls",
        speaks_tls=parts.scheme == "smtps",
        sender=sender,
    )


def _is_one_sender(sender: str) -> bool:
    found = getaddresses([sender])
    if not sender.isprintable() or len(found) != 1 or not re.fullmatch(r"[^@\s]+@[^@\s]+", found[0][1]):
        return False
    try:
        return bool(found[0][1].rpartition("@")[2].encode("idna"))
    except UnicodeError:
        return False


def _check_server(parts: SplitResult, user: str, password: str) -> None:
    """Refuse what would be read as another server or user than was meant. Raises ValueError."""
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"EMAIL_URL has to end with the server and its port; {ENCODED}")
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", parts.hostname or ""):
        raise ValueError(f"EMAIL_URL names no mail server, as {EXAMPLE} does")
    if parts.port == 0:
        raise ValueError("EMAIL_URL names port 0, on which nothing listens")
    if bool(user) != bool(password):
        raise ValueError("EMAIL_URL has to name a user and a password, or neither")
    if not (user + password).isascii():
        raise ValueError(
            "EMAIL_URL holds a user or password that is not ASCII, which mail servers do not take"
        )
