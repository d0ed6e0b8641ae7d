"""A device that holds a passkey, in software: it answers what pages ask a browser for (WebAuthn level 2)."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2 import cbor
from fido2.utils import websafe_encode

ORIGIN, HOST = "https://localhost", "localhost"
PRESENT, VERIFIED, NEW = 0x01, 0x04, 0x40


@dataclass
class Device:
    """One key pair for one person at one portal."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    uses: int = 0

    def create(self, options: dict[str, Any], origin: str = ORIGIN) -> str:
        """What ``navigator.credentials.create`` answers, as the form sends it."""
        point = self.key.public_key().public_numbers()
        # COSE: an elliptic curve key, ES256, P-256.
        public = cbor.encode(
            {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        )
        size = len(self.credential).to_bytes(2, "big")
        data = self._data(NEW) + bytes(16) + size + self.credential + public
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client = _client_data("webauthn.create", options, origin)
        response = {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(attestation),
        }
        return self._answer(response)

    def get(self, options: dict[str, Any], origin: str = ORIGIN) -> str:
        """What ``navigator.credentials.get`` answers, as the form sends it."""
        data, client = self._data(0), _client_data("webauthn.get", options, origin)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
        }
        return self._answer(response)

    def _data(self, flags: int) -> bytes:
        self.uses += 1
        host = hashlib.sha256(HOST.encode()).digest()
        return host + bytes([PRESENT | VERIFIED | flags]) + self.uses.to_bytes(4, "big")

    def _answer(self, response: dict[str, str]) -> str:
        name = websafe_encode(self.credential)
        answer = {"type": "public-key", "id": name, "rawId": name, "response": response}
        return json.dumps({**answer, "clientExtensionResults": {}})


def _client_data(kind: str, options: dict[str, Any], origin: str) -> bytes:
    told = {"type": kind, "challenge": options["publicKey"]["challenge"], "origin": origin}
    return json.dumps(told).encode()


def asked(page: str) -> dict[str, Any]:
    """What a page asks the browser for."""
    found = re.search(r'<script id="js_data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    (options,) = json.loads(found[1]).values()
    return dict(options)


def browser() -> Client:
    """At the name for which the device's keys are made."""
    return Client(SERVER_NAME=HOST, headers={"Host": HOST})
