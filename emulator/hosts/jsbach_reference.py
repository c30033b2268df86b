"""JSBACH's own files of tile fractions (bc_land_frac) as the writer of its land use reads them: some cells at a time. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.hosts.blocks import Block, rows_sum
from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.template import centres, plain
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError, LsbcError, ValueRangeError

N_PFT = 11
PFT_NAMES = tuple(f"fract_pft{k:02d}" for k in range(1, N_PFT + 1))
VEG_TILE = ("notsea", "fract_land", "fract_veg")
"""Fractions whose product is the veg tile's share of the cell (mo_jsb_model_usecases.f90: box, land and veg tile); the last one is needed."""
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

    def veg_share(self, block: Block) -> np.ndarray:
        """The veg tile's share of the whole cell, (n,) float64.

        Raises:
            FileError: the file has no fract_veg.  ValueRangeError: a value is not within 0..1; the cell is named.
        """
        if VEG_TILE[-1] not in self.data.variables:
            raise FileError(f"File {self.path} has no {VEG_TILE[-1]}, without which fractions of the whole cell are not known.")
        share = np.ones(block.n_cell)
        for name in VEG_TILE:
            if name in self.data.variables:
                share = share * self._read(name, block)
        return np.minimum(share, 1.0)

    def _read(self, name: str, block: Block) -> np.ndarray:
        variable = plain(self.data, name, self.path)
        if variable.dimensions != self.dims:
            raise FileError(f"File {self.path}: '{name}' lies on ({', '.join(variable.dimensions)}), the others on ({', '.join(self.dims)}).")
        values = np.asarray(block.read(variable), np.float64)
        good = (values >= 0.0) & (values <= _LARGEST)
        if not good.all():
            k = int(np.argmin(good))
            raise ValueRangeError(f"File {self.path}: '{name}' is {values[k]:g} in cell {self.year.name_of(block.cells.start + k)}, not within 0..1; correct the file.")
        return values


@contextmanager
def open_reference(path: Path, year: YearFile) -> Iterator[Reference]:
    """Open one of JSBACH's files; damage of any kind and another grid become a FileError with the path."""
    from netCDF4 import Dataset

    if not path.is_file():
        raise FileError(f"File {path} does not exist or is no regular file.")
    try:
        with Dataset(path) as data:
            data.set_auto_maskandscale(False)
            present = [name for name in PFT_NAMES if name in data.variables]
            if present and len(present) < N_PFT or not present and VEG_TILE[-1] not in data.variables:
                missing = ", ".join(name for name in PFT_NAMES if name not in present)
                raise FileError(f"File {path} has no {missing}; JSBACH's file of tile fractions (bc_land_frac) is expected.")
            dims = data.variables[PFT_NAMES[0] if present else VEG_TILE[-1]].dimensions
            same_cells(year, *centres(data, dims, path), path)
            yield Reference(path, data, year, dims, bool(present))
    except LsbcError:
        raise
    except (OSError, RuntimeError, IndexError) as error:
        raise FileError(f"File {path} cannot be read: {error}.") from error
