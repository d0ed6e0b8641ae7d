"""What the values of a column look like, for columns whose names say nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from integrations.services.organizations.status import Meaning, status_meaning

FEWEST = 2  # values; one alone looks like many things
_UUID = re.compile(r"\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_HOST = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}", re.IGNORECASE)
_PHONE = re.compile(r"\(?\+?\d[\d\s()./-]{5,}\d(?:\s*(?:x|ext\.?)\s*\d+)?", re.IGNORECASE)
_POSTAL = re.compile(
    r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4} ?[A-Z]{2}|(?:[A-Z]{1,2}-)\d{4,5}"
    r"|\d{5}(?:-\d{4})?"
)


def look_of(values: Sequence[str]) -> str:
    """The field that all these values look like one of, "" for none; empty values do not count."""
    given = [value.strip() for value in values if value.strip()]
    if len(given) < FEWEST:
        return ""
    if all(map(is_uuid, given)):
        return "external_id" if len(set(given)) == len(given) else ""
    hosts = [host_of(value) for value in given]
    if all(hosts):
        return "domain" if len(set(hosts)) > len(hosts) // 2 else ""
    if all(map(_POSTAL.fullmatch, given)):
        return "postal_code"
    if all(map(_is_phone, given)):
        return "phone"
    if all(status_meaning(value) in {Meaning.ACTIVE, Meaning.INACTIVE} for value in given):
        return "is_active"
    return ""


def is_uuid(text: str) -> bool:
    """Whether it is written like a UUID."""
    return bool(_UUID.fullmatch(text.strip()))


def host_of(text: str) -> str:
    """The host of a web or mail address, or a domain; "" for other text."""
    text = text.strip()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""
    return host if _HOST.fullmatch(host) else ""


def _is_phone(text: str) -> bool:
    digits = sum(sign.isdigit() for sign in text)
    written = len(text) > digits  # a bare number is an id as well
    return bool(_PHONE.fullmatch(text)) and written and 7 <= digits <= 15 + 5
