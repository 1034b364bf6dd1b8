"""Head pose from five points.

The points are taken as a scaled orthographic picture of a mean face's five points in space: the
least-squares affine camera is found, and the rotation nearest to it (the nose, which lies in front
of the plane of eyes and mouth, tells yaw and pitch apart from shape). Angles are in Rekognition's
signs: roll clockwise, yaw nose to the image's right, pitch looking up are positive.

What five points can tell: roll to a degree or two; yaw and pitch to about ten degrees, for they
take everybody's nose to be of mean length.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from countenance.types import Landmarks5, Pose

# x to the image's right, y down, z away from the camera, in centimetres: eye centres, nose tip and
# mouth corners of MediaPipe's canonical face model (Apache-2.0), frontal.
_MEAN_FACE: Final = np.array(
    [
        [-3.15, -2.62, 4.00],
        [3.15, -2.62, 4.00],
        [0.00, 1.13, 0.00],
        [-2.46, 4.34, 3.19],
        [2.46, 4.34, 3.19],
    ]
)
_CENTRED_FACE: Final = _MEAN_FACE - _MEAN_FACE.mean(axis=0)
_FIT: Final = np.linalg.pinv(_CENTRED_FACE)


def estimate_pose(landmarks: Landmarks5) -> Pose:
    """Roll, yaw and pitch of a face whose points do not all coincide.

    Args:
        landmarks: (5, 2) pixel (x, y).
    """
    points = landmarks.astype(np.float64) - landmarks.mean(axis=0)
    camera = (_FIT @ points).T  # (2, 3): the first two rows of a rotation, scaled
    left, _, right = np.linalg.svd(camera, full_matrices=False)
    across, down = left @ right
    away = np.cross(across, down)
    # (across, down, away) = Rz(roll) Ry(yaw) Rx(pitch): roll is the angle of the eyes' line in the picture
    roll = math.atan2(down[0], across[0])
    yaw = math.asin(min(1.0, max(-1.0, away[0])))
    pitch = math.atan2(-away[1], away[2])
    return Pose(roll_deg=math.degrees(roll), yaw_deg=math.degrees(yaw), pitch_deg=math.degrees(pitch))
