from __future__ import annotations

import pytest

from countenance.errors import InvalidImageFormatException, InvalidParameterException
from fakes.vision import person, picture


def detect(call, data, **options):
    return call("DetectFaces", Image={"Bytes": data}, **options)


def test_faces_come_largest_first(call):
    answer = detect(call, picture(person("ada", size=100), person("bob", left=400, size=300)))
    assert [round(face["BoundingBox"]["Width"], 3) for face in answer["FaceDetails"]] == [0.3, 0.1]


def test_no_face_is_an_empty_list(call):
    assert detect(call, picture()) == {"FaceDetails": []}


@pytest.mark.parametrize(
    "attributes",
    [
        None,
        [],
        ["DEFAULT"],
        ["ALL"],
        ["ALL", "DEFAULT"],
        ["AGE_RANGE"],
        ["DEFAULT", "SMILE", "EYE_DIRECTION"],
    ],
)
def test_the_default_attributes_are_always_there_and_no_value_is_invented(call, attributes):
    options = {} if attributes is None else {"Attributes": attributes}
    [face] = detect(call, picture(person("ada")), **options)["FaceDetails"]
    assert set(face) == {"BoundingBox", "Landmarks", "Pose", "Quality", "Confidence"}


def test_what_is_no_photograph_is_refused(call):
    with pytest.raises(InvalidImageFormatException):
        detect(call, b"data:image/jpeg;base64,/9j/4AAQ")
    with pytest.raises(InvalidParameterException, match="Request has invalid parameters"):
        detect(call, picture(width=79))
