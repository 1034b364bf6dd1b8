"""A stand-in for what reads attributes: it says something of what is asked for, and remembers it."""

from __future__ import annotations

import numpy as np

from countenance.types import Pose
from countenance.vision.attributes.description import (
    ATTRIBUTES,
    AgeRange,
    Description,
    EyeDirection,
    Gender,
    Judgement,
)

YES_NO = (
    *("BEARD", "EYEGLASSES", "EYES_OPEN", "FACE_OCCLUDED", "MOUTH_OPEN", "MUSTACHE", "SMILE", "SUNGLASSES"),
)
EMOTIONS = (
    *(("HAPPY", 90.0), ("CALM", 8.0), ("SAD", 1.0), ("ANGRY", 0.5)),
    *(("FEAR", 0.25), ("DISGUSTED", 0.125), ("SURPRISED", 0.125), ("CONFUSED", 0.0)),
)


class FakeAnalyst:
    """What operations use of `countenance.vision.attributes.analyst.Analyst`, without a net."""

    def __init__(self, supported=ATTRIBUTES, *, error=None):
        self.supported = frozenset(supported)
        self.error = error
        self.asked = []

    def describe(self, pixels, faces, wanted, *, landmarks=False):
        if self.error is not None:
            raise self.error
        self.asked.append((len(faces), wanted, landmarks))
        wanted &= self.supported
        if not (wanted or landmarks):
            return [Description() for _ in faces]
        return [self._describe(face, wanted, landmarks=landmarks) for face in faces]

    def qualities(self, pixels, faces):
        if self.error is not None:
            raise self.error
        return [None for _ in faces]

    def _describe(self, face, wanted, *, landmarks):
        grid = np.stack([np.arange(30), np.arange(30)[::-1]], axis=1).astype(np.float32)
        return Description(
            pose=Pose(roll_deg=1.0, yaw_deg=2.0, pitch_deg=3.0),
            landmarks=grid if landmarks else None,
            judgements={name: Judgement(name == "SMILE", 75.0) for name in YES_NO if name in wanted},
            age_range=AgeRange(30, 42) if "AGE_RANGE" in wanted else None,
            gender=Gender("Female", 97.5) if "GENDER" in wanted else None,
            emotions=EMOTIONS if "EMOTIONS" in wanted else (),
            eye_direction=EyeDirection(-5.0, 4.0, 80.0) if "EYE_DIRECTION" in wanted else None,
        )
