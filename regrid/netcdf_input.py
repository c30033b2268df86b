"""Checked reading of netCDF variables: every damage is a sentence. Knows no format, no grid and no weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lsbc.regrid.classic_header import check_classic
from lsbc.regrid.errors import FileError, LsbcError, WeightError

BLOCK = 1 << 20
"""Rows read at once, or a chunk of the file where that is longer; a conversion never holds a second copy of a whole variable."""

_CACHE_BYTES = 1 << 20
_DAMAGE = (OSError, RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, UnicodeError, MemoryError)


class Source:
    """An open netCDF file; `dims` maps names to sizes, `attributes` holds the global ones as text."""

    def __init__(self, path: Path, data) -> None:
        self.path, self._data = path, data
        self.dims = {name: len(dim) for name, dim in data.dimensions.items()}
        self.variables = frozenset(data.variables)
        self.attributes = {name: _text(data.getncattr(name)) for name in data.ncattrs()}

    def attribute(self, name: str, attribute: str) -> str:
        """Attribute of a variable as text, "" where it has none."""
        variable = self._data.variables[name]
        return _text(variable.getncattr(attribute)) if attribute in variable.ncattrs() else ""

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._data.variables[name].shape)

    def text(self, name: str) -> str:
        """A character variable as one string, blanks and zero bytes at the ends removed."""
        raw = np.ma.filled(self._data.variables[name][:], b"\0")
        return b"".join(np.asarray(raw, "S1").ravel().tolist()).decode("ascii", "replace").strip("\0 ")

    def integers(self, name: str, shape: tuple[int, ...], dtype=np.int64) -> np.ndarray:
        """Whole numbers of a variable; WeightError where its type, shape or a value is another."""
        return self._values(name, shape, "iu", dtype)

    def reals(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """float64 values; integers and float32 are taken, missing values (NaN stays NaN) and packing are not."""
        return self._values(name, shape, "fiu", np.float64)

    def _values(self, name: str, shape: tuple[int, ...], kinds: str, dtype) -> np.ndarray:
        if name not in self.variables:
            raise WeightError(f"File {self.path} has no variable '{name}'; "
                              "it is cut short or in a layout that lsbc does not know.")
        variable = self._data.variables[name]
        if tuple(variable.shape) != shape:
            raise WeightError(f"File {self.path}: '{name}' has shape {tuple(variable.shape)}, expected {shape}.")
        if np.dtype(variable.dtype).kind not in kinds:
            what = "whole numbers" if kinds == "iu" else "numbers"
            raise WeightError(f"File {self.path}: '{name}' is of type {variable.dtype}; {what} are expected.")
        packed = [word for word in ("scale_factor", "add_offset") if word in variable.ncattrs()]
        if packed:
            raise WeightError(f"File {self.path}: '{name}' is packed ({', '.join(packed)}); write it unpacked.")
        out = np.empty(shape, dtype)
        block = _block(variable)
        for start in range(0, shape[0] if shape else 0, block):
            part = np.asarray(variable[start:start + block])
            self._check_part(name, variable, part, start, dtype)
            out[start:start + block] = part
        return out

    def _check_part(self, name: str, variable, part: np.ndarray, start: int, dtype) -> None:
        bad = part == _fill_value(variable)
        if np.dtype(dtype).kind == "i":
            limit = np.iinfo(dtype)
            bad = bad | (part < limit.min) | (part > limit.max)
        if bad.any():
            k = tuple(int(i) for i in np.argwhere(bad)[0])
            place = ", ".join(str(i) for i in (k[0] + start, *k[1:]))
            raise WeightError(f"File {self.path}: '{name}[{place}]' is {part[k]}, "
                              "a missing value or beyond the numbers lsbc can hold.")


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a netCDF file; whatever the library raises in the block becomes a FileError with the path."""
    from netCDF4 import Dataset

    path = Path(path)
    if not path.is_file():
        raise FileError(f"File {path} does not exist or is no regular file.")
    try:
        check_classic(path)
        with Dataset(path) as data:
            data.set_auto_maskandscale(False)
            yield Source(path, data)
    except LsbcError:
        raise
    except _DAMAGE as error:
        raise FileError(f"File {path} cannot be read as netCDF: {str(error) or type(error).__name__}.") from error


def _block(variable) -> int:
    """Rows to read at once; the library keeps no more of the file than one chunk meanwhile."""
    chunks = variable.chunking()
    if not isinstance(chunks, (list, tuple)) or not chunks:
        return BLOCK
    variable.set_var_chunk_cache(size=_CACHE_BYTES)
    return max(BLOCK // int(chunks[0]), 1) * int(chunks[0])


def _text(value) -> str:
    return value if isinstance(value, str) else " ".join(str(x) for x in np.atleast_1d(value))


def _fill_value(variable):
    from netCDF4 import default_fillvals

    if "_FillValue" in variable.ncattrs():
        return variable.getncattr("_FillValue")
    return np.dtype(variable.dtype).type(default_fillvals[np.dtype(variable.dtype).str[1:]])
