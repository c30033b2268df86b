"""One face over the network formats: `load_network` gives a callable batch -> logits. Imports a library only once it is chosen."""

from __future__ import annotations

import importlib.util
import logging
from typing import Protocol

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.regrid.errors import DeviceError, ModelError, StartupError

logger = logging.getLogger(__name__)


class Network(Protocol):
    """A loaded network with fixed batch and window."""

    backend: str
    device: str
    model_file: str
    """The artefact's file that was loaded."""
    batch: np.ndarray
    """float32 (batch, channel, window, window), C order: the caller fills it in place."""

    def run(self) -> np.ndarray:
        """Logits of `batch`, float32 (batch, step, class, window, window); overwritten by the next call."""
        ...


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
    n_class = len(artefact.card["classes"]["codes"])
    network.batch[...] = 0.0
    shape = network.run().shape
    expected = (artefact.batch, 1, n_class, artefact.window, artefact.window)
    if shape != expected:
        raise ModelError(f"Model '{artefact.name}' returns logits of shape {shape}; its card and classes ask for {expected}.")
