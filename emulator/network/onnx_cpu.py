"""onnxruntime on the CPU: one thread, no spinning, input and output bound to our own buffers. Never imports torch."""

from __future__ import annotations

import os

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.network.onnx_file import OnnxFile


class OnnxNetwork(OnnxFile):
    """The artefact's ONNX file in float32, or its quantised one in int8."""

    backend = "onnxruntime"

    def __init__(self, artefact: Artefact, precision: str = "float32"):
        onnxruntime = _without_telemetry()
        super().__init__(artefact, precision, onnxruntime.__version__)
        self._session = onnxruntime.InferenceSession(artefact.file_bytes(self.model_file), _options(onnxruntime), providers=["CPUExecutionProvider"])
        source, = self._session.get_inputs()
        target, = self._session.get_outputs()
        self._make_input(source.shape[1])
        self._names, self._binding = (source.name, target.name), self._session.io_binding()

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Logits, float32 (n, step, class, rows, columns); overwritten by the next call."""
        whole, logits = self._memory(batch)
        self._binding.bind_input(self._names[0], "cpu", 0, np.float32, whole.shape, whole.ctypes.data)
        self._binding.bind_output(self._names[1], "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return logits


def _without_telemetry():
    """The library, told not to report to its maker: it would keep a database in the home directory, one for all ranks of a job."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def _options(onnxruntime):
    """One thread, and the least memory at full speed.

    Measured on 576 x 576 windows of a network of depth 3: 349 MB without the memory pattern, 459 MB with it, at equal speed, and no more after
    22 window sizes than after the largest. Without the arena every call pays for fresh pages (a tenth to a third slower).
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = True
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options
