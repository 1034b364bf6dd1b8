from __future__ import annotations

import botocore.session

from countenance.vision.attributes.face_mesh import POINTS
from countenance.vision.attributes.mesh_points import BLENDSHAPE_INPUT, LANDMARKS, SYMMETRIC


def test_the_thirty_names_are_those_of_the_service_model():
    model = botocore.session.get_session().get_service_model("rekognition")
    assert set(LANDMARKS) == set(model.shape_for("LandmarkType").enum)
    assert len(LANDMARKS) == 30


def test_the_network_of_muscles_takes_146_points_in_rising_order():
    assert len(BLENDSHAPE_INPUT) == 146
    assert list(BLENDSHAPE_INPUT) == sorted(set(BLENDSHAPE_INPUT))
    assert BLENDSHAPE_INPUT[-1] < POINTS


def test_no_point_is_its_own_mirror_image():
    assert all(left != right for left, right in SYMMETRIC)
