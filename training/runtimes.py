"""Runs a file of an artefact as a coupled run does: on the CPU, one thread. One function a runtime; knows bytes and arrays only.

`SETTINGS` lists what is measured at export: which file, by which runtime, in which precision.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from lsbc.training.formats import INPUT, INT8, ONNX, OUTPUT, PT2, TORCHSCRIPT
from lsbc.training.predict import Network


class NotHere(Exception):
    """This machine or this library cannot run a precision; the message says what is missing."""


def onnxruntime_network(content: bytes, precision: str = "float32") -> Network:
    """An ONNX model; the precision is the file's own."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda x: session.run([OUTPUT], {INPUT: x})[0]


def exported_program_network(content: bytes, precision: str = "float32") -> Network:
    """An exported program with weights and values of `precision`."""
    import torch

    return _torch_run(torch.export.load(io.BytesIO(content)).module(), getattr(torch, precision))


def torchscript_network(content: bytes, precision: str = "float32") -> Network:
    """Frozen TorchScript, whose weights cannot change their precision any more."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _torch_run(torch.jit.load(io.BytesIO(content)), torch.float32)


def _torch_run(module: object, dtype: object) -> Network:
    import torch

    torch.set_num_threads(1)
    if dtype is not torch.float32:
        module = module.to(dtype)

    def run(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            values = torch.from_numpy(np.ascontiguousarray(x)).to(dtype).contiguous(memory_format=torch.channels_last)
            try:
                return module(values).float().contiguous().numpy()
            except RuntimeError as error:
                if "not implemented for" in str(error):
                    raise NotHere(f"torch {torch.__version__}: {error}") from error
                raise

    return run


def openvino_network(content: bytes, precision: str = "float32") -> Network:
    """An ONNX model in OpenVINO; int8 is the file's own, its other layers in float32."""
    import openvino

    core, wanted = openvino.Core(), {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}[precision]
    model = core.compile_model(core.read_model(io.BytesIO(content)), "CPU",
                               {"INFERENCE_PRECISION_HINT": wanted, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1})
    got = model.get_property("INFERENCE_PRECISION_HINT").to_string()
    if got not in (wanted, {"f32": "float", "bf16": "bfloat16"}[wanted]):
        raise NotHere(f"OpenVINO computes in {got} on this CPU where {precision} is asked for")
    request = model.create_infer_request()
    return lambda x: np.array(request.infer({0: np.ascontiguousarray(x)})[model.output(0)])


@dataclass(frozen=True)
class Setting:
    """One way to run one file; `name` is its table in the card."""

    backend: str
    precision: str
    file: str
    load: Callable[[bytes, str], Network]

    @property
    def name(self) -> str:
        """`backend_precision`."""
        return f"{self.backend}_{self.precision}"

    @property
    def library(self) -> str:
        """The library and its version, as in `onnxruntime 1.32.0`."""
        from importlib.metadata import version

        package = "torch" if self.backend == "torchscript" else self.backend
        return f"{package} {version(package)}"

    @property
    def installed(self) -> bool:
        """Whether the library is there."""
        return find_spec("torch" if self.backend == "torchscript" else self.backend) is not None


SETTINGS = (
    Setting("onnxruntime", "float32", ONNX, onnxruntime_network),
    Setting("onnxruntime", "int8", INT8, onnxruntime_network),
    Setting("torch", "float32", PT2, exported_program_network),
    Setting("torch", "bfloat16", PT2, exported_program_network),
    Setting("torch", "float16", PT2, exported_program_network),
    Setting("torchscript", "float32", TORCHSCRIPT, torchscript_network),
    Setting("openvino", "float32", ONNX, openvino_network),
    Setting("openvino", "bfloat16", ONNX, openvino_network),
    Setting("openvino", "int8", INT8, openvino_network),
)
"""The first setting of a file is the file's own: it decides whether the file is written."""


def settings_of(file: str) -> tuple[Setting, ...]:
    """The settings of one file whose library is installed, the file's own first."""
    return tuple(setting for setting in SETTINGS if setting.file == file and setting.installed)
