"""Pictures of faces for people to look at: nothing in them but the pixels."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from PIL import Image

from countenance.vision.face_crop import open_crop

_QUALITY: Final = 92


def to_picture(crop: bytes) -> bytes:
    """A JPEG of what a vault or a photo kept of a face, written anew: no metadata, no points.

    Raises:
        InvalidImageFormatException: it is no crop, or a broken one.
    """
    pixels, _, _ = open_crop(crop)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
