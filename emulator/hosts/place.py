"""Which cell of a yearly file each cell of a host's own file is. Knows positions only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError

TOLERANCE_DEG = 1e-3
"""Of the cells' centres: hosts keep them in single precision."""


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
    if off.size and not np.nanmax(np.where(np.isfinite(off), off, np.inf)) <= TOLERANCE_DEG:
        k = int(np.argmax(np.where(np.isfinite(off), off, np.inf)))
        raise FileError(f"Cell {k + 1} of file {path} is at {lon_deg[k]:.4f} E, {lat_deg[k]:.4f} N; in {year.path} the cell at its place is {year.name_of(k)}: "
                        "they are not of the same grid, or the host's cells were not numbered in the file's order.")
