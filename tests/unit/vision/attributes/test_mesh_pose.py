from __future__ import annotations

import math

import numpy as np
import pytest

from countenance.vision.attributes.face_mesh import POINTS
from countenance.vision.attributes.mesh_points import CHIN, FOREHEAD, SYMMETRIC
from countenance.vision.attributes.mesh_pose import estimate_mesh_pose


def upright():
    """Points of a face that looks into the camera: only those that the pose is read from."""
    points = np.zeros((POINTS, 3), np.float64)
    for row, (left, right) in enumerate(SYMMETRIC):
        points[left], points[right] = (-10 - row, row * 3, 5), (10 + row, row * 3, 5)
    points[FOREHEAD], points[CHIN] = (0, -30, 0), (0, 30, 0)
    return points


def rotated(points, *, roll=0.0, yaw=0.0, pitch=0.0):
    """As Rekognition turns: roll clockwise, yaw nose to the right, pitch up; x right, y down, z away."""
    r, y, p = (math.radians(angle) for angle in (roll, yaw, pitch))
    about_z = np.array([[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]])
    about_y = np.array([[math.cos(y), 0, -math.sin(y)], [0, 1, 0], [math.sin(y), 0, math.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(p), math.sin(p)], [0, -math.sin(p), math.cos(p)]])
    return (points @ (about_z @ about_y @ about_x).T).astype(np.float32)


def angles(points):
    pose = estimate_mesh_pose(points)
    return pose.roll_deg, pose.yaw_deg, pose.pitch_deg


RESTING = 0.7
"""Forehead and chin of a resting face do not lie one above the other; here they do."""


@pytest.mark.parametrize(
    ("roll", "yaw", "pitch"), [(0, 0, 0), (20, 0, 0), (0, 35, 0), (0, 0, -25), (10, -40, 15)]
)
def test_a_rotation_is_found_again(roll, yaw, pitch):
    found = angles(rotated(upright(), roll=roll, yaw=yaw, pitch=pitch))
    assert found == pytest.approx((roll, yaw, pitch + RESTING), abs=0.01)


def test_the_nose_to_the_right_of_the_image_is_a_positive_yaw():
    """The far side of the face is the one that the nose turns to."""
    points = upright()
    for left, right in SYMMETRIC:
        points[left, 2], points[right, 2] = -3, 3
    assert angles(points.astype(np.float32))[1] > 0


def test_looking_up_is_a_positive_pitch():
    """The forehead goes away from the camera."""
    points = upright()
    points[FOREHEAD, 2], points[CHIN, 2] = 8, -8
    assert angles(points.astype(np.float32))[2] > 10


def test_points_that_span_nothing_have_no_turn():
    """A number, whatever: NaN is no JSON."""
    assert angles(np.full((POINTS, 3), 7, np.float32)) == (0, 0, 0)
