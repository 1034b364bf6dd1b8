"""Pictures for people to look at: aligned, so that to lay one over the other compares something."""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from countenance.errors import InvalidImageFormatException
from countenance.operations.crop_pictures import (
    ALIGNED_PX,
    EYES_AT,
    quality_of,
    to_aligned_picture,
    to_picture,
)
from countenance.types import Confidence, Face, PixelBox, Pose, Quality
from countenance.vision.align import centred_transform, crop, moved_points
from countenance.vision.face_crop import cut_crop

FACE = np.array([[150, 180], [250, 180], [200, 240], [160, 290], [240, 290]], np.float32)
BOX = np.array([[110, 100], [290, 340]], np.float32)
RED, GREEN = (0, 1)
WITHIN_PX = 2.0


def photograph(turn_deg: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)):
    """A grey photo whose left eye is a red dot and whose right eye is a green one, turned and scaled."""
    pixels = np.full((440, 400, 3), 90, np.uint8)
    for (x, y), colour in zip(FACE[:2], ((255, 0, 0), (0, 255, 0)), strict=True):
        cv2.circle(pixels, (int(x), int(y)), 9, colour, -1)
    transform = centred_transform(
        (200 - shift[0], 220 - shift[1]), scale=scale, turn_deg=turn_deg, width=900, height=900
    )
    moved = crop(pixels, transform, width=900, height=900)
    points, corners = moved_points(FACE, transform), moved_points(BOX, transform)
    low, high = corners.min(axis=0), corners.max(axis=0)
    box = PixelBox(*map(float, low), *map(float, high - low))
    return moved, Face(box, points, Confidence(99.0), Pose(0.0, 0.0, 0.0), Quality(50.0, 50.0))


def eyes_in(picture: bytes):
    """(2, 2) centre (x, y) of the red and of the green dot."""
    pixels = np.asarray(Image.open(BytesIO(picture)).convert("RGB"), np.int16)
    centres = []
    for channel in (RED, GREEN):
        others = [each for each in range(3) if each != channel]
        rows, columns = np.nonzero(pixels[..., channel] - pixels[..., others].max(axis=2) > 90)
        centres.append((columns.mean(), rows.mean()))
    return np.array(centres)


@settings(max_examples=25, deadline=None)
@given(
    turn_deg=st.floats(-60, 60),
    scale=st.floats(0.4, 2.0),
    shift=st.tuples(st.floats(-40, 40), st.floats(-40, 40)),
)
def test_the_eyes_of_every_aligned_picture_lie_at_the_same_places(turn_deg, scale, shift):
    """Whatever the pose of the head in the plane, its size and place: measured in the pixels themselves."""
    pixels, face = photograph(turn_deg, scale, shift)
    aligned = to_aligned_picture(cut_crop(pixels, face))
    assert aligned is not None
    assert Image.open(BytesIO(aligned)).size == ALIGNED_PX
    assert np.abs(eyes_in(aligned) - EYES_AT).max() < WITHIN_PX


def test_what_a_vault_keeps_is_not_aligned_by_itself():
    """The reason for all this: it is cut out of the photo as it lies there, turned head and all."""
    pixels, face = photograph(turn_deg=30.0)
    left, right = eyes_in(to_picture(cut_crop(pixels, face)))
    assert abs(right[1] - left[1]) > 20


def test_a_large_face_is_scaled_once_more_and_its_eyes_stay_where_they_are():
    """A vault keeps no face larger than 384 px: points and picture are scaled alike."""
    pixels, face = photograph(scale=2.2)
    assert face.box.height > 384
    assert np.abs(eyes_in(to_aligned_picture(cut_crop(pixels, face))) - EYES_AT).max() < WITHIN_PX


@pytest.mark.parametrize("apart", [0.0, 20.0])
def test_a_head_in_profile_is_not_aligned(apart):
    """Its eyes lie so near to one another that they tell no size: the picture as taken is all there is."""
    pixels, face = photograph()
    points = face.landmarks.copy()
    points[:2] = [[200 - apart / 2, 180], [200 + apart / 2, 180]]
    turned = Face(face.box, points, face.confidence, face.pose, face.quality)
    assert to_aligned_picture(cut_crop(pixels, turned)) is None
    assert Image.open(BytesIO(to_picture(cut_crop(pixels, turned)))).size[0] > 100


def test_there_is_nothing_in_a_picture_but_pixels():
    pixels, face = photograph()
    data = cut_crop(pixels, face)
    for picture in (to_picture(data), to_aligned_picture(data)):
        image = Image.open(BytesIO(picture))
        assert image.format == "JPEG"
        assert not image.getexif()
        assert "comment" not in image.info


@pytest.mark.parametrize("make", [to_picture, to_aligned_picture, quality_of])
@pytest.mark.parametrize("data", [b"", b"\x01", b"\xff\xd8\xff", b"\x01" + b"\x00" * 56 + b"no picture"])
def test_what_is_no_crop_is_refused(make, data):
    with pytest.raises(InvalidImageFormatException):
        make(data)


def test_quality_tells_a_blurred_picture_from_a_sharp_one():
    pixels, face = photograph()
    noisy = (pixels.astype(int) + np.random.default_rng(7).integers(-40, 40, pixels.shape)).clip(0, 255)
    sharp = quality_of(cut_crop(noisy.astype(np.uint8), face))
    blurred = quality_of(cut_crop(cv2.GaussianBlur(noisy.astype(np.uint8), (0, 0), 8), face))
    assert sharp["Sharpness"] > blurred["Sharpness"] + 10
    assert 20 < sharp["Brightness"] < 60
