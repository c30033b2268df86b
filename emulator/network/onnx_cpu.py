"""onnxruntime on the CPU: one thread, no spinning, input and output bound to our own buffers. Never imports torch."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.regrid.errors import ModelError

MODEL_FILE = "unet.onnx"


class OnnxNetwork:
    """The artefact's ONNX file with fixed batch and window."""

    backend = "onnxruntime"
    model_file = MODEL_FILE
    device = "cpu"

    def __init__(self, artefact: Artefact):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = True
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(artefact.file_bytes(MODEL_FILE), options, providers=["CPUExecutionProvider"])
        source, = self._session.get_inputs()
        target, = self._session.get_outputs()
        n_channel = len(artefact.channels)
        if source.shape[1] != n_channel:
            raise ModelError(f"{MODEL_FILE} of model '{artefact.name}' takes {source.shape[1]} channels, its card lists {n_channel}.")
        self.batch = np.zeros((artefact.batch, n_channel, artefact.window, artefact.window), np.float32)
        n_class = len(artefact.card["classes"]["codes"])
        self._logits = np.empty((artefact.batch, 1, n_class, artefact.window, artefact.window), np.float32)
        self._binding = self._session.io_binding()
        self._binding.bind_input(source.name, "cpu", 0, np.float32, self.batch.shape, self.batch.ctypes.data)
        self._binding.bind_output(target.name, "cpu", 0, np.float32, self._logits.shape, self._logits.ctypes.data)

    def run(self) -> np.ndarray:
        """Logits of `batch`, float32 (batch, step, class, window, window); overwritten by the next call."""
        self._session.run_with_iobinding(self._binding)
        return self._logits
