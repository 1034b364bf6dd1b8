"""A large face brought near to the size that networks look at: once, and not by each of them by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from countenance.types import Face, PixelBox, Pixels
from countenance.vision.attributes.face_mesh import Mesh

_NEAR_PX: Final = 200
"""Of the larger side of a box: networks look at 112 to 260 px of a face. What is twice as large is reduced.

By a whole number: averaging over whole pixels takes a fifth of the time.
"""
_MOST_PX: Final = 1e6
"""Of a box beyond it nothing is to be expected: the largest photo has 10,000 px a side."""
_AROUND: Final = 2.4
"""Side of what is kept over that of the box: as much as any network looks at."""


@dataclass(frozen=True, slots=True)
class NearView:
    """A face in a picture of its own, or where it was.

    Attributes:
        pixels, face: what to look at.
        scale: pixels of the view for one of the photograph.
        origin: (2,) pixel (x, y) of the photograph that is the view's corner.
    """

    pixels: Pixels
    face: Face
    scale: float
    origin: NDArray[np.float32]

    def back(self, mesh: Mesh) -> Mesh:
        """A mesh of the view, in pixels of the photograph."""
        if self.scale == 1:
            return mesh
        points = mesh.points / np.float32(self.scale)
        points[:, :2] += self.origin + np.float32(0.5 / self.scale - 0.5)  # pixel centres lie at halves
        return replace(mesh, points=points)


def near_view(pixels: Pixels, face: Face) -> NearView:
    """The photograph itself unless the face is large; where it ends, the view ends."""
    box = face.box
    side = max(box.width, box.height)
    if not 2 * _NEAR_PX <= side < _MOST_PX:  # also of NaN
        return NearView(pixels, face, 1.0, np.zeros(2, np.float32))
    step = int(side // _NEAR_PX)
    height, width = pixels.shape[:2]
    centre_x, centre_y, reach = box.left + box.width / 2, box.top + box.height / 2, side * _AROUND / 2
    left, right = (round(min(max(at, 0), width)) for at in (centre_x - reach, centre_x + reach))
    top, bottom = (round(min(max(at, 0), height)) for at in (centre_y - reach, centre_y + reach))
    columns, rows = (right - left) // step, (bottom - top) // step
    if not (columns and rows):  # nothing of it is seen
        return NearView(pixels, face, 1.0, np.zeros(2, np.float32))
    seen = pixels[top : top + rows * step, left : left + columns * step]
    small = cv2.resize(seen, (columns, rows), interpolation=cv2.INTER_AREA)
    scale, origin = 1 / step, np.array([left, top], np.float32)
    moved = replace(
        face,
        box=PixelBox(
            left=(box.left - left) * scale,
            top=(box.top - top) * scale,
            width=box.width * scale,
            height=box.height * scale,
        ),
        landmarks=np.asarray((face.landmarks - origin) * scale, np.float32),
    )
    return NearView(np.asarray(small, np.uint8), moved, scale, origin)
