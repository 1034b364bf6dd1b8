"""CenterFace: its outputs decoded, and the real network on a real face."""

from __future__ import annotations

import math

import numpy as np
import pytest

from countenance.vision.centerface import CenterFace, decode_heatmap
from countenance.vision.decode import decode
from countenance.vision.raw_faces import RawFaces

# In the stranger's photo, by eye: pupils, nose tip, mouth corners; and brows, cheeks and chin.
POINTS = np.array([[203.4, 101.5], [247.0, 103.1], [225.7, 126.7], [204.0, 140.1], [243.5, 141.4]])
FACE = (183, 90, 266, 172)


class Outputs:
    """A network's outputs with nothing anywhere, 3 rows of 4 cells, and what they decode to."""

    def __init__(self) -> None:
        self.heatmap = np.zeros((3, 4), np.float32)
        self.scale, self.offset = np.zeros((2, 3, 4), np.float32), np.zeros((2, 3, 4), np.float32)
        self.points = np.zeros((10, 3, 4), np.float32)

    def decoded(self, *, floor: float = 0.5) -> RawFaces:
        return decode_heatmap(self.heatmap, self.scale, self.offset, self.points, floor=floor)


@pytest.fixture(scope="module")
def detector(open_pack) -> CenterFace:
    spec = open_pack.manifest.detector
    return CenterFace(open_pack.path_of(spec.artifact), spec)


@pytest.fixture(scope="module")
def photo(portraits) -> np.ndarray:
    return decode(portraits.stranger.read_bytes())


def test_a_cell_tells_a_box_and_five_points():
    """Computed by hand, for row 2, column 1: heights come before widths, and y before x; cells are 4 px."""
    out = Outputs()
    out.heatmap[2, 1] = 0.9
    out.scale[:, 2, 1] = [math.log(5), math.log(2)]  # 20 px high, 8 px wide
    out.offset[:, 2, 1] = [0.25, 0.5]  # centre at y = (2 + 0.25 + 0.5) * 4 = 11, x = (1 + 0.5 + 0.5) * 4 = 8
    out.points[:, 2, 1] = [0.25, 0.25, 0.25, 0.75, 0.5, 0.5, 0.75, 0.25, 0.75, 0.75]
    found = out.decoded()
    assert np.allclose(found.boxes, [[4, 1, 12, 21]], atol=1e-4)
    assert found.scores == pytest.approx([0.9])
    assert np.allclose(found.landmarks, [[[6, 6], [10, 6], [8, 11], [6, 16], [10, 16]]], atol=1e-4)
    assert {found.boxes.dtype, found.scores.dtype, found.landmarks.dtype} == {np.dtype(np.float32)}


def test_each_cell_has_its_own_numbers():
    """Two faces at once, in the order of rows: nothing is mixed up between them."""
    out = Outputs()
    out.heatmap[0, 3], out.heatmap[2, 0] = 0.6, 0.8
    out.scale[1, 0, 3] = math.log(4)
    found = out.decoded()
    assert found.scores == pytest.approx([0.6, 0.8])
    assert np.allclose(found.boxes, [[6, 0, 22, 4], [0, 8, 4, 12]], atol=1e-4)


def test_a_face_exactly_at_the_floor_is_one():
    """The floor is a minimum."""
    out = Outputs()
    out.heatmap[1, 1], out.heatmap[1, 2] = 0.5, 0.49
    assert out.decoded(floor=0.5).scores.tolist() == [0.5]


def test_an_absurd_size_stays_a_number():
    """exp of anything the network says: no overflow, no warning; such boxes are dropped further on."""
    out = Outputs()
    out.heatmap[...] = 1
    out.scale[0], out.scale[1] = 500, -500
    found = out.decoded()
    assert np.isfinite(found.boxes).all()
    assert np.isfinite(found.landmarks).all()
    assert len(found) == 12


def test_no_cell_no_face():
    """Shapes stay what callers index."""
    found = Outputs().decoded()
    assert (found.boxes.shape, found.landmarks.shape, len(found)) == ((0, 4), (0, 5, 2), 0)


def test_the_box_holds_the_face_and_the_points_are_in_place(detector, photo):
    """One face, once, though many cells see it. Points to a tenth of the face's width."""
    found = detector.find(photo)
    assert len(found) == 1
    left, top, right, bottom = found.boxes[0]
    assert left < FACE[0]
    assert top < FACE[1]
    assert right > FACE[2]
    assert bottom > FACE[3]
    assert found.areas_px[0] < 130 * 150, "and little else"
    assert found.scores[0] > 0.85
    assert np.abs(found.landmarks[0] - POINTS).max() < 9


def test_landmarks_are_in_our_order_in_every_portrait(detector, portraits):
    """Image-left eye, image-right eye, nose, image-left corner, image-right corner, on two people."""
    for path in [path for paths in portraits.known.values() for path in paths]:
        pixels = decode(path.read_bytes())[::2, ::2]
        for picture in (pixels, pixels[:, ::-1]):
            found = detector.find(np.ascontiguousarray(picture))
            eye_left, eye_right, nose, mouth_left, mouth_right = found.landmarks[0]
            assert eye_left[0] < nose[0] < eye_right[0]
            assert mouth_left[0] < mouth_right[0]
            assert max(eye_left[1], eye_right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])


def test_a_picture_of_any_size_will_do(detector, photo):
    """Sides that are no multiple of 32 are padded: boxes stay in the picture's pixels."""
    whole = detector.find(photo)
    part = detector.find(photo[30:231, 100:341])
    assert np.abs(part.boxes[0] + [100, 30, 100, 30] - whole.boxes[0]).max() < 8
    assert np.abs(part.landmarks[0] + [100, 30] - whole.landmarks[0]).max() < 5


@pytest.mark.parametrize("seed", [0, 1])
def test_where_nobody_is_nobody_is_found(detector, seed):
    """Grey, black, noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    for picture in (noise, np.full((200, 300, 3), 128, np.uint8), np.zeros((80, 80, 3), np.uint8)):
        assert len(detector.find(picture)) == 0
