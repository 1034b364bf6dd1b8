from __future__ import annotations

import uuid

import numpy as np
import pytest

from countenance.gallery import StoredFace
from countenance.operations.face_shapes import (
    to_compared_face,
    to_face_detail,
    to_indexed_face,
    to_stored_face,
)
from countenance.types import Detection, Face, PixelBox, Pose, Quality, RatioBox

FACE = Face(
    box=PixelBox(left=-10, top=20, width=100, height=200),
    landmarks=np.array([(10, 20), (50, 20), (30, 60), (15, 90), (45, 90)], np.float32),
    confidence=99.5,
    pose=Pose(roll_deg=1, yaw_deg=2, pitch_deg=3),
    quality=Quality(brightness=40, sharpness=50),
)
DETECTION = Detection(image_width=100, image_height=200, faces=[FACE])
STORED = StoredFace(
    face_id=uuid.uuid4(),
    image_id=uuid.uuid4(),
    external_image_id=None,
    box=RatioBox(0.1, 0.2, 0.3, 0.4),
    confidence=99.5,
    user_id=None,
    face_model_version="1.0",
)


def test_landmarks_are_ratios_in_the_order_of_aws():
    """Our own order has the nose third; AWS's has it last."""
    landmarks = to_face_detail(FACE, DETECTION)["Landmarks"]
    assert [landmark["Type"] for landmark in landmarks] == [
        "eyeLeft",
        "eyeRight",
        "mouthLeft",
        "mouthRight",
        "nose",
    ]
    points = [(landmark["X"], landmark["Y"]) for landmark in landmarks]
    assert points == pytest.approx(
        np.array([(0.1, 0.1), (0.5, 0.1), (0.15, 0.45), (0.45, 0.45), (0.3, 0.3)]), abs=1e-6
    )


def test_boxes_are_ratios_and_may_reach_outside():
    assert to_face_detail(FACE, DETECTION)["BoundingBox"] == {
        "Left": -0.1,
        "Top": 0.1,
        "Width": 1.0,
        "Height": 1.0,
    }


def test_a_compared_face_is_the_detail_that_was_found():
    assert to_compared_face(FACE, DETECTION) == to_face_detail(FACE, DETECTION)


def test_an_indexed_face_has_the_box_as_found_and_the_ids_as_stored():
    indexed = to_indexed_face(STORED, FACE, DETECTION)
    assert indexed["FaceId"] == str(STORED.face_id)
    assert indexed["BoundingBox"]["Left"] == -0.1
    assert not {"ExternalImageId", "UserId", "IndexFacesModelVersion"} & set(indexed)


def test_a_stored_face_leaves_out_what_it_does_not_have():
    listed = to_stored_face(STORED)
    assert set(listed) == {"FaceId", "BoundingBox", "ImageId", "Confidence", "IndexFacesModelVersion"}
    assert listed["BoundingBox"] == {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
