"""System checks: what would only show at the worst moment is said at the start."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # Django's name

from integrations import crypto
from portal.production import key_fault


@register()
def encryption_keys_work(**kwargs: Any) -> list[CheckMessage]:
    """E001: the key ring can seal and open."""
    try:
        works = crypto.unseal(crypto.seal({"probe": 1}, "check"), "check") == {"probe": 1}
    except ValueError:
        works = False
    if works:
        return []
    return [
        Error(
            "PORTAL_ENCRYPTION_KEYS holds no usable key.",
            hint="Make one with: head -c 32 /dev/urandom | base64 | tr +/ -_",
            id="integrations.E001",
        )
    ]


@register()
def old_keys_go(**kwargs: Any) -> list[CheckMessage]:
    """W001: no weak key stays in the ring for longer than rotating takes."""
    if not getattr(settings, "IN_PRODUCTION", False):
        return []
    return [
        Warning(
            f"Key {number} of PORTAL_ENCRYPTION_KEYS {fault}.",
            hint="Run rotate_encryption_keys, take that key away, and restart.",
            id="integrations.W001",
        )
        for number, key in enumerate(settings.PORTAL_ENCRYPTION_KEYS, start=1)
        if (fault := key_fault(key))
    ]
