"""The values that every layer shares: one type per scale and per frame.

Five numbers are never mixed: `Cosine` [-1, 1], `Similarity` [0, 100], `Confidence` [0, 100] (the
detector's), `Quality` and, in evaluation only, `score`. Boxes and points are in pixels of the
EXIF-corrected photograph until the wire asks for ratios.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

import numpy as np
from numpy.typing import NDArray

Cosine = NewType("Cosine", float)
Similarity = NewType("Similarity", float)
Confidence = NewType("Confidence", float)

AccountId = NewType("AccountId", str)
"""Twelve decimal digits, as AWS has it."""
FaceId = NewType("FaceId", uuid.UUID)
ImageId = NewType("ImageId", uuid.UUID)
UserId = NewType("UserId", str)

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB, EXIF orientation already applied."""
Landmarks5 = NDArray[np.float32]
"""(5, 2) pixel (x, y): image-left eye, image-right eye, nose tip, image-left, image-right mouth corner."""
Template = NDArray[np.float32]
"""(D,) float32 of unit length: what a gallery stores and compares."""
Templates = NDArray[np.float32]
"""(N, D) float32, each row of unit length."""


@dataclass(frozen=True, slots=True)
class WeighedTemplate:
    """A template as it is enrolled.

    Attributes:
        template: (D,) float32 of unit length.
        weight: positive: how much it counts among the templates of one user; 1 where nothing is known.
    """

    template: Template
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class RatioBox:
    """A box as ratios of the photograph's width and height; it may reach outside [0, 1]."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PixelBox:
    """A box in pixels of the photograph, origin top-left; it may reach outside the photograph."""

    left: float
    top: float
    width: float
    height: float

    @property
    def area_px(self) -> float:
        return self.width * self.height

    def to_ratio(self, *, image_width: int, image_height: int) -> RatioBox:
        return RatioBox(
            left=self.left / image_width,
            top=self.top / image_height,
            width=self.width / image_width,
            height=self.height / image_height,
        )


@dataclass(frozen=True, slots=True)
class Pose:
    """Head pose in degrees, in Rekognition's signs.

    Positive roll: clockwise in the image. Positive yaw: nose towards the image's right.
    Positive pitch: looking up.
    """

    roll_deg: float
    yaw_deg: float
    pitch_deg: float


@dataclass(frozen=True, slots=True)
class Quality:
    """Brightness and sharpness of a face, each 0-100."""

    brightness: float
    sharpness: float


@dataclass(frozen=True, slots=True)
class Face:
    """One face found in a photograph."""

    box: PixelBox
    landmarks: Landmarks5
    confidence: Confidence
    pose: Pose
    quality: Quality


@dataclass(frozen=True, slots=True)
class Detection:
    """The faces of one photograph, largest box first, at most 100."""

    image_width: int
    image_height: int
    faces: Sequence[Face]
