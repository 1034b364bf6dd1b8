"""Held searches at rest: AES-256-GCM under a key of each review's own, outside the database.

    sealed = 0x01 || nonce (12 bytes, random) || ciphertext || tag (16 bytes)

Bound to the review and to what it is: the held answer, the released one, or one examiner's verdicts. The
plaintext is JSON. A review is over for good when its key is destroyed.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from countenance.errors import CountenanceError

KEY_PREFIX: Final = "review-"
"""How the names of the keys begin: no backup has such a key, so none brings back what was purged."""
_FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12
_LABEL: Final = b"countenance review\x00"


def key_name(review_id: uuid.UUID) -> str:
    """Of the key of one review among the key store's secrets."""
    return f"{KEY_PREFIX}{review_id}"


class BrokenReviewSeal(CountenanceError):
    """What is sealed of a review is not what was stored: damaged, moved, or of another key."""

    def __init__(self, review_id: uuid.UUID) -> None:
        super().__init__(f"the review `{review_id}` does not open")


class ReviewSeal:
    """Seals and opens what is kept of one review. Thread-safe."""

    def __init__(self, key: bytes, review_id: uuid.UUID) -> None:
        """`key`: 32 bytes."""
        self._cipher = AESGCM(key)
        self._review_id = review_id

    def seal(self, place: str, members: Mapping[str, Any]) -> bytes:
        """Encrypt JSON values for one place: `held`, `released` or `verdicts/OPERATOR`."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, orjson.dumps(members), self._context(place))

    def unseal(self, place: str, sealed: bytes) -> dict[str, Any]:
        """What was sealed for the place.

        Raises:
            BrokenReviewSeal: it was not sealed for this place of this review, or was changed since.
        """
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _FORMAT or len(body) < 16:
                raise BrokenReviewSeal(self._review_id)
            opened: dict[str, Any] = orjson.loads(self._cipher.decrypt(nonce, body, self._context(place)))
        except InvalidTag:
            raise BrokenReviewSeal(self._review_id) from None
        return opened

    def _context(self, place: str) -> bytes:
        return _LABEL + self._review_id.bytes + place.encode()
