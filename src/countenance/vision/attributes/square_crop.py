"""Upright squares around a face, as the networks of attributes take them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.types import Pixels
from countenance.vision.align import centred_transform, crop
from countenance.vision.attributes.face_mesh import Mesh

_OVAL: Final = 468
"""The mesh without the irises: what lies on the face's outline and inside."""


def square_around(pixels: Pixels, mesh: Mesh, *, over_face: float, side_px: int) -> Pixels:
    """(side_px, side_px, 3): the face turned upright, in a square `over_face` times as large as its mesh."""
    centre, side, turn_deg = _extent(mesh)
    transform = centred_transform(
        centre, scale=side_px / (side * over_face), turn_deg=-turn_deg, width=side_px, height=side_px
    )
    return crop(pixels, transform, width=side_px, height=side_px)


def _extent(mesh: Mesh) -> tuple[tuple[float, float], float, float]:
    """Of the upright rectangle around the mesh: centre, larger side, and how far it is turned."""
    points = mesh.points[:_OVAL, :2].astype(np.float64)
    across = mesh.points[473, :2] - mesh.points[468, :2]
    turn = math.atan2(float(across[1]), float(across[0]))
    upright = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    turned: NDArray[np.float64] = points @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    centre = (low + high) / 2 @ upright
    return (float(centre[0]), float(centre[1])), max(float((high - low).max()), 1.0), math.degrees(turn)
