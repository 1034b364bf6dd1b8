"""Roll, yaw and pitch: their signs, their size, and what a mirror does to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from countenance.vision.decode import decode
from countenance.vision.pose import _MEAN_FACE, estimate_pose

# Not the module's own: x to the image's right, y down, z away from the camera; any unit.
SOMEBODY = np.array([[-3, -2.6, 3.6], [3, -2.6, 3.6], [0, 1, 0], [-2.6, 4.5, 3], [2.6, 4.5, 3]])
MIRRORED = [1, 0, 2, 4, 3]  # the other eye is the image-left one, then


def seen(head: np.ndarray, *, roll: float = 0, yaw: float = 0, pitch: float = 0, scale: float = 20):
    """Five points of a head that looks up, then to the image's right, then leans clockwise."""
    roll, yaw, pitch = (math.radians(angle) for angle in (roll, yaw, pitch))
    x, y, z = head.T
    # the nose is nearest the camera (least z): pitching up moves it to smaller y, yawing to larger x
    y, z = y * math.cos(pitch) + z * math.sin(pitch), z * math.cos(pitch) - y * math.sin(pitch)
    x = x * math.cos(yaw) - z * math.sin(yaw)
    x, y = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
    return (scale * np.stack([x, y], axis=1) + [300, 200]).astype(np.float32)


def mirrored(landmarks: np.ndarray, width: float = 600) -> np.ndarray:
    return (landmarks * [-1, 1] + [width, 0]).astype(np.float32)[MIRRORED]


def rotated(landmarks: np.ndarray, clockwise_deg: float) -> np.ndarray:
    angle = math.radians(clockwise_deg)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return (landmarks @ turn).astype(np.float32)


def test_a_face_that_looks_into_the_camera_is_at_zero():
    """The mean face exactly, another to within what noses differ by."""
    pose = estimate_pose(seen(_MEAN_FACE))
    assert (pose.roll_deg, pose.yaw_deg, pose.pitch_deg) == pytest.approx((0, 0, 0), abs=0.01)
    other = estimate_pose(seen(SOMEBODY))
    assert (other.roll_deg, other.yaw_deg) == pytest.approx((0, 0), abs=0.01)
    assert abs(other.pitch_deg) < 10


def test_positive_roll_is_clockwise():
    """Recorded replies of Rekognition have the image-right eye lower where Roll is positive."""
    points = seen(SOMEBODY, roll=20)
    assert points[1, 1] > points[0, 1]
    assert estimate_pose(points).roll_deg == pytest.approx(20, abs=2)


def test_positive_yaw_is_the_nose_towards_the_images_right():
    """Recorded replies: the nose lies to the right of the eyes' middle where Yaw is positive."""
    points = seen(SOMEBODY, yaw=25)
    assert points[2, 0] > points[:2, 0].mean()
    assert estimate_pose(points).yaw_deg == pytest.approx(25, abs=8)


def test_positive_pitch_is_looking_up():
    """Recorded replies: the nose rises towards the eyes as Pitch grows."""
    level, up = seen(SOMEBODY), seen(SOMEBODY, pitch=20)
    assert np.ptp(up[[0, 2], 1]) / np.ptp(up[[0, 3], 1]) < np.ptp(level[[0, 2], 1]) / np.ptp(level[[0, 3], 1])
    assert estimate_pose(up).pitch_deg - estimate_pose(level).pitch_deg == pytest.approx(20, abs=8)


@settings(max_examples=100, deadline=None)
@given(roll=st.floats(-179, 179), yaw=st.floats(-80, 80), pitch=st.floats(-70, 70), scale=st.floats(2, 400))
def test_the_mean_face_gives_its_angles_back(roll, yaw, pitch, scale):
    """Any of them together, at any size; the order of turns is the one that the docs state."""
    pose = estimate_pose(seen(_MEAN_FACE, roll=roll, yaw=yaw, pitch=pitch, scale=scale))
    assert (pose.roll_deg, pose.yaw_deg, pose.pitch_deg) == pytest.approx((roll, yaw, pitch), abs=0.3)


def test_yaw_and_pitch_grow_with_the_turn():
    """A filter with a bar needs an order, whatever somebody's nose measures."""
    angles = range(-60, 61, 10)
    yaws = [estimate_pose(seen(SOMEBODY, yaw=angle)).yaw_deg for angle in angles]
    pitches = [estimate_pose(seen(SOMEBODY, pitch=angle)).pitch_deg for angle in angles]
    assert (np.diff(yaws) > 3).all()
    assert (np.diff(pitches) > 3).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=10, max_size=10), st.floats(-180, 180))
def test_a_mirror_flips_roll_and_yaw(noise, turn):
    """And leaves pitch, for any five points whatever."""
    points = rotated(seen(SOMEBODY) + np.array(noise).reshape(5, 2), turn)
    pose, other = estimate_pose(points), estimate_pose(mirrored(points))
    assume(abs(pose.yaw_deg) < 85)  # seen from the side, roll and pitch are one turn
    assume(abs(abs(pose.roll_deg) - 180) > 1)
    assume(abs(pose.pitch_deg) < 85)
    found = (other.roll_deg, other.yaw_deg, other.pitch_deg)
    assert found == pytest.approx((-pose.roll_deg, -pose.yaw_deg, pose.pitch_deg), abs=0.5)


@settings(max_examples=100, deadline=None)
@given(
    yaw=st.floats(-60, 60), pitch=st.floats(-40, 40), roll=st.floats(-90, 90), turn=st.sampled_from([15, -15])
)
def test_turning_the_picture_by_15_degrees_moves_roll_by_15(yaw, pitch, roll, turn):
    """And neither yaw nor pitch: they are the head's, not the camera's."""
    points = seen(SOMEBODY, roll=roll, yaw=yaw, pitch=pitch)
    before, after = estimate_pose(points), estimate_pose(rotated(points, turn))
    assert after.roll_deg - before.roll_deg == pytest.approx(turn, abs=3)
    assert (after.yaw_deg, after.pitch_deg) == pytest.approx((before.yaw_deg, before.pitch_deg), abs=1)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=10, max_size=10))
def test_any_points_that_are_apart_have_a_pose_within_the_range(values):
    """A detector's nonsense must not become an answer that is no number."""
    points = np.array(values, np.float32).reshape(5, 2)
    assume(np.ptp(points, axis=0).max() >= 1)
    pose = estimate_pose(points)
    assert -180 <= pose.roll_deg <= 180
    assert -90 <= pose.yaw_deg <= 90
    assert -180 <= pose.pitch_deg <= 180


def test_a_mirrored_photo_flips_yaw_and_roll(portraits, vision):
    """End to end, on portraits whose subject looks to one side; near zero noise decides the sign."""
    photos = [path for paths in portraits.known.values() for path in paths]
    turned, unlike_deg = 0, []
    for path in photos:
        pixels = decode(path.read_bytes())
        pose = vision.detect(pixels).faces[0].pose
        other = vision.detect(np.ascontiguousarray(pixels[:, ::-1])).faces[0].pose
        assert pose.yaw_deg + other.yaw_deg == pytest.approx(0, abs=8)
        unlike_deg.append(abs(pose.roll_deg + other.roll_deg))
        if abs(pose.yaw_deg) > 8:
            turned += 1
            assert pose.yaw_deg * other.yaw_deg < 0
    assert turned >= 2
    # the detector's points are not quite symmetric: a few degrees on a face that speaks and looks aside
    assert max(unlike_deg) <= 6
    assert np.mean(unlike_deg) <= (3 if vision.pack_name == "standard" else 4)
