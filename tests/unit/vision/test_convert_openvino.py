"""OpenVINO IR to ONNX."""

from __future__ import annotations

import time
from statistics import median

import numpy as np
import onnx
import pytest

from countenance.errors import SetupError
from countenance.vision.convert_openvino import convert_openvino
from countenance.vision.session import Session
from paths import SHARED


class IrWriter:
    """Writes small IRs, so that each operation is compared with arithmetic done here."""

    def __init__(self, channels: int, side: int) -> None:
        self._layers, self._edges, self._bin = [], [], b""
        self.shape = (1, channels, side, side)
        self.last = self._layer(
            "Parameter", f'shape="{",".join(map(str, self.shape))}" element_type="f32"', []
        )

    def constant(self, values: np.ndarray) -> str:
        raw = values.astype("<f2").tobytes()
        shape = ",".join(map(str, values.shape))
        data = f'element_type="f16" shape="{shape}" offset="{len(self._bin)}" size="{len(raw)}"'
        self._bin += raw
        return self._layer("Convert", 'destination_type="f32"', [self._layer("Const", data, [])])

    def then(self, kind: str, data: str = "", *constants: np.ndarray, shape: tuple[int, ...] = ()) -> None:
        self.last = self._layer(kind, data, [self.last, *map(self.constant, constants)], shape=shape)

    def _layer(self, kind: str, data: str, inputs: list[str], *, shape: tuple[int, ...] = ()) -> str:
        number = str(len(self._layers))
        dims = "".join(f"<dim>{dim}</dim>" for dim in shape or self.shape)
        self._layers.append(
            f'<layer id="{number}" type="{kind}"><data {data}/>'
            f'<output><port id="9">{dims}</port></output></layer>'
        )
        for port, feed in enumerate(inputs):
            self._edges.append(
                f'<edge from-layer="{feed}" from-port="9" to-layer="{number}" to-port="{port}"/>'
            )
        return number

    def convert(self) -> bytes:
        self.then("Result")
        layers = "".join(reversed(self._layers))  # files need not be in the order of execution
        xml = f'<net version="11"><layers>{layers}</layers><edges>{"".join(self._edges)}</edges></net>'
        return convert_openvino(xml.encode(), self._bin)


def run(model: bytes, picture: np.ndarray) -> np.ndarray:
    session = Session(model)
    return session.run({session.input_names[0]: picture})[0]


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(2, 2, 6, 6)).astype(np.float32)


CONV = 'strides="2,2" dilations="1,1" pads_begin="0,0" pads_end="0,0" auto_pad="explicit"'


def halves(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float16).astype(np.float32)


def test_a_convolution_with_bias_and_one_slope(picture):
    """The body of these networks: convolution, bias, PReLU; any batch size."""
    rng = np.random.default_rng(6)
    weights, bias = halves(rng.normal(size=(3, 2, 2, 2))), halves(rng.normal(size=(1, 3, 1, 1)))
    ir = IrWriter(2, 6)
    ir.then("Convolution", CONV, weights)
    ir.then("Add", "", bias)
    ir.then("PReLU", "", np.array([0.25]))
    patches = picture.reshape(2, 2, 3, 2, 3, 2)
    expected = np.einsum("ncyixj,fcij->nfyx", patches, weights) + bias
    expected = np.where(expected > 0, expected, 0.25 * expected).reshape(2, -1)
    model = ir.convert()
    assert np.allclose(run(model, picture), expected, atol=1e-5)
    assert "LeakyRelu" in {node.op_type for node in onnx.load_model_from_string(model).graph.node}


def test_grouped_weights_keep_their_groups(picture):
    """The IR has the groups as an axis; each channel here has its own kernel."""
    weights = halves(np.random.default_rng(7).normal(size=(2, 1, 1, 2, 2)))
    ir = IrWriter(2, 6)
    ir.then("GroupConvolution", CONV, weights)
    expected = np.einsum("ncyixj,cij->ncyx", picture.reshape(2, 2, 3, 2, 3, 2), weights[:, 0, 0])
    assert np.allclose(run(ir.convert(), picture), expected.reshape(2, -1), atol=1e-5)


def test_slopes_of_each_channel_stay_apart(picture):
    """A PReLU with a slope a channel is no LeakyRelu."""
    ir = IrWriter(2, 6)
    ir.then("PReLU", "", np.array([0.5, 2.0]))
    slopes = np.array([0.5, 2.0], np.float32).reshape(2, 1, 1)
    expected = np.where(picture > 0, picture, picture * slopes).reshape(2, -1)
    assert np.allclose(run(ir.convert(), picture), expected, atol=1e-6)


def test_pools_and_gates(picture):
    """Squeeze and excitation: average of all, sigmoid, product; and the detector's max pool."""
    ir = IrWriter(2, 6)
    pool = (
        'kernel="2,2" strides="2,2" pads_begin="0,0" pads_end="0,0" rounding_type="floor" auto_pad="explicit"'
    )
    ir.then("MaxPool", pool, shape=(1, 2, 3, 3))
    inner = ir.last
    ir.then("AvgPool", pool.replace("2,2", "3,3"), shape=(1, 2, 1, 1))
    ir.then("Sigmoid", shape=(1, 2, 1, 1))
    ir.last = ir._layer("Multiply", "", [inner, ir.last], shape=(1, 2, 3, 3))
    pooled = picture.reshape(2, 2, 3, 2, 3, 2).max(axis=(3, 5))
    expected = pooled / (1 + np.exp(-pooled.mean(axis=(2, 3), keepdims=True)))
    assert np.allclose(run(ir.convert(), picture), expected.reshape(2, -1), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("Softmax", ""),
        ("AvgPool", 'kernel="2,2" strides="2,2" pads_begin="0,0" pads_end="0,0"'),
        ("MaxPool", 'kernel="2,2" strides="2,2" pads_begin="0,0" pads_end="0,0" rounding_type="ceil"'),
        ("MaxPool", 'kernel="2,2" strides="2,2" auto_pad="same_upper"'),
        ("Convolution", ""),
    ],
)
def test_what_is_not_known_is_refused_by_name(kind, data):
    """Approximating a layer would give templates that match nobody else's."""
    ir = IrWriter(2, 6)
    ir.then(kind, data)
    with pytest.raises(SetupError, match=rf"\({kind}\) of the IR is not understood"):
        ir.convert()


@pytest.mark.parametrize("xml", [b"<net version='10'/>", b"<other/>", b"\x00", b"<net version='11'/>"])
def test_a_file_that_is_no_ir_is_refused(xml):
    """Neither an old version nor noise nor an empty network is half-converted."""
    with pytest.raises(SetupError, match="IR"):
        convert_openvino(xml, b"")


def test_layers_in_a_circle_are_refused():
    """And do not run for ever."""
    layer = '<layer id="{0}" type="Sigmoid"/>'
    edges = '<edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>'
    edges += '<edge from-layer="1" from-port="0" to-layer="0" to-port="0"/>'
    xml = f'<net version="11"><layers>{layer.format(0)}{layer.format(1)}</layers><edges>{edges}</edges></net>'
    with pytest.raises(SetupError, match="circle"):
        convert_openvino(xml.encode(), b"")


@pytest.mark.skipif(SHARED is None, reason="needs the ready-made conversion beside the checkout")
def test_the_embedder_equals_an_independent_conversion_and_is_no_slower(standard_pack):
    """face-reidentification-retail-0095: the same weights, by another hand, to 2e-6; at least as fast."""
    ours = Session(standard_pack.path_of("embedder"))
    theirs = Session(SHARED / "models/standard/face-reidentification-retail-0095.onnx")
    crops = np.random.default_rng(1).uniform(0, 255, (3, 3, 128, 128)).astype(np.float32)

    def seconds(session: Session) -> float:
        begun = time.perf_counter()
        session.run({session.input_names[0]: crops[:1]})
        return time.perf_counter() - begun

    (mine,), (other,) = (session.run({session.input_names[0]: crops}) for session in (ours, theirs))
    assert mine.shape == (3, 256)
    assert np.abs(mine - other).max() <= 2e-6
    rounds = [(seconds(ours), seconds(theirs)) for _ in range(25)]  # side by side: other work slows both
    assert median(mine for mine, _ in rounds) <= 1.15 * median(other for _, other in rounds)
