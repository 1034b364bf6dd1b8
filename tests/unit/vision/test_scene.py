"""Frames of one camera are alike without their faces; photos of different places are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.types import PixelBox
from countenance.vision.scene import scene_hash

FACE = PixelBox(250.0, 150.0, 120.0, 150.0)
FEW, MANY = 6, 20
"""Bits: of two frames at most so many, of two places at least."""


def place(seed, *, height=480, width=640):
    """A made-up place: light and dark at several scales, as in any room or street."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cells in (4, 8, 16, 32):
        coarse = rng.uniform(0, 255, (cells * 3 // 4, cells, 3)).astype(np.float32)
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * (4 / cells)
    picture -= picture.min()
    return (picture * (255 / picture.max())).astype(np.uint8)


def noisy(picture, seed, deviation=4.0):
    noise = np.random.default_rng(seed).normal(0, deviation, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def with_face(picture, box, seed):
    """Somebody stands there: any pixels within the box."""
    left, top = max(0, int(box.left)), max(0, int(box.top))
    right, bottom = int(box.left + box.width), int(box.top + box.height)
    changed = picture.copy()
    part = changed[top:bottom, left:right]
    part[:] = np.random.default_rng(seed).integers(0, 256, part.shape, dtype=np.uint8)
    return changed


def apart(one, other):
    return (one ^ other).bit_count()


def test_frames_of_one_camera_differ_in_few_bits():
    """Noise, another exposure, another compression, and a face that moves a little or is another's."""
    scene = place(1)
    first = scene_hash(with_face(scene, FACE, 1), [FACE])
    for number in range(10):
        moved = PixelBox(FACE.left + number, FACE.top - number, FACE.width, FACE.height + number)
        frame = with_face(noisy(scene, number), moved, 100 + number)
        assert apart(scene_hash(frame, [moved]), first) <= FEW
    darker = (scene * 0.8).astype(np.uint8)
    assert apart(scene_hash(darker, [FACE]), first) <= FEW
    for quality in (30, 60, 90):
        _, coded = cv2.imencode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert apart(scene_hash(cv2.imdecode(coded, cv2.IMREAD_COLOR), [FACE]), first) <= FEW


def test_a_frame_in_another_size_is_the_same_scene():
    """A program that sends frames may make them smaller."""
    scene = place(2, height=960, width=1280)
    half = cv2.resize(scene, (640, 480), interpolation=cv2.INTER_AREA)
    assert apart(scene_hash(scene, []), scene_hash(half, [])) <= FEW


def test_places_differ_in_many_bits():
    """A bulk job over an album must not be taken for a camera."""
    hashes = [scene_hash(place(seed), [FACE]) for seed in range(30)]
    distances = [apart(one, other) for number, one in enumerate(hashes) for other in hashes[:number]]
    assert min(distances) >= 8
    assert np.mean([distance >= MANY for distance in distances]) > 0.97
    assert 28 < np.mean(distances) < 36


def test_where_a_face_is_nothing_of_it_is_looked_at():
    """The same people before another wall are another scene, others before the same wall are not."""
    scene, other = place(3), place(4)
    hashes = {scene_hash(with_face(scene, FACE, seed), [FACE]) for seed in range(20)}
    assert len(hashes) == 1
    assert apart(scene_hash(with_face(other, FACE, 0), [FACE]), hashes.pop()) >= MANY


@settings(max_examples=150, deadline=None)
@given(
    height=st.integers(1, 700),
    width=st.integers(1, 700),
    boxes=st.lists(
        st.tuples(st.floats(-300, 700), st.floats(-300, 700), st.floats(0, 500), st.floats(0, 500)),
        max_size=3,
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_faces_own_pixels_change_nothing(height, width, boxes, seed):
    """Of any number of faces, in any place, also half outside: two people before one wall are one hash."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    faces = [PixelBox(*box) for box in boxes]
    found = scene_hash(picture, faces)
    assert 0 <= found < 1 << 64
    changed = picture.copy()
    for face in faces:
        top, bottom = np.clip([face.top, face.top + face.height], 0, height).astype(int)
        left, right = np.clip([face.left, face.left + face.width], 0, width).astype(int)
        part = changed[top:bottom, left:right]
        part[:] = rng.integers(0, 256, part.shape, dtype=np.uint8)
    assert scene_hash(changed, faces) == found
    assert scene_hash(picture, faces) == found


def test_hair_and_chin_are_the_persons_too():
    """A quarter of the box on each side: what is just outside of it says who it is as well."""
    scene, wide = place(5), PixelBox(220.0, 112.5, 180.0, 225.0)
    for seed in range(5):
        assert scene_hash(with_face(scene, wide, seed), [FACE]) == scene_hash(scene, [FACE])


@pytest.mark.parametrize(
    "box",
    [
        PixelBox(0.0, 0.0, 640.0, 480.0),
        PixelBox(-100.0, -100.0, 900.0, 900.0),
        PixelBox(60.0, 40.0, 520.0, 400.0),
    ],
)
def test_of_a_face_as_large_as_the_picture_nothing_is_left(box):
    """Passport photos are all alike then, and tell of no camera: detectors pass 0 over."""
    assert scene_hash(place(6), [box]) == 0


@pytest.mark.parametrize("shape", [(480, 640), (101, 103), (1000, 700)])
def test_an_even_picture_tells_nothing(shape):
    """Of any shade: rounding must not make bits of what is nothing."""
    for shade in range(0, 256, 5):
        even = np.full((*shape, 3), shade, np.uint8)
        assert scene_hash(even, []) == scene_hash(even, [FACE]) == 0


def test_bits_of_what_was_blanked_are_the_same_in_every_frame():
    """A face that fills half the picture leaves as much of the scene to compare as there is, and no noise."""
    scene, near = place(9), PixelBox(170.0, 80.0, 220.0, 300.0)
    first = scene_hash(scene, [near])
    assert max(apart(scene_hash(noisy(scene, seed), [near]), first) for seed in range(20)) <= FEW


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (1, 2), (2, 1), (1, 5000), (5000, 1), (8, 9), (7, 8), (144, 144), (80, 10_000), (10_000, 80)],
    ids=str,
)
def test_a_picture_of_any_shape_has_a_hash(shape):
    """Nobody's call may fail because of a fingerprint that is for detectors."""
    picture = np.random.default_rng(7).integers(0, 256, (*shape, 3), dtype=np.uint8)
    before = picture.copy()
    for boxes in ([], [PixelBox(0.0, 0.0, 1.0, 1.0)], [PixelBox(-5.0, -5.0, 3.0, 3.0)]):
        assert 0 <= scene_hash(picture, boxes) < 1 << 64
    assert np.array_equal(picture, before)


def test_a_hundred_megapixels_are_looked_at_in_steps():
    """Of the largest picture that is taken no second copy is made: it has 300 MB already."""
    row = np.random.default_rng(8).integers(0, 256, (1, 10_000, 3), dtype=np.uint8)
    huge = np.broadcast_to(row, (10_000, 10_000, 3))
    assert 0 <= scene_hash(huge, [PixelBox(4000.0, 4000.0, 2000.0, 2000.0)]) < 1 << 64


def test_the_first_bit_is_of_the_top_left_and_the_last_of_the_bottom_right():
    """Row by row, a bit for each step to the right that grows brighter: the format of what is kept."""
    brighter = np.zeros((80, 90, 3), np.uint8)
    brighter[:, :, :] = (np.arange(90) // 10 * 20)[None, :, None]
    assert scene_hash(brighter, []) == 2**64 - 1
    assert scene_hash(brighter[:, ::-1], []) == 0
    top = brighter.copy()
    top[10:] = 0
    assert scene_hash(top, []) == 0xFF << 56
