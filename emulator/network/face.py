"""What every network looks like to the rest of lsbc, and the host memory it works in. Knows arrays only: no library, no file."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np


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
    deterministic: bool
    """Equal input gives equal bits, call after call and in every process with the same libraries and device."""

    def buffer(self, n: int, rows: int, columns: int) -> np.ndarray:
        """The network's own input, float32 (n, channel, rows, columns), C order: fill it and pass it on, and nothing is copied.

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
