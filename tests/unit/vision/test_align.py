"""Geometry by its invariants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.vision.align import (
    DegenerateLandmarks,
    centred_transform,
    crop,
    inverse,
    moved_points,
    similarity_transform,
)

FACE = np.array([[30, 50], [70, 52], [50, 75], [34, 95], [66, 96]], np.float32)
IDENTITY = np.eye(2, 3)

angles = st.floats(-180, 180)
scales = st.floats(0.05, 20)
offsets = st.floats(-2000, 2000)


def similarity(angle_deg: float, scale: float, x: float, y: float) -> np.ndarray:
    cosine, sine = scale * math.cos(math.radians(angle_deg)), scale * math.sin(math.radians(angle_deg))
    return np.array([[cosine, -sine, x], [sine, cosine, y]])


def ramp(width: int, height: int) -> np.ndarray:
    """Red grows to the right, green downwards, by one a pixel: colours tell where a pixel was."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, 9)], axis=2).astype(np.uint8)


@settings(max_examples=100, deadline=None)
@given(angles, scales, offsets, offsets)
def test_a_similarity_transform_is_recovered_from_the_points_that_it_moved(angle, scale, x, y):
    """Whatever turn, size and place a face has, alignment undoes it."""
    moved = FACE @ similarity(angle, scale, x, y)[:, :2].T + [x, y]
    found = similarity_transform(FACE, moved)
    assert np.allclose(found, similarity(angle, scale, x, y), atol=1e-6 * max(1, scale))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), angles, scales)
def test_points_that_no_similarity_explains_are_fitted_by_least_squares(seed, angle, scale):
    """The oracle solves the four-parameter linear system as such; no face is the reference's shape."""
    target = FACE @ similarity(angle, scale, 0, 0)[:, :2].T + np.random.default_rng(seed).normal(0, 5, (5, 2))
    rows_x = np.column_stack([FACE[:, 0], -FACE[:, 1], np.ones(5), np.zeros(5)])
    rows_y = np.column_stack([FACE[:, 1], FACE[:, 0], np.zeros(5), np.ones(5)])
    system = np.concatenate([rows_x, rows_y])
    a, b, x, y = np.linalg.lstsq(system, target.T.ravel(), rcond=None)[0]
    assert np.allclose(similarity_transform(FACE, target), [[a, -b, x], [b, a, y]], atol=1e-6)


def test_a_face_is_never_mirrored():
    """The mirror image would fit mirrored points perfectly, and a mirrored face is another template."""
    found = similarity_transform(FACE, FACE * [-1, 1])
    assert np.linalg.det(found[:, :2]) > 0


@pytest.mark.parametrize("place", [(0, 0), (100, 200)])
def test_points_that_coincide_are_refused(place):
    """Neither scale nor turn follows from one point: better an error than a crop of noise."""
    with pytest.raises(DegenerateLandmarks):
        similarity_transform(np.tile(np.array(place, np.float32), (5, 1)), FACE)


def test_points_that_are_not_numbers_are_refused():
    """A comparison with NaN is false: it must fall on the refusing side."""
    with pytest.raises(DegenerateLandmarks):
        similarity_transform(np.full((5, 2), np.nan, np.float32), FACE)


@settings(max_examples=50, deadline=None)
@given(angles, scales, offsets, offsets)
def test_the_inverse_undoes(angle, scale, x, y):
    """Points found in a crop are brought back to the photograph by it."""
    transform = similarity(angle, scale, x, y)
    there_and_back = moved_points(moved_points(FACE, transform), inverse(transform))
    assert np.allclose(there_and_back, FACE, atol=0.05 + 1e-3 / scale)


def test_a_centred_transform_turns_clockwise_about_the_centre():
    """Turned by 90 degrees what lay to the right of the centre lies below it; the centre in the middle."""
    transform = centred_transform((200, 100), scale=0.5, turn_deg=90, width=60, height=40)
    points = np.array([[200, 100], [220, 100], [200, 120]], np.float32)
    assert np.allclose(moved_points(points, transform), [[30, 20], [30, 30], [20, 20]], atol=1e-4)


def test_moved_points_take_any_leading_shape():
    """Five points of one face or of many."""
    transform = similarity(30, 2, 5, 6)
    many = np.stack([FACE, FACE + 1])
    assert moved_points(many, transform).shape == (2, 5, 2)
    assert np.array_equal(moved_points(many, transform)[0], moved_points(FACE, transform))
    assert moved_points(FACE, transform).dtype == np.float32


def test_the_crop_of_the_identity_is_the_photograph():
    """To the byte: no half pixel is lost."""
    pixels = np.random.default_rng(1).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    assert np.array_equal(crop(pixels, IDENTITY, width=90, height=70), pixels)


def test_a_shift_by_whole_pixels_is_a_slice():
    """And black where the photograph shows nothing."""
    pixels = ramp(90, 70)
    shown = crop(pixels, similarity(0, 1, -10, -20), width=100, height=60)
    assert np.array_equal(shown[:50, :80], pixels[20:, 10:])
    assert (shown[50:] == 0).all()
    assert (shown[:, 80:] == 0).all()


def test_a_crop_beside_the_photograph_is_black():
    """A detector's box may reach outside; at any scale that is no error."""
    for scale in (0.1, 1, 3):
        shown = crop(ramp(90, 70), similarity(20, scale, 5000, -5000), width=32, height=24)
        assert shown.shape == (24, 32, 3)
        assert (shown == 0).all()


@settings(max_examples=60, deadline=None)
@given(angle=angles, scale=st.floats(0.08, 3))
def test_every_pixel_of_a_crop_comes_from_its_place_in_the_photograph(angle, scale):
    """Shrunk by areas or not: a shift of half a pixel there would move every template."""
    pixels = ramp(250, 250)
    transform = centred_transform((125, 125), scale=scale, turn_deg=angle, width=12, height=12)
    shown = crop(pixels, transform, width=12, height=12)[..., :2].astype(float)
    y, x = np.mgrid[:12, :12]
    expected = moved_points(np.stack([x, y], axis=2).astype(np.float32), inverse(transform))
    inside = ((expected > 3 / scale) & (expected < 249 - 3 / scale)).all(axis=2)
    assert inside.sum() >= 20
    # bytes are rounded once or twice, and OpenCV places samples to 1/32 of a pixel of what it samples
    assert np.abs(shown - expected)[inside].max() <= 1.2 + 1 / 16 / min(scale, 1)


@pytest.mark.parametrize("scale", [0.45, 0.3, 0.13, 0.05])
@pytest.mark.parametrize("angle", [0, 33])
def test_a_shrunk_crop_does_not_alias(scale, angle):
    """Fine stripes turn grey; bilinear sampling alone would show broad stripes that nobody wore."""
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::2] = 255
    side = int(300 * scale)
    transform = centred_transform((300, 300), scale=scale, turn_deg=angle, width=side, height=side)
    shown = crop(stripes, transform, width=side, height=side)
    assert abs(float(shown.mean()) - 127.5) < 3
    assert float(shown.std()) < 32, "of 127.5 that the stripes have"


def test_a_shrunk_crop_at_the_photographs_edge_keeps_its_place():
    """The part that is seen is cut before it is shrunk: what lies outside stays black, inside stays put."""
    pixels = np.full((400, 400, 3), 200, np.uint8)
    shown = crop(pixels, similarity(0, 0.25, 50, 30), width=200, height=150)
    assert (shown[32:128, 52:148] == 200).all()
    assert (shown[:28] == 0).all()
    assert (shown[:, :48] == 0).all()
    assert (shown[133:] == 0).all()
    assert (shown[:, 153:] == 0).all()


def test_a_crop_of_one_pixel_has_the_photographs_colour():
    """Shrunk to nearly nothing, neither an empty picture nor a black rim results."""
    pixels = np.full((2000, 3000, 3), (10, 20, 30), np.uint8)
    transform = centred_transform((1500, 1000), scale=0.001, turn_deg=0, width=1, height=1)
    assert crop(pixels, transform, width=1, height=1).tolist() == [[[10, 20, 30]]]
