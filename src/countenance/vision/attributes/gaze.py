"""Where the eyes look from the head, and how far eyes and mouth are open: plain geometry of the mesh.

An iris that is turned away by an angle a moves by r·sin(a) across the eye, r being the eyeball's radius:
12 mm, in an eye that is about 30 mm from corner to corner.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.types import Confidence
from countenance.vision.attributes.description import EyeDirection
from countenance.vision.attributes.face_mesh import Mesh
from countenance.vision.attributes.mesh_points import (
    LEFT_EYE,
    LEFT_IRIS,
    LOWER_LIP,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    RIGHT_EYE,
    RIGHT_IRIS,
    UPPER_LIP,
)

_EYE_OVER_BALL: Final = 2.5
_REST: Final = 0.03
"""Over an eye's width: how far above the line of the corners the iris is that looks straight ahead."""
_FARTHEST: Final = math.sin(math.radians(45))
"""Of the sine: eyes do not turn further."""
_MOST: Final = 75.0
"""The largest Confidence that is given: nothing here has labels to measure it on."""


def eye_direction(mesh: Mesh, trust: float, *, open_: float) -> EyeDirection:
    """Means of both eyes; `open_` is the probability that they are open at all."""
    along, across = (_offset(mesh, LEFT_EYE, LEFT_IRIS) + _offset(mesh, RIGHT_EYE, RIGHT_IRIS)) / 2
    yaw, pitch = _angle_deg(float(along)), _angle_deg(-float(across + _REST))
    sure = trust * max(0.0, 2 * open_ - 1)
    return EyeDirection(yaw, pitch, Confidence(50 + (_MOST - 50) * sure))


def mouth_gap(mesh: Mesh) -> float:
    """Between the lips' inner edges, over the mouth's width."""
    points = mesh.points
    width = float(np.linalg.norm(points[MOUTH_RIGHT] - points[MOUTH_LEFT]))
    return float(np.linalg.norm(points[LOWER_LIP] - points[UPPER_LIP])) / max(width, 1e-6)


def _offset(mesh: Mesh, eye: tuple[int, int, int, int], iris: int) -> NDArray[np.float64]:
    """(2,) of the iris from the middle between the corners, along the eye and across it, over its width."""
    left, right = mesh.points[eye[0], :2].astype(np.float64), mesh.points[eye[1], :2].astype(np.float64)
    along = right - left
    width = max(float(np.linalg.norm(along)), 1e-6)
    along /= width
    across = np.array([-along[1], along[0]])
    away = mesh.points[iris, :2] - (left + right) / 2
    return np.array([away @ along, away @ across]) / width


def _angle_deg(offset: float) -> float:
    return math.degrees(math.asin(min(_FARTHEST, max(-_FARTHEST, offset * _EYE_OVER_BALL))))
