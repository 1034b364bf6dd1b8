from __future__ import annotations

import math

import numpy as np
import pytest

from countenance.types import Confidence, Face, PixelBox, Pose, Quality
from countenance.vision.attributes.certainty import Fit, judge, trust_in
from countenance.vision.attributes.face_mesh import POINTS, Mesh
from countenance.vision.attributes.mesh_points import CHIN, FOREHEAD, SYMMETRIC

FIT = Fit(offset=-1.0, weights=(2.0, 1.0), most=0.9)


def seen(*, eyes_px=60.0, presence=1.0, sharpness=80.0, brightness=50.0, yaw=0.0):
    """A mesh and its face."""
    points = np.zeros((POINTS, 3), np.float32)
    points[473, 0] = eyes_px
    for left, right in SYMMETRIC:
        points[left, 0], points[right, 0] = -10, 10
        points[right, 2] = 20 * np.tan(np.radians(yaw))
    points[FOREHEAD, 1], points[CHIN, 1] = -30, 30
    face = Face(
        box=PixelBox(0, 0, 90, 90),
        landmarks=np.zeros((5, 2), np.float32),
        confidence=Confidence(90.0),
        pose=Pose(0, 0, 0),
        quality=Quality(brightness=brightness, sharpness=sharpness),
    )
    return Mesh(points, presence), face


def test_a_fit_is_a_logistic_regression():
    assert FIT.probability(0.5, 0.0) == pytest.approx(0.5)
    assert FIT.probability(0.5, 1.0) == pytest.approx(1 / (1 + math.exp(-1)))


@pytest.mark.parametrize("far", [1e9, 50.0])
def test_no_measure_makes_it_surer_than_it_was_found_to_be_right(far):
    assert FIT.probability(far, 0.0) == 0.9
    assert FIT.probability(-far, 0.0) == pytest.approx(0.1)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_decides_nothing(broken):
    assert FIT.probability(broken, 0.0) == 0.5


def test_a_confidence_is_in_the_answer_that_is_given():
    """AWS's Confidence refers to Value, so it is never under 50."""
    assert judge(0.8, 1.0).value
    assert judge(0.8, 1.0).confidence == pytest.approx(80.0)
    no = judge(0.2, 1.0)
    assert (no.value, no.confidence) == (False, pytest.approx(80.0))


@pytest.mark.parametrize(("probability", "trust"), [(0.99, 0.0), (0.01, 0.0), (0.5, 1.0), (math.nan, 1.0)])
@pytest.mark.parametrize("at_rest", [False, True])
def test_where_nothing_is_known_the_answer_is_what_most_faces_are(probability, trust, at_rest):
    """A client that reads Value alone must not be told of beards and sunglasses for want of knowledge."""
    told = judge(probability, trust, at_rest=at_rest)
    assert (told.value, told.confidence) == (at_rest, 50)


def test_less_trust_is_less_confidence_in_the_same_answer():
    assert judge(0.9, 0.5).confidence == pytest.approx(70)
    assert judge(0.9, 0.01).value
    assert not judge(0.1, 0.01, at_rest=True).value


@pytest.mark.parametrize(
    ("looks", "trust"),
    [
        ({}, 1.0),
        ({"eyes_px": 13.0}, 0.5),
        ({"eyes_px": 6.0}, 0.0),
        ({"eyes_px": 2.0}, 0.0),
        ({"presence": 0.5}, 0.0),
        ({"presence": 0.725}, 0.5),
        ({"presence": 0.0}, 0.0),
        ({"eyes_px": 13.0, "presence": 0.725}, 0.25),
        ({"sharpness": 37.5}, 0.5),
        ({"sharpness": 5.0}, 0.0),
        ({"brightness": 9.0}, 0.5),
        ({"brightness": 2.0}, 0.0),
        ({"yaw": 47.5}, 0.5),
        ({"yaw": -47.5}, 0.5),
        ({"yaw": 70.0}, 0.0),
        ({"yaw": 30.0}, 1.0),
    ],
)
def test_what_shows_little_is_not_to_be_trusted(looks, trust):
    """Tiny, hardly there, blurred, dark, turned away."""
    assert trust_in(*seen(**looks)) == pytest.approx(trust, abs=1e-3)
