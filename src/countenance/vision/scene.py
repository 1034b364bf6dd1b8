"""A fingerprint of what is around the faces: frames of one camera have nearly the same.

For telling a stream of video that comes as single photos from photos of different places. The faces are
blanked out before it is made, so that it says nothing of who is in the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from countenance.types import PixelBox, Pixels

_GRID: Final = (9, 8)
"""Width and height: each of 8 rows gives 8 signs of neighbours' differences, 64 bits."""
_WORKING_PX: Final = 144
_MARGIN: Final = 0.25
"""Of a face's box, added on each side: hair and chin are the person's too."""
_EVEN: Final = np.float32(0.01)
"""Grey levels by which no cell is brighter: where faces were blanked, only rounding would tell."""


def scene_hash(pixels: Pixels, boxes: Sequence[PixelBox]) -> int:
    """Difference hash of the picture without its faces.

    Args:
        pixels: (H, W, 3) RGB uint8.
        boxes: of the faces.

    Returns:
        64 bits; pictures of one scene differ in a few of them.
    """
    height, width = pixels.shape[:2]
    stride = max(1, min(height, width) // _WORKING_PX)
    small = pixels[::stride, ::stride].mean(axis=2, dtype=np.float32)
    kept = np.ones(small.shape, bool)
    for box in boxes:
        dx, dy = box.width * _MARGIN, box.height * _MARGIN
        left, top = int(max(0.0, (box.left - dx) / stride)), int(max(0.0, (box.top - dy) / stride))
        right, bottom = (box.left + box.width + dx) / stride + 1, (box.top + box.height + dy) / stride + 1
        kept[top : int(max(0.0, bottom)), left : int(max(0.0, right))] = False
    small[~kept] = small[kept].mean() if kept.any() else 0.0
    cells = cv2.resize(small, _GRID, interpolation=cv2.INTER_AREA)
    bits = (cells[:, 1:] > cells[:, :-1] + _EVEN).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
