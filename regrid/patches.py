"""Bilinear patches of logically rectangular grids: quadrangles between the centres of four neighbouring cells, and caps over
the poles. Knows grids and node numbers: no weights, no destination.

Patches are numbered row by row, then the caps of the first and of the last row. A grid is round where its last column touches
its first one, which its corners must show, or, without corners, whoever made it must say (`wraps`); nothing is taken for round
because its longitudes nearly close.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import CurvilinearGrid, Grid, RectilinearGrid
from lsbc.regrid.sphere import unit_vector

TOUCH = 1e-9
"""Corners closer than this (radii; 6 mm on the Earth) are one."""
POLE_SLACK_DEG = 1e-9
"""Cell edges this close to 90 degrees lie at the pole."""


@dataclass(frozen=True)
class Patches:
    """Nodes lon_deg, lat_deg (n_node,): the source cells (0 where masked), then the poles.

    corner int64 (n_patch, 4): the nodes of each patch in order, -1 as the fourth of a triangle.
    mean_of[k]: the source cells (n,) whose mean is the value at node n_cell + k.
    """

    lon_deg: np.ndarray
    lat_deg: np.ndarray
    corner: np.ndarray
    mean_of: tuple[np.ndarray, ...] = ()


def rectangular_patches(grid: Grid, pole: str = "average") -> Patches:
    """Patches of a rectilinear or curvilinear grid whose corners all take part.

    pole "average": where a round grid's first or last row reaches the pole, triangles close the gap between its centres and
    the pole, where the value is the mean of that row's unmasked cells (ESMF's default pole method, "all"). "none": no caps.
    A row that ends short of the pole has no cap, where ESMF would still close it; rows of points end half a step beyond.
    """
    n_j, n_i = grid.shape
    if n_j < 2 or n_i < 2:
        raise GridError(f"Grid '{grid.name}' has {n_j} x {n_i} cells; bilinear weights need two rows and two columns or more.")
    cell = np.arange(grid.n_cell, dtype=np.int64).reshape(n_j, n_i)
    is_round = n_i > 2 and _is_round(grid)
    east = np.roll(cell, -1, axis=1) if is_round else cell[:, 1:]
    west = cell[:, : east.shape[1]]
    corner = [np.stack([west[:-1], east[:-1], east[1:], west[1:]], axis=-1).reshape(-1, 4)]
    mean_of, pole_lat_deg = [], []
    for row, outer in ((0, 0), (n_j - 1, n_j)) if is_round and pole == "average" else ():
        lat_deg = _pole_at(grid, row, outer)
        live = cell[row][grid.mask[cell[row]]]
        if lat_deg is None or len(live) == 0:
            continue
        node = np.full(n_i, grid.n_cell + len(mean_of))
        corner.append(np.stack([west[row], east[row], node, np.full(n_i, -1)], axis=1))
        mean_of.append(live)
        pole_lat_deg.append(lat_deg)
    corner = np.concatenate(corner)
    takes_part = np.append(grid.mask, np.ones(len(mean_of) + 1, bool))
    corner = corner[takes_part[corner].all(axis=1)]
    lon_deg, lat_deg = (np.where(grid.mask, x, 0.0) for x in (grid.lon_deg, grid.lat_deg))
    return Patches(np.append(lon_deg, np.zeros(len(mean_of))), np.append(lat_deg, pole_lat_deg), corner, tuple(mean_of))


def _is_round(grid: Grid) -> bool:
    """Whether each row's last cell shares an edge with its first one."""
    if isinstance(grid, RectilinearGrid):
        return grid.is_round
    if not isinstance(grid, CurvilinearGrid) or not grid.has_corners:
        return getattr(grid, "wraps", False)
    n_j, n_i = grid.shape
    corner = unit_vector(grid.vertex_lon_deg, grid.vertex_lat_deg).reshape(n_j, n_i, -1, 3)
    known = np.isfinite(corner).all(axis=(2, 3))
    rows = known[:, 0] & known[:, -1]
    apart = np.linalg.norm(corner[rows, 0, :, None] - corner[rows, -1, None, :], axis=-1)
    return bool(rows.any() and ((apart < TOUCH).any(axis=2).sum(axis=1) >= 2).all())


def _pole_at(grid: Grid, row: int, outer: int) -> float | None:
    """Latitude of the pole that a row of cells reaches but its centres do not; None without one."""
    n_i = grid.shape[1]
    cells = slice(row * n_i, (row + 1) * n_i)
    centre_deg = grid.lat_deg[cells]
    if isinstance(grid, RectilinearGrid):
        edge_deg = grid.lat_edge_deg[outer : outer + 1]
    elif grid.has_corners:
        edge_deg = grid.vertex_lat_deg[cells]
    else:
        inner_deg = grid.lat_deg.reshape(grid.shape)[1 if row == 0 else row - 1]
        edge_deg = np.clip(centre_deg + 0.5 * (centre_deg - inner_deg), -90.0, 90.0)[:, None]
    for pole_deg in (90.0, -90.0):
        reaches = (np.abs(edge_deg - pole_deg) <= POLE_SLACK_DEG).any(axis=-1).all()
        if reaches and (np.abs(centre_deg - pole_deg) > POLE_SLACK_DEG).all():
            return pole_deg
    return None
