"""Whether the identity provider has signed an ID token (RFC 7515; OpenID Connect Core 1.0, 10.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
from django.views.decorators.debug import sensitive_variables

# By the provider's own key, or by the secret that it shares with the portal. "none" is neither.
BY_KEY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
BY_SECRET = ("HS256", "HS384", "HS512")
SHORTEST_SECRET = 32  # bytes that may sign (RFC 7518, 3.2)


@sensitive_variables("token", "secret", "key")
def is_signed(token: str, published: object, secret: str) -> bool:
    """Whether one of the keys that the provider publishes (a JSON Web Key Set) has signed this token.

    ``secret`` is the portal's own at the provider, for those that sign with it; a key never counts as one.
    """
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        return False
    algorithm = header.get("alg")
    if algorithm in BY_SECRET:
        return len(secret.encode()) >= SHORTEST_SECRET and _fits(token, secret.encode(), str(algorithm))
    if algorithm not in BY_KEY:
        return False
    return any(
        _fits(token, key, str(algorithm)) for key in _keys(published, str(algorithm), header.get("kid"))
    )


@sensitive_variables("token", "key")
def _fits(token: str, key: Any, algorithm: str) -> bool:
    try:
        jwt.PyJWS().decode(token, key, algorithms=[algorithm])
    except jwt.PyJWTError:
        return False
    return True


def _keys(published: object, algorithm: str, name: object) -> Iterator[Any]:
    """The published keys that may have signed: of this name where both have one, and for this algorithm."""
    listed = published.get("keys") if isinstance(published, dict) else None
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        if entry.get("alg", algorithm) != algorithm or (name and entry.get("kid", name) != name):
            continue
        try:
            yield jwt.PyJWK(entry, algorithm=algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError):  # of another kind, or of no kind that is known here
            continue
