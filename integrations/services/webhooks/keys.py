"""Signing keys of webhooks and the signatures made with them.

Signed as the Standard Webhooks specification 1.0 says (https://www.standardwebhooks.com).
``Portal-Signature`` is what the portal sent before; it stays beside it for one version.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.views.decorators.debug import sensitive_variables
from standardwebhooks import Webhook as Signer

KEY_BYTES = 32  # the specification asks for 24 to 64
KEY_MARK = "whsec_"
OVERLAP = dt.timedelta(hours=24)
LEGACY_HEADER = "Portal-Signature"


def new_key() -> str:
    """A fresh signing key in the form of the specification: ``whsec_`` and 32 random bytes in base64."""
    return KEY_MARK + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


@sensitive_variables()
def replaced(secret: Mapping[str, Any], key: str, now: dt.datetime) -> dict[str, Any]:
    """The secret with a new key, whose predecessor still signs beside it for a day.

    ``secret`` is a webhook's: ``key``, and the ``previous`` one with ``until`` when it signs.
    """
    if "key" not in secret:
        return {"key": key}
    return {"key": key, "previous": secret["key"], "until": (now + OVERLAP).isoformat()}


@sensitive_variables()
def signing_keys(secret: Mapping[str, Any], now: dt.datetime) -> tuple[str, ...]:
    """The keys that sign now, the newest first. Raises KeyError where there is none."""
    previous = secret.get("previous")
    if previous and now < dt.datetime.fromisoformat(secret["until"]):
        return (secret["key"], previous)
    return (secret["key"],)


@sensitive_variables()
def signature_headers(keys: Sequence[str], message_id: str, now: dt.datetime, body: bytes) -> dict[str, str]:
    """Id, time and one signature per key; the one of before is made with the newest key alone."""
    signatures = [
        Signer(_signer_key(key)).sign(message_id, now.astimezone(dt.UTC), body.decode()) for key in keys
    ]
    timestamp = int(now.timestamp())
    digest = hmac.new(keys[0].encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
        LEGACY_HEADER: f"t={timestamp},v1={digest}",
    }


@sensitive_variables()
def _signer_key(key: str) -> str | bytes:
    """Keys of before (``whk_…``) are not base64: their text is the key, in bytes."""
    return key if key.startswith(KEY_MARK) else key.encode()
