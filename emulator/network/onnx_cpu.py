"""onnxruntime on the CPU: one thread, no spinning, input and output bound to our own buffers. Never imports torch."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.network import Scratch
from lsbc.regrid.errors import ModelError

MODEL_FILE = "unet.onnx"


class OnnxNetwork:
    """The artefact's ONNX file."""

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
        self._n_channel = n_channel = len(artefact.channels)
        if source.shape[1] != n_channel:
            raise ModelError(f"{MODEL_FILE} of model '{artefact.name}' takes {source.shape[1]} channels, its card lists {n_channel}.")
        self._n_class = len(artefact.card["classes"]["codes"])
        self._input, self._output = Scratch(), Scratch()
        self._names, self._binding = (source.name, target.name), self._session.io_binding()

    def buffer(self, n: int, rows: int, columns: int) -> np.ndarray:
        """The network's own input, float32 (n, channel, rows, columns)."""
        return self._input.view(n, self._n_channel, rows, columns)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Logits, float32 (n, step, class, rows, columns); overwritten by the next call."""
        batch = np.ascontiguousarray(batch, np.float32)
        n, _, rows, columns = batch.shape
        logits = self._output.view(n, 1, self._n_class, rows, columns)
        self._binding.bind_input(self._names[0], "cpu", 0, np.float32, batch.shape, batch.ctypes.data)
        self._binding.bind_output(self._names[1], "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return logits
