"""Free the picture size that an ONNX file was exported with: weights and nodes unchanged.

Only for networks that are convolutional throughout; the file fixes a size because the exporter was
shown an example, not because the network needs it.
"""

from __future__ import annotations

import onnx
from google.protobuf.message import DecodeError

from countenance.errors import SetupError

_CONVOLUTIONAL = frozenset(
    {
        "Add",
        "BatchNormalization",
        "Conv",
        "ConvTranspose",
        "LeakyRelu",
        "MaxPool",
        "Mul",
        "PRelu",
        "Relu",
        "Sigmoid",
    }
)


def convert_input_size(model: bytes) -> bytes:
    """The same network for any batch size, height and width: (n, c, h, w) in, (n, c, ., .) out.

    The same input gives the same bytes.

    Raises:
        SetupError: not an ONNX file; an operation whose weights or shape depend on the picture's size.
    """
    try:
        network = onnx.load_model_from_string(model)
    except DecodeError as error:
        raise SetupError(f"not an ONNX file: {error}") from None
    strange = {node.op_type for node in network.graph.node} - _CONVOLUTIONAL
    if strange or not network.graph.node:
        raise SetupError(
            f"the network is not known to be free of its picture's size: {', '.join(sorted(strange))}"
        )
    weights = {initializer.name for initializer in network.graph.initializer}
    pictures = [entry for entry in network.graph.input if entry.name not in weights]
    # weights listed as inputs could be overridden by a caller, which keeps them from being optimised
    del network.graph.input[:]
    network.graph.input.extend(pictures)
    for entry in (*network.graph.input, *network.graph.output):
        _free(entry, size="input" if entry in network.graph.input else entry.name)
    onnx.checker.check_model(network)
    return bytes(network.SerializeToString(deterministic=True))


def _free(entry: onnx.ValueInfoProto, *, size: str) -> None:
    dims = entry.type.tensor_type.shape.dim
    if len(dims) != 4:
        raise SetupError(f"`{entry.name}` has {len(dims)} axes, a picture has 4")
    dims[0].dim_param = "n"
    dims[2].dim_param = f"{size}_height"
    dims[3].dim_param = f"{size}_width"
