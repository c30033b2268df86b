"""Nearest-point weights between two grids, from the source's or the destination's side. Knows cell centres only: no corners,
no files, no ranks.

Distances are straight lines through the sphere between cell centres, which rank points as great circles do. Points whose
distances differ by less than 2e-15 radii (13 nm on the Earth) are equally near, and the lowest cell number of them wins: so
the answer does not hang on the rounding of a sine. ESMF takes the lowest number too, but only among distances that are equal
to the last bit, so that in a tie its choice may differ.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import Grid
from lsbc.regrid.weights import Side, Weights

DIRECTIONS = ("neareststod", "nearestdtos")


def nearest_weights(source: Grid, destination: Grid, direction: str = "neareststod") -> Weights:
    """Weights of 1 between nearest cell centres; masked cells of either side take no part.

    "neareststod": every destination cell takes the value of the nearest source cell.
    "nearestdtos": every source cell goes to the nearest destination cell, which holds the sum of those that come; the other
    destination cells are unmapped.
    Raises GridError for another direction, and where all cells of the side that is looked at are masked.
    """
    if direction not in DIRECTIONS:
        raise GridError(f"Nearest weights go 'neareststod' or 'nearestdtos', got '{direction}'.")
    column, row = np.flatnonzero(source.mask), np.flatnonzero(destination.mask)
    if direction == "neareststod":
        column = column[_nearest(source, column, destination, row)]
    else:
        row = row[_nearest(destination, row, source, column)]
    is_mapped = np.zeros(destination.n_cell)
    is_mapped[row] = 1.0
    return Weights.from_entries(row, column, np.ones(len(row)), source=Side.of(source, np.zeros(source.n_cell)),
                                destination=Side.of(destination, is_mapped), method=direction)


def _nearest(among: Grid, cells: np.ndarray, grid: Grid, points: np.ndarray) -> np.ndarray:
    """Position in `cells` of the one nearest to each of `points`."""
    if len(cells) == 0:
        raise GridError(f"Grid '{among.name}' has no unmasked cell that could be the nearest one.")
    found = _kernel.nearest(among.lon_deg[cells], among.lat_deg[cells], grid.lon_deg[points], grid.lat_deg[points])
    return np.frombuffer(found, np.int64)
