from __future__ import annotations

import numpy as np
import pytest

from countenance.vision.attributes.face_mesh import POINTS, Mesh
from countenance.vision.attributes.square_crop import square_around


def mesh_in(left, top, right, bottom, *, level=True):
    """A mesh that fills a rectangle; its eyes are level, or one above the other."""
    points = np.zeros((POINTS, 3), np.float32)
    points[:, :2] = (left + right) / 2, (top + bottom) / 2
    points[0, :2], points[1, :2] = (left, top), (right, bottom)
    points[468, :2], points[473, :2] = ((left, top), (right, top)) if level else ((left, bottom), (left, top))
    return Mesh(points, 1.0)


def test_the_face_is_in_the_middle_and_as_large_as_asked():
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[60:100, 80:120] = 255
    square = square_around(pixels, mesh_in(80, 60, 120, 100), over_face=2.0, side_px=80)
    assert square.shape == (80, 80, 3)
    rows = np.flatnonzero(square[:, 40, 0] > 127)
    assert (rows[0], rows[-1]) == pytest.approx((20, 59), abs=1)


def test_a_face_that_lies_is_stood_up():
    """Its eyes are one above the other: the left one comes to the left."""
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[60:80, 80:120] = 255  # what is right of the face's middle, seen by whoever stands it up
    square = square_around(pixels, mesh_in(80, 60, 120, 100, level=False), over_face=1.0, side_px=40)
    assert square[20, 30:].mean() > 200
    assert square[20, :10].mean() < 50


def test_what_lies_outside_of_the_photo_is_black():
    pixels = np.full((50, 50, 3), 200, np.uint8)
    square = square_around(pixels, mesh_in(-40, -40, 40, 40), over_face=1.0, side_px=64)
    assert square[:20, :20].max() == 0
    assert square[-10:, -10:].min() == 200


def test_a_mesh_whose_points_all_coincide_still_gives_a_crop():
    points = np.full((POINTS, 3), 10, np.float32)
    assert square_around(
        np.zeros((20, 20, 3), np.uint8), Mesh(points, 1.0), over_face=1.1, side_px=8
    ).shape == (8, 8, 3)
