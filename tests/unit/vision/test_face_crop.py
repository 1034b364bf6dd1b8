"""A picture of one face, to find and embed it again."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.errors import InvalidImageFormatException
from countenance.types import Confidence, Face, PixelBox, Pose, Quality
from countenance.vision.face_crop import cut_crop, open_crop
from countenance.vision.pipeline import Vision
from countenance.vision.same_face import find_same


def face(left, top, side):
    points = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)], np.float32)
    return Face(
        box=PixelBox(left, top, side, side),
        landmarks=points * side + np.array([left, top], np.float32),
        confidence=Confidence(99.0),
        pose=Pose(0, 0, 0),
        quality=Quality(50, 50),
    )


@pytest.fixture(scope="module")
def pixels():
    rows, columns = np.mgrid[0:900, 0:1200]
    return np.stack([rows // 4, columns // 5, (rows + columns) // 9], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    ("left", "top", "side"), [(500, 400, 120), (3, 2, 100), (1120, 820, 79), (-20, -10, 90), (600, 500, 8)]
)
def test_it_shows_the_face_with_what_is_around_it(pixels, left, top, side):
    """As far as the photograph goes: box and points are where they were, in its own pixels."""
    found, box, points = open_crop(cut_crop(pixels, face(left, top, side)))
    assert (box.width, box.height) == pytest.approx((side, side))
    shift = np.array([left - box.left, top - box.top])
    assert points + shift == pytest.approx(face(left, top, side).landmarks, abs=1e-2)
    x, y = (int(value) for value in shift)
    height, width = found.shape[:2]
    difference = np.abs(found.astype(int) - pixels[y : y + height, x : x + width].astype(int))
    assert difference.mean() < 2
    assert width <= 3 * side + 2
    assert height <= 3 * side + 2


def test_a_large_face_is_reduced_and_its_box_with_it(pixels):
    found, box, points = open_crop(cut_crop(pixels, face(100, 50, 768)))
    assert box.width == pytest.approx(384)
    assert found.shape[1] == pytest.approx(600, abs=2)
    relative = (points - np.array([box.left, box.top])) / box.width
    assert relative == pytest.approx((face(0, 0, 1).landmarks), abs=1e-2)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02" + bytes(100), b"\x01" + bytes(60) + b"no JPEG"])
def test_what_is_no_crop_is_refused(data):
    with pytest.raises(InvalidImageFormatException):
        open_crop(data)


@pytest.mark.parametrize("is_back", [False, True])
def test_another_pack_embeds_it_as_it_would_the_photograph(portraits, open_pack, standard_pack, is_back):
    """Photographs of some hundreds of pixels a face; docs/adr/0022 has figures for small ones."""
    old, new = Vision(open_pack), Vision(standard_pack)
    if is_back:
        old, new = new, old
    for file in (*portraits.known["obama"], *portraits.known["biden"], portraits.stranger):
        pixels = old.decode(file.read_bytes())
        detection = old.detect(pixels)
        height, width = pixels.shape[:2]
        box = detection.faces[0].box.to_ratio(image_width=width, image_height=height)
        whole = new.embed(pixels, [find_same(new.detect(pixels), box)])[0]
        cosine = float(whole @ new.embed_crop(old.cut_crop(pixels, detection.faces[0])).template)
        print(new.pack_name, file.name, round(cosine, 4))
        assert cosine > 0.95
