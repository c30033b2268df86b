"""Arrays in a file that NumPy slices cut pieces from, with the last pieces of the file kept in memory. Knows no land use."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

CACHE_BYTES = 256 << 20


class PatchCache:
    """Whole chunks (layer, row, col) of an array that is chunked along rows and columns only; the longest unused go first."""

    def __init__(self, array: Any, limit_bytes: int = CACHE_BYTES) -> None:
        self.array, self.limit_bytes = array, limit_bytes
        self.patch = array.chunks[1:]
        self._kept: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._kept_bytes = 0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": OrderedDict(), "_kept_bytes": 0}

    def _chunk(self, i: int, j: int) -> np.ndarray:
        chunk = self._kept.pop((i, j), None)
        if chunk is None:
            n_row, n_col = self.patch
            chunk = np.asarray(self.array[:, i * n_row:(i + 1) * n_row, j * n_col:(j + 1) * n_col])
            self._kept_bytes += chunk.nbytes
            while self._kept and self._kept_bytes > self.limit_bytes:
                self._kept_bytes -= self._kept.popitem(last=False)[1].nbytes
        self._kept[i, j] = chunk
        return chunk

    def read(self, layers: slice | int, rows: slice, cols: slice, dtype: np.dtype) -> np.ndarray:
        """A copy of a box of cells; `rows` and `cols` lie inside the array and have no steps."""
        lead = () if isinstance(layers, int) else (len(range(self.array.shape[0])[layers]),)
        out = np.empty((*lead, rows.stop - rows.start, cols.stop - cols.start), dtype)
        (n_row, n_col) = self.patch
        for i in range(rows.start // n_row, -(-rows.stop // n_row)):
            low, high = max(rows.start, i * n_row), min(rows.stop, (i + 1) * n_row)
            for j in range(cols.start // n_col, -(-cols.stop // n_col)):
                west, east = max(cols.start, j * n_col), min(cols.stop, (j + 1) * n_col)
                piece = self._chunk(i, j)[layers, low - i * n_row:high - i * n_row, west - j * n_col:east - j * n_col]
                out[..., low - rows.start:high - rows.start, west - cols.start:east - cols.start] = piece
        return out


class StoredArray(NDArrayOperatorsMixin):
    """Behaves like an array: slices are read when they are cut, an index of a layer gives a stored layer, the rest reads all of it."""

    def __init__(self, cache: PatchCache, layer: int | None = None, dtype: Any = None) -> None:
        self._cache, self._layer = cache, layer
        self.dtype = np.dtype(dtype or cache.array.dtype)
        self.shape = tuple(cache.array.shape if layer is None else cache.array.shape[1:])
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._read(slice(None), slice(0, self.shape[-2]), slice(0, self.shape[-1])).astype(dtype or self.dtype, copy=False)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return getattr(ufunc, method)(*(np.asarray(one) if isinstance(one, StoredArray) else one for one in inputs), **kwargs)

    def _read(self, layers: slice | int, rows: slice, cols: slice) -> np.ndarray:
        return self._cache.read(layers if self._layer is None else self._layer, rows, cols, self.dtype)

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        if self.ndim == 3 and keys and isinstance(keys[0], (int, np.integer)):
            layer = StoredArray(self._cache, range(self.shape[0])[keys[0]], self.dtype)
            return layer[keys[1:]] if len(keys) > 1 else layer
        full = (*keys, *(slice(None),) * (self.ndim - len(keys)))
        place = [_inside(one, n) for one, n in zip(full[-2:], self.shape[-2:])] if len(full) == self.ndim else [None]
        if None in place or (self.ndim == 3 and not isinstance(full[0], slice)):
            return np.asarray(self)[key]
        box = self._read(full[0] if self.ndim == 3 else slice(None), *place)
        single = tuple(0 if isinstance(one, (int, np.integer)) else slice(None) for one in full[-2:])
        return box[(..., *single)]


def _inside(key: Any, n: int) -> slice | None:
    """An index or a slice without steps as a slice of real cells; None for every other key."""
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        cell = range(n)[key]
        return slice(cell, cell + 1)
    if isinstance(key, slice) and key.step in (None, 1):
        start, stop, _ = key.indices(n)
        return slice(start, max(start, stop))
    return None
