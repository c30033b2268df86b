"""A torch module as a network, on the CPU or a GPU: host arrays in and out, or tensors that stay on the device. Reads no files.

Global settings of torch are set around each call and put back, so that neither another instance nor the host sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.network.cuda_graphs import GraphedCalls
from lsbc.emulator.network.device_memory import is_memory_error, named
from lsbc.emulator.network.face import Scratch
from lsbc.regrid.errors import DeviceError


class TorchNetwork:
    """`module` maps (n, channel, rows, columns) of `dtype` to logits of `dtype`; it is on `device` already.

    graphs: record CUDA graphs on a GPU.  torch_device, dtype: of what `forward` takes, a `torch.device` and a `torch.dtype`.
    """

    backend = "torch"
    model_file = ""
    fixed_window: tuple[int, int, int] | None = None

    def __init__(self, artefact: Artefact, module: Callable[[Any], Any], device: str, precision: str, deterministic: bool = True,
                 graphs: bool = True):
        import torch

        self._torch, self._module, self.device, self.precision = torch, module, device, precision
        self.torch_device, self.dtype = torch.device(device), torch_type(precision)
        self.deterministic = deterministic and precision != "tf32"
        self._on_gpu = device != "cpu"
        self.versions = _versions(torch, self._on_gpu)
        self._n_channel, self._n_step, self._n_class = len(artefact.channels), artefact.n_step, artefact.n_class
        self._run = GraphedCalls(self._launch, self.torch_device) if self._on_gpu and graphs else self._launch
        with named(device, "its first page-locked memory"):
            self._input, self._output = Scratch(self._pinned), Scratch(self._pinned)

    def buffer(self, n: int, rows: int, columns: int) -> np.ndarray:
        """The network's own input, float32 (n, channel, rows, columns); page-locked where there is a GPU."""
        return self._input.view(n, self._n_channel, rows, columns)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Logits, float32 (n, step, class, rows, columns); overwritten by the next call."""
        torch = self._torch
        n, _, rows, columns = batch.shape
        logits = self._output.view(n, self._n_step, self._n_class, rows, columns)
        try:
            source = torch.from_numpy(np.ascontiguousarray(batch, np.float32)).to(self.torch_device, non_blocking=self._on_gpu)
            torch.from_numpy(logits).copy_(self.forward(source.to(dtype=self.dtype, memory_format=torch.channels_last)))
        except (RuntimeError, MemoryError) as error:
            if is_memory_error(error):
                raise out_of_memory(self.device, batch.shape, error) from error
            with named(self.device, f"a batch of shape {tuple(batch.shape)}"):
                raise
        return logits

    def forward(self, channels: Any) -> Any:
        """Logits (n, step, class, rows, columns) on the device, of `channels`, (n, channel, rows, columns) of `dtype` in channels-last memory.

        Launches only: no copy to the host, no wait (but for the second call of a shape, which records a CUDA graph). The result is
        overwritten by the next call; calls must come one after the other, on one stream or on streams that wait for each other.

        Raises:
            RuntimeError: as torch raises it; `device_memory.named` tells the device's from others.
        """
        with self._torch.no_grad(), self._settings():
            return self._run(channels)

    def _pinned(self, n: int) -> np.ndarray:
        with self._settings():  # page-locking makes a context on the current device
            return self._torch.zeros(n, dtype=self._torch.float32, device="cpu", pin_memory=self._on_gpu).numpy()

    def _launch(self, channels: Any) -> Any:
        return self._module(channels)

    @contextmanager
    def _settings(self) -> Iterator[None]:
        torch = self._torch
        with torch.autocast(self.torch_device.type, enabled=False):  # the host may call in the middle of its own
            if self._on_gpu:
                with torch.cuda.device(self.torch_device), cudnn_settings(torch, self.deterministic, self.precision == "tf32"):
                    yield
            else:
                with one_thread(torch), onednn_settings(torch):
                    yield


@contextmanager
def one_thread(torch: Any) -> Iterator[None]:
    """One compute thread; the bits of a convolution depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def onednn_settings(torch: Any) -> Iterator[None]:
    """Float32 as it is on a CPU, whatever `torch.set_float32_matmul_precision` says."""
    kinds = torch.backends.mkldnn.conv, torch.backends.mkldnn.matmul
    before = [kind.fp32_precision for kind in kinds]
    try:
        for kind in kinds:
            kind.fp32_precision = "ieee"
        yield
    finally:
        for kind, precision in zip(kinds, before):
            kind.fp32_precision = precision


@contextmanager
def cudnn_settings(torch: Any, deterministic: bool, tf32: bool) -> Iterator[None]:
    """cuDNN's choice of convolutions: fixed ones or the fastest, float32 as it is or in rounded products.

    One flag after the other, as `cudnn.flags` fails where the host has set some by the older and some by the newer names.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision
    try:
        cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision = deterministic, not deterministic, "tf32" if tf32 else "ieee"
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision = before


def torch_type(precision: str) -> Any:
    """The tensors' dtype of a precision; tf32 is float32 multiplied in a rounded form."""
    import torch

    return {"float32": torch.float32, "tf32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[precision]


def out_of_memory(device: str, shape: tuple[int, ...], error: BaseException) -> DeviceError:
    """The error of a device that cannot hold a batch, with what can be done."""
    told = str(error).split(". ")[0]
    return DeviceError(f"{device} is out of memory for a batch of shape {tuple(shape)} ({told}): lower model.batch or model.window_cells, "
                       "let fewer ranks use the device (model.ranks_per_device), or set model.deterministic = false, which halves batches.")


def _versions(torch: Any, on_gpu: bool) -> str:
    told = f"torch {torch.__version__}"
    return f"{told}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}" if on_gpu else told
