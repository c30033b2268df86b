"""Which cells of a grid share a corner. Knows no weights and no files."""

from __future__ import annotations

import numpy as np

from lsbc.regrid.grids import CurvilinearGrid, Grid, RectilinearGrid
from lsbc.regrid.sphere import unit_vector

SAME_CORNER = 1e-6
"""Corners of different cells are one place when they differ by less than this share of the grid's shortest edge."""


def neighbours(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Cells that share a corner with each cell: offsets int64 (n + 1,) and neighbours int64, ascending, the cell left out.

    Masked cells have no neighbours and are nobody's. Logically rectangular grids take the eight cells around, across the
    seam where the last column touches the first, and nothing across a pole; others are joined where corners coincide.
    """
    grid.need_corners("neighbours")
    logical = len(grid.shape) == 2
    cell, other = _around(grid) if logical else _at_same_corners(grid)
    keep = (cell != other) & grid.mask[cell] & grid.mask[other]
    key = np.unique(cell[keep] * grid.n_cell + other[keep])
    cell, other = np.divmod(key, grid.n_cell)
    return np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=grid.n_cell))]), other


def _is_round(grid: Grid) -> bool:
    if isinstance(grid, RectilinearGrid):
        return grid.is_round
    if not isinstance(grid, CurvilinearGrid) or grid.shape[1] < 3:
        return False
    corner = unit_vector(grid.vertex_lon_deg, grid.vertex_lat_deg).reshape(*grid.shape, -1, 3)
    first, last = corner[:, 0], corner[:, -1]
    apart = np.linalg.norm(first[:, :, None] - last[:, None], axis=-1).min(axis=2)
    size = np.linalg.norm(first[:, 0] - first[:, 2], axis=-1)
    return bool(((apart < SAME_CORNER * size[:, None]).sum(axis=1) >= 2).all())


def _around(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    n_j, n_i = grid.shape
    j, i = (x.ravel() for x in np.meshgrid(np.arange(n_j), np.arange(n_i), indexing="ij"))
    is_round = _is_round(grid)
    cells, others = [], []
    for dj, di in ((dj, di) for dj in (-1, 0, 1) for di in (-1, 0, 1) if dj or di):
        to_j, to_i = j + dj, (i + di) % n_i if is_round else i + di
        inside = (to_j >= 0) & (to_j < n_j) & (to_i >= 0) & (to_i < n_i)
        cells.append((j * n_i + i)[inside])
        others.append((to_j * n_i + to_i)[inside])
    return np.concatenate(cells), np.concatenate(others)


def _at_same_corners(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of cells around each node, both ways."""
    n_vertex = grid.vertex_lon_deg.shape[1]
    cell = np.repeat(np.arange(grid.n_cell), n_vertex)
    live = np.repeat(grid.mask, n_vertex)
    node = corner_places(unit_vector(grid.vertex_lon_deg.ravel()[live], grid.vertex_lat_deg.ravel()[live]), n_vertex)
    key = np.unique(node * grid.n_cell + cell[live])
    node, cell = np.divmod(key, grid.n_cell)
    first = np.searchsorted(node, node)
    count = np.searchsorted(node, node, side="right") - first
    one = np.repeat(cell, count)
    place = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    return one, cell[np.repeat(first, count) + place]


def corner_places(corner: np.ndarray, n_vertex: int) -> np.ndarray:
    """Number (n_corner,) of the place of each corner (n_corner, 3), the same for corners within the tolerance."""
    side = np.linalg.norm(corner.reshape(-1, n_vertex, 3) - np.roll(corner.reshape(-1, n_vertex, 3), 1, axis=1), axis=2)
    tolerance = SAME_CORNER * side[side > 1e-9 * side.max()].min() if len(side) else 1.0
    node = np.arange(len(corner))
    lattices = [_cell_number(corner / tolerance + shift) for shift in (0.0, 0.5)]
    for lattice in lattices * 2:      # equal in either lattice is the same place; a place has few corners, two rounds join them
        lowest = np.full(lattice.max(initial=-1) + 1, len(corner))
        np.minimum.at(lowest, lattice, node)
        node = lowest[lattice]
    return node


def _cell_number(place: np.ndarray) -> np.ndarray:
    whole = np.floor(place).astype(np.int64)
    return np.unique(whole, axis=0, return_inverse=True)[1].ravel()
