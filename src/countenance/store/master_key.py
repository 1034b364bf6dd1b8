"""A master key: 32 bytes that all other keys, and small secrets in PostgreSQL, are under."""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class MasterKey:
    """Wraps keys and seals secrets. Thread-safe; shows nothing of itself.

    Attributes:
        fingerprint: 16 bytes that tell master keys apart and give nothing of them away.
    """

    def __init__(self, key: bytes) -> None:
        """`key`: 32 random bytes."""
        assert len(key) == KEY_BYTES
        self.fingerprint = derive_key(key, b"fingerprint")[:16]
        self._wrapping = AESGCM(derive_key(key, b"collection keys"))
        self._sealing = AESGCM(derive_key(key, b"secrets"))

    def __repr__(self) -> str:
        return f"MasterKey({self.fingerprint.hex()})"

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypt a key for its file: it opens only under the same `context`."""
        return _encrypt(self._wrapping, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """What `wrap` was given; None if it was another master key's or context's, or is damaged."""
        return _decrypt(self._wrapping, wrapped, context)

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Encrypt a small secret for the database: 28 bytes longer."""
        return _encrypt(self._sealing, plaintext, context)

    def unseal(self, sealed: bytes, context: bytes) -> bytes | None:
        """What `seal` was given; None as for `unwrap`."""
        return _decrypt(self._sealing, sealed, context)


def derive_key(secret: bytes, purpose: bytes, *, salt: bytes | None = None) -> bytes:
    """32 bytes for one purpose (HKDF-SHA-256)."""
    kdf = HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=salt, info=b"countenance/1/" + purpose)
    return kdf.derive(secret)


def _encrypt(cipher: AESGCM, plaintext: bytes, context: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plaintext, context)


def _decrypt(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes | None:
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        return None
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except InvalidTag:
        return None
