"""From the weights of face-api (npm, MIT) to ONNX networks: age and gender, and expression.

Weights are a JSON list of names, shapes and how each was made 8 bits, beside one file of their bytes. The
networks that they belong to are face-api's TinyXception and its extractor of four dense blocks; what is
written here follows their published code. Both take (n, 3, 112, 112) RGB, 0-255.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from countenance.errors import SetupError

_MEAN_RGB: Final = (122.782, 117.001, 104.298)
_SIDE_PX: Final = 112
_ONNX_OPSET: Final = 13
_ONNX_IR_VERSION: Final = 8
_TYPES: Final = {"float32": "<f4", "uint8": "u1", "uint16": "<u2"}

Array = NDArray[Any]


def convert_age_gender(manifest: bytes, weights: bytes) -> bytes:
    """Outputs age, (n, 1) years, and gender, (n, 2): shares of male and female.

    Raises:
        SetupError: not the weights of that network.
    """
    graph = _Graph(_parse(manifest, weights))
    try:
        value = graph.relu(
            graph.conv(graph.normalized(), "entry_flow/conv_in/filters", "entry_flow/conv_in/bias", 2)
        )
        value = graph.reduction(value, "entry_flow/reduction_block_0", activated=False)
        value = graph.reduction(value, "entry_flow/reduction_block_1")
        for block in ("middle_flow/main_block_0", "middle_flow/main_block_1"):
            value = graph.main(value, block)
        value = graph.reduction(value, "exit_flow/reduction_block")
        value = graph.relu(graph.separable(value, "exit_flow/separable_conv"))
        flat = graph.pooled(value)
        graph.connected(flat, "fc/age", "age")
        graph.softmax(graph.connected(flat, "fc/gender"), "gender")
    except KeyError as error:
        raise SetupError(f"the weights of age and gender lack {error}") from None
    return graph.model_bytes(["age", "gender"])


def convert_expression(manifest: bytes, weights: bytes) -> bytes:
    """Outputs probs, (n, 7): shares of neutral, happy, sad, angry, fearful, disgusted, surprised.

    Raises:
        SetupError: not the weights of that network.
    """
    graph = _Graph(_parse(manifest, weights))
    try:
        value = graph.normalized()
        for number in range(4):
            value = graph.dense(value, f"dense{number}", is_first=number == 0)
        graph.softmax(graph.connected(graph.pooled(value), "fc"), "probs")
    except KeyError as error:
        raise SetupError(f"the weights of expression lack {error}") from None
    return graph.model_bytes(["probs"])


def _parse(manifest: bytes, weights: bytes) -> Mapping[str, Array]:
    """Each tensor by its name, float32."""
    found, at = {}, 0
    try:
        (group,) = json.loads(manifest)
        for entry in group["weights"]:
            quantized = entry.get("quantization")
            dtype = np.dtype(_TYPES[quantized["dtype"] if quantized else entry["dtype"]])
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(weights, dtype, count, at).astype(np.float32)
            at += count * dtype.itemsize
            if quantized:
                values = values * np.float32(quantized["scale"]) + np.float32(quantized["min"])
            found[str(entry["name"])] = values.reshape(entry["shape"])
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"face-api's weights are not understood: {error}") from None
    if at != len(weights):
        raise SetupError(f"face-api's weights are {len(weights)} bytes, and {at} are spoken of")
    return found


class _Graph:
    """An ONNX graph, written from its input to its outputs; values go by their names."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._tensors = tensors
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def normalized(self) -> str:
        mean = self._weight(np.array(_MEAN_RGB, np.float32).reshape(1, 3, 1, 1))
        return self._node("Div", [self._node("Sub", ["input", mean]), self._weight(np.float32(255))])

    def conv(self, value: str, filters: str, bias: str, stride: int) -> str:
        """TensorFlow's filters are height, width, in, out."""
        kernel = self._weight(self._tensors[filters].transpose(3, 2, 0, 1))
        return self._convolution(value, [kernel, self._weight(self._tensors[bias])], stride)

    def separable(self, value: str, name: str, *, stride: int = 1) -> str:
        depthwise = self._tensors[f"{name}/depthwise_filter"]
        each = self._weight(depthwise.transpose(2, 3, 0, 1))
        value = self._convolution(value, [each], stride, group=depthwise.shape[2])
        return self.conv(value, f"{name}/pointwise_filter", f"{name}/bias", 1)

    def reduction(self, value: str, name: str, *, activated: bool = True) -> str:
        out = self.separable(self.relu(value) if activated else value, f"{name}/separable_conv0")
        out = self.separable(self.relu(out), f"{name}/separable_conv1")
        out = self._node("MaxPool", [out], kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
        beside = self.conv(value, f"{name}/expansion_conv/filters", f"{name}/expansion_conv/bias", 2)
        return self._node("Add", [out, beside])

    def main(self, value: str, name: str) -> str:
        out = value
        for number in range(3):
            out = self.separable(self.relu(out), f"{name}/separable_conv{number}")
        return self._node("Add", [out, value])

    def dense(self, value: str, name: str, *, is_first: bool) -> str:
        """Each layer sees the sum of all before it."""
        begun = (
            self.conv(value, f"{name}/conv0/filters", f"{name}/conv0/bias", 2)
            if is_first
            else self.separable(value, f"{name}/conv0", stride=2)
        )
        total = shown = self.relu(begun)
        for number in (1, 2, 3):
            total = self._node("Add", [total, self.separable(shown, f"{name}/conv{number}")])
            shown = self.relu(total)
        return shown

    def pooled(self, value: str) -> str:
        """(n, channels)."""
        return self._node(
            "Flatten", [self._node("AveragePool", [value], kernel_shape=[7, 7], strides=[2, 2])]
        )

    def connected(self, value: str, name: str, output: str | None = None) -> str:
        product = self._node("MatMul", [value, self._weight(self._tensors[f"{name}/weights"])])
        return self._node("Add", [product, self._weight(self._tensors[f"{name}/bias"])], output)

    def relu(self, value: str) -> str:
        return self._node("Relu", [value])

    def softmax(self, value: str, output: str) -> None:
        self._node("Softmax", [value], output, axis=1)

    def model_bytes(self, outputs: Sequence[str]) -> bytes:
        picture = helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["n", 3, _SIDE_PX, _SIDE_PX])
        answers = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self._nodes, "face-api", [picture], answers, initializer=self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _ONNX_OPSET)])
        model.ir_version = _ONNX_IR_VERSION
        return bytes(model.SerializeToString(deterministic=True))

    def _convolution(self, value: str, weights: Sequence[str], stride: int, *, group: int = 1) -> str:
        return self._node(
            "Conv", [value, *weights], strides=[stride, stride], auto_pad="SAME_UPPER", group=group
        )

    def _node(self, kind: str, inputs: Sequence[str], output: str | None = None, **attributes: Any) -> str:
        name = output or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def _weight(self, value: Array | np.float32) -> str:
        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name
