"""What lies over a face: sunglasses (an ImageNet classifier, Apache-2.0) and masks (AIZOOTech, MIT)."""

from __future__ import annotations

from typing import Final

import numpy as np

from countenance.types import Face, Pixels
from countenance.vision.attributes.face_mesh import Mesh
from countenance.vision.attributes.square_crop import square_around
from countenance.vision.session import Session

_SUNGLASSES: Final = (837, 838)
"""ImageNet's two classes of them, after the background class."""
_SUNGLASSES_PX, _SUNGLASSES_OVER_FACE = 224, 1.4
_COVER_PX, _COVER_OVER_FACE = 260, 1.5
_MASK, _NO_MASK = 0, 1
_OVAL: Final = 468


class SunglassesNet:
    """The network. Thread safety: as `Session`."""

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        self._session = Session(model, threads=threads)

    def measure(self, pixels: Pixels, mesh: Mesh) -> float:
        """The share of both classes, 0-1: under 0.13 on nearly every face without, over 0.2 on most with."""
        face = square_around(pixels, mesh, over_face=_SUNGLASSES_OVER_FACE, side_px=_SUNGLASSES_PX)
        (shares, *_) = self._session.run({self._session.input_names[0]: face[None]})
        return float(shares.reshape(-1)[list(_SUNGLASSES)].astype(np.float64).sum() / 255)


class CoverNet:
    """The network: a detector of faces with and without a mask. Thread safety: as `Session`."""

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        self._session = Session(model, threads=threads)

    def measure(self, pixels: Pixels, mesh: Mesh) -> float:
        """How much surer it is of a mask than of none, -1 to 1."""
        face = square_around(pixels, mesh, over_face=_COVER_OVER_FACE, side_px=_COVER_PX)
        _, shares, *_ = self._session.run({self._session.input_names[0]: face[None].astype(np.float32) / 255})
        best = shares.reshape(-1, 2).max(axis=0)
        return float(best[_MASK] - best[_NO_MASK])


def share_outside(pixels: Pixels, mesh: Mesh, face: Face) -> float:
    """How much of the face lies outside of the photograph, 0-1, by the mesh or by the detector's box."""
    height, width = pixels.shape[:2]
    box = face.box
    across = min(box.left + box.width, width) - max(box.left, 0)
    down = min(box.top + box.height, height) - max(box.top, 0)
    of_box = 1 - max(0.0, float(across)) * max(0.0, float(down)) / max(box.area_px, 1e-6)
    points = mesh.points[:_OVAL, :2]
    inside = (points >= 0).all(axis=1) & (points[:, 0] < width) & (points[:, 1] < height)
    return max(1 - float(inside.mean()), float(of_box))
