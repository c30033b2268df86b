"""Read the grid of a file, whatever its format: recognised by what the file holds, never by its name. Knows no single format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.regrid import cell_checks
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import Grid, RectilinearGrid
from lsbc.regrid.readers import cf, esmf_mesh, icon, mpas, scrip, ugrid, wrf
from lsbc.regrid.readers.grid_file import GridFile
from lsbc.regrid.readers.request import Request
from lsbc.regrid.sphere import edge_code

FORMATS = {"MPAS": mpas, "ICON": icon, "WRF": wrf, "SCRIP": scrip, "ESMF mesh": esmf_mesh, "UGRID": ugrid, "CF": cf}
"""In the order in which a file is tried; CF, which asks least, comes last."""
GLOBE_SR = 4.0 * np.pi
TWICE = 1e-6
"""Cells may cover more than the sphere by this share, the rounding of single-precision corners."""


def read_grid(path: str | Path, *, variable: str | None = None, edges: str | None = None, mask: str | None = None,
              units: str | None = None) -> Grid:
    """The cells of a CF, WRF, ICON, MPAS, SCRIP, ESMF mesh or UGRID file, in the order of the file.

    Args:
        variable: a variable on the grid that is meant, where the file has several grids.
        edges: "latlon", "greatcircle" or "planar"; by default "latlon" for boxes of meridians and parallels, else "greatcircle".
        mask: a variable (like WRF's LANDMASK) that is 0 or missing in the cells that take no part.
        units: "degrees" or "radians", for angles that have no units attribute.
    Raises:
        FileError: the file cannot be read, or lacks what its format needs.
        GridError: what it holds is no grid; the message names the cell and its place.
        ConfigError: units that are neither degrees nor radians.
    """
    if edges is not None:
        edge_code(edges)
    with GridFile(path, units) as file:
        if variable is not None:
            file.need(variable)
        reader = next(module for module in FORMATS.values() if module.matches(file))
        grid = reader.read(file, Request(variable=variable, edges=edges, mask=mask))
    _check_whole(grid, path)
    return grid


def _check_whole(grid: Grid, path: str | Path) -> None:
    """What single cells cannot show: a sphere covered twice, boxes in radians."""
    if not grid.has_corners:
        return
    total = float(grid.area_sr[grid.mask].sum())
    if total > GLOBE_SR * (1.0 + TWICE):
        raise GridError(f"Grid file {path}: the cells cover {total / GLOBE_SR:.6g} times the sphere; "
                        "mask those that appear twice.")
    if isinstance(grid, RectilinearGrid):
        _check_degrees(grid, path)


def _check_degrees(grid: RectilinearGrid, path: str | Path) -> None:
    lon, lat = grid.lon_edge_deg, grid.lat_edge_deg
    is_globe = abs(np.ptp(lon) - 2 * np.pi) < 1e-3 or abs(np.ptp(lat) - np.pi) < 1e-3
    if is_globe and np.abs(lon).max() < 2 * np.pi + 1e-3 and np.abs(lat).max() < np.pi / 2 + 1e-3:
        raise GridError(f"Grid file {path}: longitudes {lon[0]:.6g} .. {lon[-1]:.6g} and latitudes {lat[0]:.6g} .. {lat[-1]:.6g} "
                        "span a globe in radians, but are given as degrees; correct the units attribute.")
    pairs = (np.stack([x[:-1], x[1:]], axis=1) for x in (lon, lat))
    if cell_checks.looks_like_radians(grid.lon_centre_deg, grid.lat_centre_deg, *pairs):
        raise GridError(f"Grid file {path}: all {cell_checks.RADIANS}")
