"""The 478 points of a face: MediaPipe's face mesh with irises (Apache-2.0).

The network looks at a square around the face, turned so that the eyes are level, and answers points in three
dimensions and how sure it is that there is a face at all. From these points come the 30 landmarks, the pose,
the direction of the eyes and the patches of skin that other attributes are read from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.types import Face, Pixels
from countenance.vision.align import Transform, centred_transform, crop, inverse
from countenance.vision.session import Session

MeshPoints = NDArray[np.float32]
"""(478, 3): x and y in pixels of the photograph, z in the same unit, away from the camera."""

_INPUT_PX: Final = 256
_REGION_OVER_BOX: Final = 1.3
"""Side of what the network looks at over the larger side of the face's box."""
POINTS: Final = 478


@dataclass(frozen=True, slots=True)
class Mesh:
    """The mesh of one face.

    Attributes:
        points: in the photograph.
        presence: [0, 1], the network's own word on whether there is a face in what it looked at.
    """

    points: MeshPoints
    presence: float

    @property
    def eye_distance_px(self) -> float:
        """Between the irises' centres."""
        return float(np.linalg.norm(self.points[473, :2] - self.points[468, :2]))


class FaceMesh:
    """The network. Thread safety: as `Session`."""

    def __init__(self, model: Path | bytes, *, threads: int = 1) -> None:
        self._session = Session(model, threads=threads)
        self._input = self._session.input_names[0]

    def find(self, pixels: Pixels, faces: Sequence[Face]) -> list[Mesh | None]:
        """The mesh of each face of one photograph, as `find_each`."""
        return self.find_each([(pixels, face) for face in faces])

    def find_each(self, looks: Sequence[tuple[Pixels, Face]]) -> list[Mesh | None]:
        """Of each face in its picture, in one run of the network; None where it answers no numbers."""
        if not looks:
            return []
        transforms = [_region(face) for _, face in looks]
        batch = np.empty((len(looks), _INPUT_PX, _INPUT_PX, 3), np.float32)
        for row, transform, (pixels, _) in zip(batch, transforms, looks, strict=True):
            row[:] = crop(pixels, transform, width=_INPUT_PX, height=_INPUT_PX)
        batch /= 255
        points, presence, *_ = self._session.run({self._input: batch})
        return [
            _to_mesh(found.reshape(POINTS, 3), float(logit), transform)
            for found, logit, transform in zip(points, presence.reshape(-1), transforms, strict=True)
        ]


def _region(face: Face) -> Transform:
    """From the photograph to the square that the network looks at."""
    box = face.box
    across = face.landmarks[1] - face.landmarks[0]
    turn = math.degrees(math.atan2(float(across[1]), float(across[0])))
    side = max(box.width, box.height, 1.0) * _REGION_OVER_BOX
    centre = (box.left + box.width / 2, box.top + box.height / 2)
    return centred_transform(
        centre, scale=_INPUT_PX / side, turn_deg=-turn, width=_INPUT_PX, height=_INPUT_PX
    )


def _to_mesh(found: NDArray[np.float32], logit: float, transform: Transform) -> Mesh | None:
    if not (np.isfinite(found).all() and math.isfinite(logit)):
        return None
    back = inverse(transform)
    points = np.empty((POINTS, 3), np.float32)
    points[:, :2] = found[:, :2] @ back[:, :2].T + back[:, 2]
    points[:, 2] = found[:, 2] * math.sqrt(abs(float(np.linalg.det(back[:, :2]))))
    if not np.isfinite(points).all():
        return None
    return Mesh(points, 1 / (1 + math.exp(-max(-60.0, min(60.0, logit)))))
