"""The same face, found again: by where it is in the photograph."""

from __future__ import annotations

from typing import Final

from countenance.types import Detection, Face, RatioBox

LEAST_OVERLAP: Final = 0.5
"""Intersection over union: two detectors draw one face differently, and two faces do not overlap so much."""


def find_same(detection: Detection, box: RatioBox) -> Face | None:
    """The face whose box overlaps `box` best, if it does so by a half."""
    width, height = detection.image_width, detection.image_height
    ranked = [
        (overlap(face.box.to_ratio(image_width=width, image_height=height), box), -place, face)
        for place, face in enumerate(detection.faces)
    ]
    best, _, face = max(ranked, default=(0.0, 0, None), key=lambda each: each[:2])
    return face if best >= LEAST_OVERLAP else None


def overlap(one: RatioBox, other: RatioBox) -> float:
    """Intersection over union of two boxes, [0, 1]."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (one.width * one.height + other.width * other.height - both)
