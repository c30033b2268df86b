"""Reading of a host's own netCDF files as the host reads them: bare numbers, with the place of a cell in words. Knows no rule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.netcdf import open_netcdf
from lsbc.regrid.errors import FileError, LsbcError

_COORDINATES = (("XLONG_M", "XLAT_M"), ("XLONG", "XLAT"), ("LONGXY", "LATIXY"), ("clon", "clat"), ("lon", "lat"), ("longitude", "latitude"))


class HostFile:
    """An open file of a host; `sizes` holds the lengths of its dimensions, `variables` the names in the file's order."""

    def __init__(self, path: Path, data) -> None:
        self.path, self._data = path, data
        self.sizes = {name: len(dimension) for name, dimension in data.dimensions.items()}
        self.variables = tuple(data.variables)

    def __contains__(self, name: str) -> bool:
        return name in self._data.variables

    def dims(self, name: str) -> tuple[str, ...]:
        return self._data.variables[name].dimensions

    def dtype(self, name: str) -> np.dtype:
        return np.dtype(self._data.variables[name].dtype)

    def text(self, attribute: str) -> str:
        """A global attribute as text without blanks and zero bytes at its ends; "" where the file has none."""
        return str(self._data.getncattr(attribute)).strip("\0 ") if attribute in self._data.ncattrs() else ""

    def whole(self, attribute: str) -> int | None:
        """A global attribute as a whole number; None where the file has none or it is no number."""
        value = np.atleast_1d(self._data.getncattr(attribute) if attribute in self._data.ncattrs() else np.array([]))
        return int(value[0]) if value.size == 1 and value.dtype.kind in "iuf" and np.isfinite(value[0]) else None

    def values(self, name: str) -> np.ndarray:
        """Numbers of a variable in the file's own precision (whole numbers as float64); a missing value is NaN.

        Raises:
            FileError: the variable is packed or holds no numbers.
        """
        variable = self._data.variables[name]
        if np.dtype(variable.dtype).kind not in "iuf":
            raise FileError(f"File {self.path}: '{name}' is of type {variable.dtype}; numbers are expected.")
        packed = [word for word in ("scale_factor", "add_offset") if word in variable.ncattrs()]
        if packed:
            raise FileError(f"File {self.path}: '{name}' is packed ({', '.join(packed)}) and hosts read the bare numbers; write it unpacked.")
        bare = np.asarray(variable[...])
        values = bare.astype(np.float64 if bare.dtype.kind in "iu" else bare.dtype)
        for fill in _fill_values(variable):
            values[bare == fill] = np.nan
        return values

    def place(self, dims: tuple[str, ...], index: tuple[int, ...]) -> str:
        """`[south_north=3, west_east=4], lat 34.1, lon 135.2` for an index along `dims`, counted from 0."""
        at = dict(zip(dims, index))
        words = "[" + ", ".join(f"{name}={i}" for name, i in at.items()) + "]"
        for lon_name, lat_name in _COORDINATES:
            pair = [self._coordinate(name, at) for name in (lat_name, lon_name)]
            if None not in pair:
                return f"{words}, lat {pair[0]:.6g}, lon {pair[1]:.6g}"
        return words

    def _coordinate(self, name: str, at: dict[str, int]) -> float | None:
        """Degrees at a cell, None where the file does not say it."""
        if name not in self or not self.dims(name) or any(dim not in at and self.sizes[dim] != 1 for dim in self.dims(name)):
            return None
        variable = self._data.variables[name]
        value = float(np.asarray(variable[tuple(at.get(dim, 0) for dim in self.dims(name))]))
        return float(np.degrees(value)) if str(getattr(variable, "units", "")).startswith("radian") else value


@contextmanager
def opened(path: Path | str) -> Iterator[HostFile]:
    """Open a host's file; damage of any kind becomes a FileError with the path."""
    path = Path(path)
    try:
        with open_netcdf(path) as data:
            yield HostFile(path, data)
    except LsbcError:
        raise
    except (OSError, RuntimeError) as error:
        raise FileError(f"File {path} cannot be read as netCDF: {error}.") from error


def _fill_values(variable) -> list:
    """Numbers that stand for a missing value: those that the variable names, else the library's own."""
    from netCDF4 import default_fillvals

    named = [variable.getncattr(word) for word in ("_FillValue", "missing_value") if word in variable.ncattrs()]
    dtype = np.dtype(variable.dtype)
    return named or ([dtype.type(default_fillvals[dtype.str[1:]])] if dtype.itemsize > 1 else [])
