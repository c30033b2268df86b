"""What libraries that run an ONNX file on the CPU have in common: the file, its channels, the host's arrays. Imports no such library."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.network.face import BlockedInput, Scratch, channels_fit
from lsbc.regrid.errors import ModelError


class OnnxFile:
    """A network of one thread around one ONNX file of an artefact; int8 is a file of its own with quantised layers."""

    backend: str
    device = "cpu"
    fixed_window = None

    def __init__(self, artefact: Artefact, precision: str, version: str):
        self.precision, self.versions = precision, f"{self.backend} {version}"
        self.model_file = BACKENDS[self.backend].file_for(precision)
        self._artefact, self._output = artefact, Scratch()

    def _make_input(self, n_in_file: int) -> None:
        """Memory for the input of a file with so many channels.

        Raises:
            ModelError: the card lists another number.
        """
        n_channel = len(self._artefact.channels)
        if not channels_fit(n_channel, n_in_file):
            raise ModelError(f"{self.model_file} of model '{self._artefact.name}' takes {n_in_file} channels, its card lists {n_channel}.")
        self._input = BlockedInput(n_channel, n_in_file)

    def buffer(self, n: int, rows: int, columns: int) -> np.ndarray:
        """The network's own input, float32 (n, channel, rows, columns)."""
        return self._input.view(n, rows, columns)

    def _memory(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The whole input of a batch, and where its logits go, float32 (n, step, class, rows, columns)."""
        whole = self._input.whole(batch)
        n, _, rows, columns = whole.shape
        return whole, self._output.view(n, self._artefact.n_step, self._artefact.n_class, rows, columns)
