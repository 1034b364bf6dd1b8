"""Where the mesh is looked for, and what becomes of the network's answer."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from countenance.types import Confidence, Face, PixelBox, Pose, Quality
from countenance.vision.attributes.face_mesh import POINTS, FaceMesh

PIXELS = np.zeros((400, 400, 3), np.uint8)


def network(points, presence):
    """Answers these (478, 3) points of the crop and this logit for each picture of a batch."""
    flat = np.asarray(points, np.float32).reshape(1, 1, 1, POINTS * 3)
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "points"], ["found"]),
        helper.make_node("Add", ["nothing", "presence"], ["there"]),
    ]
    weights = [
        numpy_helper.from_array(np.zeros(1, np.float32), "zero"),
        numpy_helper.from_array(flat, "points"),
        numpy_helper.from_array(np.float32(presence).reshape(1, 1, 1, 1), "presence"),
    ]
    picture = helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, ["n", 256, 256, 3])
    answers = [
        helper.make_tensor_value_info("found", onnx.TensorProto.FLOAT, ["n", 1, 1, POINTS * 3]),
        helper.make_tensor_value_info("there", onnx.TensorProto.FLOAT, ["n", 1, 1, 1]),
    ]
    graph = helper.make_graph(nodes, "tiny", [picture], answers, initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return FaceMesh(model.SerializeToString())


def face(left=100, top=100, size=100, *, roll=0.0):
    angle = np.radians(roll)
    eyes = np.array([[-20, 0], [20, 0]]) @ np.array(
        [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    )
    middle = np.array([left + size / 2, top + size / 2])
    points = np.vstack([eyes, np.zeros((3, 2))]) + middle
    return Face(
        box=PixelBox(left, top, size, size),
        landmarks=points.astype(np.float32),
        confidence=Confidence(99.0),
        pose=Pose(0, 0, 0),
        quality=Quality(50, 50),
    )


def middle_and(corner):
    points = np.full((POINTS, 3), 128, np.float32)
    points[5] = (*corner, 13)
    return points


def test_points_come_back_in_pixels_of_the_photograph():
    """The crop is 1.3 times as large as the box and 256 px wide."""
    (mesh,) = network(middle_and((256, 128)), 3.0).find(PIXELS, [face()])
    assert mesh.points[0, :2] == pytest.approx((150, 150))
    assert mesh.points[5] == pytest.approx((150 + 65, 150, 13 * 130 / 256), rel=1e-3)
    assert mesh.presence == pytest.approx(1 / (1 + np.exp(-3.0)))


def test_a_turned_face_is_looked_at_upright():
    """To the right of an upright face is below one that is turned by a right angle, clockwise."""
    (mesh,) = network(middle_and((256, 128)), 3.0).find(PIXELS, [face(roll=90)])
    assert mesh.points[5, :2] == pytest.approx((150, 215), abs=0.1)


def test_a_batch_keeps_its_order():
    meshes = network(middle_and((128, 128)), 0.0).find(PIXELS, [face(100), face(200, 60), face(0, 0, 50)])
    assert [tuple(mesh.points[0, :2]) for mesh in meshes] == [(150, 150), (250, 110), (25, 25)]
    assert network(middle_and((1, 1)), 0.0).find(PIXELS, []) == []


@pytest.mark.parametrize(("points", "presence"), [(np.nan, 1.0), (np.inf, 1.0), (1.0, np.nan)])
def test_a_network_that_answers_no_numbers_has_found_nothing(points, presence):
    assert network(np.full((POINTS, 3), points), presence).find(PIXELS, [face()]) == [None]


def test_a_box_of_no_size_is_looked_at_all_the_same():
    assert network(middle_and((1, 1)), 0.0).find(PIXELS, [face(size=0)])[0] is not None


@pytest.mark.parametrize(("logit", "presence"), [(1e30, 1.0), (-1e30, 0.0)])
def test_a_logit_beyond_all_bounds_is_a_certainty(logit, presence):
    assert network(middle_and((1, 1)), logit).find(PIXELS, [face()])[0].presence == pytest.approx(presence)
