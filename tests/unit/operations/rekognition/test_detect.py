from __future__ import annotations

import pytest

from attribute_members import DEFAULT, MEMBERS
from countenance.errors import (
    InternalServerError,
    InvalidImageFormatException,
    InvalidParameterException,
    SetupError,
)
from fakes.vision import person, picture


def detect(call, data, **options):
    return call("DetectFaces", Image={"Bytes": data}, **options)


def test_faces_come_largest_first(call):
    answer = detect(call, picture(person("ada", size=100), person("bob", left=400, size=300)))
    assert [round(face["BoundingBox"]["Width"], 3) for face in answer["FaceDetails"]] == [0.3, 0.1]


def test_no_face_is_an_empty_list(call):
    assert detect(call, picture()) == {"FaceDetails": []}


@pytest.mark.parametrize(
    ("attributes", "members"),
    [
        (None, set()),
        ([], set()),
        (["DEFAULT"], set()),
        (["ALL"], set(MEMBERS.values())),
        (["ALL", "DEFAULT"], set(MEMBERS.values())),
        (["ALL", "SMILE"], set(MEMBERS.values())),
        (["DEFAULT", "SMILE", "EYE_DIRECTION"], {"Smile", "EyeDirection"}),
        (["SMILE", "SMILE"], {"Smile"}),
        *(([attribute], {member}) for attribute, member in MEMBERS.items()),
    ],
)
def test_the_members_are_those_that_were_asked_for_and_no_others(call, analyst, attributes, members):
    """Absent, not null; and what was not asked for was not looked at either."""
    options = {} if attributes is None else {"Attributes": attributes}
    [face] = detect(call, picture(person("ada")), **options)["FaceDetails"]
    assert set(face) == DEFAULT | members
    wanted = {attribute for attribute, member in MEMBERS.items() if member in members}
    assert analyst.asked == [(1, wanted, "ALL" in (attributes or ()))]


def test_what_cannot_be_read_here_is_absent_and_the_rest_is_there(call, analyst):
    """Never invented: a server without a network for it has no such member."""
    analyst.supported = frozenset({"SMILE"})
    [face] = detect(call, picture(person("ada")), Attributes=["SMILE", "EMOTIONS"])["FaceDetails"]
    assert set(face) == DEFAULT | {"Smile"}


def test_all_has_thirty_landmarks_in_the_order_of_aws_and_everything_else_five(call):
    picture_ = picture(person("ada"), width=1000, height=500)
    [face] = detect(call, picture_, Attributes=["ALL"])["FaceDetails"]
    assert [point["Type"] for point in face["Landmarks"]] == [
        *("eyeLeft", "eyeRight", "mouthLeft", "mouthRight", "nose"),
        *("leftEyeBrowLeft", "leftEyeBrowRight", "leftEyeBrowUp"),
        *("rightEyeBrowLeft", "rightEyeBrowRight", "rightEyeBrowUp"),
        *("leftEyeLeft", "leftEyeRight", "leftEyeUp", "leftEyeDown"),
        *("rightEyeLeft", "rightEyeRight", "rightEyeUp", "rightEyeDown"),
        *("noseLeft", "noseRight", "mouthUp", "mouthDown", "leftPupil", "rightPupil"),
        *("upperJawlineLeft", "midJawlineLeft", "chinBottom", "midJawlineRight", "upperJawlineRight"),
    ]
    last = face["Landmarks"][-1]
    assert (last["X"], last["Y"]) == (pytest.approx(29 / 1000), 0.0)
    [face] = detect(call, picture_, Attributes=["SMILE"])["FaceDetails"]
    assert [point["Type"] for point in face["Landmarks"]] == [
        *("eyeLeft", "eyeRight", "mouthLeft", "mouthRight", "nose")
    ]


def test_values_are_told_as_aws_tells_them(call):
    [face] = detect(call, picture(person("ada")), Attributes=["ALL"])["FaceDetails"]
    assert face["Smile"] == {"Value": True, "Confidence": 75.0}
    assert face["AgeRange"] == {"Low": 30, "High": 42}
    assert face["Gender"] == {"Value": "Female", "Confidence": 97.5}
    assert face["EyeDirection"] == {"Yaw": -5.0, "Pitch": 4.0, "Confidence": 80.0}
    assert face["Pose"] == {"Roll": 1.0, "Yaw": 2.0, "Pitch": 3.0}
    assert [row["Type"] for row in face["Emotions"]] == [
        *("HAPPY", "CALM", "SAD", "ANGRY", "FEAR", "DISGUSTED", "SURPRISED", "CONFUSED")
    ]


def test_every_face_is_described_in_its_own_place(call, analyst):
    answer = detect(call, picture(person("ada"), person("bob", left=500, size=90)), Attributes=["SMILE"])
    assert [set(face) - DEFAULT for face in answer["FaceDetails"]] == [{"Smile"}, {"Smile"}]
    assert analyst.asked == [(2, {"SMILE"}, False)]


def test_a_damaged_file_of_the_attribute_pack_is_an_error_and_no_answer(call, analyst):
    """What an exchanged network would say is worth nothing."""
    analyst.error = SetupError("x.onnx is changed", remedy="`countenance models install attributes`")
    with pytest.raises(InternalServerError, match="models install attributes"):
        detect(call, picture(person("ada")), Attributes=["SMILE"])


def test_what_is_no_photograph_is_refused(call):
    with pytest.raises(InvalidImageFormatException):
        detect(call, b"data:image/jpeg;base64,/9j/4AAQ")
    with pytest.raises(InvalidParameterException, match="Request has invalid parameters"):
        detect(call, picture(width=79))
