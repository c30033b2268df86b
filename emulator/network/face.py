"""What every network looks like to the rest of lsbc, and the host memory it works in. Knows arrays only: no library, no file."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from lsbc.regrid.errors import ModelError

CHANNEL_BLOCK = 16
"""Channels that CPU libraries take at a time; a file's input may be filled up to whole blocks."""


class Network(Protocol):
    """A loaded network. It may be called with windows of any size on the pooling lattice; each size is one shape.

    Networks that run in torch also have `torch_device`, `dtype` and `forward`, as in `torch_network.TorchNetwork`.
    """

    backend: str
    device: str
    """"cpu" or "cuda:K"."""
    precision: str
    model_file: str
    """The artefact's file that was loaded."""
    versions: str
    """The libraries that compute, such as "onnxruntime 1.32.0"."""
    fixed_window: tuple[int, int, int] | None
    """(n, rows, columns) of the one shape it was built for; None: any."""

    def buffer(self, n: int, rows: int, columns: int) -> np.ndarray:
        """The network's own input, float32 (n, channel, rows, columns), each window in C order: fill it and pass it on, and nothing is copied.

        There is one such piece of memory: asking for another shape gives it away.
        """
        ...

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Logits, float32 (n, step, class, rows, columns), of `batch`, (n, channel, rows, columns); overwritten by the next call."""
        ...


class Scratch:
    """One growing piece of host memory, seen in whatever shape is asked for."""

    def __init__(self, allocate: Callable[[int], np.ndarray] = lambda n: np.zeros(n, np.float32)) -> None:
        self._allocate, self._flat = allocate, allocate(0)

    def view(self, *shape: int) -> np.ndarray:
        """float32 of this shape, C order, at the start of the memory; what it holds is what was left there."""
        n = math.prod(shape)
        if n > self._flat.size:
            self._flat = self._allocate(n)
        return self._flat[:n].reshape(shape)


class BlockedInput:
    """The input of a network whose file may take more channels than its card lists, up to a whole block; those stay 0."""

    def __init__(self, n_channel: int, n_in_file: int) -> None:
        self._n_channel, self._n_in_file = n_channel, n_in_file
        self._scratch = Scratch()

    def view(self, n: int, rows: int, columns: int) -> np.ndarray:
        """float32 (n, channel, rows, columns) in this memory."""
        whole = self._scratch.view(n, self._n_in_file, rows, columns)
        whole[:, self._n_channel:] = 0.0
        return whole[:, : self._n_channel]

    def whole(self, batch: np.ndarray) -> np.ndarray:
        """float32 (n, channel of the file, rows, columns), C order, of a batch; copied unless it is what `view` gave.

        Raises:
            ModelError: the batch has another number of channels than the card.
        """
        n, n_channel, rows, columns = batch.shape
        if n_channel != self._n_channel:
            raise ModelError(f"The network takes {self._n_channel} channels, a batch of shape {batch.shape} has {n_channel}.")
        whole = self._scratch.view(n, self._n_in_file, rows, columns)
        mine = whole[:, :n_channel]
        if (batch.ctypes.data, batch.strides, batch.dtype) != (mine.ctypes.data, mine.strides, mine.dtype):
            values = np.array(batch, np.float32)  # which may lie in this very memory
            self.view(n, rows, columns)[...] = values
        return whole


def channels_fit(n_channel: int, n_in_file: int) -> bool:
    """Whether a file with so many input channels serves a card that lists `n_channel`."""
    return n_in_file in (n_channel, n_channel + -n_channel % CHANNEL_BLOCK)
