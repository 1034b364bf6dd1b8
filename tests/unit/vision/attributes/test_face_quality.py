"""Measures of a face as a picture, on a real portrait that is made worse by known steps."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from countenance.settings import Settings
from countenance.types import Confidence, Face, PixelBox, Pose, Quality
from countenance.vision.attributes.analyst import Analyst
from countenance.vision.attributes.attribute_pack import NO_ATTRIBUTES, AttributeStore
from countenance.vision.attributes.face_quality import MEASURES, SCALES, eye_distance_px, measure_faces

OF_NETWORKS = {"EYES_OPEN", "MOUTH_CLOSED", "UNCOVERED", "NO_SUNGLASSES", "LIGHTQNET"}
STEPS = {
    "SHARPNESS": [lambda p, s=s: cv2.GaussianBlur(p, (0, 0), s) for s in (1, 2, 3, 4)],
    "BRIGHTNESS": [lambda p, s=s: (p * s).astype(np.uint8) for s in (0.7, 0.4, 0.2, 0.08)],
    "EYE_DISTANCE": [
        lambda p, s=s: cv2.resize(p, None, fx=s, fy=s, interpolation=cv2.INTER_AREA)
        for s in (0.8, 0.6, 0.4, 0.3)
    ],
}


@pytest.fixture(scope="module")
def portrait(portraits, vision):
    return vision.decode(portraits.stranger.read_bytes())


@pytest.fixture(scope="module")
def analyst(pack_store):
    del pack_store  # the models folder is looked through by whoever is first
    found = AttributeStore(Settings.from_env({}).cache_dir).at_hand()
    if found.missing:
        pytest.skip("the attribute pack is not installed whole")
    return Analyst(found)


def measured(vision, pixels, analyst=None):
    return measure_faces(pixels, vision.detect(pixels).faces[:1], analyst)[0].values


@pytest.mark.parametrize("measure", STEPS)
def test_what_makes_a_photo_worse_lowers_the_measure_of_it_step_by_step(vision, portrait, measure):
    """Monotone, or a bar on it would let the worse photo pass."""
    values = [measured(vision, step(portrait))[measure] for step in (lambda p: p, *STEPS[measure])]
    assert all(worse < better for better, worse in pairwise(values)), values


def test_blur_lowers_lightqnet_too(vision, portrait, analyst):
    """Beyond a blur that a network of 96 px cannot see."""
    pictures = [step(portrait) for step in STEPS["SHARPNESS"][1:]]
    values = [measured(vision, pixels, analyst)["LIGHTQNET"] for pixels in pictures]
    assert all(worse < better for better, worse in pairwise(values)), values
    assert 0 <= values[-1] <= values[0] <= 1


def test_light_that_is_too_much_is_clipped(vision, portrait):
    bright = np.clip(portrait.astype(int) * 3, 0, 255).astype(np.uint8)
    assert measured(vision, portrait)["CLIPPED"] < 1
    assert measured(vision, bright)["CLIPPED"] > 10


def test_a_plain_wall_is_an_even_background(vision, portrait):
    box = vision.detect(portrait).faces[0].box
    plain = np.full_like(portrait, 128)
    left, right = int(box.left - box.width * 0.2), int(box.left + box.width * 1.2)
    plain[:, left:right] = portrait[:, left:right]
    assert measured(vision, plain)["BACKGROUND"] > 95 > measured(vision, portrait)["BACKGROUND"]


def test_without_the_pack_what_needs_it_is_missing_and_named(vision, portrait):
    """And nothing is made up in its place."""
    faces = vision.detect(portrait).faces[:1]
    for without in (None, Analyst(NO_ATTRIBUTES)):
        [found] = measure_faces(portrait, faces, without)
        assert set(found.missing) == OF_NETWORKS
        assert all(SCALES[measure].needs for measure in found.missing)


def test_with_the_pack_everything_is_measured(vision, portrait, analyst):
    [found] = measure_faces(portrait, vision.detect(portrait).faces[:1], analyst)
    assert found.missing == ()
    assert tuple(found.values) == MEASURES == tuple(SCALES)
    assert found.values["EYES_OPEN"] > 50 < found.values["NO_SUNGLASSES"]


def test_of_nobody_nothing_is_measured(portrait):
    assert measure_faces(portrait, []) == []


@pytest.mark.parametrize("box", [(-500, -500, 100, 100), (5000, 5000, 10, 10), (-1e6, 0, 1e-3, 1e-3)])
def test_a_box_outside_of_the_photo_is_measured_all_the_same(portrait, box):
    """Detectors answer such boxes at an edge: an answer, no traceback."""
    left, top, width, height = box
    stray = Face(
        box=PixelBox(left=left, top=top, width=width, height=height),
        landmarks=np.zeros((5, 2), np.float32),
        confidence=Confidence(70.0),
        pose=Pose(0.0, 0.0, 0.0),
        quality=Quality(0.0, 0.0),
    )
    [found] = measure_faces(portrait, [stray])
    assert (found.values["CLIPPED"], found.values["EYE_DISTANCE"], eye_distance_px(stray)) == (0, 0, 0)
    assert "BACKGROUND" not in found.values
