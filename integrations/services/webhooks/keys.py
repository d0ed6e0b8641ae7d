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
    """The secret with a new key, whose predecessors still sign beside it, each for a day from its end.

    ``secret`` is a webhook's: ``key``, the ``previous`` one with ``until`` when it signs, and where somebody
    renewed again within that time, the ``older`` ones as [key, until]: the receiver may know only those.
    """
    if "key" not in secret:
        return {"key": key}
    renewed = {"key": key, "previous": secret["key"], "until": (now + OVERLAP).isoformat()}
    older = [[before, until.isoformat()] for before, until in old_keys(secret, now)]
    return renewed | {"older": older} if older else renewed


@sensitive_variables()
def old_keys(secret: Mapping[str, Any], now: dt.datetime) -> list[tuple[str, dt.datetime]]:
    """The replaced keys that still sign, and until when, the newest first."""
    told = [(secret["previous"], secret["until"])] if secret.get("previous") else []
    ends = [(key, dt.datetime.fromisoformat(until)) for key, until in (*told, *secret.get("older", ()))]
    return [(key, until) for key, until in ends if now < until]


@sensitive_variables()
def signing_keys(secret: Mapping[str, Any], now: dt.datetime) -> tuple[str, ...]:
    """The keys that sign now, the newest first. Raises KeyError where there is none."""
    return (secret["key"], *(key for key, _ in old_keys(secret, now)))


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
