"""Running a network: the only module that knows the inference runtime (ONNX Runtime).

From 1.29 on the runtime's official Linux builds keep a device id and a queue of events in the home
folder and send them to Microsoft. Only an environment variable that is set before the import stops
all of it, so this module sets it: serving reaches nobody and writes nothing outside the data folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from countenance.errors import SetupError

# INVARIANT: before the import, or the runtime has made its device id already.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

_ERRORS_ONLY = 3
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class Session:
    """One network, loaded and optimised.

    Thread safety: `run` may be called from any number of threads at once; `threads` is what one
    call uses inside, so servers keep it at 1 and run calls beside one another.
    Memory: buffers of a call are kept for the next and grow to the largest input seen.
    """

    def __init__(self, model: Path | bytes, *, threads: int = 1) -> None:
        """Load an ONNX file, or its bytes; on CUDA where the installed runtime has it.

        Raises:
            SetupError: the file is not there, or is no network that the runtime takes.
        """
        onnxruntime.disable_telemetry_events()  # Windows, where the variable says nothing
        available = onnxruntime.get_available_providers()
        providers = [name for name in _PROVIDERS if name in available]
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(model) if isinstance(model, Path) else model, _options(threads), providers=providers
            )
        except Exception as error:  # the runtime's own errors share no class but Exception
            name = str(model) if isinstance(model, Path) else f"a model of {len(model)} bytes"
            raise SetupError(
                f"ONNX Runtime does not load {name} ({type(error).__name__})",
                remedy="`countenance models verify` says whether the file is whole",
            ) from error
        self.input_names = tuple(str(node.name) for node in self._session.get_inputs())
        self.output_names = tuple(str(node.name) for node in self._session.get_outputs())

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float32], ...]:
        """The outputs, in the order of `output_names`.

        Args:
            inputs: one array for each of `input_names`, of the type and shape that the network states.
        """
        return tuple(self._session.run(None, dict(inputs)))


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    # A plan of memory is kept for every input shape seen, for ever: a detector sees any shape.
    options.enable_mem_pattern = False
    # Idle workers must not spin: calls run beside one another on all cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
