"""Read the fine-grid file, the host file and a file of the host cells' climate. Knows NetCDF and lattices; decides nothing about land use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, FOREST_SUBTYPES, LUH2_STATES
from lsbc.regrid.errors import FileError
from lsbc.regrid.lattice import Lattice

FINE_VARIABLES = {"elevation": np.float32, "koppen": np.uint8, "land": np.uint8, "lu": np.uint8, "known": np.uint8}
OPTIONAL_VARIABLES = {"human_footprint": np.float32}
"""A file without them is complete; the network is told that they are unknown."""
_KIND = FINE_VARIABLES | OPTIONAL_VARIABLES
_REAL = ("elevation", "human_footprint")
_OUTSIDE = {"human_footprint": np.nan, "elevation": 0.0, "koppen": 0, "land": 0, "lu": 255, "known": 1}
_LEGAL = {"land": (0, 1), "known": (0, 1), "lu": (*CLASS_CODES, *FOREST_SUBTYPES)}
"""Values that cannot stand for "missing" as well."""
_LARGEST = {"human_footprint": 50, "koppen": 5, "land": 1, "lu": 255, "known": 1}
_ALIGNMENT_TOLERANCE_CELLS = 1e-3
_CLIMATE_PART = 1 << 20
"""Cells of a climate file read at a time."""


class FineFile:
    """Windows of the fine-grid file by global row and column; what the file does not hold is `lu` 255, `known` 1, `human_footprint` NaN, else 0."""

    def __init__(self, path: Path, lattice: Lattice):
        from netCDF4 import Dataset

        self.path, self.lattice = path, lattice
        try:
            self._data = Dataset(path)
        except OSError as error:
            raise FileError(f"Fine-grid file {path} cannot be opened: {error.strerror or error}.") from error
        self._data.set_auto_maskandscale(False)
        missing = [name for name in ("lat", "lon", *FINE_VARIABLES) if name not in self._data.variables]
        if missing:
            raise FileError(f"Fine-grid file {path} lacks the variables {', '.join(missing)}.")
        self.lacks = [name for name in OPTIONAL_VARIABLES if name not in self._data.variables]
        for name in _KIND:
            if name not in self.lacks:
                self._check_variable(name)
        self._row0, self._descending = self._axis("lat", -90.0, lattice.n_lat / 180.0)
        self._col0, _ = self._axis("lon", -180.0, lattice.n_lon / 360.0)
        self._n_row, self._n_col = len(self._data.dimensions["lat"]), len(self._data.dimensions["lon"])

    def _check_variable(self, name: str) -> None:
        variable = self._data[name]
        if variable.dimensions != ("lat", "lon"):
            raise FileError(f"Fine-grid file {self.path}: {name} has dimensions {variable.dimensions}, not (lat, lon).")
        packing = [attribute for attribute in ("scale_factor", "add_offset") if attribute in variable.ncattrs()]
        if packing:
            raise FileError(f"Fine-grid file {self.path}: {name} is packed ({', '.join(packing)}); write it unpacked.")
        if name not in _REAL and np.dtype(variable.dtype).kind not in "iu":
            raise FileError(f"Fine-grid file {self.path}: {name} is of type {variable.dtype}; classes and flags are whole numbers.")
        fill = variable.getncattr("_FillValue") if "_FillValue" in variable.ncattrs() else None
        if fill is not None and name in _LEGAL and int(fill) in _LEGAL.get(name, ()):
            raise FileError(f"Fine-grid file {self.path}: {name} has _FillValue {fill}, which is also a value it may have.")

    def _axis(self, name: str, origin_deg: float, cells_per_deg: float) -> tuple[int, bool]:
        if self._data[name].dimensions != (name,) or not self._data[name].size or not np.isfinite(self._data[name][:]).all():
            raise FileError(f"Fine-grid file {self.path}: {name} must be a one-dimensional axis of finite degrees.")
        position = (np.asarray(self._data[name][:], np.float64) - origin_deg) * cells_per_deg - 0.5
        descending = len(position) > 1 and position[0] > position[-1]
        if descending and name == "lat":
            position = position[::-1]
        first = int(np.rint(position[0]))
        error = np.abs(position - (first + np.arange(len(position))))
        if not np.all(error <= _ALIGNMENT_TOLERANCE_CELLS):
            worst = int(np.argmax(np.where(np.isfinite(error), error, np.inf)))
            raise FileError(f"Fine-grid file {self.path}: {name}[{worst}] lies {error[worst]:.3g} cells off the "
                            f"{1.0 / cells_per_deg * 3600.0:.6g} arc second lattice that the model was made for.")
        return first, bool(descending)

    @property
    def box(self) -> str:
        """What the file covers, in words."""
        west, east = (self.lattice.lon_edge_deg(self._col0 + k) for k in (0, self._n_col))
        south, north = (self.lattice.lat_edge_deg(self._row0 + k) for k in (0, self._n_row))
        return f"{west:g}..{east:g} E, {south:g}..{north:g} N"

    def window(self, name: str, row0: int, col0: int, n_row: int, n_col: int) -> np.ndarray:
        """(n_row, n_col), rows south to north; columns wrap at the date line."""
        out = np.full((n_row, n_col), _OUTSIDE[name], _KIND[name])
        low, high = max(row0, self._row0), min(row0 + n_row, self._row0 + self._n_row)
        if low >= high or name in self.lacks:
            return out
        rows = slice(low - self._row0, high - self._row0)
        if self._descending:
            rows = slice(self._n_row - rows.stop, self._n_row - rows.start)
        for shift in (-self.lattice.n_lon, 0, self.lattice.n_lon):
            west, east = max(col0, self._col0 + shift), min(col0 + n_col, self._col0 + shift + self._n_col)
            if west < east:
                block = self._read(name, rows, slice(west - shift - self._col0, east - shift - self._col0))
                out[low - row0: high - row0, west - col0: east - col0] = block[::-1] if self._descending else block
        return out

    def _read(self, name: str, rows: slice, cols: slice) -> np.ndarray:
        try:
            block = self._data[name][rows, cols]
        except (OSError, RuntimeError, IndexError) as error:
            raise FileError(f"Fine-grid file {self.path}: {name}[{rows.start}:{rows.stop}, {cols.start}:{cols.stop}] cannot be read: {error}.") from error
        if name == "human_footprint":
            block = self._unknown_as_nan(name, block)
        elif name != "elevation" and "_FillValue" in self._data[name].ncattrs():
            block = np.where(block == self._data[name].getncattr("_FillValue"), _OUTSIDE[name], block.astype(np.int64))
        bad = (block < 0) | (block > _LARGEST[name]) if name in _LARGEST else np.zeros(1, bool)
        if bad.any():
            bad = block[bad].flat[0]
            raise FileError(f"Fine-grid file {self.path}: {name} is {bad} in rows {rows.start}:{rows.stop}; it must lie in 0..{_LARGEST[name]}.")
        return block

    def _unknown_as_nan(self, name: str, block: np.ndarray) -> np.ndarray:
        block = np.asarray(block, np.float32)
        if "_FillValue" in self._data[name].ncattrs():
            block = np.where(block == np.float32(self._data[name].getncattr("_FillValue")), np.float32(np.nan), block)
        return block

    def close(self) -> None:
        """Close the file; windows read before stay valid."""
        self._data.close()


@dataclass(frozen=True)
class HostFile:
    """Cells of a host and its coarse states; every array over all cells of the file."""

    global_id: np.ndarray
    lon_deg: np.ndarray
    lat_deg: np.ndarray
    vertex_lon_deg: np.ndarray
    vertex_lat_deg: np.ndarray
    year: np.ndarray
    path: Path

    def states(self, year: int, cells: np.ndarray) -> dict[str, np.ndarray]:
        """The twelve LUH2 states of one year on the cells with these positions in the file."""
        from netCDF4 import Dataset

        where = np.flatnonzero(self.year == year)
        if len(where) != 1:
            how = "no year" if len(where) == 0 else "more than one year"
            held = f"{self.year.min()}..{self.year.max()}" if len(self.year) else "none"
            raise FileError(f"Host file {self.path} has {how} {year}; it holds {held}.")
        with _reading(self.path), Dataset(self.path) as data:
            data.set_auto_mask(False)
            return {name: np.asarray(data[name][int(where[0])], np.float64)[cells] for name in LUH2_STATES}


def read_host_file(path: Path) -> HostFile:
    """Read the cells and years of a host file; raises FileError naming what is missing."""
    from netCDF4 import Dataset

    names = ("global_id", "clon", "clat", "clon_vertices", "clat_vertices", "year")
    with _reading(path), Dataset(path) as data:
        data.set_auto_mask(False)
        missing = [name for name in (*names, *LUH2_STATES) if name not in data.variables]
        if missing:
            raise FileError(f"Host file {path} lacks the variables {', '.join(missing)}.")
        return HostFile(*(np.asarray(data[name][:]) for name in names), path=path)


def read_climate_file(path: Path, global_id: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of the fields `names` that a netCDF file with `global_id` has, at the cells with these ids, NaN where it says that they are missing.

    The file may hold more cells, in any order; no more than a part of it is held at a time.

    Raises:
        FileError: the file cannot be read, is packed, has none of the fields, an id of these twice, or lacks a cell.
    """
    from netCDF4 import Dataset

    order = np.argsort(global_id, kind="stable")
    wanted = np.asarray(global_id)[order]
    with _reading(path, "Climate file"), Dataset(path) as data:
        data.set_auto_maskandscale(False)
        present = [name for name in names if name in data.variables]
        if "global_id" not in data.variables or not present:
            raise FileError(f"Climate file {path} needs global_id and {' or '.join(names)}; it has {', '.join(data.variables) or 'no variable'}.")
        n_cell = data["global_id"].size
        for name in present:
            _check_climate_variable(path, data[name], n_cell)
        times = np.zeros(len(wanted), np.int64)
        values = {name: np.full(len(wanted), np.nan) for name in present}
        for first in range(0, n_cell, _CLIMATE_PART):
            part = slice(first, first + _CLIMATE_PART)
            ids = np.asarray(data["global_id"][part])
            at = np.searchsorted(wanted, ids)
            here = np.flatnonzero((at < len(wanted)) & (wanted[np.minimum(at, len(wanted) - 1)] == ids)) if len(wanted) else np.zeros(0, np.int64)
            np.add.at(times, at[here], 1)
            for name in present:
                values[name][at[here]] = _missing_as_nan(data[name], part)[here]
    for count, told in ((0, "lacks"), (2, "has more than once")):
        wrong = wanted[times == 0] if count == 0 else wanted[times > 1]
        if len(wrong):
            raise FileError(f"Climate file {path} {told} cell {int(wrong[0])}.")
    back = np.argsort(order, kind="stable")
    return {name: array[back] for name, array in values.items()}


def _check_climate_variable(path: Path, variable, n_cell: int) -> None:
    packing = [attribute for attribute in ("scale_factor", "add_offset") if attribute in variable.ncattrs()]
    if packing:
        raise FileError(f"Climate file {path}: {variable.name} is packed ({', '.join(packing)}); write it unpacked.")
    if variable.ndim != 1 or variable.size != n_cell or np.dtype(variable.dtype).kind not in "iuf":
        raise FileError(f"Climate file {path}: {variable.name} has shape {variable.shape} and type {variable.dtype}; needed is one number for each of the {n_cell} ids.")


def _missing_as_nan(variable, part: slice) -> np.ndarray:
    """Some values of a variable in float64, NaN where they are its _FillValue or missing_value."""
    values = np.asarray(variable[part], np.float64)
    for name in ("_FillValue", "missing_value"):
        if name in variable.ncattrs():
            values = np.where(np.isin(values, np.asarray(variable.getncattr(name), np.float64)), np.nan, values)
    return values


@contextmanager
def _reading(path: Path, what: str = "Host file") -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, IndexError) as error:
        raise FileError(f"{what} {path} cannot be read: {error}.") from error
