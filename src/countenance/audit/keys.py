"""The keys behind the log: who can still say whom an entry is about, and who may sign.

All of them lie in the key store, outside PostgreSQL. Destroying an account's key leaves its entries in the
log, provable as before, and takes away what they meant: whose pseudonym stands in them, and what their
commitments open to. The same goes for the key of a face or user, half of which is random bytes beside the
face and half its collection's key.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from countenance.store import KeyMissing, KeyStore

SALT_BYTES = 32
_NONCE_BYTES = 12
_MOST_KEPT = 4096


class SealingKey:
    """Seals small values, each bound to its place. Thread-safe."""

    def __init__(self, secret: bytes) -> None:
        """`secret`: 32 bytes of this account, face or user alone."""
        self._secret = secret
        self._cipher = AESGCM(self._derived(b"seal"))

    def seal(self, value: bytes, *, place: bytes) -> bytes:
        """Encrypt so that it opens only at the same `place`: 28 bytes longer."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, place)

    def unseal(self, sealed: bytes, *, place: bytes) -> bytes | None:
        """What `seal` was given; None if this is not its key or place, or it is damaged."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except (InvalidTag, ValueError):
            return None

    def tag(self, label: str) -> bytes:
        """16 bytes by which whoever has the key finds what was sealed with it under the label.

        Tags of different labels cannot be told to be of one key: rows of one tag say no more together than
        the label does.
        """
        return self._derived(b"tag\x00" + label.encode())[:16]

    def pseudonym(self, kind: str, value: str) -> bytes:
        """16 bytes that stand for `value` wherever this key is used, and for nobody without it."""
        return self._derived(b"pseudonym\x00" + kind.encode() + b"\x00" + value.encode())[:16]

    def _derived(self, purpose: bytes) -> bytes:
        return hmac.digest(self._secret, b"countenance/audit/1/" + purpose, "sha256")


class AuditKeys:
    """Sealing keys of accounts, faces and users. Thread-safe.

    # INVARIANT: a key that any process has destroyed is used by none: one in memory only as long as its own
    # file is there, and not another of its name.

    An account whose key was destroyed and that calls again gets another one, and with it other pseudonyms.
    """

    def __init__(self, keys: KeyStore) -> None:
        self.store = keys
        self._kept: dict[str, tuple[tuple[int, int], SealingKey]] = {}

    def account(self, account_id: str) -> SealingKey:
        """The account's key, made when it is first asked for."""
        name = _account_name(account_id)
        version, kept = self.store.secret_version(name), self._kept.get(account_id)
        if version is not None and kept is not None and kept[0] == version:
            return kept[1]
        key = SealingKey(self.store.secret(name) or self.store.create_secret(name))
        if version is not None and self.store.secret_version(name) == version:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[account_id] = (version, key)
        return key

    def has_account(self, account_id: str) -> bool:
        """Whether the account has a key; none is made."""
        return self.store.secret(_account_name(account_id)) is not None

    def forget_account(self, account_id: str) -> None:
        """Destroy the account's key: what its entries meant is nobody's to know from then on."""
        self.store.destroy_secret(_account_name(account_id))

    def collection(self, collection_id: uuid.UUID) -> CollectionKey | None:
        """What the keys of the collection's faces and users are made with; None once it is destroyed."""
        try:
            return CollectionKey(self.store.collection_key(collection_id))
        except KeyMissing:
            return None


class CollectionKey:
    """Makes the keys of one collection's faces and users."""

    def __init__(self, collection_key: bytes) -> None:
        self._secret = hmac.digest(collection_key, b"countenance/audit/subjects/1", "sha256")

    def subject(self, kind: Literal["face", "user"], subject_id: str, secret: bytes) -> SealingKey:
        """The key of one face or user, out of the random bytes that lie beside it (32 bytes)."""
        own = b"\x00".join((kind.encode(), secret, subject_id.encode()))
        return SealingKey(hmac.digest(self._secret, own, "sha256"))


def _account_name(account_id: str) -> str:
    return f"account-{account_id}"
