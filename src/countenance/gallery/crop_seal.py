"""Pictures of faces at rest: AES-256-GCM under the keys that templates are sealed with, bound to their faces.

    sealed = 0x01 || nonce (12 bytes, random) || ciphertext || tag (16 bytes)

Not bound to a model: that it is of none is what a picture is kept for.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from countenance.gallery.seal import BrokenSeal
from countenance.types import FaceId

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_LABEL = b"countenance crop\x00"


class CropSeal:
    """Seals and opens the crops of one collection. Used by one thread at a time."""

    def __init__(self, key_of: Callable[[int], bytes], *, generation: int, collection_id: uuid.UUID) -> None:
        """`key_of`: as `TemplateSeal` has it; `generation`: of the key that new crops are sealed with."""
        self._key_of = key_of
        self._ciphers: dict[int, AESGCM] = {}
        self.generation = generation
        self._prefix = _LABEL + _FORMAT + collection_id.bytes

    def seal(self, face_id: FaceId, crop: bytes) -> bytes:
        """Encrypt. Raises KeyMissing."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher(self.generation).encrypt(nonce, crop, self._context(face_id))

    def unseal(self, face_id: FaceId, generation: int, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            BrokenSeal: it was not sealed for this face of this collection, or was changed since.
            KeyMissing: the key of that generation is destroyed.
        """
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _FORMAT or len(body) < 16:
                raise BrokenSeal(face_id)
            return self._cipher(generation).decrypt(nonce, body, self._context(face_id))
        except InvalidTag:
            raise BrokenSeal(face_id) from None

    def reseal_all(self, rows: Sequence[tuple[FaceId, int, bytes]]) -> list[bytes | None]:
        """The same under the key of today; None for those that do not open. Raises KeyMissing."""
        return [self._resealed(*row) for row in rows]

    def _resealed(self, face_id: FaceId, generation: int, sealed: bytes) -> bytes | None:
        try:
            return self.seal(face_id, self.unseal(face_id, generation, sealed))
        except BrokenSeal:
            return None

    def _cipher(self, generation: int) -> AESGCM:
        cipher = self._ciphers.get(generation)
        if cipher is None:
            cipher = self._ciphers[generation] = AESGCM(self._key_of(generation))
        return cipher

    def _context(self, face_id: FaceId) -> bytes:
        return self._prefix + face_id.bytes
