"""YuNet: its outputs decoded, and the real network on a real face."""

from __future__ import annotations

import math

import numpy as np
import pytest

from countenance.vision.decode import decode
from countenance.vision.yunet import YuNet, decode_stride

# In the stranger's photo, by eye: pupils, nose tip, mouth corners; and brows, cheeks and chin.
POINTS = np.array([[203.4, 101.5], [247.0, 103.1], [225.7, 126.7], [204.0, 140.1], [243.5, 141.4]])
FACE = (183, 90, 266, 172)


def outputs(stride: int, cells: int) -> dict[str, np.ndarray]:
    """Nothing anywhere: the network's zeros."""
    parts = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    return {f"{name}_{stride}": np.zeros((1, cells, size), np.float32) for name, size in parts.items()}


@pytest.fixture(scope="module")
def detector(standard_pack) -> YuNet:
    spec = standard_pack.manifest.detector
    return YuNet(standard_pack.path_of(spec.artifact), spec)


@pytest.fixture(scope="module")
def photo(portraits) -> np.ndarray:
    return decode(portraits.stranger.read_bytes())


def test_a_cell_tells_a_box_and_five_points():
    """Computed by hand: cell 9 of rows of 4 is at column 1, row 2; lengths are in cells of 8 px."""
    out = outputs(8, 12)
    out["cls_8"][0, 9], out["obj_8"][0, 9] = 0.81, 1
    out["bbox_8"][0, 9] = [0.5, 0.25, math.log(2), math.log(3)]
    out["kps_8"][0, 9] = [-1, 0, 1, 0, 0, 1, -0.5, 2, 0.5, 2]
    found = decode_stride(out, 8, columns=4, floor=0.6)
    assert np.allclose(found.boxes, [[12 - 8, 18 - 12, 12 + 8, 18 + 12]], atol=1e-4)
    assert found.scores == pytest.approx([0.9])
    assert np.allclose(found.landmarks, [[[0, 16], [16, 16], [8, 24], [4, 32], [12, 32]]])
    assert {found.boxes.dtype, found.scores.dtype, found.landmarks.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("face", "objectness", "score"),
    [
        (0.81, 0.81, 0.81),
        (1, 0.49, 0.7),
        (0.49, 1, 0.7),
        (1.2, 0.9, math.sqrt(0.9)),
        (1, 0, None),
        (-1, -1, None),
    ],
)
def test_the_score_is_the_geometric_mean_of_two_probabilities(face, objectness, score):
    """Either alone is no face; what lies outside [0, 1] by rounding is brought in."""
    out = outputs(16, 1)
    out["cls_16"][...], out["obj_16"][...] = face, objectness
    found = decode_stride(out, 16, columns=1, floor=0.5)
    assert found.scores == pytest.approx([] if score is None else [score])


def test_a_face_exactly_at_the_floor_is_one():
    """The floor is a minimum."""
    out = outputs(32, 2)
    out["cls_32"][0, :, 0], out["obj_32"][0, :, 0] = (0.25, 0.2), 1
    assert decode_stride(out, 32, columns=2, floor=0.5).scores.tolist() == [0.5]


def test_an_absurd_size_stays_a_number():
    """exp of anything the network says: no overflow, no warning; such boxes are dropped further on."""
    out = outputs(8, 3)
    out["cls_8"][...], out["obj_8"][...] = 1, 1
    out["bbox_8"][0, :, 2:] = [[500, 500], [-500, -500], [88, 0]]
    found = decode_stride(out, 8, columns=3, floor=0.5)
    assert np.isfinite(found.boxes).all()
    assert len(found) == 3


def test_no_cell_no_face():
    """Shapes stay what callers index."""
    found = decode_stride(outputs(8, 4), 8, columns=2, floor=0.5)
    assert (found.boxes.shape, found.landmarks.shape, len(found)) == ((0, 4), (0, 5, 2), 0)


def test_the_box_holds_the_face_and_the_points_are_in_place(detector, photo):
    """One face, once, though many cells of three strides see it. Points to a tenth of the face's width."""
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
    """Sides that are no multiple of the strides are padded: boxes stay in the picture's pixels."""
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
