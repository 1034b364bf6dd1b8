"""The same face, found again by its place."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.types import Confidence, Detection, Face, PixelBox, Pose, Quality, RatioBox
from countenance.vision.same_face import find_same, overlap


def face(left, top, width, height):
    return Face(
        box=PixelBox(left, top, width, height),
        landmarks=np.zeros((5, 2), np.float32),
        confidence=Confidence(99.0),
        pose=Pose(0, 0, 0),
        quality=Quality(50, 50),
    )


def test_it_is_the_one_whose_box_overlaps_best():
    one, other = face(10, 10, 40, 40), face(14, 14, 40, 40)
    found = Detection(100, 100, (one, other))
    assert find_same(found, RatioBox(0.1, 0.1, 0.4, 0.4)) is one
    assert find_same(found, RatioBox(0.15, 0.15, 0.4, 0.4)) is other


def test_a_face_elsewhere_or_of_another_size_is_another():
    found = Detection(100, 100, (face(10, 10, 40, 40),))
    assert find_same(found, RatioBox(0.6, 0.6, 0.3, 0.3)) is None
    assert find_same(found, RatioBox(0.1, 0.1, 0.2, 0.2)) is None
    assert find_same(Detection(100, 100, ()), RatioBox(0, 0, 1, 1)) is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (RatioBox(0, 0, 1, 1), RatioBox(0, 0, 1, 1), 1.0),
        (RatioBox(0, 0, 1, 1), RatioBox(0.5, 0, 1, 1), 1 / 3),
        (RatioBox(0, 0, 1, 1), RatioBox(1, 0, 1, 1), 0.0),
        (RatioBox(-0.5, -0.5, 1, 1), RatioBox(0, 0, 0.5, 0.5), 0.25),
    ],
)
def test_overlap_is_intersection_over_union(one, other, expected):
    assert overlap(one, other) == pytest.approx(expected) == overlap(other, one)
