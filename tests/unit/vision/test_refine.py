"""Better points for a face that was found."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from countenance.vision.align import centred_transform, crop, moved_points
from countenance.vision.detect import find_faces
from countenance.vision.pipeline import Vision
from countenance.vision.refine import refine_landmarks, roll_deg

UPRIGHT = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)


@pytest.fixture(scope="module")
def detector(default_pack):
    return Vision(default_pack)._require_detector()


@pytest.fixture(scope="module")
def portrait(portraits):
    return np.asarray(Image.open(portraits.stranger).convert("RGB"))


@pytest.mark.parametrize("turn_deg", [-170, -90, -30, 0, 15, 45, 90, 180])
def test_roll_is_the_turn_of_the_points(turn_deg):
    """Clockwise is positive, over the whole circle."""
    transform = centred_transform((50, 60), scale=1, turn_deg=turn_deg, width=100, height=100)
    found = roll_deg(moved_points(UPRIGHT, transform))
    assert abs((found - turn_deg + 180) % 360 - 180) < 1e-3


@pytest.mark.parametrize("turn_deg", [-75, -40, -15, 15, 40, 75, 90, 180])
def test_refined_points_follow_the_turn_of_the_head(detector, portrait, turn_deg):
    """The detector's own points lean towards upright; refined ones tell the turn."""
    centre, side = (220, 130), 320

    def refined(turn):
        transform = centred_transform(centre, scale=1, turn_deg=turn, width=side, height=side)
        picture = crop(portrait, transform, width=side, height=side)
        faces = refine_landmarks(detector, picture, find_faces(detector, picture))
        return roll_deg(faces.landmarks[0])

    error = refined(turn_deg) - refined(0) - turn_deg
    assert abs((error + 180) % 360 - 180) < (6 if detector.leans else 13)


def test_boxes_and_scores_stay_as_they_were_found(detector, portrait):
    """Only points are refined."""
    faces = find_faces(detector, portrait)
    refined = refine_landmarks(detector, portrait, faces)
    assert np.array_equal(faces.boxes, refined.boxes)
    assert np.array_equal(faces.scores, refined.scores)
    assert refined.landmarks[0] == pytest.approx(faces.landmarks[0], abs=0.15 * float(faces.widths_px[0]))


def test_a_face_that_is_not_found_again_keeps_its_points(detector, portrait):
    """A box over nothing: whatever was told of it stays."""
    faces = find_faces(detector, portrait)
    blank = np.full_like(portrait, 128)
    assert np.array_equal(refine_landmarks(detector, blank, faces).landmarks, faces.landmarks)
