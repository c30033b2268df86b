"""Which backend, device and precision a network runs with, and why. Decides from the card, the configuration and what the machine has; opens nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.config import ModelConfig
from lsbc.emulator.devices import Gpus
from lsbc.emulator.network.engine_cache import Engine
from lsbc.emulator.network.face import Network
from lsbc.regrid.errors import ConfigError, DeviceError, LsbcError, ModelError, StartupError

ORDER = (("torch", "cuda"), ("onnxruntime", "cpu"), ("openvino", "cpu"), ("torch", "cpu"))
"""What `auto` tries, best first."""


@dataclass(frozen=True)
class Choice:
    """What will run; `device` is "cpu" or "cuda"."""

    backend: str
    device: str
    precision: str
    reason: str


def may_use_gpu(artefact: Artefact, model: ModelConfig) -> bool:
    """Whether it matters which GPUs there are: looking for them means importing torch."""
    names = [name for name, _ in ORDER] if model.backend == "auto" else [model.backend]
    return model.device != "cpu" and any("cuda" in BACKENDS[name].precisions and BACKENDS[name].model_file in artefact.files for name in names)


def choose(artefact: Artefact, model: ModelConfig, gpus: Gpus) -> Choice:
    """The first backend and device that the configuration leaves open and that can run.

    Raises:
        StartupError: a named backend is not installed.  DeviceError: a GPU is asked for and there is none.
        ModelError: the artefact lacks the file, or its card does not admit the precision.  ConfigError: no backend has the precision there.
    """
    if model.precision == "tf32" and model.deterministic:
        raise ConfigError("model.precision = 'tf32' needs model.deterministic = false.")
    named = model.backend != "auto"
    pairs = ORDER if not named else tuple((model.backend, device) for device in ("cuda", "cpu") if device in BACKENDS[model.backend].precisions)
    refused: list[LsbcError] = []
    for backend, device in pairs:
        if model.device not in ("auto", device):
            continue
        precision = _precision(artefact, model, backend, device)
        obstacle = _obstacle(artefact, backend, device, precision, gpus)
        if obstacle is None:
            return Choice(backend, device, precision, _reason(model, device, gpus, refused))
        refused.append(obstacle)
    if not refused:
        raise ConfigError(f"model.backend = '{model.backend}' does not run on model.device = '{model.device}'.")
    telling = [error for error in refused if not isinstance(error, ConfigError)] or refused
    raise telling[-1 if named else 0]


def open_network(artefact: Artefact, choice: Choice, device_index: int = 0, deterministic: bool = True, engine: Engine | None = None) -> Network:
    """Load the chosen network on this process's device and try it once.

    Raises:
        StartupError, DeviceError, ModelError: the library does not load, the device is full, the file is damaged or has other shapes than its card.
    """
    device = f"cuda:{device_index}" if choice.device == "cuda" else "cpu"
    try:
        network = _load(artefact, choice, device, deterministic, engine)
        _try_out(artefact, network)
    except LsbcError:
        raise
    except Exception as error:
        raise ModelError(f"Model '{artefact.name}' does not run with {choice.backend} in {choice.precision}: {type(error).__name__}: {error}") from error
    return network


def _precision(artefact: Artefact, model: ModelConfig, backend: str, device: str) -> str:
    if model.precision != "auto":
        return model.precision
    usual = BACKENDS[backend].precisions[device][0]
    return usual if usual == "float32" or artefact.allows(backend, usual) else "float32"


def _obstacle(artefact: Artefact, backend: str, device: str, precision: str, gpus: Gpus) -> LsbcError | None:
    """Why this cannot run here; None where it can."""
    known = BACKENDS[backend]
    if precision not in known.precisions[device]:
        return ConfigError(f"model.precision = '{precision}' is not there with backend '{backend}' on a {'GPU' if device == 'cuda' else 'CPU'}, "
                           f"which has {', '.join(known.precisions[device])}.")
    lacks_file = known.file_for(precision) not in artefact.files
    if device == "cuda" and not gpus.names and not (gpus.driver and lacks_file):
        return DeviceError(f"backend '{backend}' with device 'cuda' finds no GPU: {gpus.problem}.")
    if known.version is None:
        return StartupError(f"Backend '{backend}' needs the Python package '{known.package}', which is not installed: {known.install}.")
    try:
        artefact.require(backend, precision)
    except ModelError as error:
        return error
    return None


def _reason(model: ModelConfig, device: str, gpus: Gpus, refused: list[LsbcError]) -> str:
    if device == "cuda":
        return f"{gpus.names[0]} is here" if model.device == "auto" or model.backend == "auto" else "asked for"
    if model.device == "cpu":
        return "the CPU was asked for"
    if not (gpus.names or gpus.driver):
        return "no GPU here" if model.backend in ("auto", "torch", "torchscript") else "asked for"
    return f"not the GPU of this node: {refused[0]}" if refused else "asked for"


def _load(artefact: Artefact, choice: Choice, device: str, deterministic: bool, engine: Engine | None) -> Network:
    match choice.backend:
        case "onnxruntime":
            from lsbc.emulator.network.onnx_cpu import OnnxNetwork

            return OnnxNetwork(artefact, choice.precision)
        case "openvino":
            from lsbc.emulator.network.openvino import OpenvinoNetwork

            return OpenvinoNetwork(artefact, choice.precision)
        case "torch":
            from lsbc.emulator.network.torch_exported import TorchExportedNetwork

            return TorchExportedNetwork(artefact, device, choice.precision, deterministic)
        case "torchscript":
            from lsbc.emulator.network.torchscript import TorchScriptNetwork

            return TorchScriptNetwork(artefact, device, choice.precision, deterministic)
        case "tensorrt" if engine is not None:
            from lsbc.emulator.network.tensorrt import TensorRTNetwork

            return TensorRTNetwork(artefact, device, choice.precision, engine)
    raise ModelError(f"Backend '{choice.backend}' has nothing to load.")


def _try_out(artefact: Artefact, network: Network) -> None:
    """Run the smallest window the halo allows, so that a network of other shapes than its card is found at the door."""
    edge = max(2 * artefact.halo, 2 << artefact.depth)
    n, rows, columns = network.fixed_window or (1, edge, edge)
    batch = network.buffer(n, rows, columns)
    batch[...] = 0.0
    shape, expected = network(batch).shape, (n, 1, artefact.n_class, rows, columns)
    if shape != expected:
        raise ModelError(f"Model '{artefact.name}' returns logits of shape {shape}; its card and classes ask for {expected}.")
