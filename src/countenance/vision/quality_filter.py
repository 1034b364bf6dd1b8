"""Which faces are too poor to compare: Rekognition's QualityFilter, with the reasons it gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from countenance.types import Face

Level = Literal["NONE", "AUTO", "LOW", "MEDIUM", "HIGH"]


@dataclass(frozen=True, slots=True)
class _Bar:
    """What a face must reach; the units are those of `Face`.

    Attributes:
        size_px: shorter side of the box. AWS calls 50 px the least for comparison.
        frame_ratio: shorter side of the box over the photograph's longer side.
    """

    size_px: float
    frame_ratio: float
    confidence: float
    yaw_deg: float
    pitch_deg: float
    brightness: float
    sharpness: float
    rank: float


# Each row forbids all that the row above forbids. AUTO is what indexing uses when nothing is asked:
# it keeps out what would be a burden in a gallery, and little else.
_BARS: Final = {
    "LOW": _Bar(20, 0.004, 62, 75, 60, 5, 8, 5),
    "AUTO": _Bar(30, 0.006, 68, 60, 45, 7, 15, 12),
    "MEDIUM": _Bar(48, 0.010, 78, 45, 35, 14, 30, 25),
    "HIGH": _Bar(80, 0.015, 88, 30, 25, 22, 45, 45),
}

_FULL_SIZE_PX: Final = 112.0
"""Beyond the size of an embedder's crop a larger face says no more."""
_FULL_BRIGHTNESS: Final = 25.0


def reasons_against(face: Face, *, image_width: int, image_height: int, level: Level) -> tuple[str, ...]:
    """Why a face falls under the bar of `level`, in Rekognition's words; empty if it does not."""
    if level == "NONE":
        return ()
    bar = _BARS[level]
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

    The product of what each property leaves: the detector's confidence, the cosines of yaw and
    pitch, and, as square roots because they saturate, size up to 112 px, sharpness, and brightness
    up to 25. Only the order means something.
    """
    size = min(1.0, min(face.box.width, face.box.height) / _FULL_SIZE_PX)
    brightness = min(1.0, face.quality.brightness / _FULL_BRIGHTNESS)
    frontal = max(0.0, math.cos(math.radians(face.pose.yaw_deg))) * max(
        0.0, math.cos(math.radians(face.pose.pitch_deg))
    )
    soft = math.sqrt(max(0.0, size)) * math.sqrt(brightness) * math.sqrt(face.quality.sharpness / 100)
    return float(face.confidence) * frontal * soft
