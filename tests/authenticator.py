"""An authenticator of the tests' own: keys of P-256 that it makes, counts with and signs with, as told to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def to_text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def to_bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Key:
    """One passkey, with its private half."""

    place: str
    handle: bytes
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    count: int = 0

    def public(self) -> bytes:
        """As COSE has it (RFC 9053): EC2, ES256, P-256."""
        numbers = self.private.public_key().public_numbers()
        x, y = (value.to_bytes(32, "big") for value in (numbers.x, numbers.y))
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})


@dataclass
class Authenticator:
    """Answers as a browser sends it on; every argument but the options says what is wrong with the answer.

    Attributes:
        origin: of the page that asks.
        counts: whether it counts its signatures; many do not, and say 0 for ever.
    """

    origin: str
    counts: bool = True
    keys: dict[bytes, Key] = field(default_factory=dict)

    def make(self, options: str, **wrong: Any) -> str:
        """Of the options of `create`: the answer, as JSON."""
        told = json.loads(options)
        key = Key(told["rp"]["id"], to_bytes(told["user"]["id"]))
        if "credential_id" in wrong:
            key.credential_id = wrong["credential_id"]
        self.keys[key.credential_id] = key
        flags = wrong.get("flags", PRESENT | VERIFIED | ATTESTED)
        data = self._data(key, flags, wrong) + (
            bytes(16) + len(key.credential_id).to_bytes(2, "big") + key.credential_id + key.public()
        )
        made = {"fmt": wrong.get("fmt", "none"), "attStmt": wrong.get("statement", {}), "authData": data}
        response = {
            "clientDataJSON": to_text(self._client_data("webauthn.create", told, wrong)),
            "attestationObject": to_text(encode_cbor(made)),
        }
        return self._answer(key, response)

    def sign(self, options: str, *, key: Key | None = None, **wrong: Any) -> str:
        """Of the options of `get`: the answer, as JSON, of a key of the place that asks."""
        told = json.loads(options)
        key = key or next(each for each in self.keys.values() if each.place == told["rpId"])
        if self.counts:
            key.count += 1
        data = self._data(key, wrong.get("flags", PRESENT | VERIFIED), wrong)
        client_data = self._client_data("webauthn.get", told, wrong)
        signer = wrong.get("private", key.private)
        signature = signer.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        handle = wrong.get("handle", key.handle)
        response = {
            "clientDataJSON": to_text(client_data),
            "authenticatorData": to_text(data),
            "signature": to_text(signature),
            **({} if handle is None else {"userHandle": to_text(handle)}),
        }
        return self._answer(key, response)

    def _data(self, key: Key, flags: int, wrong: dict[str, Any]) -> bytes:
        place = hashlib.sha256(wrong.get("place", key.place).encode()).digest()
        return place + bytes([flags]) + wrong.get("count", key.count).to_bytes(4, "big")

    def _client_data(self, kind: str, told: dict[str, Any], wrong: dict[str, Any]) -> bytes:
        said = {
            "type": wrong.get("type", kind),
            "challenge": to_text(wrong["challenge"]) if "challenge" in wrong else told["challenge"],
            "origin": wrong.get("origin", self.origin),
            "crossOrigin": wrong.get("cross_origin", False),
        }
        return json.dumps(said).encode()

    def _answer(self, key: Key, response: dict[str, str]) -> str:
        name = to_text(key.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
