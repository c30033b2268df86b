"""One face over the network formats: `load_network` gives a callable batch -> logits. Imports a library only once it is chosen."""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.regrid.errors import DeviceError, ModelError, StartupError

logger = logging.getLogger(__name__)


class Network(Protocol):
    """A loaded network. It may be called with windows of any size on the pooling lattice; each size is one shape."""

    backend: str
    device: str
    model_file: str
    """The artefact's file that was loaded."""

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


def load_network(artefact: Artefact, backend: str = "auto", device: str = "auto", local_rank: int = 0) -> Network:
    """Load a network onto this rank's device.

    Args:
        backend: `onnxruntime` (CPU), `torch` (exported program), or `auto`: torch where a GPU is, else onnxruntime.
        device: `cpu`, `cuda`, or `auto`.
        local_rank: this rank's place among those of its node; picks the GPU.
    Raises:
        StartupError: a named backend is not installed.  DeviceError: a named device is absent.
        ModelError: the artefact's file is missing, damaged, or has other shapes than its card.
    """
    cuda = device != "cpu" and backend != "onnxruntime" and "unet.pt2" in artefact.files and _cuda_devices() > 0
    if device == "cuda" and not cuda:
        raise DeviceError("device = 'cuda' needs a CUDA GPU, torch with CUDA, backend 'torch' or 'auto', and unet.pt2 in the artefact.")
    chosen = backend if backend != "auto" else ("torch" if cuda else "onnxruntime")
    _require(chosen)
    try:
        if chosen == "torch":
            from lsbc.emulator.network.torch_exported import TorchExportedNetwork

            network: Network = TorchExportedNetwork(artefact, f"cuda:{local_rank % _cuda_devices()}" if cuda else "cpu")
        else:
            from lsbc.emulator.network.onnx_cpu import OnnxNetwork

            network = OnnxNetwork(artefact)
        _check_shape(artefact, network)
    except (ModelError, StartupError, DeviceError):
        raise
    except Exception as error:
        raise ModelError(f"Model '{artefact.name}' does not run with {chosen}: {type(error).__name__}: {error}") from error
    logger.info("network %s: %s on %s (%s)", artefact.name, chosen, network.device,
                "asked for" if backend != "auto" else ("a GPU is here" if cuda else "no GPU with an exported program, so the CPU"))
    return network


def _require(backend: str) -> None:
    module = {"onnxruntime": "onnxruntime", "torch": "torch"}[backend]
    if importlib.util.find_spec(module) is None:
        raise StartupError(f"Backend '{backend}' needs the Python package '{module}', which is not installed: pip install {module}.")


def _cuda_devices() -> int:
    """CUDA devices visible to this process, without importing torch where there is no NVIDIA driver."""
    from pathlib import Path

    if not Path("/dev/nvidiactl").exists() or importlib.util.find_spec("torch") is None:
        return 0
    import torch

    return torch.cuda.device_count()


def _check_shape(artefact: Artefact, network: Network) -> None:
    """Run the smallest window the halo allows, so that a network of other shapes than its card is found at the door."""
    n_class, n = len(artefact.card["classes"]["codes"]), max(2 * artefact.halo, 2 << artefact.depth)
    batch = network.buffer(1, n, n)
    batch[...] = 0.0
    shape = network(batch).shape
    if shape != (1, 1, n_class, n, n):
        raise ModelError(f"Model '{artefact.name}' returns logits of shape {shape}; its card and classes ask for {(1, 1, n_class, n, n)}.")
