from __future__ import annotations

import numpy as np
import pytest

from countenance.types import Confidence, Face, PixelBox, Pose, Quality
from countenance.vision.attributes.covers import share_outside
from countenance.vision.attributes.face_mesh import POINTS, Mesh


def mesh(xs, ys):
    points = np.zeros((POINTS, 3), np.float32)
    points[:, 0], points[:, 1] = np.resize(xs, POINTS), np.resize(ys, POINTS)
    return Mesh(points, 1.0)


def face(left, top, width, height):
    return Face(
        box=PixelBox(left, top, width, height),
        landmarks=np.zeros((5, 2), np.float32),
        confidence=Confidence(90.0),
        pose=Pose(0, 0, 0),
        quality=Quality(50, 50),
    )


WITHIN = face(10, 10, 20, 20)


@pytest.mark.parametrize(
    ("box", "outside"),
    [((0, 0, 100, 50), 0.0), ((-10, 0, 20, 20), 0.5), ((90, 40, 20, 20), 0.75), ((200, 0, 10, 10), 1.0)],
)
def test_what_the_box_says_of_it_counts_as_well(box, outside):
    """A mesh that is half a guess keeps inside."""
    assert share_outside(np.zeros((50, 100, 3), np.uint8), mesh([5], [5]), face(*box)) == pytest.approx(
        outside
    )


@pytest.mark.parametrize(
    ("xs", "ys", "outside"),
    [([0, 99], [0, 49], 0.0), ([-1, 10], [10, 10], 0.5), ([100, 50], [10, 10], 0.5), ([5], [50], 1.0)],
)
def test_what_lies_beyond_an_edge_is_not_seen(xs, ys, outside):
    assert share_outside(np.zeros((50, 100, 3), np.uint8), mesh(xs, ys), WITHIN) == outside


def test_real_masks_and_glasses_raise_the_networks_words(analyst, attribute_pack, vision, portrait_pixels):
    from countenance.vision.attributes.covers import CoverNet, SunglassesNet
    from drawn_faces import with_mask, with_sunglasses

    cover, glasses = CoverNet(attribute_pack.read("cover")), SunglassesNet(attribute_pack.read("sunglasses"))
    (found,) = analyst.meshes(portrait_pixels, vision.detect(portrait_pixels).faces[:1])
    masked, shaded = with_mask(portrait_pixels, found), with_sunglasses(portrait_pixels, found)
    assert cover.measure(masked, found) > 0.5 > -0.5 > cover.measure(portrait_pixels, found)
    assert glasses.measure(shaded, found) > 0.15 > glasses.measure(portrait_pixels, found)
