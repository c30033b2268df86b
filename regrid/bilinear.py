"""Bilinear weights of source cell centres at destination cell centres, on patches through space as ESMF has them. Knows grids
and weights: no files, no ranks.

The patches lie between the centres of neighbouring source cells (`patches`, `dual`). A destination centre takes the value of
the patch at the place where the line from the middle of the Earth to that centre passes through. A centre outside all
patches, or in one with a masked corner, is unmapped; on a side, the patch with the lowest number counts, though both give the
same value. The two parameters of the patch solve a quadratic equation, written so that nothing cancels; ESMF iterates until
it is within 1e-10 radii, so that its weights of small cells differ from these (by 7e-8 for cells of 9 km).
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.dual import dual_patches
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import Grid
from lsbc.regrid.patches import Patches, rectangular_patches
from lsbc.regrid.weights import Side, Weights

POLES = ("average", "none")


def bilinear_weights(source: Grid, destination: Grid, pole: str = "average") -> Weights:
    """Bilinear weights; each row sums to 1, or is empty where the destination cell is masked or lies in no patch.

    pole says what a round, logically rectangular source has beyond its last row of centres; see `rectangular_patches`.
    Raises GridError for a source of one row or column, or of polygons without corners, and for another `pole`.
    """
    if pole not in POLES:
        raise GridError(f"The poles of bilinear weights are 'average' or 'none', got '{pole}'.")
    patches = rectangular_patches(source, pole) if len(source.shape) == 2 else dual_patches(source)
    points = np.flatnonzero(destination.mask)
    _, node, value = _kernel.patch_locate(patches.lon_deg, patches.lat_deg, patches.corner,
                                          destination.lon_deg[points], destination.lat_deg[points])
    node, value = np.frombuffer(node, np.int64), np.frombuffer(value)
    weighs = node >= 0
    row, column, value = np.repeat(points, 4)[weighs], node[weighs], value[weighs]
    if patches.mean_of:
        row, column, value = _spread_poles(patches, row, column, value, source.n_cell)
    is_mapped = np.zeros(destination.n_cell)
    is_mapped[row] = 1.0
    return Weights.from_entries(row, column, value, source=Side.of(source, np.zeros(source.n_cell)),
                                destination=Side.of(destination, is_mapped), method="bilinear", attributes={"pole": pole})


def _spread_poles(patches: Patches, row: np.ndarray, column: np.ndarray, value: np.ndarray, n_cell: int) -> tuple:
    """Give the weight of each pole to the cells whose mean it is; in rows without a pole nothing changes."""
    rows, columns, values = [row[column < n_cell]], [column[column < n_cell]], [value[column < n_cell]]
    for k, cells in enumerate(patches.mean_of):
        at = np.flatnonzero(column == n_cell + k)
        rows.append(np.repeat(row[at], len(cells)))
        columns.append(np.tile(cells, len(at)))
        values.append(np.repeat(value[at] / len(cells), len(cells)))
    row, column, value = (np.concatenate(x) for x in (rows, columns, values))
    key, place = np.unique(row * n_cell + column, return_inverse=True)
    return key // n_cell, key % n_cell, np.bincount(place, value, minlength=len(key))
