"""The values of an organization, read from what people and files write. One place for form and import."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from django.db import models

from integrations.files.text import clean_text
from integrations.models import Organization

LENGTHS = {
    field.name: field.max_length or 0
    for field in Organization._meta.concrete_fields
    if isinstance(field, models.CharField) and field.name in Organization.EDITABLE
}
LABELS = {name: name.replace("_", " ") for name in Organization.EDITABLE} | {"is_active": "active"}
YES = {"true", "yes", "y", "1", "x", "active", "enabled"}
NO = {"false", "no", "n", "0", "inactive", "disabled"}

_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
# After a plus only digits, signs between them and an extension: "+1 614-555-2000 ext. 12", never "+SUM(A1)".
_PHONE = re.compile(
    r"\+[\d\s()./-]+(?:(?:x|ext\.?|extension|\#)\s*\d+)?|[\w(][\w\s()./+,:#*-]*",
    re.ASCII | re.IGNORECASE,
)


class ValueProblem(Exception):
    """A value cannot be taken; the text says why, and begins with the field's label."""


def read_value(field: str, text: str) -> str | bool | None:
    """The value of a field of ``Organization.EDITABLE`` from its text; None where nothing is given.

    Raises ValueProblem.
    """
    text = clean_text(text)
    if not text:
        return None
    if field == "is_active":
        return _flag(text)
    value = _READERS.get(field, str)(text)
    if len(value) > LENGTHS[field]:
        raise ValueProblem(f"{LABELS[field]} has {len(value):,} characters; {LENGTHS[field]} are allowed")
    return value


def _flag(text: str) -> bool:
    word = text.lower()
    if word in YES | NO:
        return word in YES
    raise ValueProblem(f"active must be yes or no, not {_quoted(text)}")


def _domain(text: str) -> str:
    """``https://www.example.com/contact`` and ``info@example.com`` are both ``example.com``."""
    address = text if "//" in text else f"//{text}"
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        host = ""
    labels = host.rstrip(".").split(".")
    while len(labels) > 2 and labels[0] == "www":  # what is read again stays as it is; "www.de" is a domain
        del labels[0]
    if len(labels) < 2 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise ValueProblem(f"domain must look like example.com, not {_quoted(text)}")
    return ".".join(labels)


def _phone(text: str) -> str:
    """As it is written; it only has to be a telephone number at all."""
    if not _PHONE.fullmatch(text) or not any(sign.isdigit() for sign in text):
        raise ValueProblem(f"phone must be a telephone number, not {_quoted(text)}")
    return text


def _quoted(text: str) -> str:
    return f'"{text}"' if len(text) <= 60 else f'"{text[:60]}…"'


_READERS: dict[str, Callable[[str], str]] = {"domain": _domain, "phone": _phone}
