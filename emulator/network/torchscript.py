"""Frozen TorchScript, for artefacts that other programs share (FTorch). Deprecated in torch; it is loaded by torch's own reader, which runs no Python."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.network.device_memory import named
from lsbc.emulator.network.torch_network import TorchNetwork
from lsbc.regrid.errors import StartupError

LAST_PYTHON = (3, 13)


class TorchScriptNetwork(TorchNetwork):
    """The artefact's TorchScript archive, float32."""

    backend = "torchscript"
    model_file = BACKENDS["torchscript"].model_file

    def __init__(self, artefact: Artefact, device: str, precision: str = "float32", deterministic: bool = True):
        import torch

        if sys.version_info[:2] > LAST_PYTHON or not hasattr(getattr(torch, "jit", None), "load"):
            raise StartupError(f"Backend 'torchscript' needs Python {'.'.join(map(str, LAST_PYTHON))} or older and a torch that still has TorchScript; this is "
                               f"Python {sys.version_info[0]}.{sys.version_info[1]} with torch {torch.__version__}. Use backend 'torch' with unet.pt2.")
        content = artefact.file_bytes(self.model_file)
        with quiet(), named(device, f"the weights of model '{artefact.name}'"):
            self._script = torch.jit.load(io.BytesIO(content), map_location=device)
        super().__init__(artefact, self._script, device, precision, deterministic)

    def _launch(self, channels: Any) -> Any:
        # without the executor's own rewriting, which sets in after a few calls and may change the last bits
        with quiet(), self._torch.jit.optimized_execution(False):
            return self._script(channels)


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch's notices that TorchScript is deprecated: the user chose it by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
