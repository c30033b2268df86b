"""The yearly file of lsbc, `lsbc_<year>.nc`, as the writers of hosts' own files read it: some cells of one variable at a time. Knows no host.

Cells are named by a slice or by an array of positions, in the order of ascending global id.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.fields import FILL
from lsbc.emulator.hosts.netcdf import open_netcdf
from lsbc.emulator.surface.units import ZERO_C_IN_K
from lsbc.regrid.errors import FileError

SLAB_CELLS = 1 << 16
_NEEDED = ("global_id", "class", "lat", "lon", "valid_year", "lu_frac", "coverage", "climate_zone", "climate_coldest_month",
           "leaf_area_index", "vegetation_area_fraction")
Cells = slice | np.ndarray
EVERYTHING = slice(None)


class YearFile:
    """One open yearly file. `n_cell` cells; `year` is the one that its fields are valid for; `provenance` its global attributes of text."""

    def __init__(self, path: Path, data) -> None:
        self.path, self._data = path, data
        missing = [name for name in _NEEDED if name not in data.variables]
        if missing:
            raise FileError(f"File {path} is no yearly file of this lsbc: it lacks {', '.join(missing)}.")
        codes = tuple(int(code) for code in np.asarray(data["class"][:]))
        if codes != CLASS_CODES:
            raise FileError(f"File {path} has the classes {codes}, this lsbc has {CLASS_CODES}.")
        self.year = int(data["valid_year"][...])
        self.n_cell = len(data.dimensions["cell"])
        self.provenance = {name: value for name in data.ncattrs() if isinstance(value := data.getncattr(name), str) and name not in ("Conventions", "title")}

    @property
    def calendar(self) -> str:
        """CF name of the calendar of the run that wrote the file."""
        return str(self._data["time"].calendar) if "time" in self._data.variables else "standard"

    @property
    def global_id(self) -> np.ndarray:
        """(n_cell,) int64, ascending."""
        return np.asarray(self._data["global_id"][:])

    def __contains__(self, name: str) -> bool:
        return name in self._data.variables

    def values(self, name: str, cells: Cells = EVERYTHING) -> np.ndarray:
        """One variable, (n,), (level, n) or (n, corner), in its own type; cells that lsbc does not cover hold -9999 (classes: -1).

        Raises:
            FileError: there is none of this name, or the file is damaged.
        """
        if name not in self._data.variables:
            raise FileError(f"File {self.path} has no {name}.")
        before = (slice(None),) * self._data[name].dimensions.index("cell")
        if isinstance(cells, slice):
            return self._read(name, (*before, cells))
        if not len(cells):
            return self._read(name, (*before, slice(0)))
        first, last = int(cells.min()), int(cells.max()) + 1
        return self._read(name, (*before, slice(first, last)))[(*before, cells - first)]

    def _read(self, name: str, where: tuple) -> np.ndarray:
        try:
            return np.asarray(self._data[name][where])
        except (OSError, RuntimeError) as error:
            raise FileError(f"File {self.path}: {name} cannot be read: {error}.") from error

    def lu_frac(self, cells: Cells = EVERYTHING) -> np.ndarray:
        """Fractions of lsbc's classes, (8, n) in the order of `classes.CLASS_CODES`; all 0 in cells that lsbc does not cover."""
        fraction = self.values("lu_frac", cells)
        return np.where(fraction == FILL, 0.0, fraction)

    def covered(self, cells: Cells = EVERYTHING) -> np.ndarray:
        """Whether lsbc has fields for the cell, (n,) bool."""
        return self.values("lai", cells) != FILL

    def koppen(self, cells: Cells = EVERYTHING) -> np.ndarray:
        """Main Köppen group, (n,) int64: 1 (A) to 5 (E), 0 where unknown."""
        return self.values("climate_zone", cells).astype(np.int64)

    def coldest_month_c(self, cells: Cells = EVERYTHING) -> np.ndarray:
        """Mean temperature of the coldest month, (n,) [°C]; NaN where unknown."""
        kelvin = self.values("climate_coldest_month", cells)
        return np.where(kelvin == FILL, np.nan, kelvin - ZERO_C_IN_K)

    def slabs(self, n_cell: int = SLAB_CELLS) -> Iterator[slice]:
        """Slices that cover all cells, so that no more than a slab of a variable is held."""
        return (slice(first, min(first + n_cell, self.n_cell)) for first in range(0, self.n_cell, n_cell))

    def name_of(self, cell: int) -> str:
        """A cell in words, for messages."""
        global_id, lon, lat = (self._data[name][cell] for name in ("global_id", "lon", "lat"))
        return f"{int(global_id)} ({float(lon):.4f} E, {float(lat):.4f} N)"


@contextmanager
def open_year(path: Path | str) -> Iterator[YearFile]:
    """Open `lsbc_<year>.nc`; damage of any kind becomes a FileError with the path."""
    path = Path(path)
    with open_netcdf(path) as data:
        try:
            year = YearFile(path, data)
        except (OSError, RuntimeError, IndexError) as error:
            raise FileError(f"File {path} cannot be read: {error}.") from error
        yield year
