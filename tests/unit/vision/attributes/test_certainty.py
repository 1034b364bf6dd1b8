from __future__ import annotations

import math

import numpy as np
import pytest

from countenance.vision.attributes.certainty import Fit, judge, trust_in
from countenance.vision.attributes.face_mesh import POINTS, Mesh

FIT = Fit(offset=-1.0, weights=(2.0, 1.0), most=0.9)


def mesh(*, eyes_px=60.0, presence=1.0):
    points = np.zeros((POINTS, 3), np.float32)
    points[473, 0] = eyes_px
    return Mesh(points, presence)


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
    assert judge(0.8, 1.0) == judge(0.8, 1.0).__class__(value=True, confidence=80.0)
    no = judge(0.2, 1.0)
    assert (no.value, no.confidence) == (False, pytest.approx(80.0))


def test_without_trust_the_confidence_is_fifty():
    """Where it cannot decide it says so, and invents no certainty."""
    assert judge(0.99, 0.0).confidence == judge(0.01, 0.0).confidence == 50
    assert judge(0.9, 0.5).confidence == pytest.approx(70)


@pytest.mark.parametrize(
    ("seen", "trust"),
    [
        (mesh(), 1.0),
        (mesh(eyes_px=13.0), 0.5),
        (mesh(eyes_px=6.0), 0.0),
        (mesh(eyes_px=2.0), 0.0),
        (mesh(presence=0.5), 0.0),
        (mesh(presence=0.725), 0.5),
        (mesh(presence=0.0), 0.0),
        (mesh(eyes_px=13.0, presence=0.725), 0.25),
    ],
)
def test_a_tiny_face_or_none_is_not_to_be_trusted(seen, trust):
    assert trust_in(seen) == pytest.approx(trust)
