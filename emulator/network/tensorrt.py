"""TensorRT through Torch-TensorRT: one engine for one window and batch. Experimental: written against the documented interface, never run on a GPU yet.

Rebuilding gives other bits (kernels are picked by timing), so one rank builds and all run the same bytes. TensorRT 11 takes types from the model alone
(`enabled_precisions` is ignored): the program is made half precision first.
"""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import metadata
from pathlib import Path
from typing import Any

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.network.device_memory import named
from lsbc.emulator.network.engine_cache import Engine, read_engine, write_engine
from lsbc.emulator.network.program_file import load_program
from lsbc.emulator.network.torch_network import TorchNetwork, torch_type
from lsbc.regrid.errors import ModelError, StartupError

logger = logging.getLogger(__name__)

MODEL_FILE = BACKENDS["tensorrt"].model_file


class TensorRTNetwork(TorchNetwork):
    """A built engine. Other numbers of windows than its batch are computed in several calls, filled up with zeros."""

    backend = "tensorrt"
    model_file = MODEL_FILE

    def __init__(self, artefact: Artefact, device: str, precision: str, engine: Engine):
        with named(device, f"the engine of model '{artefact.name}'"):
            module = load_engine(engine.content, device)
        super().__init__(artefact, module, device, precision, graphs=False)
        n, _, rows, columns = engine.shape
        self.fixed_window, self._shape = (n, rows, columns), engine.shape
        self.versions += f", torch-tensorrt {BACKENDS['tensorrt'].version}, TensorRT {tensorrt_version()}"

    def _launch(self, channels: Any) -> Any:
        if tuple(channels.shape[1:]) != self._shape[1:]:
            raise ModelError(f"The TensorRT engine takes windows of shape {self._shape[1:]}, got {tuple(channels.shape[1:])}.")
        n, parts = self._shape[0], []
        for start in range(0, len(channels), n):
            part = channels[start: start + n].contiguous()
            if len(part) < n:
                part = self._torch.cat([part, part.new_zeros((n - len(part), *self._shape[1:]))])
            parts.append(self._module(part))
        return self._torch.cat(parts)[: len(channels)] if len(parts) > 1 else parts[0][: len(channels)]


def library() -> Any:
    """torch_tensorrt, which raises all kinds of exceptions where one of its libraries is missing."""
    try:
        import torch_tensorrt
    except Exception as error:
        raise StartupError(f"Backend 'tensorrt' does not load: {type(error).__name__}: {str(error).strip()}. It needs torch with CUDA and versions of torch, "
                           f"torch-tensorrt and TensorRT that belong together: {BACKENDS['tensorrt'].install}.") from error
    return torch_tensorrt


def tensorrt_version() -> str:
    """Version of TensorRT itself, which comes under several names."""
    for name in ("tensorrt", "tensorrt-cu13", "tensorrt-cu12"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"


def engine_key(artefact: Artefact, precision: str, shape: tuple[int, ...], gpu: str) -> dict[str, str]:
    """Everything an engine hangs on; `gpu` is its name and architecture."""
    import torch

    library()
    return {"format": "1", "program": artefact.files[MODEL_FILE], "precision": precision, "shape": "x".join(map(str, shape)), "gpu": gpu,
            "torch": torch.__version__, "cuda": str(torch.version.cuda), "torch_tensorrt": str(BACKENDS["tensorrt"].version), "tensorrt": tensorrt_version()}


def gpu_type(device: str) -> str:
    """Name and architecture of a GPU, such as "NVIDIA H200 sm_90"."""
    import torch

    found = torch.cuda.get_device_properties(device)
    return f"{found.name} sm_{found.major}{found.minor}"


def kept_or_built(folder: Path, key: Mapping[str, str], artefact: Artefact, precision: str, shape: tuple[int, ...], device: str) -> bytes:
    """The engine of a key from the cache if it is whole and loads, else built and kept."""
    content = read_engine(folder, key)
    if content is not None:
        try:
            load_engine(content, device)
            return content
        except Exception as error:
            logger.warning("the kept TensorRT engine does not load and is built again: %s: %s", type(error).__name__, error)
    logger.info("building the TensorRT engine of model %s for windows %s in %s; this takes a minute or more", artefact.name, key["shape"], precision)
    content = build_engine(artefact, precision, shape, device)
    write_engine(folder, key, content)
    return content


def build_engine(artefact: Artefact, precision: str, shape: tuple[int, ...], device: str) -> bytes:
    """Compile the exported program for one shape; all of it, or an error."""
    import torch

    torch_tensorrt = library()
    module = load_program(artefact, MODEL_FILE).module(check_guards=False).to(device=device, dtype=torch_type(precision))
    example = torch.zeros(shape, dtype=torch_type(precision), device=device)
    with _current(device), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        compiled = torch_tensorrt.dynamo.compile(
            torch.export.export(module, (example,)), arg_inputs=[example], device=torch.device(device), require_full_compilation=True, min_block_size=1,
            disable_tf32=True, cache_built_engines=False, reuse_cached_engines=False, timing_cache_path=str(Path(folder) / "timing.bin"))
        path = Path(folder) / "engine.ep"
        torch_tensorrt.save(compiled, str(path), output_format="exported_program", arg_inputs=[example])
        return path.read_bytes()


def _current(device: str) -> AbstractContextManager[Any]:
    """Make a GPU the current one: an engine is built for it, and goes to it among those that it fits."""
    import torch

    return nullcontext() if device == "cpu" else torch.cuda.device(device)


def load_engine(content: bytes, device: str) -> Any:
    """A module from the bytes of `build_engine`, on `device`. This unpickles: only ever give it bytes that were built here or that the cache's index names."""
    import torch

    library()  # registers the operator that runs engines
    with _current(device):
        return torch.export.load(io.BytesIO(content)).module()
