"""Write a grid as a SCRIP file, which ESMF, CDO and NCO read. Knows the layout and netCDF; checks nothing a Grid has not checked.

Logically rectangular grids get grid_rank 2. ESMF takes each of those for a round one: give it --src_regional or --dst_regional
for a region, or its weights cover the region twice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.regrid.atomic import whole_file
from lsbc.regrid.grids import Grid
from lsbc.regrid.readers.scrip import EDGES_ATTRIBUTE


def write_scrip(path: str | Path, grid: Grid) -> None:
    """Write the whole file or none; degrees, imask 1 where cells take part, 64-bit offsets so that every tool can read it.

    Raises:
        GridError: the grid has no corners.
        FileError: the file cannot be written.
    """
    grid.need_corners("SCRIP files")
    path = Path(path)
    with whole_file(path) as temporary:
        _fill(temporary, grid)


def _fill(path: Path, grid: Grid) -> None:
    from netCDF4 import Dataset

    n_vertex = grid.vertex_lon_deg.shape[1]
    with Dataset(path, "w", format="NETCDF3_64BIT_OFFSET") as data:
        for name, size in (("grid_size", grid.n_cell), ("grid_corners", n_vertex), ("grid_rank", len(grid.shape))):
            data.createDimension(name, size)
        data.createVariable("grid_dims", "i4", ("grid_rank",))[:] = np.array(grid.shape[::-1], np.int32)
        _write(data, "grid_imask", "i4", ("grid_size",), "unitless", grid.mask.astype(np.int32))
        for kind, values in (("lat", grid.lat_deg), ("lon", grid.lon_deg)):
            _write(data, f"grid_center_{kind}", "f8", ("grid_size",), "degrees", values)
        for kind, values in (("lat", grid.vertex_lat_deg), ("lon", grid.vertex_lon_deg)):
            _write(data, f"grid_corner_{kind}", "f8", ("grid_size", "grid_corners"), "degrees", values)
        data.setncatts({"title": grid.name, "Conventions": "SCRIP", EDGES_ATTRIBUTE: grid.edges})


def _write(data, name: str, kind: str, dims: tuple[str, ...], units: str, values: np.ndarray) -> None:
    variable = data.createVariable(name, kind, dims)
    variable.units = units
    variable[:] = values
