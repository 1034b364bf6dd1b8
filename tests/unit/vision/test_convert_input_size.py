"""Freeing a network from the size of its exporter's example."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from countenance.errors import SetupError
from countenance.vision.convert_input_size import convert_input_size
from countenance.vision.session import Session


def network(kind: str = "Conv", shape: tuple[int, ...] = (10, 1, 4, 4)) -> bytes:
    """A network for pictures of 4 x 4 only, with its weights listed as inputs, as old exporters do."""
    weights = numpy_helper.from_array(np.full((1, 1, 1, 1), 2, np.float32), "weights")
    inputs = ["picture", "weights"] if kind == "Conv" else ["picture"]
    info = [helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, shape)]
    info.append(helper.make_tensor_value_info("weights", onnx.TensorProto.FLOAT, (1, 1, 1, 1)))
    out = [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None if kind == "Flatten" else shape)]
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, ["out"])], "g", info, out, initializer=[weights]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])
    model.ir_version = 4
    return model.SerializeToString()


def test_any_picture_and_batch_size_runs_afterwards():
    """CenterFace's file says (10, 3, 32, 32); photographs are of any size."""
    session = Session(convert_input_size(network()))
    assert session.input_names == ("picture",)
    for shape in ((1, 1, 4, 4), (1, 1, 7, 3), (2, 1, 64, 32)):
        (out,) = session.run({"picture": np.ones(shape, np.float32)})
        assert out.shape == shape
        assert (out == 2).all()


def test_conversion_is_repeatable():
    """The same file gives the same bytes: what was installed can be checked elsewhere."""
    assert convert_input_size(network()) == convert_input_size(network())


def test_an_operation_that_may_depend_on_the_size_is_refused():
    """Flatten feeds a matrix whose rows were counted for one size."""
    with pytest.raises(SetupError, match="Flatten"):
        convert_input_size(network("Flatten"))


@pytest.mark.parametrize(
    ("model", "complaint"), [(b"\xff\x00nonsense", "not an ONNX file"), (b"", "not known")]
)
def test_what_is_no_network_is_refused(model, complaint):
    """With a sentence, not with protobuf's traceback."""
    with pytest.raises(SetupError, match=complaint):
        convert_input_size(model)


def test_only_pictures_are_freed():
    """Three axes are no picture."""
    with pytest.raises(SetupError, match="3 axes"):
        convert_input_size(network("Relu", shape=(10, 4, 4)))
