"""What can be measured of a face as a picture, each with its unit and which way is better.

In the sense of ISO/IEC 29794-5: of the picture, and not of the person. Eyes and mouth are read to say that a
photo was taken at a bad moment, covers that the face is not to be seen; none says who or how somebody is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import cv2
import numpy as np

from countenance.types import Face, Pixels
from countenance.vision.attributes.description import Attribute, Description, YesNoAttribute

if TYPE_CHECKING:  # the inference runtime loads when a network is first needed
    from countenance.vision.attributes.analyst import Analyst

Measure = Literal[
    "EYE_DISTANCE",
    "SHARPNESS",
    "BRIGHTNESS",
    "CLIPPED",
    "YAW",
    "PITCH",
    "CONFIDENCE",
    "BACKGROUND",
    "EYES_OPEN",
    "MOUTH_CLOSED",
    "UNCOVERED",
    "NO_SUNGLASSES",
    "LIGHTQNET",
]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
Direction = Literal["higher", "lower", "middle"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How a measure is read.

    Attributes:
        better: which way; `middle` neither too little nor too much.
        needs: what it is read from, in words, where that is not in every installation.
    """

    unit: str
    better: Direction
    means: str
    needs: str = ""


_MESH: Final = "the attribute pack"
SCALES: Final[dict[Measure, Scale]] = {
    "EYE_DISTANCE": Scale("px", "higher", "between the centres of the eyes"),
    "SHARPNESS": Scale("0-100", "higher", "how much of the face's contrast is fine"),
    "BRIGHTNESS": Scale("0-100", "middle", "mean luma of the face's box, of white"),
    "CLIPPED": Scale("%", "lower", "of the face's box that is as good as white"),
    "YAW": Scale("degrees", "lower", "turned to a side, either"),
    "PITCH": Scale("degrees", "lower", "turned up or down"),
    "CONFIDENCE": Scale("0-100", "higher", "how sure the detector is that it is a face"),
    "BACKGROUND": Scale("0-100", "higher", "how even it is beside the head"),
    "EYES_OPEN": Scale("%", "higher", "how sure it is that they are open", _MESH),
    "MOUTH_CLOSED": Scale("%", "higher", "how sure it is that it is closed", _MESH),
    "UNCOVERED": Scale("%", "higher", "how sure it is that nothing lies over the face", _MESH),
    "NO_SUNGLASSES": Scale("%", "higher", "how sure it is that there are none", _MESH),
    "LIGHTQNET": Scale("0-1", "higher", "a network's word on quality; nothing is decided by it", _MESH),
}
"""Every measure, in the order in which they are told."""

_OF_JUDGEMENTS: Final[dict[YesNoAttribute, tuple[Measure, bool]]] = {
    "EYES_OPEN": ("EYES_OPEN", True),
    "MOUTH_OPEN": ("MOUTH_CLOSED", False),
    "FACE_OCCLUDED": ("UNCOVERED", False),
    "SUNGLASSES": ("NO_SUNGLASSES", False),
}
"""Attribute → the measure that it is, and the answer that is the good one."""
_WANTED: Final[frozenset[Attribute]] = frozenset(_OF_JUDGEMENTS)
_WHITE: Final = 250
"""Luma from which a pixel says nothing any more."""
_HEAD, _BESIDE = 1.5, 2.4
"""Widths of the box that the head, and what is looked at beside it, are taken to fill."""
_UNEVEN: Final = 64.0
"""Standard deviation of luma at which a background is as uneven as can be told."""
_LEAST_BESIDE_PX: Final = 64


@dataclass(frozen=True, slots=True)
class FaceMeasures:
    """Of one face: measure → value in the unit of its scale; what cannot be read here is not in it."""

    values: dict[Measure, float]

    @property
    def missing(self) -> tuple[Measure, ...]:
        return tuple(measure for measure in MEASURES if measure not in self.values)


def measure_faces(
    pixels: Pixels, faces: Sequence[Face], analyst: Analyst | None = None
) -> list[FaceMeasures]:
    """Of each of the faces that were found in these pixels, in their order.

    Args:
        analyst: reads what needs networks; None, or one without files, for what needs none.

    Raises:
        SetupError: a file of the attribute pack was exchanged or damaged since it was installed.
    """
    if analyst is None or not faces:
        descriptions: Sequence[Description] = [Description() for _ in faces]
        qualities: Sequence[float | None] = [None] * len(faces)
    else:
        descriptions = analyst.describe(pixels, faces, _WANTED)
        qualities = analyst.qualities(pixels, faces)
    return [
        FaceMeasures(_ordered(_plain(pixels, face) | _of_networks(description, quality)))
        for face, description, quality in zip(faces, descriptions, qualities, strict=True)
    ]


def eye_distance_px(face: Face) -> float:
    """Between the detector's two eyes."""
    return float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))


def _plain(pixels: Pixels, face: Face) -> dict[Measure, float]:
    """What needs no network beside the detector's."""
    found: dict[Measure, float] = {
        "EYE_DISTANCE": eye_distance_px(face),
        "SHARPNESS": face.quality.sharpness,
        "BRIGHTNESS": face.quality.brightness,
        "CLIPPED": 100 * _clipped(pixels, face),
        "YAW": abs(face.pose.yaw_deg),
        "PITCH": abs(face.pose.pitch_deg),
        "CONFIDENCE": float(face.confidence),
    }
    background = _background(pixels, face)
    if background is not None:
        found["BACKGROUND"] = background
    return found


def _of_networks(description: Description, quality: float | None) -> dict[Measure, float]:
    found: dict[Measure, float] = {}
    for attribute, (measure, is_good) in _OF_JUDGEMENTS.items():
        judgement = description.judgements.get(attribute)
        if judgement is not None:
            confidence = float(judgement.confidence)
            found[measure] = confidence if judgement.value is is_good else 100 - confidence
    if quality is not None:
        found["LIGHTQNET"] = quality
    return found


def _clipped(pixels: Pixels, face: Face) -> float:
    """The share of the box that is as good as white; 0 where none of it lies in the photograph."""
    box, (height, width) = face.box, pixels.shape[:2]
    left, top = max(0, math.floor(box.left)), max(0, math.floor(box.top))
    right = max(left, min(width, math.ceil(box.left + box.width)))
    bottom = max(top, min(height, math.ceil(box.top + box.height)))
    part = pixels[top:bottom, left:right]
    return float((cv2.cvtColor(part, cv2.COLOR_RGB2GRAY) >= _WHITE).mean()) if part.size else 0.0


def _background(pixels: Pixels, face: Face) -> float | None:
    """Evenness left and right of the head, from over it down to the chin; None where too little is there."""
    box, (height, width) = face.box, pixels.shape[:2]
    middle = box.left + box.width / 2
    top, bottom = max(0, math.floor(box.top - box.height * 0.3)), min(height, math.ceil(box.top + box.height))
    outer, inner = box.width * _BESIDE / 2, box.width * _HEAD / 2
    parts = []
    for first, last in ((middle - outer, middle - inner), (middle + inner, middle + outer)):
        left, right = max(0, math.floor(first)), min(width, math.ceil(last))
        if right > left and bottom > top:
            parts.append(cv2.cvtColor(pixels[top:bottom, left:right], cv2.COLOR_RGB2GRAY).reshape(-1))
    beside = np.concatenate(parts) if parts else np.empty(0, np.uint8)
    if len(beside) < _LEAST_BESIDE_PX:
        return None
    return 100 * (1 - min(1.0, float(beside.std()) / _UNEVEN))


def _ordered(values: dict[Measure, float]) -> dict[Measure, float]:
    return {measure: values[measure] for measure in MEASURES if measure in values}
