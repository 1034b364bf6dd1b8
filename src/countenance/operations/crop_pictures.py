"""Pictures of faces for people to look at: as taken, and aligned. Nothing in them but the pixels."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from countenance.types import Landmarks5, PixelBox, Pixels
from countenance.vision.align import crop as cut
from countenance.vision.align import similarity_transform
from countenance.vision.face_crop import open_crop
from countenance.vision.quality import measure_quality

ALIGNED_PX: Final = (480, 640)
"""Columns and rows of an aligned picture."""
EYES_AT: Final = np.array([[180.0, 288.0], [300.0, 288.0]], np.float32)
"""(2, 2) pixel (x, y) of image-left and image-right eye in every aligned picture: a quarter of the columns
apart, level, 0.6 of the columns from the top, as the token portrait of ISO/IEC 19794-5 has them."""
_LEAST_EYES: Final = 0.15
"""Distance of the eyes over the longer side of the face's box: under it the head is turned away so far that
its eyes say nothing of its size (in profile the rest of the face would fill the wall)."""
_QUALITY: Final = 92


def to_picture(crop: bytes) -> bytes:
    """A JPEG of what a vault or a photo kept of a face, written anew: no metadata, no points.

    Raises:
        InvalidImageFormatException: it is no crop, or a broken one.
    """
    pixels, _, _ = open_crop(crop)
    return _jpeg(pixels)


def to_aligned_picture(crop: bytes) -> bytes | None:
    """The same face turned and scaled, so that its eyes lie where every aligned picture has them: a JPEG of
    ALIGNED_PX, black where the crop shows nothing. None where the head is turned too far away for that.

    Raises:
        InvalidImageFormatException: as `to_picture`.
    """
    pixels, box, points = open_crop(crop)
    if not _eyes_tell(box, points):
        return None
    columns, rows = ALIGNED_PX
    return _jpeg(cut(pixels, similarity_transform(points[:2], EYES_AT), width=columns, height=rows))


def quality_of(crop: bytes) -> dict[str, float]:
    """How good the picture is, 0-100: what a reader of an answer that rests on it should know.

    Raises:
        InvalidImageFormatException: as `to_picture`.
    """
    pixels, box, _ = open_crop(crop)
    quality = measure_quality(pixels, box)
    return {"Brightness": quality.brightness, "Sharpness": quality.sharpness}


def _eyes_tell(box: PixelBox, points: Landmarks5) -> bool:
    apart = float(np.linalg.norm(points[1] - points[0]))
    return apart > 0 and apart >= _LEAST_EYES * max(box.width, box.height)


def _jpeg(pixels: Pixels) -> bytes:
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
