"""torch.export's program on a GPU or the CPU. torch is imported here only."""

from __future__ import annotations

import io

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.regrid.errors import DeviceError

MODEL_FILE = "unet.pt2"


class TorchExportedNetwork:
    """The artefact's exported program with fixed batch and window, float32 without TF32."""

    backend = "torch"
    model_file = MODEL_FILE

    def __init__(self, artefact: Artefact, device: str):
        import torch

        self._torch, self.device = torch, device
        if device == "cpu":
            torch.set_num_threads(1)  # one compute thread a rank; the bits depend on it
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        program = torch.export.load(io.BytesIO(artefact.file_bytes(MODEL_FILE)))
        host = torch.zeros((artefact.batch, len(artefact.channels), artefact.window, artefact.window))
        try:
            self._module = program.module().to(device)
            self._host = host.pin_memory() if device.startswith("cuda") else host
        except torch.OutOfMemoryError as error:
            raise DeviceError(f"Model '{artefact.name}' does not fit on {device}: {error}") from error
        self.batch: np.ndarray = self._host.numpy()

    def run(self) -> np.ndarray:
        """Logits of `batch`, float32 (batch, step, class, window, window); overwritten by the next call."""
        try:
            with self._torch.inference_mode():
                return self._module(self._host.to(self.device)).to("cpu", self._torch.float32).numpy()
        except self._torch.OutOfMemoryError as error:
            raise DeviceError(f"{self.device} is out of memory for a batch of shape {self.batch.shape}: {error}") from error
