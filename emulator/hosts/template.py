"""What writers read in a host's own file that they update, and what they leave there about the source of the new numbers. Knows no host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lsbc.regrid.errors import FileError

_COORDINATES = (("clon", "clat"), ("lon", "lat"), ("longitude", "latitude"))


def plain(data, name: str, path: Path, *, real: bool = False):
    """A variable of an open netCDF4 Dataset whose bare numbers are the values; `real`: fractions will be written to it, so that it must hold floating-point numbers.

    Raises:
        FileError: there is none of this name, it is packed, or it holds no (such) numbers.
    """
    if name not in data.variables:
        raise FileError(f"File {path} has no {name}.")
    variable = data.variables[name]
    if np.dtype(variable.dtype).kind not in "iuf":
        raise FileError(f"File {path}: '{name}' is of type {variable.dtype}; numbers are expected.")
    if real and np.dtype(variable.dtype).kind != "f":
        raise FileError(f"File {path}: '{name}' is of type {variable.dtype}, which would cut off fractions; convert it to float or double.")
    if packed := [word for word in ("scale_factor", "add_offset") if word in variable.ncattrs()]:
        raise FileError(f"File {path}: '{name}' is packed ({', '.join(packed)}); write it unpacked.")
    return variable


def centres(data, cell_dims: tuple[str, ...], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes [degrees] of the cells along `cell_dims`, each (n_cell,) in the file's C order.

    Raises:
        FileError: the file has no coordinates along these dimensions.
    """
    for names in _COORDINATES:
        if all(name in data.variables and set(data.variables[name].dimensions) <= set(cell_dims) for name in names):
            lon, lat = (_along(plain(data, name, path), cell_dims, data) for name in names)
            return lon, lat
    raise FileError(f"File {path} has no coordinates of its cells ({', '.join(cell_dims)}); one of {', '.join('/'.join(names) for names in _COORDINATES)} is needed.")


def _along(variable, cell_dims: tuple[str, ...], data) -> np.ndarray:
    values = np.asarray(variable[...], np.float64)
    if str(getattr(variable, "units", "")).startswith("radian"):
        values = np.degrees(values)
    mine = [dim for dim in cell_dims if dim in variable.dimensions]
    values = np.transpose(values, [variable.dimensions.index(dim) for dim in mine])
    shape = tuple(len(data.dimensions[dim]) for dim in cell_dims)
    return np.broadcast_to(values.reshape([size if dim in mine else 1 for dim, size in zip(cell_dims, shape)]), shape).ravel()


def mark(data, attributes: Mapping[str, str], valid_year: int | Sequence[int], notes: Iterable[str]) -> None:
    """Say in global attributes `lsbc_...` where the changed fields come from; the host's own attributes stay.

    Args:
        attributes: name -> text, without the prefix; `HostClasses.attributes`.  valid_year: that of the fields, or each of a file of several.  notes: joined with "; ".
    """
    told = {**attributes, "valid_year": np.int32(valid_year), "notes": "; ".join(notes)}
    data.setncatts({f"lsbc_{name}": value for name, value in told.items()})
