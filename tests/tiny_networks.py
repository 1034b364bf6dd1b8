"""ONNX networks of a few bytes, for tests of what is done with a network's answer."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper


def constant_network(values):
    """Answers these numbers whatever picture it sees: (n, 3, h, w) in, (n, d) out."""
    return colour_network(np.zeros((3, len(values))), values)


def colour_network(matrix, offset):
    """Answers the picture's mean colour times a (3, d) matrix, plus an offset (d,)."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["colour"], axis=1),
        helper.make_node("MatMul", ["colour", "matrix"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["answer"]),
    ]
    weights = [
        numpy_helper.from_array(np.asarray(matrix, np.float32), "matrix"),
        numpy_helper.from_array(np.asarray(offset, np.float32), "offset"),
    ]
    picture = helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, ["n", 3, "h", "w"])
    answer = helper.make_tensor_value_info("answer", onnx.TensorProto.FLOAT, ["n", len(offset)])
    graph = helper.make_graph(nodes, "tiny", [picture], [answer], initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model.SerializeToString()
