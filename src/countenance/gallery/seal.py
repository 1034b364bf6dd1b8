"""Templates at rest: half floats under AES-256-GCM, each bound to its collection, face and model.

    sealed = 0x01 || nonce (12 bytes, random) || ciphertext (2 bytes a dimension) || tag (16 bytes)

A row that is copied over another face's, into another collection or under another model version does
not open. Random 96-bit nonces are safe to about 2^32 templates a key (NIST SP 800-38D), far beyond a
collection's quota.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from countenance.errors import CountenanceError
from countenance.gallery.stored import StoredTemplates, to_stored_template, to_unit
from countenance.types import FaceId, Template, Templates

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_LABEL = b"countenance template\x00"
_LITTLE_ENDIAN = np.dtype("<f2")


class BrokenSeal(CountenanceError):
    """A sealed template is not what was stored for that face: damaged, moved, or of another key."""

    def __init__(self, face_id: FaceId) -> None:
        super().__init__(f"the sealed template of face `{face_id}` does not open")
        self.face_id = face_id


class TemplateSeal:
    """Seals and opens the templates of one collection. Thread-safe.

    Attributes:
        generation: of the key that new templates are sealed with.
    """

    def __init__(
        self,
        key_of: Callable[[int], bytes],
        *,
        generation: int,
        collection_id: uuid.UUID,
        face_model_version: str,
        dimensions: int,
    ) -> None:
        """
        Args:
            key_of: from a generation to 32 secret bytes of this collection alone; KeyMissing for one that is
                destroyed.
        """
        self._key_of = key_of
        self._ciphers: dict[int, AESGCM] = {}
        self.generation = generation
        self._cipher(generation)
        self._prefix = _LABEL + _FORMAT + collection_id.bytes
        self._suffix = face_model_version.encode()
        self._dimensions = dimensions
        self._sealed_bytes = len(_FORMAT) + _NONCE_BYTES + 2 * dimensions + _TAG_BYTES

    def seal(self, face_id: FaceId, template: Template) -> bytes:
        """Round to half precision and encrypt; `template` is (D,) float32 of unit length."""
        return self.seal_all([face_id], template[np.newaxis])[0]

    def seal_all(self, face_ids: Sequence[FaceId], templates: Templates) -> list[bytes]:
        """Many at once, in their order; `templates` is (N, D)."""
        assert templates.shape == (len(face_ids), self._dimensions)
        squares = np.einsum("nd,nd->n", templates, templates)
        assert np.all(np.abs(np.sqrt(squares) - 1.0) < 1e-3), "a template has unit length"
        halves = memoryview(to_stored_template(templates).astype(_LITTLE_ENDIAN).tobytes())
        nonces = os.urandom(_NONCE_BYTES * len(face_ids))
        size = 2 * self._dimensions
        return [
            self._encrypted(
                face_id,
                halves[number * size : (number + 1) * size],
                nonces[number * _NONCE_BYTES : (number + 1) * _NONCE_BYTES],
            )
            for number, face_id in enumerate(face_ids)
        ]

    def unseal(self, face_id: FaceId, generation: int, sealed: bytes) -> Template:
        """The template as it is compared: (D,) float32 of unit length.

        Raises:
            BrokenSeal: it was not sealed for this face of this collection, or was changed since.
            KeyMissing: the key of that generation is destroyed.
        """
        template: Template = to_unit(self._to_stored([self._open(face_id, generation, sealed)]))[0]
        return template

    def reseal(self, face_id: FaceId, generation: int, sealed: bytes) -> bytes:
        """The same under the key of today. Raises as `unseal`."""
        return self._encrypted(face_id, self._open(face_id, generation, sealed), os.urandom(_NONCE_BYTES))

    def keep_only(self, generation: int) -> None:
        """Forget the keys of other generations: they may be destroyed, and are read again if they are not."""
        self.generation = generation
        for other in [each for each in self._ciphers if each != generation]:
            self._ciphers.pop(other, None)

    def unseal_all(self, rows: Sequence[tuple[FaceId, int, bytes]]) -> tuple[StoredTemplates, list[int]]:
        """Many at once: (K, D) rows at stored precision of those that open, and the positions of those that
        do not. Each is its face, the generation of its key, and what is sealed.

        Raises:
            KeyMissing: a key is destroyed.
        """
        halves: list[bytes] = []
        broken: list[int] = []
        for position, row in enumerate(rows):
            try:
                halves.append(self._open(*row))
            except BrokenSeal:
                broken.append(position)
        return self._to_stored(halves), broken

    def _encrypted(self, face_id: FaceId, halves: bytes | memoryview, nonce: bytes) -> bytes:
        cipher = self._cipher(self.generation)
        return _FORMAT + nonce + cipher.encrypt(nonce, halves, self._context(face_id))

    def _cipher(self, generation: int) -> AESGCM:
        cipher = self._ciphers.get(generation)
        if cipher is None:
            cipher = self._ciphers[generation] = AESGCM(self._key_of(generation))
        return cipher

    def _open(self, face_id: FaceId, generation: int, sealed: bytes) -> bytes:
        if len(sealed) != self._sealed_bytes or sealed[:1] != _FORMAT:
            raise BrokenSeal(face_id)
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher(generation).decrypt(nonce, body, self._context(face_id))
        except InvalidTag:
            raise BrokenSeal(face_id) from None

    def _to_stored(self, halves: Sequence[bytes]) -> StoredTemplates:
        stored = np.frombuffer(b"".join(halves), _LITTLE_ENDIAN)
        return np.asarray(stored.reshape(-1, self._dimensions), np.float16)

    def _context(self, face_id: FaceId) -> bytes:
        return self._prefix + face_id.bytes + self._suffix
