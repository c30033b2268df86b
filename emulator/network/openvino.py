"""OpenVINO on the CPU: one thread, one stream, the ONNX file compiled for this process. Nothing is written to disk."""

from __future__ import annotations

import sys

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.network.face import BlockedInput, Scratch, channels_fit
from lsbc.regrid.errors import DeviceError, ModelError


class OpenvinoNetwork:
    """The artefact's ONNX file in float32 or bfloat16, or its quantised one in int8."""

    backend = "openvino"
    device = "cpu"
    fixed_window = None
    deterministic = True

    def __init__(self, artefact: Artefact, precision: str = "float32"):
        self._openvino = openvino = _openvino()
        self.precision, self.versions = precision, f"openvino {BACKENDS[self.backend].version}"
        self.model_file = BACKENDS[self.backend].file_for(precision)
        core = openvino.Core()
        model = core.read_model(artefact.file_bytes(self.model_file))
        self._n_channel, self._n_step, self._n_class = len(artefact.channels), artefact.n_step, artefact.n_class
        n_channel = model.inputs[0].partial_shape[1].get_length()
        if not channels_fit(self._n_channel, n_channel):
            raise ModelError(f"{self.model_file} of model '{artefact.name}' takes {n_channel} channels, its card lists {self._n_channel}.")
        wanted = openvino.Type.bf16 if precision == "bfloat16" else openvino.Type.f32
        compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False, "PERFORMANCE_HINT": "LATENCY",
                                                     "INFERENCE_PRECISION_HINT": wanted})
        got = compiled.get_property("INFERENCE_PRECISION_HINT")
        if got != wanted:
            raise DeviceError(f"OpenVINO computes in {got} where {precision} is asked for: this CPU has no instructions for it. Set model.precision = 'float32'.")
        self._request = compiled.create_infer_request()
        self._input, self._output = BlockedInput(self._n_channel, n_channel), Scratch()

    def buffer(self, n: int, rows: int, columns: int) -> np.ndarray:
        """The network's own input, float32 (n, channel, rows, columns)."""
        return self._input.view(n, rows, columns)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Logits, float32 (n, step, class, rows, columns); overwritten by the next call."""
        tensor = self._openvino.Tensor
        batch = self._input.whole(batch)
        n, _, rows, columns = batch.shape
        logits = self._output.view(n, self._n_step, self._n_class, rows, columns)
        self._request.set_input_tensor(tensor(batch, shared_memory=True))
        self._request.set_output_tensor(tensor(logits, shared_memory=True))
        self._request.infer()
        return logits


def _openvino():
    """The library, imported without its telemetry, which would report the import to its maker and leave a file in the home directory."""
    name = "openvino_telemetry"
    absent = name not in sys.modules
    if absent:
        sys.modules[name] = None  # type: ignore[assignment]  # its import fails, and OpenVINO takes the stand-in that it has for that
    try:
        import openvino
    finally:
        if absent:
            del sys.modules[name]
    return openvino
