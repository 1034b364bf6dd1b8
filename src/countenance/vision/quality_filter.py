"""Which faces are too poor to compare: Rekognition's QualityFilter, with the reasons it gives.

The bars are measured: `python bench/run.py quality`, docs/quality.md. A test compares them with
docs/quality.json.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from countenance.types import Face

Level = Literal["NONE", "AUTO", "LOW", "MEDIUM", "HIGH"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a face must reach; the units are those of `Face`. 0 is no bar.

    Attributes:
        frame_ratio: shorter side of the box over the photograph's longer side.
        size_px: shorter side of the box.
        brightness_most: what the coach calls too bright; the filter has no reason for it.
    """

    frame_ratio: float
    confidence: float
    yaw_deg: float
    pitch_deg: float
    size_px: float
    brightness: float
    brightness_most: float
    sharpness: float
    rank: float


# Customs. Misses do not move with the head's turn as far as the photos go (yaw 48, pitch 9 degrees), and a
# detector's confidence is on a scale of its own: what is good in one pack's is middling in another's.
_NOT_MEASURED: Final[Mapping[Level, dict[str, float]]] = {
    "LOW": {"frame_ratio": 0.004, "confidence": 62, "yaw_deg": 75, "pitch_deg": 60},
    "AUTO": {"frame_ratio": 0.006, "confidence": 68, "yaw_deg": 60, "pitch_deg": 45},
    "MEDIUM": {"frame_ratio": 0.010, "confidence": 78, "yaw_deg": 55, "pitch_deg": 35},
    "HIGH": {"frame_ratio": 0.015, "confidence": 82, "yaw_deg": 48, "pitch_deg": 25},
}
# Each row forbids all that the row above forbids. AUTO is what indexing uses when nothing is asked:
# it keeps out what would be a burden in a gallery, and little else.
BARS: Final[Mapping[Level, Bar]] = {
    "LOW": Bar(**_NOT_MEASURED["LOW"], size_px=14, brightness=0, brightness_most=89, sharpness=13, rank=23),
    "AUTO": Bar(**_NOT_MEASURED["AUTO"], size_px=19, brightness=4, brightness_most=84, sharpness=16, rank=26),
    "MEDIUM": Bar(
        **_NOT_MEASURED["MEDIUM"], size_px=24, brightness=8, brightness_most=77, sharpness=24, rank=34
    ),
    "HIGH": Bar(
        **_NOT_MEASURED["HIGH"], size_px=30, brightness=22, brightness_most=68, sharpness=37, rank=42
    ),
}
EYE_DISTANCE_PX: Final[Mapping[Level, float]] = {"LOW": 6, "AUTO": 8, "MEDIUM": 10, "HIGH": 13}
"""The bars of size in the coach's unit, between the eyes."""

_GLARE_FROM: Final = 60.0
"""Brightness from which a face begins to lose itself in white."""


def reasons_against(face: Face, *, image_width: int, image_height: int, level: Level) -> tuple[str, ...]:
    """Why a face falls under the bar of `level`, in Rekognition's words; empty if it does not."""
    if level == "NONE":
        return ()
    bar = BARS[level]
    size_px = min(face.box.width, face.box.height)
    is_small = size_px < bar.size_px or size_px < bar.frame_ratio * max(image_width, image_height)
    is_turned = abs(face.pose.yaw_deg) > bar.yaw_deg or abs(face.pose.pitch_deg) > bar.pitch_deg
    verdicts = {
        "EXTREME_POSE": is_turned,
        "LOW_BRIGHTNESS": face.quality.brightness < bar.brightness,
        "LOW_SHARPNESS": face.quality.sharpness < bar.sharpness,
        "LOW_CONFIDENCE": face.confidence < bar.confidence,
        "SMALL_BOUNDING_BOX": is_small,
        "LOW_FACE_QUALITY": quality_rank(face) < bar.rank,
    }
    return tuple(reason for reason, holds in verdicts.items() if holds)


def quality_rank(face: Face) -> float:
    """How good a face is to compare, 0-100: which of several is dropped first.

    The product of what each property leaves, in the form that told misses best of those that were tried
    (docs/quality.md): the roots of sharpness, of the room under white from a brightness of 60 on, and of the
    cosines of yaw and pitch, and the fourth power of the detector's confidence. Size is not in it: a small
    face is as good as a large one until it is no longer sharp, or no longer surely a face. Only the order
    means something.
    """
    unglared = min(1.0, max(0.0, (100 - face.quality.brightness) / (100 - _GLARE_FROM)))
    frontal = max(0.0, math.cos(math.radians(face.pose.yaw_deg))) * max(
        0.0, math.cos(math.radians(face.pose.pitch_deg))
    )
    return 100 * math.sqrt(face.quality.sharpness / 100 * unglared * frontal) * (face.confidence / 100) ** 4
