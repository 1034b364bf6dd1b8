"""Which sign stands for what the quality filter rejects, and how it is answered."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from countenance.operations.images import Photo
from countenance.operations.photo_signs import sign_for, to_sign
from countenance.types import Confidence, Detection, Face, ImageId, PixelBox, Pose, Quality
from countenance.vision.attributes.coach import Sign
from countenance.vision.quality_filter import Level


def photo(*, size=200.0, width=1000, **changes):
    given = {"confidence": 95.0, "yaw": 0.0, "brightness": 50.0, "sharpness": 90.0} | changes
    points = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
    face = Face(
        box=PixelBox(left=10, top=10, width=size, height=size),
        landmarks=np.array(points, np.float32) * size + 10,
        confidence=Confidence(given["confidence"]),
        pose=Pose(roll_deg=0.0, yaw_deg=given["yaw"], pitch_deg=0.0),
        quality=Quality(brightness=given["brightness"], sharpness=given["sharpness"]),
    )
    pixels = np.full((800, 1000, 3), 90, np.uint8)
    return Photo(ImageId(None), pixels, Detection(width, 800, (face,)), None), face


def sign(level="HIGH", **changes):
    shown, face = photo(**changes)
    reasons = shown.reasons_against(face, level)
    return reasons, sign_for(reasons, shown, face, level)


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"size": 10.0}, "SMALL_BOUNDING_BOX", "EYE_DISTANCE"),
        ({"size": 60.0, "width": 9000}, "SMALL_BOUNDING_BOX", "SMALL_IN_PHOTO"),
        ({"sharpness": 3.0}, "LOW_SHARPNESS", "SHARPNESS"),
        ({"brightness": 2.0}, "LOW_BRIGHTNESS", "BRIGHTNESS"),
        ({"brightness": 97.0}, "LOW_FACE_QUALITY", "TOO_BRIGHT"),
        ({"yaw": 80.0}, "EXTREME_POSE", "YAW"),
        ({"confidence": 60.0}, "LOW_CONFIDENCE", "CONFIDENCE"),
        ({"sharpness": 45.0, "confidence": 83.0, "brightness": 67.0}, "LOW_FACE_QUALITY", "LOW_FACE_QUALITY"),
    ],
)
def test_every_reason_has_a_sign_that_says_what_to_do(changes, reason, code):
    """Else somebody whose photo is held back is told a word and no remedy."""
    reasons, told = sign(**changes)
    assert reason in reasons
    assert told["Code"] == code
    assert ": " in told["Sentence"]


def test_what_passes_has_no_sign():
    assert sign() == ((), None)


def test_what_was_not_measured_is_absent():
    """Not null: clients of Amazon's kind tell absent from nothing."""
    assert to_sign(Sign("NO_FACE", "none: look", "AUTO")).keys() == {"Code", "Sentence", "Level"}
    whole = to_sign(Sign("YAW", "turned: look", "HIGH", 60.0, 48.0, "degrees"))
    assert (whole["Measured"], whole["Wanted"], whole["Unit"]) == (60.0, 48.0, "degrees")
    assert whole["Level"] in get_args(Level)
