"""torch.export's program on a GPU or the CPU. torch is imported here only."""

from __future__ import annotations

import io

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.network import Scratch
from lsbc.regrid.errors import DeviceError

MODEL_FILE = "unet.pt2"


class TorchExportedNetwork:
    """The artefact's exported program, float32 without TF32."""

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
        self._n_channel = len(artefact.channels)
        self._input = Scratch(lambda n: torch.zeros(n, pin_memory=device != "cpu").numpy())
        try:
            self._module = program.module().to(device)
        except torch.OutOfMemoryError as error:
            raise DeviceError(f"Model '{artefact.name}' does not fit on {device}: {error}") from error

    def buffer(self, n: int, rows: int, columns: int) -> np.ndarray:
        """The network's own input, float32 (n, channel, rows, columns)."""
        return self._input.view(n, self._n_channel, rows, columns)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Logits, float32 (n, step, class, rows, columns); overwritten by the next call."""
        torch = self._torch
        try:
            with torch.inference_mode():
                return self._module(torch.from_numpy(batch).to(self.device)).to("cpu", torch.float32).numpy()
        except torch.OutOfMemoryError as error:
            raise DeviceError(f"{self.device} is out of memory for a batch of shape {batch.shape}: {error}") from error
