"""CoachPhoto: what is told of a photo, and that nothing is done with it."""

from __future__ import annotations

import pytest

from countenance.errors import (
    InternalServerError,
    InvalidImageFormatException,
    InvalidParameterException,
    SetupError,
)
from countenance.policy.photo_demands import demands
from fakes.vision import person, picture

ADA = person("ada", brightness=50.0)
NEVER_ASKED = {"EMOTIONS", "AGE_RANGE", "GENDER", "BEARD", "MUSTACHE", "SMILE", "EYE_DIRECTION", "EYEGLASSES"}


@pytest.fixture
def coach(call):
    return lambda data, **options: call("CoachPhoto", Image={"Bytes": data}, **options)


def codes(told):
    return [sign["Code"] for sign in told["Signs"]]


def test_the_worst_thing_comes_first_with_what_to_do(coach):
    told = coach(picture(person("ada", brightness=50.0, sharpness=2.0)), Purpose="photo-library")
    assert codes(told)[0] == "SHARPNESS"
    assert "hold the camera still" in told["Signs"][0]["Sentence"]
    assert told["IsGoodEnough"] is False
    assert told["SuitablePurposes"] == []
    measures = {each["Name"]: each for each in told["Faces"][0]["Measures"]}
    assert measures["SHARPNESS"] == {"Name": "SHARPNESS", "Value": 2.0, "Unit": "0-100", "Better": "higher"}


def test_a_purpose_of_more_risk_asks_for_more(coach):
    """The same photo is good enough for an album and not for a door."""
    soft = picture(person("ada", brightness=50.0, sharpness=20.0))
    album, door = coach(soft, Purpose="photo-library"), coach(soft, Purpose="access-control")
    assert (album["IsGoodEnough"], album["Signs"]) == (True, album["Signs"])
    assert "SHARPNESS" not in codes(album)
    assert (door["IsGoodEnough"], "SHARPNESS" in codes(door)) == (False, True)
    assert "photo-library" in door["SuitablePurposes"]
    assert "access-control" not in door["SuitablePurposes"]


def test_without_a_purpose_it_is_good_enough_if_it_is_for_any(coach):
    told = coach(picture(person("ada", brightness=50.0, sharpness=20.0)))
    assert told["IsGoodEnough"] is True
    assert "SHARPNESS" in codes(told), "what the strictest wants is told all the same"


def test_the_photo_is_of_its_largest_face(coach):
    told = coach(
        picture(person("bob", left=400, size=100, sharpness=1.0), person("ada", size=300, brightness=50.0))
    )
    assert len(told["Faces"]) == 2
    assert codes(told) == [sign["Code"] for sign in told["Faces"][0]["Signs"]]
    assert "SEVERAL_FACES" in codes(told)


def test_a_photo_without_a_face_is_an_answer(coach):
    told = coach(picture())
    assert (told["Faces"], codes(told), told["IsGoodEnough"]) == ([], ["NO_FACE"], False)


def test_nobody_is_coached_for_a_purpose_that_enrols_nobody(coach):
    for purpose in ("identity-verification", "world-domination"):
        with pytest.raises(InvalidParameterException, match=f"`{purpose}`.*photo-library"):
            coach(picture(ADA), Purpose=purpose)


def test_it_tells_nothing_of_the_person(call, coach, analyst):
    """Neither age nor gender nor mood is looked at, so that none can leak."""
    coach(picture(ADA))
    for _, wanted, landmarks in analyst.asked:
        assert wanted == {"EYES_OPEN", "MOUTH_OPEN", "FACE_OCCLUDED", "SUNGLASSES"}
        assert not wanted & NEVER_ASKED
        assert not landmarks


def test_it_enrols_nothing(call, collection, coach):
    coach(picture(ADA), Purpose="photo-library")
    assert call("ListFaces", CollectionId=collection)["Faces"] == []


def test_what_is_suitable_is_what_the_filter_lets_pass(call, collection, coach):
    """Else people would be sent for a photo that is then rejected."""
    for sharpness in (2.0, 15.0, 17.0, 23.0, 25.0, 36.0, 90.0):
        data = picture(person("ada", brightness=50.0, sharpness=sharpness))
        suits = coach(data)["SuitablePurposes"]
        for purpose, level in demands().items():
            if purpose in suits:
                answer = call(
                    "IndexFaces", CollectionId=collection, Image={"Bytes": data}, QualityFilter=level
                )
                assert answer["UnindexedFaces"] == []


def test_bad_pictures_are_refused_by_name(coach, analyst):
    with pytest.raises(InvalidImageFormatException):
        coach(b"no picture")
    analyst.error = SetupError("changed", remedy="install it again")
    with pytest.raises(InternalServerError, match="install it again"):
        coach(picture(ADA))
