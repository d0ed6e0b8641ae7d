"""The key ring: sealing credentials so that a stolen database or backup opens nothing.

Fernet (AES-128-CBC with HMAC-SHA256) under keys of its own, ``PORTAL_ENCRYPTION_KEYS``; the first key
seals, every key opens. The sealed text carries the context it belongs to, so that a ciphertext copied
into another row, field or model is refused.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.views.decorators.debug import sensitive_variables


class SealedValueError(Exception):
    """A sealed value cannot be opened: damaged, sealed for another place, or its key is not in the ring."""


def ring_mark() -> str:
    """By what a key ring is known, to tell whether two machines have the same; it leads to no key."""
    marks = sorted(
        hashlib.sha256(b"key ring" + key.encode()).hexdigest() for key in settings.PORTAL_ENCRYPTION_KEYS
    )
    return hashlib.sha256("".join(marks).encode()).hexdigest()[:16]


def new_key() -> str:
    """A fresh random key for PORTAL_ENCRYPTION_KEYS."""
    return Fernet.generate_key().decode()


def key_ring() -> MultiFernet:
    """The ring of the configured keys. Raises ValueError for a key that is not 32 url-safe base64 bytes."""
    return _ring(*settings.PORTAL_ENCRYPTION_KEYS)


@lru_cache(maxsize=1)  # every page opens its session with it
@sensitive_variables()
def _ring(*keys: str) -> MultiFernet:
    return MultiFernet([Fernet(key.strip()) for key in keys])


@sensitive_variables()
def seal(content: dict[str, Any], context: str) -> str:
    """Encrypt a JSON object for one place; ``context`` names it ("model:row:field")."""
    plain = json.dumps({"context": context, "content": content}, separators=(",", ":"))
    return key_ring().encrypt(plain.encode()).decode()


@sensitive_variables()
def unseal(token: str, context: str) -> dict[str, Any]:
    """The object sealed for this context. Raises SealedValueError; its text holds nothing of the content."""
    try:
        opened = json.loads(key_ring().decrypt(token.encode()))
    except (InvalidToken, ValueError) as error:
        raise SealedValueError("The stored value cannot be opened with the configured keys.") from error
    if not isinstance(opened, dict) or opened.get("context") != context:
        raise SealedValueError("The stored value was sealed for another place.")
    content = opened.get("content")
    if not isinstance(content, dict):
        raise SealedValueError("The stored value has no content.")
    return content


def rotate(token: str) -> str:
    """The same content under the first key of the ring. Raises SealedValueError."""
    try:
        return key_ring().rotate(token.encode()).decode()
    except InvalidToken as error:
        raise SealedValueError("The stored value cannot be opened with the configured keys.") from error
