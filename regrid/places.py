"""Whether the cells of two descriptions of a grid lie in the same places. Knows coordinates: no files, no fields."""

from __future__ import annotations

import numpy as np

from lsbc.regrid.grids import Grid
from lsbc.regrid.sphere import unit_vector
from lsbc.regrid.weights import Side

POINT_TOLERANCE_RAD = 1e-4
"""How far centres may lie apart where nothing says how large the cells are: coordinates in text or single precision."""
CELL_SHARE = 0.5
"""Centres of one cell may differ by this share of its size: some take the middle of the corners, others the centroid."""


def first_elsewhere(side: Side, grid: Grid) -> int | None:
    """Position of the first cell whose centre in `grid` is not where `side` has it, None where all agree.

    Cells that take no part in `grid`, or have no coordinates in `side`, are not compared. Both have the same number of cells.
    """
    live = np.flatnonzero(grid.mask & np.isfinite(side.lon_deg) & np.isfinite(side.lat_deg))
    there, here = (unit_vector(x.lon_deg[live], x.lat_deg[live]) for x in (side, grid))
    allowed = np.full(len(live), POINT_TOLERANCE_RAD)
    if grid.has_corners:
        allowed = np.maximum(allowed, CELL_SHARE * np.sqrt(grid.area_sr[live]))
    bad = np.flatnonzero(np.linalg.norm(there - here, axis=-1) > allowed)
    return int(live[bad[0]]) if len(bad) else None
