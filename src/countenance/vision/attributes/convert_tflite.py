"""From a TensorFlow Lite network to a float32 ONNX one: weights unchanged, read without TensorFlow.

A .tflite file is a FlatBuffer of tensors and operators; where its schema says what, the numbers of fields
below say so too (tensorflow/lite/schema/schema.fbs, Apache-2.0). The operators are those of MediaPipe's face
mesh and blendshapes; any other is refused by name, never approximated. Tensors keep TensorFlow's order
(batch, height, width, channels): each convolution is put between two transpositions, nearly all of which the
runtime takes out again when it loads the network. On a random picture the mesh's outputs are those of the
same network with PRelu to 2e-4 px of 256.

Over 350 lines because an operator is a few lines, and there are many.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from typing import Any, Final

import flatbuffers.encode
import flatbuffers.packer
import flatbuffers.table
import numpy as np
import onnx
from flatbuffers import number_types
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from countenance.errors import SetupError

_ONNX_OPSET: Final = 13
_ONNX_IR_VERSION: Final = 8
_TYPES: Final = {0: "<f4", 1: "<f2", 2: "<i4"}
_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_SAME: Final = 0
_BROKEN: Final = (
    *(IndexError, KeyError, ValueError, TypeError, OverflowError, AttributeError),
    *(struct.error, MemoryError, ZeroDivisionError, AssertionError),
)
"""What reading a file that is damaged ends in, as found by damaging one."""
_ACTIVATIONS: Final = {0: None, 1: "Relu", 3: "Relu6"}
_KNOWN: Final = {
    0: "ADD",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    22: "RESHAPE",
    34: "PAD",
    39: "TRANSPOSE",
    40: "MEAN",
    41: "SUB",
    42: "DIV",
    45: "STRIDED_SLICE",
    54: "PRELU",
    59: "NEG",
    74: "SUM",
    75: "SQRT",
    76: "RSQRT",
    99: "SQUARED_DIFFERENCE",
}
_PLAIN: Final = {
    "LOGISTIC": "Sigmoid",
    "NEG": "Neg",
    "RSQRT": "",
    "SQRT": "Sqrt",
    "SQUARED_DIFFERENCE": "",
}
"""The ONNX operator of the same name; empty for those that take two."""
_ARITHMETIC: Final = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div"}

Array = NDArray[Any]


def convert_tflite(bundle: bytes, member: str) -> bytes:
    """The ONNX file of one network of a .task bundle, which is a zip archive; batch size free.

    The same input gives the same bytes. The bundle is to be checked against its pinned digest before.

    Raises:
        SetupError: no such archive or member, no such network, or an operator that is not known here.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            content = archive.read(member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise SetupError(f"the bundle has no `{member}`: {error}") from None
    try:
        return _Network(content).model_bytes()
    except _BROKEN as error:
        raise SetupError(f"`{member}` is no network that is understood: {error}") from error


class _Record:
    """A table of the FlatBuffer; fields by their number in the schema."""

    def __init__(self, table: flatbuffers.table.Table) -> None:
        self._table = table

    @classmethod
    def root(cls, content: bytes) -> _Record:
        if content[4:8] != b"TFL3":
            raise ValueError("not a TensorFlow Lite file")
        position = flatbuffers.encode.Get(flatbuffers.packer.uoffset, content, 0)
        return cls(flatbuffers.table.Table(content, position))

    def number(self, field: int, kind: Any = number_types.Int32Flags, *, default: int = 0) -> int:
        offset = self._offset(field)
        return int(self._table.Get(kind, self._table.Pos + offset)) if offset else default

    def record(self, field: int) -> _Record | None:
        offset = self._offset(field)
        return self._at(self._table.Indirect(self._table.Pos + offset)) if offset else None

    def records(self, field: int) -> list[_Record]:
        offset = self._offset(field)
        if not offset:
            return []
        begin = self._table.Vector(offset)
        return [
            self._at(self._table.Indirect(begin + 4 * row)) for row in range(self._table.VectorLen(offset))
        ]

    def numbers(self, field: int, dtype: str = "<i4") -> Array:
        offset = self._offset(field)
        if not offset:
            return np.empty(0, dtype)
        return np.frombuffer(
            self._table.Bytes, dtype, self._table.VectorLen(offset), self._table.Vector(offset)
        )

    def _offset(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def _at(self, position: int) -> _Record:
        return _Record(flatbuffers.table.Table(self._table.Bytes, position))


class _Network:
    """The first (and only) graph of a file, built into ONNX."""

    def __init__(self, content: bytes) -> None:
        model = _Record.root(content)
        self._codes = [
            max(
                code.number(0, number_types.Int8Flags),
                code.number(3),
            )
            for code in model.records(1)
        ]
        self._buffers = model.records(4)
        (graph,) = model.records(2)
        self._tensors = graph.records(0)
        self._inputs, self._outputs = graph.numbers(1).tolist(), graph.numbers(2).tolist()
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, Array] = {}
        self._constants: dict[int, Array] = {}
        for operator in graph.records(3):
            self._add(operator)

    def model_bytes(self) -> bytes:
        inputs = [
            helper.make_tensor_value_info(
                self._name(each), onnx.TensorProto.FLOAT, ["n", *self._shape(each)[1:]]
            )
            for each in self._inputs
        ]
        outputs = [
            helper.make_tensor_value_info(self._name(each), onnx.TensorProto.FLOAT, None)
            for each in self._outputs
        ]
        weights = [numpy_helper.from_array(value, name) for name, value in self._weights.items()]
        graph = helper.make_graph(self._nodes, "tflite", inputs, outputs, initializer=weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _ONNX_OPSET)])
        model.ir_version = _ONNX_IR_VERSION
        return bytes(model.SerializeToString(deterministic=True))

    def _add(self, operator: _Record) -> None:
        code = self._codes[operator.number(0, number_types.Uint32Flags)]
        if code not in _KNOWN:
            raise ValueError(f"operator {code} is not known here")
        kind = _KNOWN[code]
        inputs, outputs = operator.numbers(1).tolist(), operator.numbers(2).tolist()
        options = operator.record(4)
        if kind == "DEQUANTIZE":
            self._constants[outputs[0]] = self._constant(inputs[0]).astype(np.float32)
            return
        if kind in _ARITHMETIC:
            names = [self._value(each) for each in inputs]
            self._activated(_ARITHMETIC[kind], names, outputs[0], options, field=0)
        elif kind in _PLAIN:
            self._plain(inputs, outputs[0], kind)
        else:
            getattr(self, f"_{kind.lower()}")(inputs, outputs[0], options)

    # Operators

    def _plain(self, inputs: list[int], output: int, kind: str) -> None:
        """Of one ONNX operator, or two."""
        names = [self._value(each) for each in inputs]
        if kind == "RSQRT":
            self._node("Reciprocal", [self._node("Sqrt", names)], output)
        elif kind == "SQUARED_DIFFERENCE":
            difference = self._node("Sub", names)
            self._node("Mul", [difference, difference], output)
        else:
            self._node(_PLAIN[kind], names, output)

    def _conv_2d(self, inputs: list[int], output: int, options: _Record | None) -> None:
        kernel = self._constant(inputs[1])  # out, height, width, in
        ordered = np.ascontiguousarray(kernel.transpose(0, 3, 1, 2))
        self._convolve(inputs, output, _require(options), ordered, groups=1, activation=3)

    def _depthwise_conv_2d(self, inputs: list[int], output: int, options: _Record | None) -> None:
        kernel = self._constant(inputs[1])  # 1, height, width, channels
        groups = self._shape(inputs[0])[3]
        if kernel.shape[3] != groups:
            raise ValueError("a depth multiplier is not known here")
        ordered = np.ascontiguousarray(kernel.transpose(3, 0, 1, 2))
        self._convolve(inputs, output, _require(options), ordered, groups=groups, activation=4)

    def _convolve(
        self,
        inputs: list[int],
        output: int,
        options: _Record,
        kernel: Array,
        *,
        groups: int,
        activation: int,
    ) -> None:
        steps = [options.number(2), options.number(1)]
        dilations = [options.number(activation + 2, default=1), options.number(activation + 1, default=1)]
        size = [(side - 1) * step + 1 for side, step in zip(kernel.shape[2:], dilations, strict=True)]
        names = [self._channels_first(inputs[0]), self._weight(kernel)]
        if len(inputs) > 2 and inputs[2] >= 0:
            names.append(self._weight(self._constant(inputs[2])))
        found = self._node(
            "Conv",
            names,
            None,
            strides=steps,
            dilations=dilations,
            group=groups,
            pads=self._pads(inputs[0], size, steps, options.number(0, number_types.Int8Flags)),
        )
        kind = _ACTIVATIONS[options.number(activation, number_types.Int8Flags)]
        self._channels_last(found if kind is None else self._activation(kind, found), output)

    def _prelu(self, inputs: list[int], output: int, _: _Record | None) -> None:
        """As slope * x + (1 - slope) * relu(x), of two convolutions of one pixel.

        The runtime has no PRelu in the order that its convolutions run in, and would put everything into
        another order and back: the mesh takes 5.3 ms so, and 14.9 ms with PRelu.
        """
        slopes = self._constant(inputs[1]).reshape(-1)
        channels = self._shape(inputs[0])[3]
        if slopes.shape != (channels,):
            raise ValueError("a PReLU whose slopes are not one a channel is not known here")
        value = self._channels_first(inputs[0])
        below, above = (self._weight(each.reshape(channels, 1, 1, 1)) for each in (slopes, 1 - slopes))
        sloped = self._node("Conv", [value, below], group=channels)
        raised = self._node("Conv", [self._node("Relu", [value]), above], group=channels)
        self._channels_last(self._node("Add", [raised, sloped]), output)

    def _max_pool_2d(self, inputs: list[int], output: int, options: _Record | None) -> None:
        given = _require(options)
        steps, size = [given.number(2), given.number(1)], [given.number(4), given.number(3)]
        found = self._node(
            "MaxPool",
            [self._channels_first(inputs[0])],
            None,
            kernel_shape=size,
            strides=steps,
            pads=self._pads(inputs[0], size, steps, given.number(0, number_types.Int8Flags)),
        )
        self._channels_last(found, output)

    def _pad(self, inputs: list[int], output: int, _: _Record | None) -> None:
        pads = self._constant(inputs[1]).astype(np.int64)
        self._node("Pad", [self._value(inputs[0]), self._weight(pads.T.reshape(-1))], output)

    def _reshape(self, inputs: list[int], output: int, _: _Record | None) -> None:
        shape = np.array(self._shape(output), np.int64)
        if len(self._shape(inputs[0])) and len(shape) and self._shape(inputs[0])[0] == shape[0] == 1:
            shape[0] = -1  # of any batch
        self._node("Reshape", [self._value(inputs[0]), self._weight(shape)], output)

    def _transpose(self, inputs: list[int], output: int, _: _Record | None) -> None:
        self._node("Transpose", [self._value(inputs[0])], output, perm=self._constant(inputs[1]).tolist())

    def _mean(self, inputs: list[int], output: int, options: _Record | None) -> None:
        axes = np.atleast_1d(self._constant(inputs[1])).tolist()
        keeps = _require(options).number(0, number_types.BoolFlags)
        self._node("ReduceMean", [self._value(inputs[0])], output, axes=axes, keepdims=int(keeps))

    def _sum(self, inputs: list[int], output: int, options: _Record | None) -> None:
        axes = np.atleast_1d(self._constant(inputs[1])).astype(np.int64)
        keeps = _require(options).number(0, number_types.BoolFlags)
        self._node("ReduceSum", [self._value(inputs[0]), self._weight(axes)], output, keepdims=int(keeps))

    def _concatenation(self, inputs: list[int], output: int, options: _Record | None) -> None:
        axis = _require(options).number(0)
        self._node("Concat", [self._value(each) for each in inputs], output, axis=axis)

    def _strided_slice(self, inputs: list[int], output: int, options: _Record | None) -> None:
        given = _require(options)
        begin, end, step = (self._constant(each).astype(np.int64) for each in inputs[1:4])
        ends, shape = [given.number(field) for field in range(5)], self._shape(inputs[0])
        if ends[2] or ends[3]:
            raise ValueError("a slice with an ellipsis is not known here")
        shrunk = [axis for axis in range(len(begin)) if ends[4] >> axis & 1]
        starts = [0 if ends[0] >> axis & 1 else int(begin[axis]) for axis in range(len(begin))]
        stops = [
            starts[axis] + 1 if axis in shrunk else shape[axis] if ends[1] >> axis & 1 else int(end[axis])
            for axis in range(len(begin))
        ]
        names = [np.array(each, np.int64) for each in (starts, stops, range(len(begin)), step)]
        sliced = self._node(
            "Slice", [self._value(inputs[0]), *map(self._weight, names)], None if shrunk else output
        )
        if shrunk:
            self._node("Squeeze", [sliced, self._weight(np.array(shrunk, np.int64))], output)

    # Parts

    def _activated(
        self, kind: str, names: Sequence[str], output: int, options: _Record | None, *, field: int
    ) -> None:
        activation = None if options is None else _ACTIVATIONS[options.number(field, number_types.Int8Flags)]
        if activation is None:
            self._node(kind, names, output)
        else:
            self._node("Identity", [self._activation(activation, self._node(kind, names))], output)

    def _activation(self, kind: str, value: str) -> str:
        if kind == "Relu":
            return self._node("Relu", [value])
        bounds = [self._weight(np.array(bound, np.float32)) for bound in (0, 6)]
        return self._node("Clip", [value, *bounds])

    def _pads(self, tensor: int, size: Sequence[int], steps: Sequence[int], padding: int) -> list[int]:
        """ONNX's: before each axis, then behind each."""
        if padding != _SAME:
            return [0, 0, 0, 0]
        before, behind = [], []
        for side, kernel, step in zip(self._shape(tensor)[1:3], size, steps, strict=True):
            whole = max(0, (-(-side // step) - 1) * step + kernel - side)
            before.append(whole // 2)
            behind.append(whole - whole // 2)
        return before + behind

    def _channels_first(self, tensor: int) -> str:
        return self._node("Transpose", [self._value(tensor)], perm=_TO_CHANNELS_FIRST)

    def _channels_last(self, value: str, output: int) -> None:
        self._node("Transpose", [value], output, perm=_TO_CHANNELS_LAST)

    def _node(self, kind: str, inputs: Sequence[str], output: int | None = None, **attributes: Any) -> str:
        name = f"n{len(self._nodes)}" if output is None else self._name(output)
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def _weight(self, value: Array) -> str:
        name = f"w{len(self._weights)}"
        self._weights[name] = np.asarray(value)
        return name

    def _value(self, tensor: int) -> str:
        """Of a constant its weight, else the name of what computes it."""
        if tensor in self._constants or self._buffer(tensor).size:
            return self._weight(self._constant(tensor))
        return self._name(tensor)

    def _constant(self, tensor: int) -> Array:
        if tensor in self._constants:
            return self._constants[tensor]
        kind = self._tensors[tensor].number(1, number_types.Int8Flags)
        value: Array = np.frombuffer(self._buffer(tensor).tobytes(), _TYPES[kind])
        return value.reshape(self._shape(tensor))

    def _buffer(self, tensor: int) -> Array:
        return self._buffers[self._tensors[tensor].number(2, number_types.Uint32Flags)].numbers(0, "u1")

    def _shape(self, tensor: int) -> list[int]:
        return [int(side) for side in self._tensors[tensor].numbers(0)]

    def _name(self, tensor: int) -> str:
        return f"t{tensor}"


def _require(options: _Record | None) -> _Record:
    if options is None:
        raise ValueError("an operator lacks its options")
    return options
