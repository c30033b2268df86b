"""JSBACH's own files of tile fractions (bc_land_frac) as the writer of its land use reads them: some cells at a time. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.hosts.blocks import Block, rows_sum
from lsbc.emulator.hosts.checks_jsbach import N_PFT, PFT_NAMES
from lsbc.emulator.hosts.netcdf import open_netcdf
from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.template import centres, plain
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError, ValueRangeError

VEG_TILE = "fract_veg"
"""The veg tile's fraction, which a file without plant types has."""
_LARGEST = 1.0 + 1e-6
"""Of a fraction or sum that was rounded to single precision."""


@dataclass(frozen=True)
class Reference:
    """An open file on the yearly file's cells; `dims` are those of its fractions."""

    path: Path
    data: Any
    year: YearFile
    dims: tuple[str, ...]
    has_types: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(self.data.dimensions[dim]) for dim in self.dims)

    def types(self, block: Block) -> np.ndarray:
        """Fractions of the 11 plant types, (11, n) float64, as the file has them.

        Raises:
            ValueRangeError: a value or a sum is not within 0..1; the cell is named.
        """
        values = np.stack([self._read(name, block) for name in PFT_NAMES])
        total = rows_sum(values)
        if not (total <= _LARGEST).all():
            k = int(np.argmin(total <= _LARGEST))
            raise ValueRangeError(f"File {self.path}: the plant types of cell {self.year.name_of(block.cells.start + k)} sum to {total[k]:.9g}, more than 1; "
                                  "correct the file.")
        return values

    def _read(self, name: str, block: Block) -> np.ndarray:
        variable = plain(self.data, name, self.path)
        if variable.dimensions != self.dims:
            raise FileError(f"File {self.path}: '{name}' lies on ({', '.join(variable.dimensions)}), the others on ({', '.join(self.dims)}).")
        try:
            values = np.asarray(block.read(variable), np.float64)
        except (OSError, RuntimeError) as error:
            raise FileError(f"File {self.path}: '{name}' cannot be read: {error}.") from error
        good = (values >= 0.0) & (values <= _LARGEST)
        if not good.all():
            k = int(np.argmin(good))
            raise ValueRangeError(f"File {self.path}: '{name}' is {values[k]:g} in cell {self.year.name_of(block.cells.start + k)}, not within 0..1; correct the file.")
        return values


@contextmanager
def open_reference(path: Path, year: YearFile) -> Iterator[Reference]:
    """Open one of JSBACH's files; damage of any kind and another grid become a FileError with the path."""
    with open_netcdf(path) as data:
        yield _reference(path, data, year)


def _reference(path: Path, data, year: YearFile) -> Reference:
    present = [name for name in PFT_NAMES if name in data.variables]
    if present and len(present) < N_PFT or not present and VEG_TILE not in data.variables:
        missing = ", ".join(name for name in PFT_NAMES if name not in present)
        raise FileError(f"File {path} has no {missing}; JSBACH's file of tile fractions (bc_land_frac) is expected.")
    dims = data.variables[PFT_NAMES[0] if present else VEG_TILE].dimensions
    try:
        same_cells(year, *centres(data, dims, path), path)
    except (OSError, RuntimeError, IndexError) as error:
        raise FileError(f"File {path} cannot be read: {error}.") from error
    return Reference(path, data, year, dims, bool(present))
