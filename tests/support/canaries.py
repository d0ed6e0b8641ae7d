"""In which shapes a secret could lie somewhere, and where it does."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from urllib.parse import quote, quote_plus


def shapes(secret: str) -> dict[str, bytes]:
    """The secret as it is, in base64 however it is aligned, as part of an address, escaped, and in hex."""
    plain = secret.encode()
    found = {
        "raw": plain,
        "hex": plain.hex().encode(),
        "HEX": plain.hex().upper().encode(),
        "url": quote(secret, safe="").encode(),
        "form": quote_plus(secret).encode(),
        "HTML": html.escape(secret).encode(),
        "JSON": json.dumps(secret)[1:-1].encode(),
    }
    for offset in range(3):
        # Three bytes make four signs: the first and the last sign may hold bits of what stands beside.
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            text = encode(b"\0" * offset + plain).rstrip(b"=")
            found[f"{name} at {offset}"] = text[(offset * 8 + 5) // 6 : len(text) - 1]
    return found


def found_in(places: Mapping[str, bytes], secrets: Mapping[str, str]) -> list[str]:
    """Where which secret lies, in which shape; empty as it has to be."""
    return [
        f"{name} in {place} ({shape})"
        for name, secret in secrets.items()
        for shape, signs in shapes(secret).items()
        for place, content in places.items()
        if signs in content
    ]
