"""Brightness and sharpness: what changes them, in which direction, and what does not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.types import PixelBox
from countenance.vision.decode import decode
from countenance.vision.quality import measure_quality

FACE = PixelBox(left=178, top=63, width=90, height=113)  # in the stranger's photo, 512 px a side


@pytest.fixture(scope="module")
def photo(portraits) -> np.ndarray:
    return decode(portraits.stranger.read_bytes())


def exposed(pixels: np.ndarray, factor: float) -> np.ndarray:
    return np.clip(pixels.astype(float) * factor, 0, 255).astype(np.uint8)


def test_blur_lowers_sharpness_step_by_step(photo):
    """The more the picture is blurred the lower, down to nothing."""
    sigmas = (0.5, 0.8, 1.2, 1.8, 2.5, 3.5)
    found = [measure_quality(cv2.GaussianBlur(photo, (0, 0), sigma), FACE).sharpness for sigma in sigmas]
    assert (np.diff([measure_quality(photo, FACE).sharpness, *found]) <= 0).all()
    assert (np.diff([value for value in found if 0 < value < 100]) < -5).all()
    assert found[0] > 60
    assert found[-1] < 10


def test_enlarging_adds_no_detail(photo):
    """A face of a few pixels stays a face of a few pixels."""
    large = cv2.resize(photo, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    box = PixelBox(left=4 * 178, top=4 * 63, width=4 * 90, height=4 * 113)
    values = []
    for pixels in (64, 32, 16, 8):
        height, width = photo.shape[0] * pixels // 90, photo.shape[1] * pixels // 90
        small = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
        again = cv2.resize(small, large.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        values.append(measure_quality(again, box).sharpness)
    assert (np.diff([measure_quality(large, box).sharpness, *values]) <= 0).all()
    assert values[-1] < 10 < values[0]


def test_darkening_lowers_brightness_step_by_step(photo):
    """In proportion, for brightness is a mean."""
    factors = (1.0, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05)
    found = [measure_quality(exposed(photo, factor), FACE).brightness for factor in factors]
    assert (np.diff(found) < 0).all()
    assert np.allclose(found, found[0] * np.array(factors), atol=0.6)


def test_brightening_raises_brightness_step_by_step(photo):
    """Up to white."""
    found = [measure_quality(exposed(photo, factor), FACE).brightness for factor in (1, 1.2, 1.6, 3, 300)]
    assert (np.diff(found) > 0).all()
    assert found[-1] > 95


def test_sharpness_hardly_depends_on_exposure(photo):
    """A dark face that is in focus is dark, not blurred."""
    blurred = cv2.GaussianBlur(photo, (0, 0), 1.2)
    usual = measure_quality(blurred, FACE).sharpness
    assert 20 < usual < 95
    assert measure_quality(exposed(blurred, 0.5), FACE).sharpness == pytest.approx(usual, abs=8)


@pytest.mark.parametrize(
    ("colour", "brightness"),
    [
        ((0, 0, 0), 0),
        ((255, 255, 255), 100),
        ((128, 128, 128), 50.2),
        ((255, 0, 0), 29.9),
        ((0, 255, 0), 58.7),
        ((0, 0, 255), 11.4),
    ],
)
def test_brightness_is_luma_and_a_flat_face_is_not_sharp(colour, brightness):
    """Red, green and blue weigh as in ITU-R BT.601: also a test of the channels' order."""
    quality = measure_quality(np.full((100, 120, 3), colour, np.uint8), PixelBox(10, 10, 60, 60))
    assert quality.brightness == pytest.approx(brightness, abs=0.3)
    assert quality.sharpness == 0


def test_only_the_box_is_measured():
    """A bright room says nothing of a dark face."""
    pixels = np.full((200, 200, 3), 255, np.uint8)
    pixels[50:150, 50:150] = 51
    assert measure_quality(pixels, PixelBox(50, 50, 100, 100)).brightness == pytest.approx(20)
    assert measure_quality(pixels, PixelBox(0, 0, 40, 40)).brightness == pytest.approx(100)


def test_only_what_lies_in_the_photograph_is_measured():
    """Boxes reach outside where a face is cut off; black that is not there must not darken it."""
    pixels = np.full((100, 100, 3), 153, np.uint8)
    for box in (PixelBox(-50, -50, 100, 100), PixelBox(60, 60, 300, 300), PixelBox(-9, -9, 999, 999)):
        assert measure_quality(pixels, box).brightness == pytest.approx(60)


@pytest.mark.parametrize(
    "box",
    [
        PixelBox(100, 0, 50, 50),
        PixelBox(-60, 0, 50, 50),
        PixelBox(0, 500, 50, 50),
        PixelBox(20, 20, 0, 0),
        PixelBox(20, 20, -10, 5),
    ],
)
def test_a_box_that_shows_nothing_has_no_quality(box):
    """Zero and zero, so that every filter drops it."""
    quality = measure_quality(np.full((100, 100, 3), 200, np.uint8), box)
    assert (quality.brightness, quality.sharpness) == (0, 0)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 1000),
    contrast=st.sampled_from([0, 1, 20, 255]),
    box=st.tuples(*[st.floats(-300, 300)] * 2, *[st.floats(0, 600)] * 2),
)
def test_both_are_within_0_and_100(seed, contrast, box):
    """Any picture, any box: the wire's range."""
    noise = np.random.default_rng(seed).integers(0, contrast + 1, (60, 90, 3)).astype(np.uint8)
    for pixels in (noise, 255 - noise, cv2.GaussianBlur(noise, (0, 0), 3)):
        quality = measure_quality(pixels, PixelBox(*box))
        assert 0 <= quality.brightness <= 100
        assert 0 <= quality.sharpness <= 100
