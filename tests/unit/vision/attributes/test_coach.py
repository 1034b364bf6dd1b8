"""What the coach says of a photo, and in which order."""

from __future__ import annotations

import pytest

from countenance.vision.attributes.coach import (
    LEVELS,
    signs_at,
    signs_of,
    signs_without_a_face,
)
from countenance.vision.attributes.face_quality import FaceMeasures
from countenance.vision.quality_filter import BARS, EYE_DISTANCE_PX

GOOD = {
    "EYE_DISTANCE": 90.0,
    "SHARPNESS": 95.0,
    "BRIGHTNESS": 50.0,
    "CLIPPED": 0.0,
    "YAW": 2.0,
    "PITCH": 3.0,
    "CONFIDENCE": 95.0,
    "BACKGROUND": 80.0,
    "EYES_OPEN": 99.0,
    "MOUTH_CLOSED": 90.0,
    "UNCOVERED": 90.0,
    "NO_SUNGLASSES": 90.0,
    "LIGHTQNET": 0.6,
}


def signs(*, faces=1, rejected=(), **values):
    return signs_of(
        FaceMeasures(GOOD | values), reasons=lambda level: ("X",) if level in rejected else (), faces=faces
    )


def test_nothing_is_wrong_with_a_good_photo():
    assert signs() == ()


@pytest.mark.parametrize(
    ("measure", "value", "code", "words"),
    [
        ("EYE_DISTANCE", 3.0, "EYE_DISTANCE", "come closer"),
        ("SHARPNESS", 1.0, "SHARPNESS", "hold the camera still"),
        ("BRIGHTNESS", 1.0, "BRIGHTNESS", "window or a lamp"),
        ("BRIGHTNESS", 99.0, "TOO_BRIGHT", "less light"),
        ("CLIPPED", 60.0, "CLIPPED", "flash"),
        ("YAW", 80.0, "YAW", "straight at the camera"),
        ("PITCH", 70.0, "PITCH", "height of the eyes"),
        ("CONFIDENCE", 61.0, "CONFIDENCE", "whole face"),
        ("NO_SUNGLASSES", 5.0, "NO_SUNGLASSES", "take them off"),
        ("UNCOVERED", 2.0, "UNCOVERED", "mask"),
        ("EYES_OPEN", 3.0, "EYES_OPEN", "open eyes"),
        ("MOUTH_CLOSED", 3.0, "MOUTH_CLOSED", "close it"),
        ("BACKGROUND", 3.0, "BACKGROUND", "plain wall"),
    ],
)
def test_each_measure_has_a_sign_that_says_what_to_do(measure, value, code, words):
    """With what was measured and what is wanted, or nobody can tell how far off they are."""
    [sign] = signs(**{measure: value})
    assert (sign.code, sign.measured) == (code, value)
    assert words in sign.sentence
    assert f"{value:.0f}" in sign.sentence
    assert f"{sign.wanted:.0f}" in sign.sentence


@pytest.mark.parametrize("level", LEVELS)
def test_a_bar_is_reached_by_equality_and_failed_just_below_it(level):
    """The same bars as QualityFilter's: the coach never praises what indexing rejects."""
    for measure, bar in (("EYE_DISTANCE", EYE_DISTANCE_PX[level]), ("SHARPNESS", BARS[level].sharpness)):
        assert signs_at(signs(**{measure: bar}), level) == ()
        [sign] = signs_at(signs(**{measure: bar - 0.01}), level)
        assert (sign.wanted, sign.level) == (bar, level)
        assert f"{bar:.0f} px apart" not in sign.sentence, "never rounded to what it fails"


def test_the_worst_comes_first():
    """By the laxest level that is failed, then by how far."""
    found = signs(EYE_DISTANCE=2.0, MOUTH_CLOSED=1.0, SHARPNESS=BARS["MEDIUM"].sharpness - 1)
    assert [sign.code for sign in found] == ["EYE_DISTANCE", "SHARPNESS", "MOUTH_CLOSED"]
    assert [sign.level for sign in found] == ["AUTO", "MEDIUM", "HIGH"]


def test_levels_are_nested():
    """What is good enough for a risky purpose is good enough for every other."""
    found = signs(EYE_DISTANCE=2.0, MOUTH_CLOSED=1.0, EYES_OPEN=30.0, faces=3)
    counts = [len(signs_at(found, level)) for level in LEVELS]
    assert counts == sorted(counts)
    assert counts[-1] == len(found)


def test_what_was_not_measured_is_not_held_against_a_photo():
    assert signs_of(FaceMeasures({"SHARPNESS": 90.0}), reasons=lambda _: ()) == ()


def test_lightqnet_decides_nothing():
    """It was trained on photos that their publisher took back."""
    assert signs(LIGHTQNET=0.0) == ()


def test_several_faces_are_told():
    [sign] = signs(faces=4)
    assert (sign.code, sign.measured) == ("SEVERAL_FACES", 4.0)


def test_what_the_filter_rejects_without_a_measure_to_blame_is_told_as_well():
    """Else the coach would pass a photo that indexing then rejects."""
    [sign] = signs(rejected=("MEDIUM", "HIGH"))
    assert (sign.code, sign.level) == ("LOW_FACE_QUALITY", "MEDIUM")
    assert [each.code for each in signs(rejected=LEVELS, SHARPNESS=1.0)] == ["SHARPNESS"]


def test_a_photo_without_a_face_passes_nothing():
    for level in LEVELS:
        assert [sign.code for sign in signs_at(signs_without_a_face(), level)] == ["NO_FACE"]


@pytest.mark.parametrize("level", LEVELS)
def test_whoever_obeys_passes_the_level_that_was_asked_for(level):
    """Told the bar of the laxest level that was failed, a person would come back three times."""
    poor = {"SHARPNESS": 1.0, "EYE_DISTANCE": 3.0, "YAW": 80.0, "BRIGHTNESS": 99.0, "NO_SUNGLASSES": 1.0}
    told = signs_at(signs(**poor), level)
    better = poor | {("BRIGHTNESS" if sign.code == "TOO_BRIGHT" else sign.code): sign.wanted for sign in told}
    assert len(told) == len(poor)
    assert signs_at(signs(**better), level) == ()
    for sign in told:
        assert f"{sign.wanted:.0f}" in sign.sentence


def test_a_sign_does_not_hide_what_the_filter_rejects_besides():
    """Once the light is mended the photo would fail for its size."""
    too_small = signs_of(
        FaceMeasures(GOOD | {"BRIGHTNESS": 99.0}),
        reasons=lambda level: ("SMALL_BOUNDING_BOX", "LOW_FACE_QUALITY") if level == "AUTO" else (),
    )
    assert {sign.code for sign in too_small} == {"TOO_BRIGHT", "SMALL_IN_PHOTO"}
