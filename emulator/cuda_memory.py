"""Memory of a CUDA device that a host lends: found out, copied, never kept. Knows arrays only; calls the driver, imports no library.

A host that computes on a GPU has loaded the CUDA driver already, so this module never loads it. Copies run in the context that the memory belongs
to, on the host's stream (the legacy default stream where it names none), and that stream is waited for: what the host's kernels wrote on it
before the call is what lsbc reads, and what lsbc wrote is there when the call returns.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbc.regrid.errors import DeviceError

_LIBRARY = "libcuda.so.1"
_CONTEXT, _DEVICE_ORDINAL = 1, 9
"""CU_POINTER_ATTRIBUTE_CONTEXT and CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL."""
_LEGACY_STREAM = 1
"""The default stream as `__cuda_array_interface__` and the driver both number it, where 0 would be ambiguous."""


@dataclass(frozen=True)
class DeviceArray:
    """An array in device memory, as the host describes it."""

    address: int
    """Of the first value, index 0 along every axis."""
    shape: tuple[int, ...]
    dtype: np.dtype
    strides: tuple[int, ...]
    """Bytes from one value to the next, an axis each."""
    stream: int = 0
    is_writable: bool = True

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"version": 3, "shape": self.shape, "typestr": self.dtype.str, "data": (self.address, not self.is_writable), "strides": self.strides,
                "stream": self.stream or _LEGACY_STREAM}

    def to_host(self) -> np.ndarray:
        """A copy in host memory, of this array's shape.

        Raises:
            DeviceError: the driver refuses.
        """
        return self._staged(self._download()) if 0 not in self.shape else np.empty(self.shape, self.dtype)

    def change(self, function: Callable[[np.ndarray], None]) -> None:
        """Let `function` change a copy in host memory, then put it back; bytes between the values stay what they were.

        Raises:
            DeviceError: the driver refuses.
        """
        if 0 in self.shape:
            return
        span = self._download()
        function(self._staged(span))
        with _driver(self.address) as driver:
            _call(driver, "cuMemcpyHtoDAsync_v2", ctypes.c_uint64(self._first), ctypes.c_void_p(span.ctypes.data), ctypes.c_size_t(span.nbytes),
                  ctypes.c_void_p(self.stream))
            _call(driver, "cuStreamSynchronize", ctypes.c_void_p(self.stream))

    @property
    def _first(self) -> int:
        return self.address + sum(min(0, (length - 1) * stride) for length, stride in zip(self.shape, self.strides))

    def _download(self) -> np.ndarray:
        """Every byte from the first value in memory to the last."""
        n_byte = span_bytes(self.shape, self.strides, self.dtype.itemsize)
        span = np.empty(n_byte, np.uint8)
        with _driver(self.address) as driver:
            _call(driver, "cuMemcpyDtoHAsync_v2", ctypes.c_void_p(span.ctypes.data), ctypes.c_uint64(self._first), ctypes.c_size_t(n_byte),
                  ctypes.c_void_p(self.stream))
            _call(driver, "cuStreamSynchronize", ctypes.c_void_p(self.stream))
        return span

    def _staged(self, span: np.ndarray) -> np.ndarray:
        return np.ndarray(self.shape, self.dtype, span, self.address - self._first, self.strides)


def span_bytes(shape: tuple[int, ...], strides: tuple[int, ...], item_bytes: int) -> int:
    """Bytes from the first value in memory to the end of the last of an array that has values."""
    return sum((length - 1) * abs(stride) for length, stride in zip(shape, strides)) + item_bytes


def from_interface(values: Any) -> DeviceArray:
    """The array behind `values.__cuda_array_interface__` (version 2 or 3).

    Raises:
        DeviceError: it has a mask, or no driver is in this process.
    """
    facts = values.__cuda_array_interface__
    if facts.get("mask") is not None:
        raise DeviceError("A device array with a mask was lent; lsbc takes plain arrays.")
    dtype, shape = np.dtype(facts["typestr"]), tuple(facts["shape"])
    strides = facts.get("strides") or _packed(shape, dtype.itemsize)
    return DeviceArray(int(facts["data"][0]), shape, dtype, tuple(strides), int(facts.get("stream") or 0), not facts["data"][1])


def _packed(shape: tuple[int, ...], item_bytes: int) -> tuple[int, ...]:
    return tuple(item_bytes * int(np.prod(shape[axis + 1:], dtype=np.int64)) for axis in range(len(shape)))


def _loaded() -> Any:
    """The driver, if something in this process has loaded it."""
    try:
        return ctypes.CDLL(_LIBRARY, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
    except OSError:
        return None


@contextmanager
def _driver(address: int) -> Iterator[Any]:
    """The driver, in the context that `address` belongs to; memory of a pool has none, and is reached in the calling thread's or the device's own."""
    driver = _loaded()
    if driver is None:
        raise DeviceError(f"Device memory was lent, but no CUDA driver ({_LIBRARY}) is loaded in this process.")
    context, device = ctypes.c_void_p(), None
    failed = driver.cuPointerGetAttribute(ctypes.byref(context), _CONTEXT, ctypes.c_uint64(address))
    if failed or not context.value:
        _call(driver, "cuCtxGetCurrent", ctypes.byref(context))
    if not context.value:
        device = _device_of(driver, address)
        _call(driver, "cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    try:
        _call(driver, "cuCtxPushCurrent_v2", context)
        try:
            yield driver
        finally:
            driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
    finally:
        if device is not None:
            driver.cuDevicePrimaryCtxRelease_v2(device)


def _device_of(driver: Any, address: int) -> ctypes.c_int:
    ordinal, device = ctypes.c_int(), ctypes.c_int()
    _call(driver, "cuPointerGetAttribute", ctypes.byref(ordinal), _DEVICE_ORDINAL, ctypes.c_uint64(address))
    _call(driver, "cuDeviceGet", ctypes.byref(device), ordinal)
    return device


def _call(driver: Any, name: str, *arguments: Any) -> None:
    failure = getattr(driver, name)(*arguments)
    if failure:
        reason = ctypes.c_char_p()
        driver.cuGetErrorString(failure, ctypes.byref(reason))
        raise DeviceError(f"{name} of the CUDA driver failed with {failure}: {(reason.value or b'no reason given').decode()}.")
