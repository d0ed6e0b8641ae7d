"""What production refuses to start with: each setting that would open a door, with what to do instead."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from portal.proxies import unsafe_proxies

AUTOTASK = "https://webservices.autotask.net"
KEY_BYTES = 32  # of a Fernet key
MAKE_KEY = "Make one with: head -c 32 /dev/urandom | base64 | tr +/ -_"
MAKE_SECRET = "Make one with: head -c 48 /dev/urandom | base64 -w 0"  # noqa: S105  # how to, not one

# Words of examples and of keys that were to be replaced; together with the length they never come by chance.
PLACEHOLDER = re.compile(
    r"change[-_ ]?(me|this|it)|insecure|placeholder|your[-_ ]?secret|example|password", re.IGNORECASE
)
LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
NAME = rf"({LABEL}(\.{LABEL})*|\[[0-9a-f:.]+\])"  # of a host, or an address
HOST = re.compile(NAME, re.IGNORECASE)
HOST_AND_PORT = re.compile(rf"{NAME}:\d+", re.IGNORECASE)
ORIGIN = re.compile(rf"https://{NAME}(:\d+)?", re.IGNORECASE)
HERE = re.compile(r"localhost|127(\.\d{1,3}){3}|::1", re.IGNORECASE)

# Where anybody can make an account with any e-mail address in it: by host, and at Microsoft's by the tenant.
OPEN_TO_ALL = ("accounts.google.com", "appleid.apple.com", "gitlab.com", "github.com", "login.salesforce.com")
MICROSOFT = ("login.microsoftonline.com", "login.microsoftonline.us", "login.windows.net", "sts.windows.net",
             "login.partner.microsoftonline.cn", "login.live.com", "login.microsoft.com")  # fmt: skip
SHARED_TENANTS = {"common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"}


def unsafe_settings(found: Mapping[str, Any]) -> list[str]:
    """A sentence for each of these settings that production must not run with; none when all are safe.

    ``found`` are the names and values of portal/settings.py. The sentences hold no secret.
    """
    return [*_switches(found), *_names(found), *_proxies(found), *_secrets(found), *_single_sign_on(found),
            *_mail(found)]  # fmt: skip


def _switches(found: Mapping[str, Any]) -> Iterator[str]:
    if found["DEBUG"]:
        yield "DEBUG shows source and settings to visitors: never in production. Take it away."
    if not found["SECURE_COOKIES"]:
        yield (
            "SECURE_COOKIES=false sends sign-ins in clear: never in production. Take it away and put TLS "
            "before the portal, or set PORTAL_ENVIRONMENT=development on a machine that faces nobody."
        )
    if found["AUTOTASK_EXTRA_HOSTS"] or found["AUTOTASK_DISCOVERY_URL"] != AUTOTASK:
        yield (
            "AUTOTASK_EXTRA_HOSTS and AUTOTASK_DISCOVERY_URL are for a simulator: never in production. Take "
            "them away."
        )


def _names(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["ALLOWED_HOSTS"]:
        yield "ALLOWED_HOSTS must name the host names under which staff reach the portal."
    for name in found["ALLOWED_HOSTS"]:
        if not HOST.fullmatch(name):
            yield (
                f"ALLOWED_HOSTS holds {name!r}, which is not one host name: name each in full, without *, a "
                "leading dot, https:// or a port, like portal.example.com."
            )
    for origin in found["CSRF_TRUSTED_ORIGINS"]:
        if not ORIGIN.fullmatch(origin):
            yield (
                f"CSRF_TRUSTED_ORIGINS holds {origin!r}: whoever has a page there could act in the name of "
                "your staff. Name each origin in full, like https://portal.example.com."
            )
    for setting in ("WEBHOOK_ALLOWED_HOSTS", "SOURCE_ALLOWED_HOSTS"):
        for name in found[setting]:
            if not HOST_AND_PORT.fullmatch(name):
                yield f"{setting} holds {name!r}: name host and port, like 10.0.0.5:8443."


def _proxies(found: Mapping[str, Any]) -> Iterator[str]:
    return unsafe_proxies(found["TRUSTED_PROXIES"], behind_proxy=found["BEHIND_TLS_PROXY"])


def _secrets(found: Mapping[str, Any]) -> Iterator[str]:
    secret, keys = found["SECRET_KEY"], found["PORTAL_ENCRYPTION_KEYS"]
    if len(secret) < 50 or is_patterned(secret) or PLACEHOLDER.search(secret):
        yield f"SECRET_KEY is weak: use at least 50 random characters. {MAKE_SECRET}"
    if secret in keys:
        yield f"SECRET_KEY is one of PORTAL_ENCRYPTION_KEYS, so that one leak would be two. {MAKE_SECRET}"
    # The first one seals. Older ones have to open what they sealed until all of it is sealed anew.
    if fault := key_fault(keys[0]):
        yield (
            f"The first key of PORTAL_ENCRYPTION_KEYS {fault}. {MAKE_KEY} and put it in front; keep the old "
            "one behind a comma until rotate_encryption_keys has run."
        )
    token = found["METRICS_TOKEN"]
    if token and (is_patterned(token) or PLACEHOLDER.search(token)):
        yield "METRICS_TOKEN is weak: use at least 20 random characters."
    if re.search(r"change[-_ ]?me", found["DATABASE_URL"], re.IGNORECASE):
        yield "DATABASE_URL still holds the example's CHANGE-ME: put the password of the database there."


def _single_sign_on(found: Mapping[str, Any]) -> Iterator[str]:
    server = found["OIDC_SERVER_URL"]
    if server and not server.startswith("https://"):
        yield "OIDC_SERVER_URL must begin with https://."
    if server and found["OIDC_TRUST_EMAIL"] and _is_open_to_all(server):
        yield (
            "OIDC_TRUST_EMAIL believes every e-mail address that OIDC_SERVER_URL tells, and there anybody "
            "can have an account with yours. Name your own tenant, as in "
            "https://login.microsoftonline.com/TENANT-ID/v2.0, or take OIDC_TRUST_EMAIL away."
        )


def _mail(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["MAIL_IS_SET_UP"]:
        return
    if not found["EMAIL_BACKEND"].endswith("smtp.EmailBackend"):
        yield "EMAIL_URL sends no mail: consolemail://, filemail:// and memorymail:// are for development."
    is_sealed = found["EMAIL_USE_TLS"] or found["EMAIL_USE_SSL"]
    if found["EMAIL_HOST_PASSWORD"] and not is_sealed and not HERE.fullmatch(found["EMAIL_HOST"]):
        yield (
            "EMAIL_URL with smtp:// sends the password of the mail server in clear: begin it with "
            "smtp+tls:// or smtps://."
        )


def _is_open_to_all(server: str) -> bool:
    address = urlsplit(server)
    host = (address.hostname or "").rstrip(".").lower()
    tenant = unquote(address.path).strip("/").partition("/")[0].strip().lower()
    if host in MICROSOFT:
        return tenant in SHARED_TENANTS or host == "login.live.com" or not tenant
    return host in OPEN_TO_ALL


# --- how strong a secret is ---------------------------------------------------------------------------------


def key_fault(key: str) -> str:
    """What is wrong with a key of the ring, to be said after its name; "" for one that may be random."""
    try:
        raw = base64.b64decode(key.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return "is not 32 bytes in url-safe base64"
    if len(raw) != KEY_BYTES:
        return "is not 32 bytes in url-safe base64"
    if len(set(raw)) < KEY_BYTES // 2 or is_patterned(raw) or raw.isascii():
        return "is a pattern or a text, not 32 random bytes"
    return ""


def is_patterned(secret: str | bytes) -> bool:
    """Whether much of a secret follows from the rest of it: few signs, repetitions, rows like abcd or 2468.

    Random ones of 20 or more signs, be they hexadecimal, are not taken for one (less than once in a million).
    """
    signs = list(secret.encode() if isinstance(secret, str) else secret)
    return len(set(signs)) < 10 or _repeated(signs) > len(signs) / 3 or _rows(signs) > len(signs) / 3


def _repeated(signs: Sequence[int]) -> int:
    """How many signs stand in a group of four or more that was there before."""
    place = covered = 0
    while place < len(signs):
        length = max((_common(signs, earlier, place) for earlier in range(place)), default=0)
        covered += length if length >= 4 else 0
        place += length if length >= 4 else 1
    return covered


def _common(signs: Sequence[int], earlier: int, later: int) -> int:
    length = 0
    while later + length < len(signs) and signs[earlier + length] == signs[later + length]:
        length += 1
    return length


def _rows(signs: Sequence[int]) -> int:
    """How many signs go on as the two before them do, every sign or every second … eighth one."""
    most = 0
    for stride in range(1, 9):
        steps = [after - before for before, after in zip(signs, signs[stride:], strict=False)]
        most = max(most, sum(one == other for one, other in zip(steps, steps[stride:], strict=False)))
    return most
