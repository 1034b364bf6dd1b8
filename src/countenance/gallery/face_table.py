"""What a resident copy knows of its faces besides their templates, packed: a gallery may hold millions."""

from __future__ import annotations

import struct
import uuid

from countenance.gallery.records import StoredFace
from countenance.types import Confidence, FaceId, ImageId, RatioBox, UserId

_PACKED = struct.Struct("<16s16s5d")
_BYTES_PER_FACE = 420
"""Packed row, its places in three lists and the index, and two short strings: measured, rounded up."""


class FaceTable:
    """Faces by row number and by id. Not thread-safe: its owner sees to that."""

    def __init__(self, face_model_version: str) -> None:
        self._face_model_version = face_model_version
        self._packed: list[bytes] = []
        self._external_image_ids: list[str | None] = []
        self._user_ids: list[UserId | None] = []
        self._ordinals: list[int] = []
        self._rows: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._packed)

    @property
    def nbytes(self) -> int:
        """An estimate of the memory held."""
        return len(self._packed) * _BYTES_PER_FACE

    def append(self, face: StoredFace, *, ordinal: int) -> None:
        """Add a face behind the last row; its id must not be there yet."""
        box = face.box
        packed = _PACKED.pack(
            face.face_id.bytes,
            face.image_id.bytes,
            box.left,
            box.top,
            box.width,
            box.height,
            face.confidence,
        )
        self._rows[face.face_id.bytes] = len(self._packed)
        self._packed.append(packed)
        self._external_image_ids.append(face.external_image_id)
        self._user_ids.append(face.user_id)
        self._ordinals.append(ordinal)

    def remove(self, row: int) -> None:
        """Take a row out; the last row takes its place."""
        del self._rows[self._packed[row][:16]]
        packed, external, user_id, ordinal = (
            self._packed.pop(),
            self._external_image_ids.pop(),
            self._user_ids.pop(),
            self._ordinals.pop(),
        )
        if row < len(self._packed):
            self._packed[row] = packed
            self._external_image_ids[row] = external
            self._user_ids[row] = user_id
            self._ordinals[row] = ordinal
            self._rows[packed[:16]] = row

    def row_of(self, face_id: FaceId) -> int | None:
        return self._rows.get(face_id.bytes)

    def user_of(self, row: int) -> UserId | None:
        return self._user_ids[row]

    def ordinal_of(self, row: int) -> int:
        return self._ordinals[row]

    def face(self, row: int) -> StoredFace:
        face_id, image_id, left, top, width, height, confidence = _PACKED.unpack(self._packed[row])
        return StoredFace(
            face_id=FaceId(uuid.UUID(bytes=face_id)),
            image_id=ImageId(uuid.UUID(bytes=image_id)),
            external_image_id=self._external_image_ids[row],
            box=RatioBox(left=left, top=top, width=width, height=height),
            confidence=Confidence(confidence),
            user_id=self._user_ids[row],
            face_model_version=self._face_model_version,
        )
