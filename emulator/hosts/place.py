"""Which cell of a yearly file each cell of a host's own file is. Knows positions only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError

TOLERANCE_DEG, LEAST_TOLERANCE_DEG = 1e-3, 2e-5
"""Of the cells' centres, at most a quarter of a cell; hosts keep them in single precision, which leaves 8e-6 degrees at 180 E."""


def same_cells(year: YearFile, lon_deg: np.ndarray, lat_deg: np.ndarray, path: Path) -> None:
    """Make sure that the host file's cells, in its own order (C order of a map), are the yearly file's in the order of their global ids.

    That is how hosts number them: WRF's patch i + (j - 1) * n_i, ICON's global index.

    Args:
        lon_deg, lat_deg: centres of the host file's cells, in any shape.
    Raises:
        FileError: another number of cells, or a centre elsewhere; the worst is named.
    """
    lon_deg, lat_deg = np.ravel(lon_deg), np.ravel(lat_deg)
    if lon_deg.size != year.n_cell:
        raise FileError(f"File {path} has {lon_deg.size} cells, {year.path} has {year.n_cell}: they are not of the same grid.")
    lon, lat = year.values("lon"), year.values("lat")
    east = np.abs((lon_deg - lon + 180.0) % 360.0 - 180.0) * np.cos(np.radians(lat))
    off = np.maximum(east, np.abs(lat_deg - lat))
    off[~np.isfinite(off)] = np.inf
    if off.size and not off.max() <= _tolerance_deg(lon, lat):
        k = int(np.argmax(off))
        raise FileError(f"Cell {k + 1} of file {path} is at {lon_deg[k]:.4f} E, {lat_deg[k]:.4f} N; in {year.path} the cell at its place is {year.name_of(k)}: "
                        "they are not of the same grid, or the host's cells were not numbered in the file's order.")


def _tolerance_deg(lon: np.ndarray, lat: np.ndarray) -> float:
    """A quarter of the smallest distance from a cell to the one after it, within the limits of single precision and `TOLERANCE_DEG`."""
    step = np.hypot(((np.diff(lon) + 180.0) % 360.0 - 180.0) * np.cos(np.radians(lat[1:])), np.diff(lat))
    smallest = step.min(initial=np.inf, where=step > 0.0)
    return float(min(TOLERANCE_DEG, max(LEAST_TOLERANCE_DEG, smallest / 4.0)))
