"""GetFaceImage: a small picture of an enrolled face, where the collection keeps one."""

from __future__ import annotations

import math
import uuid
from io import BytesIO
from typing import Final

from PIL import Image

from countenance.errors import InternalServerError, InvalidImageFormatException, ResourceNotFoundException
from countenance.operations.deps import Deps
from countenance.types import FaceId
from countenance.vision.face_crop import open_crop
from countenance.wire.shapes import GetFaceImageRequest, GetFaceImageResponse

SIDE_PX: Final = 112
"""Enough for people to tell who it is, and no more than a list needs."""
_QUALITY: Final = 85
_MARGIN: Final = 0.35
"""Of the box's longer side, on each side: hair and chin, and nobody who stands beside."""


def get_face_image(request: GetFaceImageRequest, deps: Deps) -> GetFaceImageResponse:
    """Out of the collection's vault, while that is open and the picture's time is not over."""
    collection = deps.collection(request["CollectionId"])
    face_id = FaceId(uuid.UUID(request["FaceId"]))
    crop = deps.gallery.vaults.crops(collection, [face_id]).get(face_id)
    if crop is None:
        # Of a face that is not there, of one without a picture, and where none are kept: the same answer.
        raise ResourceNotFoundException(f"the collection keeps no picture of a face `{face_id}`")
    return {"Picture": _small(crop), "SidePixels": SIDE_PX}


def _small(crop: bytes) -> bytes:
    """A JPEG of the face in a crop, written anew: no metadata, no points.

    Raises:
        InternalServerError: the crop is damaged.
    """
    try:
        pixels, box, _ = open_crop(crop)
    except InvalidImageFormatException as error:
        raise InternalServerError("the kept picture of the face is damaged") from error
    margin = _MARGIN * max(box.width, box.height)
    height, width = pixels.shape[:2]
    left, top = max(0, int(box.left - margin)), max(0, int(box.top - margin))
    right = min(width, max(left + 1, math.ceil(box.left + box.width + margin)))
    bottom = min(height, max(top + 1, math.ceil(box.top + box.height + margin)))
    picture = Image.fromarray(pixels).crop((left, top, right, bottom))
    picture.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
