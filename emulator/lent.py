"""Arrays of a host, of any layout and memory, as one value a cell. Knows no fields, no years and no ranks.

A host's cells come in the order of `set_grid`. In memory they may be a row, a patch (row, column) or blocks (block,
place), the last of which is partly used; several levels are one axis more. Axes are counted as in numpy, the slowest
first. `Lent.read` gives the values in the order of the cells, without a copy where one stride describes them;
`Lent.fill` writes them in place and leaves every other byte of the array as it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbc.emulator import cuda_memory
from lsbc.regrid.errors import FieldError

_TYPES = (np.dtype(np.float64), np.dtype(np.float32))


@dataclass(frozen=True)
class Lent:
    """One array of the host, checked against its field; `memory` is a numpy array or a `cuda_memory.DeviceArray`."""

    memory: Any
    n_level: int
    npromz: int = 0
    """Cells in the last block; 0 where there are no blocks."""
    level_axis: int | None = None
    """Axis of the levels; None where there is but one."""

    @property
    def is_writable(self) -> bool:
        """Whether what `fill` writes reaches the host."""
        return self.memory.flags.writeable if isinstance(self.memory, np.ndarray) else self.memory.is_writable

    def read(self) -> np.ndarray:
        """The values, (n_cell,) or (n_level, n_cell), in the type of the host's array."""
        if isinstance(self.memory, np.ndarray):
            return self._read(self.memory)
        return self._read(self.memory.to_host())

    def fill(self, values: np.ndarray) -> None:
        """Write `values`, (n_cell,) or (n_level, n_cell)."""
        if isinstance(self.memory, np.ndarray):
            self._fill(self.memory, values)
        else:
            self.memory.change(lambda memory: self._fill(memory, values))

    def _levels_first(self, memory: np.ndarray) -> np.ndarray:
        return memory if self.level_axis is None else np.moveaxis(memory, self.level_axis, 0)

    def _read(self, memory: np.ndarray) -> np.ndarray:
        levels = self._levels_first(memory)
        head = (self.n_level,) if self.n_level > 1 else ()
        if not self.npromz:
            return levels.reshape(*head, -1)
        n_block, nproma = levels.shape[-2:]
        return levels.reshape(*head, -1)[..., : (n_block - 1) * nproma + self.npromz]

    def _fill(self, memory: np.ndarray, values: np.ndarray) -> None:
        if values.shape == memory.shape and not self.npromz and self.level_axis in (None, 0):
            memory[...] = values
            return
        levels = self._levels_first(memory)
        values = values.reshape(*levels.shape[:1 if self.level_axis is not None else 0], -1)
        if not self.npromz:
            levels[...] = values.reshape(levels.shape)
            return
        n_block, nproma = levels.shape[-2:]
        whole = (n_block - 1) * nproma
        levels[..., :-1, :] = values[..., :whole].reshape(*levels.shape[:-2], n_block - 1, nproma)
        levels[..., -1, : self.npromz] = values[..., whole:]


def lend(name: str, values: Any, n_level: int, n_cell: int, rank: int, npromz: int = 0, level_axis: int | None = None) -> Lent:
    """Check an array of the host against its field.

    Args:
        values: a numpy array, or device memory: whatever has `__cuda_array_interface__` (CuPy, torch, numba, OpenACC through ComIn);
            other arrays with `__dlpack__` that lie in host memory. (n_cell,) in any shape; with several levels (n_level, ...).
        npromz: cells in the last block where `values` is (n_block, nproma) or (n_block, n_level, nproma).
        level_axis: axis of the levels where it is another one.
    Raises:
        FieldError: the array has another number of cells or levels, or no floating-point values.  DeviceError: its memory cannot be reached.
    """
    memory = values if isinstance(values, np.ndarray) else _memory(values)
    shape = memory.shape
    if memory.dtype not in _TYPES:
        raise FieldError(f"Field '{name}' comes as {memory.dtype} on rank {rank}; lsbc takes float32 and float64.")
    if shape == (n_cell,) and n_level == 1 and not npromz and level_axis is None:
        return Lent(memory, n_level)
    if level_axis is not None and not 0 <= level_axis < len(shape):
        raise FieldError(f"Field '{name}' has {len(shape)} dimensions on rank {rank}, but its levels are to lie along axis {level_axis}, counted from 0.")
    n_horizontal = len(shape) - 1 if n_level > 1 or level_axis is not None else len(shape)
    if not 1 <= n_horizontal <= 2 or npromz and n_horizontal != 2:
        layout = "(n_block, nproma)" if npromz else "(n_cell,) or a patch"
        raise FieldError(f"Field '{name}' has {len(shape)} dimensions on rank {rank}; with {n_level} level(s) lsbc takes {layout}"
                         f"{' and one dimension for the levels' if n_level > 1 else ''}.")
    if n_horizontal == len(shape):
        level_axis = None
    elif level_axis is None:
        level_axis = 1 if npromz else 0
    horizontal = [length for axis, length in enumerate(shape) if axis != level_axis]
    here = f"Field '{name}' has shape {tuple(shape)} on rank {rank}"
    if level_axis is not None and shape[level_axis] != n_level:
        raise FieldError(f"{here}, {shape[level_axis]} along the axis of its {n_level} level(s).")
    if npromz and not 1 <= npromz <= horizontal[1]:
        raise FieldError(f"{here} and npromz = {npromz}, but blocks hold {horizontal[1]} cells.")
    if horizontal[0] == 0:
        npromz = 0  # no block is the last
    n_here = (horizontal[0] - 1) * horizontal[1] + npromz if npromz else math.prod(horizontal)
    if n_here != n_cell:
        raise FieldError(f"{here}, {n_here} cells{f' with npromz = {npromz}' if npromz else ''}; the grid has {n_cell} there.")
    return Lent(memory, n_level, npromz, level_axis)


def _memory(values: Any) -> Any:
    if isinstance(values, cuda_memory.DeviceArray):
        return values
    if hasattr(values, "__cuda_array_interface__"):
        return cuda_memory.from_interface(values)
    if hasattr(values, "__dlpack__"):
        return np.from_dlpack(values)
    array = np.asarray(values).view()
    if not np.may_share_memory(array, np.asarray(values)):  # a copy, as of a list: nothing written to it would reach the host
        array.flags.writeable = False
    return array
