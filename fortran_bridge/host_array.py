"""Turn `lsbc_array_t` of lsbc.h into numpy or device memory, without a copy. Knows no fields but their names, and no handles."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from lsbc.emulator.cuda_memory import DeviceArray, span_bytes
from lsbc.regrid.errors import FieldError

MEMORY_HOST, MEMORY_DEVICE = 1, 2
"""Of lsbc.h; the shim has found out which one LSBC_MEMORY_ANY is."""
_DTYPE = {4: np.dtype(np.float32), 8: np.dtype(np.float64)}


def host_array(ffi: Any, name: str, array: Any, rank: int) -> tuple[Any, dict[str, int]]:
    """The host's array with its axes reversed (numpy counts the slowest first), and its layout in the words of `lent.lend`.

    Args:
        array: `const lsbc_array_t *`.
    Raises:
        FieldError: the description is impossible; whether it fits the field is not looked at.
    """
    if array == ffi.NULL:
        raise FieldError(f"Field '{name}': the description of its array is NULL on rank {rank}.")
    n_dim, dtype = array.n_dim, _DTYPE.get(array.item_bytes)
    if dtype is None or not 1 <= n_dim <= 3:
        raise FieldError(f"Field '{name}' comes with {n_dim} dimensions and {array.item_bytes} bytes a value on rank {rank}; lsbc takes 1 to 3, and 4 or 8.")
    shape = tuple(ffi.unpack(array.extent, n_dim)[::-1])
    if min(shape) < 0:
        raise FieldError(f"Field '{name}' has {_words(shape)} values on rank {rank}; an extent must be 0 or more.")
    strides = tuple(ffi.unpack(array.stride_bytes, n_dim)[::-1])
    if not any(strides):
        strides = tuple(dtype.itemsize * math.prod(shape[axis + 1:]) for axis in range(n_dim))
    if 0 not in shape and max(dtype.itemsize * math.prod(shape), span_bytes(shape, strides, dtype.itemsize), *map(abs, strides)) > sys.maxsize:
        raise FieldError(f"Field '{name}' has {_words(shape)} values, {_words(strides)} bytes apart, on rank {rank}: no memory is that large.")
    layout = {}
    if array.npromz != 0:
        layout["npromz"] = array.npromz
    if array.level_dim != 0:
        if not 1 <= array.level_dim <= n_dim:
            raise FieldError(f"Field '{name}': level_dim is {array.level_dim} on rank {rank}; the array has {n_dim} dimension(s).")
        layout["level_axis"] = n_dim - array.level_dim
    return _memory(ffi, name, array, shape, dtype, strides, rank), layout


def _memory(ffi: Any, name: str, array: Any, shape: tuple[int, ...], dtype: np.dtype, strides: tuple[int, ...], rank: int) -> Any:
    if array.memory not in (MEMORY_HOST, MEMORY_DEVICE):
        raise FieldError(f"Field '{name}': memory is {array.memory} on rank {rank}, not one of LSBC_MEMORY_ANY, _HOST and _DEVICE.")
    if 0 in shape:
        return np.empty(shape, dtype)
    if array.address == ffi.NULL:
        raise FieldError(f"Field '{name}' has {_words(shape)} values but their address is NULL on rank {rank}.")
    if array.memory == MEMORY_DEVICE:
        return DeviceArray(int(ffi.cast("intptr_t", array.address)), shape, dtype, strides, int(ffi.cast("intptr_t", array.stream)))
    n_byte = span_bytes(shape, strides, dtype.itemsize)
    if min(strides) > 0:
        return np.ndarray(shape, dtype, ffi.buffer(array.address, n_byte), 0, strides)
    before = -sum(min(0, (length - 1) * stride) for length, stride in zip(shape, strides))
    return np.ndarray(shape, dtype, ffi.buffer(ffi.cast("char *", array.address) - before, n_byte), before, strides)


def _words(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, reversed(shape)))
