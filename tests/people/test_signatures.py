"""ID tokens: whoever did not sign them with a key of the provider's does not get in."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import AccountEvent
from portal.signatures import is_signed
from tests.support.identity_provider import KEY, IdentityProvider, public, sign_in

SECRET = "what the two of them share and nobody else"
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
KEYS = {"keys": [public(OTHER, kid="old", use="sig"), public(KEY, kid="one", use="sig")]}


def signed(
    key: Any = KEY, algorithm: str = "RS256", name: str = "one", body: bytes = b'{"sub": "u-17"}'
) -> str:
    return jwt.PyJWS().encode(body, key, algorithm, headers={"kid": name} if name else None)


@pytest.mark.parametrize(
    ("token", "published"),
    [
        (signed(), KEYS),
        (signed(name=""), KEYS),
        (signed(), {"keys": [public(KEY)]}),
        (signed(algorithm="PS512"), KEYS),
        (signed(CURVE, "ES256"), {"keys": [{"kty": "new"}, "odd", public(CURVE, kid="one", alg="ES256")]}),
        (signed(SECRET, "HS256"), {"keys": []}),
    ],
    ids=["named", "unnamed", "bare key", "PSS", "curve", "secret"],
)
def test_what_providers_sign_is_known(token: str, published: object) -> None:
    assert is_signed(token, published, SECRET)


def pem() -> bytes:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return KEY.public_key().public_bytes(serialization.Encoding.PEM, kind)


def by_secret(secret: bytes) -> str:
    """The library makes none with a short secret, nor with a public key."""
    head, body, _ = signed("x" * 32, "HS256").split(".")
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    mark = jwt.utils.base64url_encode(algorithm.sign(f"{head}.{body}".encode(), secret))
    return f"{head}.{body}.{mark.decode()}"


WHOLE = signed()
REFUSED = {
    "unsigned": WHOLE.rpartition(".")[0] + ".",
    "other words": ".".join(
        [WHOLE.split(".")[0], signed(body=b'{"sub": "u-1"}').split(".")[1], WHOLE.split(".")[2]]
    ),
    "none": signed(None, "none"),
    "a stranger's key": signed(OTHER),
    "a key of another name": signed(OTHER, name="new"),
    "another secret": signed("not the client's secret, but as long", "HS256"),
    "the public key as secret": by_secret(pem()),  # CVE-2016-5431
    "a curve": signed(CURVE, "ES256"),
    "no token": "nonsense",
    "": "",
}


@pytest.mark.parametrize("what", REFUSED)
def test_whatever_else_is_not(what: str) -> None:
    mine = {"keys": [public(KEY, kid="one", use="sig")]}
    assert is_signed(WHOLE, mine, SECRET)
    assert not is_signed(REFUSED[what], mine, SECRET)


@pytest.mark.parametrize(
    "published", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": [public(KEY, use="enc")]}]
)
def test_keys_that_cannot_be_read_sign_nothing(published: object) -> None:
    assert not is_signed(WHOLE, published, SECRET)


def test_an_id_token_that_the_provider_has_not_signed_is_refused(
    provider: IdentityProvider, nora: User
) -> None:
    client = Client()
    provider.key = OTHER
    assert sign_in(client, provider).status_code == 401
    assert "_auth_user_id" not in client.session
    event = AccountEvent.objects.filter(kind=AccountEvent.Kind.REFUSED).latest("pk")
    assert "not signed by the provider" in event.detail
    provider.published["keys"].append(public(OTHER, kid="one"))  # it has changed its key
    sign_in(client, provider)
    assert "_auth_user_id" in client.session
