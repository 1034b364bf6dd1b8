"""Where a face's picture comes from, and its template of another model from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from countenance.errors import ServiceError
from countenance.gallery import Collection, StoredFace
from countenance.gallery.vaults import Vaults
from countenance.reembedding.photos import PhotoFolder
from countenance.reembedding.reasons import Reason
from countenance.types import Detection, Face, FaceId, ImageId, Pixels, Templates, WeighedTemplate
from countenance.vision.align import DegenerateLandmarks
from countenance.vision.same_face import find_same

Found = Mapping[FaceId, WeighedTemplate | Reason]
"""A template for a face, or why it has none."""


class Embedding(Protocol):
    """What is needed of `vision.pipeline.Vision`."""

    @property
    def face_model_version(self) -> str: ...
    @property
    def dimensions(self) -> int: ...
    def decode(self, data: bytes) -> Pixels: ...
    def detect(self, pixels: Pixels) -> Detection: ...
    def embed_weighed(
        self, pixels: Pixels, faces: Sequence[Face]
    ) -> tuple[Templates, NDArray[np.float32]]: ...
    def embed_crop(self, data: bytes) -> WeighedTemplate: ...


class PictureSource(Protocol):
    """Thread-safe: many pictures are looked at at once."""

    def templates(self, image_id: ImageId, faces: Sequence[StoredFace], vision: Embedding) -> Found:
        """Of faces that were enrolled from one photograph: for each a template, or the reason for none.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """


class FolderSource:
    """Photographs: as if the faces were enrolled anew."""

    def __init__(self, photos: PhotoFolder) -> None:
        self._photos = photos

    def templates(self, image_id: ImageId, faces: Sequence[StoredFace], vision: Embedding) -> Found:
        data = self._photos.read(image_id, faces)
        if isinstance(data, Reason):
            return {face.face_id: data for face in faces}
        try:
            pixels = vision.decode(data)
        except ServiceError:
            return {face.face_id: Reason.BROKEN_PHOTO for face in faces}
        detection = vision.detect(pixels)
        return {face.face_id: _of_one(vision, pixels, detection, face) for face in faces}


class VaultSource:
    """Crops: of the faces that a collection has kept them of."""

    def __init__(self, vaults: Vaults, collection: Collection) -> None:
        self._vaults = vaults
        self._collection = collection

    def templates(self, image_id: ImageId, faces: Sequence[StoredFace], vision: Embedding) -> Found:
        del image_id
        crops = self._vaults.crops(self._collection, [face.face_id for face in faces])
        found: dict[FaceId, WeighedTemplate | Reason] = {}
        for face in faces:
            crop = crops.get(face.face_id)
            try:
                found[face.face_id] = Reason.NO_CROP if crop is None else vision.embed_crop(crop)
            except (ServiceError, DegenerateLandmarks):
                found[face.face_id] = Reason.BROKEN_PHOTO
        return found


def _of_one(
    vision: Embedding, pixels: Pixels, detection: Detection, face: StoredFace
) -> WeighedTemplate | Reason:
    same = find_same(detection, face.box)
    if same is None:
        return Reason.NO_FACE
    try:
        templates, weights = vision.embed_weighed(pixels, [same])
    except DegenerateLandmarks:
        return Reason.NO_FACE
    return WeighedTemplate(templates[0], float(weights[0]))
