"""Runs a file of an artefact as a coupled run does, with the component's own networks, on the CPU, before the file is written.

`SETTINGS` lists what is measured at export: which file, by which backend, in which precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.network import Network as LoadedNetwork
from lsbc.training.formats import INPUT, INT8, ONNX, OUTPUT, PT2, TORCHSCRIPT, filled_up
from lsbc.training.predict import Network


class NotHere(Exception):
    """This machine or this library cannot run a precision; the message says what is missing."""


def onnxruntime_network(content: bytes) -> Network:
    """An ONNX model of any shape; one thread. Channels that the file has beyond those given are 0."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    n_channel = session.get_inputs()[0].shape[1]
    return lambda x: session.run([OUTPUT], {INPUT: filled_up(x, n_channel)})[0]


@dataclass(frozen=True)
class Unwritten:
    """What the component's networks ask of an artefact, of one file that is not written yet."""

    content: bytes
    channels: tuple[None, ...]
    n_class: int
    n_step: int
    name: str = "to be written"

    def file_bytes(self, name: str) -> bytes:
        """The file, whatever its name."""
        return self.content


def _onnxruntime(artefact: Any, precision: str) -> LoadedNetwork:
    from lsbc.emulator.network.onnx_cpu import OnnxNetwork

    return OnnxNetwork(artefact, precision)


def _torch(artefact: Any, precision: str) -> LoadedNetwork:
    from lsbc.emulator.network.torch_exported import TorchExportedNetwork

    return TorchExportedNetwork(artefact, "cpu", precision)


def _torchscript(artefact: Any, precision: str) -> LoadedNetwork:
    from lsbc.emulator.network.torchscript import TorchScriptNetwork

    return TorchScriptNetwork(artefact, "cpu", precision)


def _openvino(artefact: Any, precision: str) -> LoadedNetwork:
    import openvino

    from lsbc.emulator.network.openvino import OpenvinoNetwork

    if precision == "bfloat16" and "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise NotHere("OpenVINO has no bfloat16 on this CPU")
    return OpenvinoNetwork(artefact, precision)


@dataclass(frozen=True)
class Setting:
    """One way to run one file; `name` is its table in the card."""

    backend: str
    precision: str
    file: str
    load: Callable[[Any, str], LoadedNetwork]

    @property
    def name(self) -> str:
        """`backend_precision`."""
        return f"{self.backend}_{self.precision}"


SETTINGS = (
    Setting("onnxruntime", "float32", ONNX, _onnxruntime),
    Setting("onnxruntime", "int8", INT8, _onnxruntime),
    Setting("torch", "float32", PT2, _torch),
    Setting("torch", "bfloat16", PT2, _torch),
    Setting("torch", "float16", PT2, _torch),
    Setting("torchscript", "float32", TORCHSCRIPT, _torchscript),
    Setting("openvino", "float32", ONNX, _openvino),
    Setting("openvino", "bfloat16", ONNX, _openvino),
    Setting("openvino", "int8", INT8, _openvino),
)
"""The first setting of a file is the file's own: it decides whether the file is written. Float16 is for GPUs; torch emulates it on the CPU."""


def settings_of(file: str) -> tuple[Setting, ...]:
    """The settings of one file whose library is installed, the file's own first."""
    return tuple(setting for setting in SETTINGS if setting.file == file and BACKENDS[setting.backend].version is not None)


def as_function(network: LoadedNetwork) -> Network:
    """A loaded network whose results stay.

    Raises:
        NotHere: (when called) torch has no such precision on this machine.
    """
    def run(x: np.ndarray) -> np.ndarray:
        try:
            return network(np.ascontiguousarray(x)).copy()
        except RuntimeError as error:
            if "not implemented for" in str(error):
                raise NotHere(f"{network.versions}: {error}") from error
            raise

    return run
