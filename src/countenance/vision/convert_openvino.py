"""From OpenVINO IR (version 11) to a float32 ONNX network: weights unchanged, read without OpenVINO.

An IR is an XML file of layers and edges between their numbered ports, and a .bin file that the
`Const` layers point into by offset. The operations are those of small face networks; any other is
refused by name, never approximated.

A PReLU with one slope becomes LeakyRelu, which ONNX Runtime fuses into the convolution before it:
the network takes 4.3 ms so, 6.9 ms with the PReLU split into Relu, Sub, Mul and Add, with the same
outputs to the last bit (docs/adr/0003-onnx-runtime.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from countenance.errors import SetupError

_IR_VERSION = "11"
_ONNX_OPSET = 13
_ONNX_IR_VERSION = 8
_TYPES: Mapping[str, np.dtype[Any]] = {
    "f16": np.dtype("<f2"),
    "f32": np.dtype("<f4"),
    "i64": np.dtype("<i8"),
    "i32": np.dtype("<i4"),
}

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer of the IR: `inputs` are the ids of the layers that feed its ports, in port order."""

    layer_id: str
    kind: str
    attributes: Mapping[str, str]
    inputs: tuple[str, ...]
    output_shape: tuple[int, ...]

    @property
    def value(self) -> str:
        """Name of its output in the ONNX graph."""
        return f"v{self.layer_id}"

    def integers(self, key: str) -> list[int]:
        return [int(part) for part in self.attributes[key].split(",")]


def convert_openvino(xml: bytes, weights: bytes) -> bytes:
    """The ONNX file of an IR with one input and one output, batch size free, output flat (n, d).

    The same input gives the same bytes. Both arguments are to be checked against their pinned
    digests before: XML is not parsed here from a source that nobody vouches for.

    Raises:
        SetupError: not an IR of version 11, or a layer that this conversion does not know.
    """
    layers = _parse_layers(xml)
    builder = _GraphBuilder(weights)
    for layer in layers:
        try:
            builder.add(layer)
        except (KeyError, ValueError, IndexError) as error:
            raise SetupError(
                f"layer {layer.layer_id} ({layer.kind}) of the IR is not understood: {error}"
            ) from error
    return builder.model_bytes()


def _parse_layers(xml: bytes) -> list[_Layer]:
    """The layers, each after those that feed it."""
    try:
        root = ET.fromstring(xml)  # noqa: S314 (the bytes were checked against a pinned digest)
    except ET.ParseError as error:
        raise SetupError(f"the IR is not XML: {error}") from None
    if root.tag != "net" or root.get("version") != _IR_VERSION:
        raise SetupError(f"the XML is not an OpenVINO IR of version {_IR_VERSION}")
    feeds: dict[str, dict[int, str]] = {}
    for edge in root.iterfind("edges/edge"):
        feeds.setdefault(edge.attrib["to-layer"], {})[int(edge.attrib["to-port"])] = edge.attrib["from-layer"]
    layers = {}
    for node in root.iterfind("layers/layer"):
        ports, data, layer_id = feeds.get(node.attrib["id"], {}), node.find("data"), node.attrib["id"]
        layers[layer_id] = _Layer(
            layer_id=layer_id,
            kind=node.attrib["type"],
            attributes={} if data is None else data.attrib,
            inputs=tuple(ports[port] for port in sorted(ports)),
            output_shape=tuple(int(dim.text or "0") for dim in node.iterfind("output/port/dim")),
        )
    return _in_order(layers)


def _in_order(layers: Mapping[str, _Layer]) -> list[_Layer]:
    ordered: dict[str, _Layer] = {}
    waiting = list(layers.values())
    while waiting:
        ready = [layer for layer in waiting if all(feed in ordered for feed in layer.inputs)]
        if not ready:
            raise SetupError("the layers of the IR form a circle")
        ordered.update({layer.layer_id: layer for layer in ready})
        waiting = [layer for layer in waiting if layer.layer_id not in ordered]
    return list(ordered.values())


class _GraphBuilder:
    """Collects ONNX nodes and weights, layer by layer."""

    def __init__(self, weights: bytes) -> None:
        self._weights = weights
        self._constants: dict[str, Array] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._values: dict[str, str] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._handlers: Mapping[str, Callable[[_Layer], None]] = {
            "Parameter": self._parameter,
            "Const": self._const,
            "Convert": self._convert,
            "Convolution": self._convolution,
            "GroupConvolution": self._group_convolution,
            "PReLU": self._prelu,
            "AvgPool": self._global_average_pool,
            "MaxPool": self._max_pool,
            "Add": lambda layer: self._node(layer, "Add", layer.inputs),
            "Multiply": lambda layer: self._node(layer, "Mul", layer.inputs),
            "Sigmoid": lambda layer: self._node(layer, "Sigmoid", layer.inputs),
            "Result": self._result,
        }

    def add(self, layer: _Layer) -> None:
        if layer.kind not in self._handlers:
            raise ValueError("no such operation in this conversion")
        self._handlers[layer.kind](layer)

    def model_bytes(self) -> bytes:
        if len(self._inputs) != 1 or len(self._outputs) != 1:
            raise SetupError(
                f"the IR has {len(self._inputs)} inputs and {len(self._outputs)} outputs, not one each"
            )
        graph = helper.make_graph(
            self._nodes, "countenance", self._inputs, self._outputs, initializer=self._initializers
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _ONNX_OPSET)])
        model.ir_version = _ONNX_IR_VERSION
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))

    def _parameter(self, layer: _Layer) -> None:
        shape: list[str | int | None] = ["n", *layer.output_shape[1:]]
        self._inputs.append(helper.make_tensor_value_info(layer.value, onnx.TensorProto.FLOAT, shape))
        self._values[layer.layer_id] = layer.value

    def _const(self, layer: _Layer) -> None:
        kind = _TYPES[layer.attributes["element_type"]]
        offset, size = int(layer.attributes["offset"]), int(layer.attributes["size"])
        shape = [int(part) for part in layer.attributes["shape"].split(",") if part.strip()]
        count = size // kind.itemsize
        self._constants[layer.layer_id] = np.frombuffer(self._weights, kind, count, offset).reshape(shape)

    def _convert(self, layer: _Layer) -> None:
        """Float16 weights widen to float32 exactly; nothing else is converted in these networks."""
        if layer.attributes["destination_type"] != "f32":
            raise ValueError(f"conversion to {layer.attributes['destination_type']}")
        self._constants[layer.layer_id] = self._constants[layer.inputs[0]].astype(np.float32)

    def _convolution(self, layer: _Layer) -> None:
        self._convolve(layer, self._constants[layer.inputs[1]], groups=1)

    def _group_convolution(self, layer: _Layer) -> None:
        """The IR keeps the groups as an axis of the weights: (g, out/g, in/g, h, w)."""
        weights = self._constants[layer.inputs[1]]
        merged = weights.reshape(weights.shape[0] * weights.shape[1], *weights.shape[2:])
        self._convolve(layer, merged, groups=weights.shape[0])

    def _convolve(self, layer: _Layer, weights: Array, *, groups: int) -> None:
        name = self._weight(f"{layer.value}_weights", weights)
        self._node(
            layer,
            "Conv",
            [layer.inputs[0]],
            extra_inputs=[name],
            kernel_shape=list(weights.shape[2:]),
            strides=layer.integers("strides"),
            dilations=layer.integers("dilations"),
            pads=_explicit_pads(layer),
            group=groups,
        )

    def _prelu(self, layer: _Layer) -> None:
        slope = self._constants[layer.inputs[1]]
        if slope.size == 1:
            self._node(layer, "LeakyRelu", [layer.inputs[0]], alpha=float(slope.reshape(-1)[0]))
            return
        name = self._weight(f"{layer.value}_slope", slope.reshape(-1, 1, 1))  # one slope a channel
        self._node(layer, "PRelu", [layer.inputs[0]], extra_inputs=[name])

    def _global_average_pool(self, layer: _Layer) -> None:
        if layer.output_shape[2:] != (1, 1) or any(_explicit_pads(layer)):
            raise ValueError("only a pool over the whole picture")
        self._node(layer, "GlobalAveragePool", [layer.inputs[0]])

    def _max_pool(self, layer: _Layer) -> None:
        if layer.attributes.get("rounding_type", "floor") != "floor":
            raise ValueError("only rounding down")
        self._node(
            layer,
            "MaxPool",
            [layer.inputs[0]],
            kernel_shape=layer.integers("kernel"),
            strides=layer.integers("strides"),
            pads=_explicit_pads(layer),
        )

    def _result(self, layer: _Layer) -> None:
        self._nodes.append(helper.make_node("Flatten", [self._values[layer.inputs[0]]], ["output"], axis=1))
        self._outputs.append(helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, ["n", "d"]))

    def _node(
        self,
        layer: _Layer,
        kind: str,
        inputs: list[str] | tuple[str, ...],
        *,
        extra_inputs: list[str] | None = None,
        **attributes: Any,
    ) -> None:
        names = [self._value(layer_id) for layer_id in inputs] + (extra_inputs or [])
        self._nodes.append(helper.make_node(kind, names, [layer.value], name=layer.value, **attributes))
        self._values[layer.layer_id] = layer.value

    def _value(self, layer_id: str) -> str:
        if layer_id in self._constants and layer_id not in self._values:
            self._values[layer_id] = self._weight(f"c{layer_id}", self._constants[layer_id])
        return self._values[layer_id]

    def _weight(self, name: str, values: Array) -> str:
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name


def _explicit_pads(layer: _Layer) -> list[int]:
    if layer.attributes.get("auto_pad", "explicit") != "explicit":
        raise ValueError(f"padding {layer.attributes['auto_pad']}")
    return layer.integers("pads_begin") + layer.integers("pads_end")
