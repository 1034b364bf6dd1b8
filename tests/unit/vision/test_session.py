"""Running networks."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from countenance.errors import SetupError
from countenance.vision.session import Session


@pytest.fixture
def doubling() -> bytes:
    """A network with two outputs: twice the picture, and its negative."""
    two = numpy_helper.from_array(np.array(2, np.float32), "two")
    unused = numpy_helper.from_array(np.array(3, np.float32), "unused")
    names = {"twice": "Mul", "negative": "Neg"}
    nodes = [
        helper.make_node(kind, ["x", "two"][: 2 - (kind == "Neg")], [out]) for out, kind in names.items()
    ]
    values = {n: helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["n", "m"]) for n in ("x", *names)}
    graph = helper.make_graph(
        nodes, "g", [values["x"]], [values["twice"], values["negative"]], initializer=[two, unused]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model.SerializeToString()


def test_outputs_come_in_the_order_of_their_names(doubling, tmp_path):
    """From bytes and from a file alike."""
    (tmp_path / "model.onnx").write_bytes(doubling)
    for session in (Session(doubling), Session(tmp_path / "model.onnx")):
        assert session.input_names == ("x",)
        assert session.output_names == ("twice", "negative")
        twice, negative = session.run({"x": np.ones((2, 3), np.float32)})
        assert (twice == 2).all()
        assert (negative == -1).all()


def test_one_session_serves_many_threads(doubling):
    """The server's workers share one session a network."""
    session = Session(doubling)

    def answer(number: int) -> bool:
        twice, _ = session.run({"x": np.full((number % 7 + 1, 64), number, np.float32)})
        return twice.shape == (number % 7 + 1, 64) and bool((twice == 2 * number).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(answer, range(400)))


def test_a_broken_file_is_a_set_up_error_that_names_it(tmp_path, capfd):
    """And the runtime prints nothing beside it."""
    (tmp_path / "broken.onnx").write_bytes(b"nonsense")
    for model, name in (
        (tmp_path / "broken.onnx", "broken.onnx"),
        (tmp_path / "gone", "gone"),
        (b"no", "2 bytes"),
    ):
        with pytest.raises(SetupError, match=name):
            Session(model)
    assert capfd.readouterr() == ("", "")


def test_the_runtime_leaves_nothing_in_the_home_folder(doubling, tmp_path):
    """It would keep a device id and events to send; not where it finds CI, hence the bare environment."""
    (tmp_path / "model.onnx").write_bytes(doubling)
    home = tmp_path / "home"
    home.mkdir()
    program = (
        "import sys, numpy, pathlib\n"
        "from countenance.vision.session import Session\n"
        "Session(pathlib.Path(sys.argv[1])).run({'x': numpy.ones((1, 2), numpy.float32)})\n"
    )
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", program, str(tmp_path / "model.onnx")]
    subprocess.run(command, env=environment, check=True, timeout=60)
    assert list(home.rglob("*")) == []


def test_loading_is_quiet(doubling, capfd):
    """A weight that nothing uses makes the runtime warn, a line each: fifty for one network seen."""
    Session(doubling)
    assert capfd.readouterr() == ("", "")


def test_a_session_leaves_the_callers_arithmetic_alone(doubling):
    """The runtime can make the processor flush subnormal numbers, for the calling thread and for good."""
    smallest_normal = sys.float_info.min
    Session(doubling).run({"x": np.ones((1, 2), np.float32)})
    assert smallest_normal / 2 > 0
