"""Templates at rest: half floats under AES-256-GCM, each bound to its collection, face and model.

    sealed = 0x01 || nonce (12 bytes, random) || ciphertext (2 bytes a dimension) || tag (16 bytes)

A row that is copied over another face's, into another collection or under another model version does
not open. Random 96-bit nonces are safe to about 2^32 templates a key (NIST SP 800-38D), far beyond a
collection's quota.

What is sealed is in the collection's basis (`basis`); what comes from a model is turned as it is sealed.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from countenance.errors import CountenanceError
from countenance.gallery.basis import MODELS_BASIS, MODELS_OWN, Basis, Sealing, basis_from
from countenance.gallery.stored import StoredTemplates, to_stored_template, to_unit
from countenance.store import KeyMissing, KeyStore
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
        basis: that templates are in when they are opened, whichever they were sealed in.
    """

    def __init__(
        self,
        keys: KeyStore,
        sealing: Sealing,
        *,
        collection_id: uuid.UUID,
        face_model_version: str,
        dimensions: int,
    ) -> None:
        """Raises KeyMissing where the key or the basis of new templates is destroyed."""
        self._keys = keys
        self._sealing = sealing
        self._collection_id = collection_id
        self._dimensions = dimensions
        self._ciphers: dict[int, AESGCM] = {}
        self.generation = sealing.generation
        self._cipher(self.generation)
        self.basis = self._basis(sealing.basis)
        self._prefix = _LABEL + _FORMAT + collection_id.bytes
        self._suffix = face_model_version.encode()
        self._sealed_bytes = len(_FORMAT) + _NONCE_BYTES + 2 * dimensions + _TAG_BYTES

    def seal(self, face_id: FaceId, template: Template, weight: float = 1.0) -> bytes:
        """Turn, round to half precision and encrypt; `template` is (D,) float32 of unit length."""
        return self.seal_all([face_id], template[np.newaxis], np.array([weight]))[0]

    def seal_all(
        self, face_ids: Sequence[FaceId], templates: Templates, weights: NDArray[np.floating] | None = None
    ) -> list[bytes]:
        """Many at once, in their order; `templates` is (N, D), `weights` (N,), None for 1."""
        assert templates.shape == (len(face_ids), self._dimensions)
        squares = np.einsum("nd,nd->n", templates, templates)
        assert np.all(np.abs(np.sqrt(squares) - 1.0) < 1e-3), "a template has unit length"
        halves = memoryview(_to_bytes(to_stored_template(self.basis.turned(templates), weights)))
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
        stored, broken = self.unseal_all([(face_id, generation, sealed)])
        if broken:
            raise BrokenSeal(face_id)
        template: Template = to_unit(stored)[0]
        return template

    def reseal_all(self, rows: Sequence[tuple[FaceId, int, bytes]]) -> list[bytes | None]:
        """The same under the key of today, in the basis of today; None for those that do not open.

        Raises:
            KeyMissing: as `unseal_all`, which says what `rows` are.
        """
        stored, broken = self.unseal_all(rows)
        left_out, opened = set(broken), (_to_bytes(each) for each in stored)
        return [
            None if position in left_out else self._encrypted(row[0], next(opened), os.urandom(_NONCE_BYTES))
            for position, row in enumerate(rows)
        ]

    def keep_only(self, generation: int) -> None:
        """Forget the keys of other generations: they may be destroyed, and are read again if they are not."""
        self.generation = generation
        for other in [each for each in self._ciphers if each != generation]:
            self._ciphers.pop(other, None)

    def unseal_all(self, rows: Sequence[tuple[FaceId, int, bytes]]) -> tuple[StoredTemplates, list[int]]:
        """Many at once: (K, D) rows at stored precision of those that open, and the positions of those that
        do not. Each is its face, the generation of its key, and what is sealed.

        Raises:
            KeyMissing: a key is destroyed, or newer than what this seals with: begin anew.
        """
        halves: list[bytes] = []
        generations: list[int] = []
        broken: list[int] = []
        for position, row in enumerate(rows):
            if row[1] > self.generation:
                # INVARIANT: what is in a basis that this seal does not know of is compared with nothing.
                raise KeyMissing(f"a template was sealed anew meanwhile, with a key of generation {row[1]}")
            try:
                halves.append(self._open(*row))
                generations.append(row[1])
            except BrokenSeal:
                broken.append(position)
        return self._in_basis(self._to_stored(halves), generations), broken

    def _in_basis(self, stored: StoredTemplates, generations: Sequence[int]) -> StoredTemplates:
        """As they are in the basis of today, of which those of older generations may not be yet."""
        if not self._sealing.is_renewing:
            return stored
        older = np.array([each < self._sealing.since for each in generations], bool)
        if older.any():
            stored = stored.copy()
            stored[older] = self._basis(self._sealing.earlier).carried(stored[older], self.basis)
        return stored

    def _basis(self, number: int) -> Basis:
        """Raises KeyMissing."""
        if number == MODELS_OWN:
            return MODELS_BASIS
        return basis_from(self._keys.basis(self._collection_id, number), self._dimensions)

    def _encrypted(self, face_id: FaceId, halves: bytes | memoryview, nonce: bytes) -> bytes:
        cipher = self._cipher(self.generation)
        return _FORMAT + nonce + cipher.encrypt(nonce, halves, self._context(face_id))

    def _cipher(self, generation: int) -> AESGCM:
        cipher = self._ciphers.get(generation)
        if cipher is None:
            cipher = self._ciphers[generation] = AESGCM(
                self._keys.template_key(self._collection_id, generation)
            )
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


def _to_bytes(stored: StoredTemplates) -> bytes:
    return stored.astype(_LITTLE_ENDIAN).tobytes()
