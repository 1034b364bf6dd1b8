"""A second opinion on a face's points."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.vision.landmarker import Landmarker
from countenance.vision.manifest import LandmarkerSpec
from tiny_networks import constant_network

SIDE = 48
REFERENCE = np.array([[14.5, 22], [32.5, 22], [23.5, 31], [16.5, 39.5], [30.5, 39.5]], np.float32)
"""Its own mirror image: the middle of 48 pixels is at 23.5."""
PICTURE = np.zeros((200, 200, 3), np.uint8)
KNOWN = REFERENCE * 2 + 40
"""In a photograph where the face is twice as large as in the crop."""


def moved(points, by):
    """All points moved by the same (x, y)."""
    return points + np.array(by, np.float32)


def landmarker_that_sees(points):
    """Wherever it looks: points in pixels of the crop, and of its mirror image the same ones."""
    spec = LandmarkerSpec(
        artifact="landmarker",
        input_px=SIDE,
        colour_order="BGR",
        mean=(0.0, 0.0, 0.0),
        scale=(1.0, 1.0, 1.0),
        reference_points=tuple((float(x), float(y)) for x, y in REFERENCE),
    )
    return Landmarker(constant_network((np.asarray(points) / SIDE).reshape(-1)), spec)


def test_points_that_both_see_stay_where_they_are():
    improved = landmarker_that_sees(REFERENCE).improved(PICTURE, KNOWN)
    assert improved == pytest.approx(KNOWN, abs=1e-3)
    assert improved.dtype == np.float32


def test_the_mean_of_both_is_taken_in_pixels_of_the_photograph():
    """Three pixels lower in the crop are six in the photograph; half of that is believed."""
    improved = landmarker_that_sees(moved(REFERENCE, [0, 3])).improved(PICTURE, KNOWN)
    assert improved == pytest.approx(moved(KNOWN, [0, 3]), abs=1e-3)


def test_what_it_has_of_left_and_right_cancels_out():
    """A network that leans to the left leans to the other side in the mirror."""
    improved = landmarker_that_sees(moved(REFERENCE, [-4, 0])).improved(PICTURE, KNOWN)
    assert improved == pytest.approx(KNOWN, abs=1e-3)


@pytest.mark.parametrize("by", [[0, 13], [0, np.nan]])
def test_a_face_seen_somewhere_else_keeps_its_points(by):
    """A quarter of the crop off is another thing in the picture, or nothing."""
    assert landmarker_that_sees(moved(REFERENCE, by)).improved(PICTURE, KNOWN) is KNOWN


def test_turned_faces_are_looked_at_upright():
    """The crop is turned with the face, so that lower in it is lower in the face."""
    quarter = np.array([[0, -1], [1, 0]])  # clockwise as a viewer sees it
    turned = ((KNOWN - 100) @ quarter.T + 100).astype(np.float32)
    improved = landmarker_that_sees(moved(REFERENCE, [0, 3])).improved(PICTURE, turned)
    assert improved == pytest.approx(moved(turned, [-3, 0]), abs=1e-3)
