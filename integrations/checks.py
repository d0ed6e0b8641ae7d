"""System checks: what would only show at the worst moment is said at the start."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from integrations import crypto


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
