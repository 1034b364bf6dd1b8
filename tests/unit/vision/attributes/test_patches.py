"""On a drawn face: skin, and what is darker, paler or has an edge."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from countenance.vision.attributes.face_mesh import POINTS, Mesh
from countenance.vision.attributes.patches import measure_patches


@pytest.fixture
def portrait(analyst, vision, portrait_pixels):
    (found,) = analyst.meshes(portrait_pixels, vision.detect(portrait_pixels).faces[:1])
    return portrait_pixels, found


def between(mesh, above, below, share):
    return mesh.points[above, :2] * (1 - share) + mesh.points[below, :2] * share


def test_a_moustache_darkens_the_upper_lip_and_nothing_else(portrait):
    pixels, mesh = portrait
    drawn = pixels.copy()
    left, right = between(mesh, 129, 61, 0.6).astype(int), between(mesh, 358, 291, 0.6).astype(int)
    middle = between(mesh, 2, 0, 0.5).astype(int)
    cv2.polylines(
        drawn, [np.array([left, middle, right])], False, (30, 25, 20), int(mesh.eye_distance_px / 5)
    )
    plain, with_it = measure_patches(pixels, mesh), measure_patches(drawn, mesh)
    assert with_it.lip_dark > plain.lip_dark + 0.5
    assert abs(with_it.chin_dark - plain.chin_dark) < 0.3
    assert with_it.eyes_dark == pytest.approx(plain.eyes_dark, abs=0.05)


def test_a_beard_darkens_the_chin(portrait):
    pixels, mesh = portrait
    drawn = pixels.copy()
    outline = mesh.points[[172, 150, 176, 152, 400, 379, 397, 18], :2].astype(int)
    cv2.fillPoly(drawn, [outline], (35, 30, 25))
    assert measure_patches(drawn, mesh).chin_dark > measure_patches(pixels, mesh).chin_dark + 0.5


def test_a_frame_is_an_edge_across_the_bridge_and_at_the_temples(portrait):
    pixels, mesh = portrait
    drawn, thick = pixels.copy(), max(2, int(mesh.eye_distance_px / 25))
    for ends in ((133, 362), (33, 234), (263, 454)):
        first, last = (tuple(int(at) for at in mesh.points[end, :2]) for end in ends)
        cv2.line(drawn, first, (last[0], first[1]), (10, 10, 10), thick)
    plain, framed = measure_patches(pixels, mesh), measure_patches(drawn, mesh)
    assert framed.bridge > plain.bridge + 0.5
    assert framed.side > plain.side + 0.5


def test_dark_glasses_darken_the_eyes_and_lids_drawn_over_them_do_not(portrait):
    from drawn_faces import with_closed_eyes, with_sunglasses

    pixels, mesh = portrait
    plain = measure_patches(pixels, mesh)
    shaded, shut = (measure_patches(draw(pixels, mesh), mesh) for draw in (with_sunglasses, with_closed_eyes))
    assert shaded.eyes_dark > plain.eyes_dark + 0.8
    assert shut.iris_dark < plain.iris_dark - 0.2
    assert shut.open_rows < plain.open_rows


@pytest.mark.parametrize("where", [0, -1e6, 1e6, 50])
def test_a_mesh_that_lies_anywhere_breaks_nothing(where):
    """All points in one place, outside of the photo or in it."""
    points = np.full((POINTS, 3), where, np.float32)
    assert measure_patches(np.zeros((90, 90, 3), np.uint8), Mesh(points, 1.0)) is None


def test_a_random_mesh_gives_numbers():
    chance = np.random.default_rng(5)
    pixels = chance.integers(0, 256, (120, 90, 3)).astype(np.uint8)
    for scale in (1, 50, 5_000):
        found = measure_patches(
            pixels, Mesh((chance.normal(size=(POINTS, 3)) * scale).astype(np.float32), 1.0)
        )
        assert found is not None
        assert all(np.isfinite(getattr(found, name)) for name in found.__slots__)
