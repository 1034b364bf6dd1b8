"""A picture of one face with what is around it: enough to find and embed the face again, with any pack.

    crop = 0x01 || box (4 float32: left, top, right, bottom) || points (10 float32) || JPEG

All little-endian, box and points in pixels of the picture. It is cut out of the photograph and not turned:
another pack finds the face as it would have in the photograph.
"""

from __future__ import annotations

from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from countenance.errors import InvalidImageFormatException
from countenance.types import Face, Landmarks5, PixelBox, Pixels
from countenance.vision.align import centred_transform, crop, moved_points
from countenance.vision.decode import Limits, decode

_FORMAT: Final = b"\x01"
_HEAD: Final = np.dtype("<f4")
_HEAD_NUMBERS: Final = 14
_MARGIN: Final = 1.0
"""Of the box's longer side, added on each side: so much, and detectors draw the face as in the photograph."""
_LARGEST_FACE_PX: Final = 384.0
"""Longer side of the box; more than any pack's network sees of a face."""
_QUALITY: Final = 95
_ANY_SIDE: Final = Limits(min_side_px=1)


def cut_crop(pixels: Pixels, face: Face) -> bytes:
    """The picture of a face that was found in these pixels."""
    box = face.box
    side = max(box.width, box.height)
    scale = min(1.0, _LARGEST_FACE_PX / side)
    height, width = pixels.shape[:2]
    margin = _MARGIN * side
    left, top = max(0, int(box.left - margin)), max(0, int(box.top - margin))
    right = min(width, int(np.ceil(box.left + box.width + margin)))
    bottom = min(height, int(np.ceil(box.top + box.height + margin)))
    columns, rows = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    if scale == 1.0:
        picture = pixels[top:bottom, left:right]
        points = face.landmarks - np.array([left, top], np.float32)
        corners = np.array([[box.left - left, box.top - top]], np.float32)
    else:
        centre = ((left + right) / 2, (top + bottom) / 2)
        transform = centred_transform(centre, scale=scale, turn_deg=0.0, width=columns, height=rows)
        picture = crop(pixels, transform, width=columns, height=rows)
        points = moved_points(face.landmarks, transform)
        corners = moved_points(np.array([[box.left, box.top]], np.float32), transform)
    begin = corners[0]
    head = np.concatenate(
        [begin, begin + np.array([box.width, box.height], np.float32) * np.float32(scale), points.reshape(-1)]
    )
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return _FORMAT + head.astype(_HEAD).tobytes() + file.getvalue()


def open_crop(data: bytes) -> tuple[Pixels, PixelBox, Landmarks5]:
    """Picture, and the face's box and points in it.

    Raises:
        InvalidImageFormatException: it is no crop, or a broken one.
    """
    begin = 1 + _HEAD_NUMBERS * _HEAD.itemsize
    if data[:1] != _FORMAT or len(data) <= begin:
        raise InvalidImageFormatException
    head = np.frombuffer(data, _HEAD, _HEAD_NUMBERS, 1).astype(np.float32)
    pixels = decode(data[begin:], _ANY_SIDE)
    left, top, right, bottom = map(float, head[:4])
    return pixels, PixelBox(left, top, right - left, bottom - top), head[4:].reshape(5, 2)
