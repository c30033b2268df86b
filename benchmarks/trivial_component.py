"""A component that does nothing but call one model on the host's arrays, to time the bridge by. Never learns land use.

Selected by LSBC_COMPONENT=trivial_component:TrivialComponent. Its configuration, TOML: `model` (*.pt TorchScript, *.onnx, or *.pt2
from AOTInductor), `channels` and `levels` (their numbers), `shape` (of one channel as the model sees it; a plain row when empty).
Fields: x1, x2, ... in, y out, float32.
"""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lsbc.regrid.errors import FieldError, StateError, YearError


class FieldInfo(NamedTuple):
    """One line of the contract."""

    name: str
    standard_name: str
    units: str
    n_level: int
    direction: str


class TorchScript:
    """What FTorch reads. The model and the copy of its result into the host's array are one call."""

    def __init__(self, file: Path) -> None:
        import torch

        class Fill(torch.nn.Module):
            def __init__(self, model: torch.nn.Module) -> None:
                super().__init__()
                self.model = model

            def forward(self, x: torch.Tensor, y: torch.Tensor) -> None:
                y.copy_(self.model(x))

        self._tensor = torch.from_numpy
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is deprecated, and it is what FTorch reads
            model = torch.jit.load(str(file), map_location="cpu").eval()
            for parameter in model.parameters():
                parameter.requires_grad_(False)  # nothing is recorded, whatever the host's settings are
            self._fill = torch.jit.script(Fill(model))._c._get_method("forward")

    def bind(self, x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
        """The call y = model(x), in place."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the host's inputs cannot be written, and are not
            return partial(self._fill, self._tensor(x), self._tensor(y))


class Onnx:
    """What lsbc runs on a CPU, set as lsbc sets it: onnxruntime reads and fills the host's arrays themselves."""

    def __init__(self, file: Path) -> None:
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.enable_mem_pattern = False
        self._session = onnxruntime.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"])

    def bind(self, x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
        """The call y = model(x), in place."""
        binding = self._session.io_binding()
        binding.bind_input(self._session.get_inputs()[0].name, "cpu", 0, np.float32, x.shape, x.ctypes.data)
        binding.bind_output(self._session.get_outputs()[0].name, "cpu", 0, np.float32, y.shape, y.ctypes.data)
        return partial(self._session.run_with_iobinding, binding)


class Compiled:
    """What torch.export gives and AOTInductor compiles; the copy into the host's array is compiled with it."""

    def __init__(self, file: Path) -> None:
        import torch

        self._tensor = torch.from_numpy
        self._run = torch._inductor.aoti_load_package(str(file)).loader.run

    def bind(self, x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
        """The call y = model(x), in place."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the host's inputs cannot be written, and are not
            return partial(self._run, [self._tensor(x), self._tensor(y)])


RUNTIMES = {".pt": TorchScript, ".onnx": Onnx, ".pt2": Compiled}


class TrivialComponent:
    """One model on one rank. Without a lent `y` the result stays here until `get_field`."""

    def __init__(self, comm: Any, config: dict[str, Any]) -> None:
        self._comm, self._shape = comm, config["shape"]
        self._inputs = [f"x{k}" for k in range(1, config["channels"] + 1)]
        self.fields = (*(FieldInfo(name, "", "1", 1, "in") for name in self._inputs), FieldInfo("y", "", "1", config["levels"], "out"))
        file = Path(config["model"])
        self._model = RUNTIMES[file.suffix](file)
        self._columns: dict[str, np.ndarray] = {}
        self._year = 0
        self._y = np.empty(0)
        self._compute: Callable[[], None] | None = None

    @classmethod
    def create(cls, config_path: str, comm: Any) -> TrivialComponent:
        return cls(comm, tomllib.loads(Path(config_path).read_text()))

    def set_grid(self, global_id: np.ndarray, *_: np.ndarray) -> None:
        n_level = self.fields[-1].n_level
        self._y = np.zeros((n_level, len(global_id)) if n_level > 1 else len(global_id), np.float32)

    def set_field(self, name: str, values: np.ndarray) -> None:
        """Keep the host's array, of an input or of the output."""
        if values.dtype != np.float32 or not values.flags.c_contiguous:
            raise FieldError(f"Field '{name}' must be float32 without gaps, got {values.dtype} with strides {values.strides}.")
        if name == "y":
            self._y = values
        elif name in self._inputs:
            self._columns[name] = values
        else:
            raise FieldError(f"Field '{name}' is not there; inputs are x1 to x{len(self._inputs)}, the output is y.")
        self._compute = None

    def forget_field(self, name: str) -> None:
        self._columns.pop(name, None)
        self._compute = None

    def step_year(self, year: int) -> None:
        """Call the model once; the same year again does nothing."""
        if year == self._year:
            return
        if year != self._year + 1:
            raise YearError(f"Year {self._year} was the last, got {year}.")
        if self._compute is None:
            self._compute = self._bind()
        self._compute()
        self._year = year

    def _bind(self) -> Callable[[], None]:
        """The call on the arrays that are lent now. The model takes several inputs as one tensor: as they lie where they are columns of
        one array of the host, else gathered first."""
        missing = [name for name in self._inputs if name not in self._columns]
        if missing:
            raise FieldError(f"Field '{missing[0]}' was never set.")
        if not self._shape:
            return self._model.bind(self._columns["x1"], self._y)
        columns = [self._columns[name] for name in self._inputs]
        y = self._y.reshape(1, -1, *self._shape)
        step = columns[0].nbytes
        if all(column.ctypes.data == columns[0].ctypes.data + k * step for k, column in enumerate(columns)):
            whole = np.lib.stride_tricks.as_strided(columns[0], (len(columns), len(columns[0])), (step, columns[0].itemsize))
            return self._model.bind(whole.reshape(1, -1, *self._shape), y)
        batch = np.empty((1, len(columns), *self._shape), np.float32)
        gather = partial(np.concatenate, columns, out=batch.reshape(-1))
        call = self._model.bind(batch, y)

        def compute() -> None:
            gather()
            call()

        return compute

    def get_field(self, name: str, out: np.ndarray) -> None:
        if name != "y" or self._year == 0:
            raise StateError(f"Field '{name}' is not there.")
        out[...] = self._y

    def write_restart(self, path: str) -> None:
        raise StateError(f"There is nothing to write into {path}.")

    def read_restart(self, path: str) -> None:
        raise StateError(f"There is nothing to read from {path}.")

    def close(self) -> None:
        self._comm.free()
