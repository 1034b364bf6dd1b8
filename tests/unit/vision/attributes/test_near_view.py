from __future__ import annotations

import numpy as np
import pytest

from countenance.types import Confidence, Face, PixelBox, Pose, Quality
from countenance.vision.attributes.face_mesh import POINTS, Mesh
from countenance.vision.attributes.near_view import near_view


def face(left, top, size):
    box = PixelBox(left, top, size, size)
    middle = np.array([left + size / 2, top + size / 2], np.float32)
    points = middle + np.array([[-50, -40], [50, -40], [0, 0], [-40, 50], [40, 50]], np.float32)
    return Face(box, points, Confidence(90.0), Pose(0, 0, 0), Quality(50, 50))


def photo(side=2000):
    """Each pixel says where it is: hundreds of its column in red, of its row in green."""
    across = np.arange(side) // 100
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = across[None, :], across[:, None]
    return pixels


def test_a_small_face_is_looked_at_where_it_is():
    pixels, small = photo(), face(100, 100, 399)
    view = near_view(pixels, small)
    assert view.pixels is pixels
    assert view.face is small
    mesh = Mesh(np.ones((POINTS, 3), np.float32), 1.0)
    assert view.back(mesh) is mesh


@pytest.mark.parametrize(("left", "top", "size"), [(700, 500, 600), (-100, 1300, 800), (900, 900, 401)])
def test_points_of_a_large_face_go_there_and_back(left, top, size):
    """Whatever the edges of the photo cut off."""
    large = face(left, top, size)
    view = near_view(photo(), large)
    assert 200 <= view.face.box.width < 400
    points = np.zeros((POINTS, 3), np.float32)
    points[:5, :2] = view.face.landmarks
    points[:5, 2] = 3
    back = view.back(Mesh(points, 0.9))
    assert back.points[:5, :2] == pytest.approx(large.landmarks, abs=2)
    assert back.points[0, 2] == pytest.approx(3 / view.scale)
    assert back.presence == 0.9


def test_the_view_shows_what_the_photo_shows_there():
    view = near_view(photo(), face(700, 500, 600))
    x, y = (int(at) for at in view.face.landmarks[0])
    assert abs(int(view.pixels[y, x, 0]) - 9) <= 1  # the eye is at 950, 760
    assert abs(int(view.pixels[y, x, 1]) - 7) <= 1


@pytest.mark.parametrize(
    ("left", "top", "size"), [(5000, 5000, 600), (0, 0, np.nan), (0, 0, np.inf), (0, 0, 1e9)]
)
def test_a_box_of_which_nothing_can_be_seen_is_left_as_it_is(left, top, size):
    pixels = photo(300)
    assert near_view(pixels, face(left, top, size)).pixels is pixels
