"""Roll, yaw and pitch from the mesh: the frame that its points in space span.

Across is the mean direction from the image-left to the image-right point of pairs that mirror one another,
down that from the forehead to the chin, made perpendicular to it. Angles are in Rekognition's signs
(`countenance.types.Pose`).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from countenance.types import Pose
from countenance.vision.attributes.face_mesh import MeshPoints
from countenance.vision.attributes.mesh_points import CHIN, FOREHEAD, SYMMETRIC

_REST_DEG: Final = -0.7
"""Of MediaPipe's canonical face model, upright: its chin lies 2 mm behind its forehead."""

_LEFT, _RIGHT = np.array(SYMMETRIC).T


def estimate_mesh_pose(points: MeshPoints) -> Pose:
    """The pose of a face, (478, 3); upright and straight ahead where its points span nothing."""
    across = (points[_RIGHT] - points[_LEFT]).mean(axis=0).astype(np.float64)
    down = (points[CHIN] - points[FOREHEAD]).astype(np.float64)
    width = float(np.linalg.norm(across))
    across /= width or 1.0
    down -= (down @ across) * across
    height = float(np.linalg.norm(down))
    if not (width > 0 and height > 0):
        return Pose(roll_deg=0.0, yaw_deg=0.0, pitch_deg=0.0)
    down /= height
    away = np.cross(across, down)
    # the image's right side of a face that is turned to the right is the one further away
    roll = math.atan2(across[1], across[0])
    yaw = math.asin(min(1.0, max(-1.0, float(across[2]))))
    pitch = math.atan2(-down[2], away[2])
    return Pose(
        roll_deg=math.degrees(roll), yaw_deg=math.degrees(yaw), pitch_deg=math.degrees(pitch) - _REST_DEG
    )
