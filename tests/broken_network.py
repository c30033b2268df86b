"""A network that fails when it is told to, around a sound one."""

import numpy as np

from lsbc.regrid.errors import DeviceError


class BrokenNetwork:
    """Fails in the calls whose number, counted from 1, `fails` is true for: `memory` by DeviceError, `nan` by a value that is not finite.

    With `most_cells` every call with more cells than that is out of memory.
    """

    def __init__(self, network, fails=lambda call: False, how="memory", most_cells=None):
        self._network, self._fails, self._how, self._most_cells = network, fails, how, most_cells
        self.calls = 0
        self.shapes = []
        for name in ("backend", "device", "model_file", "precision", "versions", "fixed_window"):
            setattr(self, name, getattr(network, name))

    def buffer(self, n, rows, columns):
        return self._network.buffer(n, rows, columns)

    def __call__(self, batch):
        self.calls += 1
        self.shapes.append(batch.shape)
        n, _, rows, columns = batch.shape
        if (self._fails(self.calls) and self._how == "memory") or (self._most_cells is not None and n * rows * columns > self._most_cells):
            raise DeviceError(f"cuda:0 is out of memory for a batch of shape {batch.shape}")
        logits = self._network(batch)
        if self._fails(self.calls):
            logits[0, 0, 3, rows // 2, columns // 2] = np.nan
        return logits
