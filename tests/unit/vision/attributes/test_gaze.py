from __future__ import annotations

import numpy as np
import pytest

from countenance.vision.attributes.face_mesh import POINTS, Mesh
from countenance.vision.attributes.gaze import eye_direction, mouth_gap


def mesh(*, iris=(0.0, 0.0), turn=0.0):
    """Eyes 30 wide, 60 apart, irises moved by `iris` from where they rest; all turned by `turn` degrees."""
    points = np.zeros((POINTS, 3), np.float64)
    for left, right, centre, middle in ((33, 133, 468, -30.0), (362, 263, 473, 30.0)):
        points[left, 0], points[right, 0] = middle - 15, middle + 15
        points[centre, :2] = middle + iris[0], iris[1] - 0.9
    points[61, :2], points[291, :2] = (-25, 60), (25, 60)
    points[13, :2], points[14, :2] = (0, 58), (0, 68)
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points[:, :2] = points[:, :2] @ rotation.T
    return Mesh(points.astype(np.float32), 1.0)


@pytest.mark.parametrize("turn", [0, 30, -90])
def test_eyes_at_rest_look_straight_ahead_however_the_head_is_turned(turn):
    found = eye_direction(mesh(turn=turn), 1.0, open_=1.0)
    assert (found.yaw_deg, found.pitch_deg) == pytest.approx((0, 0), abs=0.1)


def test_an_iris_to_the_right_is_a_positive_yaw_and_one_above_a_positive_pitch():
    assert eye_direction(mesh(iris=(4, 0)), 1.0, open_=1.0).yaw_deg == pytest.approx(19.5, abs=0.2)
    assert eye_direction(mesh(iris=(0, -2)), 1.0, open_=1.0).pitch_deg > 5


def test_eyes_do_not_turn_further_than_eyes_can():
    """Points of a face that is hardly seen may lie anywhere."""
    found = eye_direction(mesh(iris=(400, -400)), 1.0, open_=1.0)
    assert (found.yaw_deg, found.pitch_deg) == pytest.approx((45, 45))


def test_shut_or_unseen_eyes_look_nowhere_in_particular():
    assert eye_direction(mesh(), 1.0, open_=1.0).confidence == 75
    assert eye_direction(mesh(), 1.0, open_=0.5).confidence == 50
    assert eye_direction(mesh(), 1.0, open_=0.0).confidence == 50
    assert eye_direction(mesh(), 0.0, open_=1.0).confidence == 50


def test_the_mouth_is_as_open_as_its_inner_edges_are_apart():
    assert mouth_gap(mesh()) == pytest.approx(0.2)
    assert mouth_gap(Mesh(np.zeros((POINTS, 3), np.float32), 1.0)) == 0
