"""Land-use maps of lsbc (`landuse_<year>.nc`) with the classes that a test chooses, for the tests of what reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.lattice import Lattice

from year_files import PROVENANCE


def write_landuse(path: Path, codes: np.ndarray, lattice: Lattice, row: int = 0, col: int = 0, year: int = 2031, chunks: tuple[int, int] | None = None,
                  **attributes: str) -> Path:
    """HILDA+ codes (n_row, n_col) from the lattice's row and column on, south to north; longitudes run on beyond 180 degrees."""
    from netCDF4 import Dataset

    with Dataset(path, "w") as data:
        for name, size, centre in (("lat", codes.shape[0], lattice.lat_centre_deg(np.arange(row, row + codes.shape[0]))),
                                   ("lon", codes.shape[1], lattice.lon_centre_deg(np.arange(col, col + codes.shape[1])))):
            data.createDimension(name, size)
            data.createVariable(name, "f8", (name,))[:] = centre
        landuse = data.createVariable("landuse", "u1", ("lat", "lon"), zlib=chunks is not None, chunksizes=chunks, fill_value=NO_DATA)
        landuse.set_auto_mask(False)
        landuse.setncatts({"valid_year": np.int32(year)})
        landuse[:] = codes
        data.setncatts({"Conventions": "CF-1.11", "title": f"lsbc 1 km land use {year}", "year": np.int32(year), **PROVENANCE, **attributes})
    return path
