"""Brightness and sharpness of a face, each 0-100, measured on its pixels; no model, no training.

Brightness is the mean luma (ITU-R BT.601) of the face's box as a percentage of white.

Sharpness is how much of the contrast is fine. The box, brought to 112 x 112 px, is filtered with a
Laplacian; the variance of the result over the variance of the luma says how much of the picture
changes from pixel to pixel, whatever the exposure. The ratio is put on a logarithmic scale from
0.0015 (0: blurred by about 4 % of the face's width, or enlarged from 12 px) to 0.06 (100: pin-sharp).
Noise counts as detail: a grainy picture is called sharp.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from countenance.types import PixelBox, Pixels, Quality

_SIDE_PX: Final = 112
_RIM_PX: Final = 2
_BLURRED, _SHARP = 0.0015, 0.06
_SENSOR_VARIANCE: Final = 25.0
"""Luma variance that even a uniform surface has: keeps the ratio of a flat picture from being noise."""


def measure_quality(pixels: Pixels, box: PixelBox) -> Quality:
    """Of the part of `box` that lies in the photograph; 0 and 0 where none does."""
    height, width = pixels.shape[:2]
    left, top = max(0, math.floor(box.left)), max(0, math.floor(box.top))
    right = min(width, math.ceil(box.left + box.width))
    bottom = min(height, math.ceil(box.top + box.height))
    if right <= left or bottom <= top:
        return Quality(brightness=0.0, sharpness=0.0)
    region = pixels[top:bottom, left:right]
    how = cv2.INTER_AREA if min(region.shape[:2]) > _SIDE_PX else cv2.INTER_LINEAR
    face = cv2.resize(region, (_SIDE_PX, _SIDE_PX), interpolation=how)
    luma = np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.float32)
    detail = np.asarray(cv2.Laplacian(luma, cv2.CV_32F))[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX]
    ratio = float(detail.var()) / (float(luma.var()) + _SENSOR_VARIANCE)
    sharpness = 100 * math.log(max(ratio, _BLURRED) / _BLURRED) / math.log(_SHARP / _BLURRED)
    return Quality(brightness=float(luma.mean()) / 2.55, sharpness=min(100.0, sharpness))
