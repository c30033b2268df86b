"""OpenVINO on the CPU: one thread, one stream, the ONNX file compiled for this process. Nothing is written to disk."""

from __future__ import annotations

import sys

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.network.onnx_file import OnnxFile
from lsbc.regrid.errors import DeviceError


class OpenvinoNetwork(OnnxFile):
    """The artefact's ONNX file in float32 or bfloat16, or its quantised one in int8."""

    backend = "openvino"

    def __init__(self, artefact: Artefact, precision: str = "float32"):
        self._openvino = openvino = _openvino()
        super().__init__(artefact, precision, str(BACKENDS[self.backend].version))
        core = openvino.Core()
        model = core.read_model(artefact.file_bytes(self.model_file))
        self._make_input(model.inputs[0].partial_shape[1].get_length())
        wanted = openvino.Type.bf16 if precision == "bfloat16" else openvino.Type.f32
        compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False, "PERFORMANCE_HINT": "LATENCY",
                                                     "INFERENCE_PRECISION_HINT": wanted})
        got = compiled.get_property("INFERENCE_PRECISION_HINT")
        if got != wanted:
            raise DeviceError(f"OpenVINO computes in {got} where {precision} is asked for: this CPU has no instructions for it. Set model.precision = 'float32'.")
        self._request = compiled.create_infer_request()

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Logits, float32 (n, step, class, rows, columns); overwritten by the next call."""
        whole, logits = self._memory(batch)
        self._request.set_input_tensor(self._openvino.Tensor(whole, shared_memory=True))
        self._request.set_output_tensor(self._openvino.Tensor(logits, shared_memory=True))
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
