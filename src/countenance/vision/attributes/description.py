"""What is said of a face beside the default members: values, each with what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from countenance.types import Confidence, Pose

YesNoAttribute = Literal[
    "BEARD",
    "EYEGLASSES",
    "EYES_OPEN",
    "FACE_OCCLUDED",
    "MOUTH_OPEN",
    "MUSTACHE",
    "SMILE",
    "SUNGLASSES",
]
Attribute = Literal[YesNoAttribute, "AGE_RANGE", "EMOTIONS", "EYE_DIRECTION", "GENDER"]
ATTRIBUTES: Final[frozenset[Attribute]] = frozenset(
    {
        *("AGE_RANGE", "BEARD", "EMOTIONS", "EYEGLASSES", "EYES_OPEN", "EYE_DIRECTION"),
        *("FACE_OCCLUDED", "GENDER", "MOUTH_OPEN", "MUSTACHE", "SMILE", "SUNGLASSES"),
    }
)
Emotion = Literal["HAPPY", "SAD", "ANGRY", "CONFUSED", "DISGUSTED", "SURPRISED", "CALM", "FEAR"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A yes or no. `confidence` is in the answer given, so 50-100: 50 says that nothing is known."""

    value: bool
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Gender:
    """What a face looks like to the network, which knows two words; it says nothing of who somebody is."""

    value: Literal["Male", "Female"]
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class AgeRange:
    """Years that a face looks like, both ends included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class EyeDirection:
    """Where the eyes look from the head, in degrees: positive yaw to the image's right, positive pitch up."""

    yaw_deg: float
    pitch_deg: float
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Description:
    """Of one face; what was not asked for, or cannot be read here, is not in it.

    Attributes:
        pose: from the mesh; None where there is none.
        landmarks: (30, 2) pixels of the photograph, in the order of `mesh_points.LANDMARKS`.
        judgements: of what is answered by yes or no.
        emotions: what the face expresses, each 0-100, most confident first; empty unless asked for.
    """

    pose: Pose | None = None
    landmarks: NDArray[np.float32] | None = None
    judgements: Mapping[YesNoAttribute, Judgement] = field(default_factory=dict)
    age_range: AgeRange | None = None
    gender: Gender | None = None
    emotions: Sequence[tuple[Emotion, Confidence]] = ()
    eye_direction: EyeDirection | None = None
