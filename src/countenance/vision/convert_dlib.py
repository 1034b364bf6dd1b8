"""dlib's face recognition ResNet, from its .dat file to ONNX: read as bytes, without dlib.

The file is dlib's own serialisation. An integer is a head byte (low nibble: count of bytes; 0x80:
negative) and little-endian bytes; a float is mantissa and exponent as two integers (m * 2**e); a
tensor is a version (2), four integers of shape, then little-endian float32. Layers lie in the order
of execution, each behind its tag as a length-prefixed text.

The network: the picture less the file's mean colour, divided by 256; 29 convolutions, each with an
affine layer (folded into its weights here), in residual blocks; a global average; one matrix product
to 128 numbers, which are not of unit length. A block that halves the size adds a 2x2 average of its
input; where the two sides differ in size or channels, the smaller is padded with zeros at its end.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from countenance.errors import SetupError

_INPUT_SIDE_PX = 150
_DIVISOR = 256.0
_CONVOLUTIONS = 29
_ONNX_OPSET = 13
_ONNX_IR_VERSION = 8

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer of the file.

    Attributes:
        kind: `input`, `con`, `affine`, `relu`, `max_pool`, `avg_pool`, `add_prev` or `fc`.
        integers: its sizes, in the order of the file.
        numbers: mean red, green, blue for the input layer.
        weights: its tensor, flat.
    """

    kind: str
    integers: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()
    weights: Floats | None = None


class _Reader:
    """A position in the file and the encodings of dlib's serialisation."""

    # a tag is preceded by its own length as an integer of one byte
    _TAG = re.compile(
        rb"\x01(?:\x15(input)_rgb_image_sized|\x05(con)_4|\x07(affine)_|\x05(relu)_|\x0a(max_pool)_2"
        rb"|\x0a(avg_pool)_2|\x09(add_prev)_|\x04(fc)_2)"
    )

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def find_tag(self) -> str | None:
        """Go past the next tag; None at the end. What lies between (learning rates) is of no use here."""
        match = self._TAG.search(self._data, self._at)
        if match is None:
            return None
        self._at = match.end()
        return next(name for name in match.groups() if name is not None).decode()

    def integer(self) -> int:
        head = self._take(1)[0]
        size = head & 0x0F
        if head & 0x70 or not 1 <= size <= 8:
            raise SetupError(f"no dlib integer at byte {self._at - 1}")
        value = int.from_bytes(self._take(size), "little")
        return -value if head & 0x80 else value

    def integers(self, count: int) -> tuple[int, ...]:
        return tuple(self.integer() for _ in range(count))

    def number(self) -> float:
        mantissa, exponent = self.integers(2)
        return float(mantissa) * 2.0**exponent

    def tensor(self) -> Floats:
        version, *shape = self.integers(5)
        count = int(np.prod(shape))
        if version != 2 or count <= 0:
            raise SetupError(f"no dlib tensor at byte {self._at}")
        return np.frombuffer(self._take(4 * count), "<f4").astype(np.float32)

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise SetupError("the dlib file ends too early")
        self._at += size
        return taken


def convert_dlib(data: bytes) -> bytes:
    """The ONNX file of dlib_face_recognition_resnet_model_v1.dat.

    Input (n, 3, 150, 150) float32, RGB 0-255; output (n, 128) float32. The same input gives the same
    bytes.

    Raises:
        SetupError: not that network.
    """
    layers = list(_parse_layers(_Reader(data)))
    if sum(layer.kind == "con" for layer in layers) != _CONVOLUTIONS:
        raise SetupError("the dlib file is not the face recognition ResNet of 29 convolutions")
    return _Network(layers).build()


def _parse_layers(reader: _Reader) -> Iterator[_Layer]:
    while (kind := reader.find_tag()) is not None:
        if kind == "input":
            yield _Layer(kind, numbers=tuple(reader.number() for _ in range(3)), integers=reader.integers(2))
        elif kind == "con":
            weights = reader.tensor()
            yield _Layer(kind, weights=weights, integers=reader.integers(7))
        elif kind == "affine":
            yield _Layer(kind, weights=reader.tensor())
        elif kind == "fc":
            integers = reader.integers(2)
            yield _Layer(kind, integers=integers, weights=reader.tensor())
        elif kind in {"max_pool", "avg_pool"}:
            yield _Layer(kind, integers=reader.integers(6))
        else:
            yield _Layer(kind)


@dataclass(frozen=True, slots=True)
class _Value:
    """A named value of the graph with its shape less the batch axis: channels, side (it is square)."""

    name: str
    channels: int
    side: int


class _Network:
    """Writes the ONNX graph, following the shapes as it goes: padding depends on them."""

    def __init__(self, layers: list[_Layer]) -> None:
        self._layers = deque(layers)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def build(self) -> bytes:
        value = self._max_pool(self._relu(self._convolve(self._picture())))
        while self._layers and self._layers[0].kind == "con":
            value = self._block(value)
        if self._take("avg_pool").integers[:2] != (0, 0):  # 0: the whole picture
            raise SetupError("the dlib network does not end in a global average")
        mean = self._node("Flatten", [self._node("GlobalAveragePool", [value.name])], axis=1)
        last = self._take("fc")
        dimensions, inputs = last.integers
        assert last.weights is not None
        matrix = self._weight(last.weights.reshape(inputs, dimensions))
        self._nodes.append(helper.make_node("MatMul", [mean, matrix], ["output"]))
        return self._model_bytes(dimensions)

    def _picture(self) -> _Value:
        layer = self._take("input")
        if layer.integers != (_INPUT_SIDE_PX, _INPUT_SIDE_PX):
            raise SetupError(f"the dlib network takes {layer.integers} pixels, not {_INPUT_SIDE_PX} squared")
        mean = self._weight(np.array(layer.numbers, np.float32).reshape(1, 3, 1, 1))
        factor = self._weight(np.array(1.0 / _DIVISOR, np.float32))
        name = self._node("Mul", [self._node("Sub", ["input", mean]), factor])
        return _Value(name, 3, _INPUT_SIDE_PX)

    def _block(self, before: _Value) -> _Value:
        inner = self._convolve(self._relu(self._convolve(before)))
        skipped = before
        if self._layers and self._layers[0].kind == "avg_pool":
            rows, columns, stride_y, stride_x, *pads = self._take("avg_pool").integers
            if (rows, columns, stride_y, stride_x, *pads) != (2, 2, 2, 2, 0, 0):
                raise SetupError("a block of the dlib network averages in a way that is not known")
            name = self._node("AveragePool", [before.name], kernel_shape=[2, 2], strides=[2, 2])
            skipped = _Value(name, before.channels, before.side // 2)
        self._take("add_prev")
        channels, side = max(inner.channels, skipped.channels), max(inner.side, skipped.side)
        sides = [self._pad(value, channels=channels, side=side) for value in (inner, skipped)]
        return self._relu(_Value(self._node("Add", sides), channels, side))

    def _convolve(self, before: _Value) -> _Value:
        """A convolution with its affine layer folded in: gamma * (w * x + b) + beta."""
        convolution, affine = self._take("con"), self._take("affine")
        assert convolution.weights is not None
        assert affine.weights is not None
        filters, rows, columns, *strides_and_pads = convolution.integers
        stride_y, stride_x, pad_y, pad_x = strides_and_pads
        gamma, beta = affine.weights.astype(np.float64).reshape(2, filters)
        weights = convolution.weights[:-filters].reshape(filters, before.channels, rows, columns)
        bias = convolution.weights[-filters:] * gamma + beta
        name = self._node(
            "Conv",
            [before.name, self._weight(weights * gamma.reshape(-1, 1, 1, 1)), self._weight(bias)],
            kernel_shape=[rows, columns],
            strides=[stride_y, stride_x],
            pads=[pad_y, pad_x, pad_y, pad_x],
        )
        return _Value(name, filters, (before.side + 2 * pad_y - rows) // stride_y + 1)

    def _relu(self, before: _Value) -> _Value:
        self._take("relu")
        return _Value(self._node("Relu", [before.name]), before.channels, before.side)

    def _max_pool(self, before: _Value) -> _Value:
        rows, columns, stride_y, stride_x, *_no_padding = self._take("max_pool").integers
        name = self._node(
            "MaxPool", [before.name], kernel_shape=[rows, columns], strides=[stride_y, stride_x]
        )
        return _Value(name, before.channels, (before.side - rows) // stride_y + 1)

    def _pad(self, value: _Value, *, channels: int, side: int) -> str:
        missing = (0, channels - value.channels, side - value.side, side - value.side)
        if not any(missing):
            return value.name
        pads = numpy_helper.from_array(np.array([0, 0, 0, 0, *missing], np.int64), f"w{len(self._weights)}")
        self._weights.append(pads)
        return self._node("Pad", [value.name, str(pads.name)])

    def _take(self, kind: str) -> _Layer:
        found = self._layers[0].kind if self._layers else "the end"
        if found != kind:
            raise SetupError(f"the dlib network has {found} where {kind} should be")
        return self._layers.popleft()

    def _node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def _weight(self, values: NDArray[Any]) -> str:
        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def _model_bytes(self, dimensions: int) -> bytes:
        shapes: dict[str, list[str | int | None]] = {
            "input": ["n", 3, _INPUT_SIDE_PX, _INPUT_SIDE_PX],
            "output": ["n", dimensions],
        }
        ends = {
            name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        }
        graph = helper.make_graph(
            self._nodes, "countenance", [ends["input"]], [ends["output"]], initializer=self._weights
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _ONNX_OPSET)])
        model.ir_version = _ONNX_IR_VERSION
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))
