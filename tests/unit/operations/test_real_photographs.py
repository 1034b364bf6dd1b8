"""The operations with nothing stood in for: real photographs, real nets, a real database."""

from __future__ import annotations

import inspect
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from countenance.errors import InvalidParameterException
from countenance.vision.pipeline import Vision
from fakes.vision import FakeVision


class OnePack:
    """The default pack of this machine, as `Models`."""

    def __init__(self, vision):
        self.default = vision
        self.packs = {vision.face_model_version: vision.pack_name}

    def vision(self, face_model_version):
        assert face_model_version == self.default.face_model_version
        return self.default


@pytest.fixture
def real_call(call, vision):
    return replace(call, models=OnePack(vision))


@pytest.fixture(scope="module")
def man(portraits):
    """Several photographs of one man."""
    return [path.read_bytes() for path in max(portraits.known.values(), key=len)]


@pytest.fixture(scope="module")
def faceless():
    """A picture of a ramp of greys."""
    ramp = np.tile(np.linspace(60, 200, 320, dtype=np.uint8), (240, 1))
    target = io.BytesIO()
    Image.fromarray(ramp).save(target, "PNG")
    return target.getvalue()


@pytest.fixture(scope="module")
def stranger(portraits):
    return portraits.stranger.read_bytes()


def test_the_stand_in_is_used_as_the_real_thing_is():
    """Else the tests of logic beside this file would show nothing about real calls."""
    for name in ("decode", "detect", "embed"):
        real, fake = (inspect.signature(getattr(kind, name)) for kind in (Vision, FakeVision))
        assert list(real.parameters) == list(fake.parameters)
    fake = FakeVision("1.0", 64)
    for name in ("pack_name", "face_model_version", "dimensions", "calibration"):
        assert isinstance(getattr(Vision, name), property)
        assert hasattr(fake, name)


def test_a_man_is_found_by_another_photograph_and_a_stranger_is_not(real_call, man, stranger):
    real_call("CreateCollection", CollectionId="men")
    for photo in man[:-1]:
        indexed = real_call("IndexFaces", CollectionId="men", Image={"Bytes": photo}, MaxFaces=1)
        assert len(indexed["FaceRecords"]) == 1
    found = real_call("SearchFacesByImage", CollectionId="men", Image={"Bytes": man[-1]})
    assert len(found["FaceMatches"]) == len(man) - 1
    assert all(match["Similarity"] >= 80 for match in found["FaceMatches"])
    none = real_call("SearchFacesByImage", CollectionId="men", Image={"Bytes": stranger})
    assert none["FaceMatches"] == []


def test_two_photographs_of_one_man_match_and_those_of_two_people_do_not(real_call, man, stranger):
    same = real_call("CompareFaces", SourceImage={"Bytes": man[0]}, TargetImage={"Bytes": man[1]})
    assert [match["Similarity"] >= 80 for match in same["FaceMatches"]] == [True]
    assert same["UnmatchedFaces"] == []
    other = real_call("CompareFaces", SourceImage={"Bytes": man[0]}, TargetImage={"Bytes": stranger})
    assert (other["FaceMatches"], len(other["UnmatchedFaces"])) == ([], 1)


def test_landmarks_lie_in_the_box_with_left_on_the_left(real_call, stranger):
    """An upright face: eyeLeft has the smaller X, the mouth the greater Y."""
    [face] = real_call("DetectFaces", Image={"Bytes": stranger})["FaceDetails"]
    box, at = face["BoundingBox"], {mark["Type"]: (mark["X"], mark["Y"]) for mark in face["Landmarks"]}
    for x, y in at.values():
        assert box["Left"] < x < box["Left"] + box["Width"]
        assert box["Top"] < y < box["Top"] + box["Height"]
    assert at["eyeLeft"][0] < at["nose"][0] < at["eyeRight"][0]
    assert at["mouthLeft"][0] < at["mouthRight"][0]
    assert at["eyeLeft"][1] < at["nose"][1] < at["mouthLeft"][1]
    assert 0 < face["Confidence"] <= 100
    assert all(0 <= value <= 100 for value in face["Quality"].values())


def test_a_picture_of_nobody_is_no_picture_to_search_with(real_call, faceless):
    real_call("CreateCollection", CollectionId="men")
    with pytest.raises(InvalidParameterException, match=r"There are no faces in the image\."):
        real_call("SearchFacesByImage", CollectionId="men", Image={"Bytes": faceless})
