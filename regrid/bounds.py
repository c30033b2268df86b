"""Boxes in space that hold cells of the sphere, to find out early what cannot touch. Knows geometry only: no areas, no ranks.

In space there are no poles and no date line. A box may be larger than its cell, never smaller.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.grids import Grid, RectilinearGrid
from lsbc.regrid.sphere import unit_vector

SLACK = 1e-9
"""Radii of the sphere; far above rounding, so that cells which share a corner or more always touch."""
HALF_SPHERE = 1.4
"""Chord from the middle to a corner, in radii, from which a cell's box is the whole sphere's."""
N_BLOCK = 64
"""Many cells of a lattice are looked at in this many blocks each way."""
_LOWEST, _HIGHEST = np.full(3, -1.0 - SLACK), np.full(3, 1.0 + SLACK)


def cell_boxes(grid: Grid, cells: np.ndarray | None = None) -> np.ndarray:
    """Lower and upper corners (n, 2, 3) of boxes around some cells, by position (default: all of them).

    Raises:
        GridError: the grid has no corners.
    """
    grid.need_corners("boxes")
    cells = np.arange(grid.n_cell) if cells is None else np.asarray(cells, np.int64)
    if isinstance(grid, RectilinearGrid):
        lon, lat = _box_corners(grid, cells)
    else:
        lon, lat = grid.vertex_lon_deg[cells], grid.vertex_lat_deg[cells]
    if grid.edges == "greatcircle":
        return _around_caps(unit_vector(lon, lat))
    if isinstance(grid, RectilinearGrid):
        return _around_intervals(lon[:, 0], lon[:, 1], lat[:, 0], lat[:, 2])
    return _around_intervals(*_intervals(lon, lat))


def boxes_around(grid: Grid, cells: np.ndarray, n_group: int) -> np.ndarray:
    """A few boxes (n_group or fewer, 2, 3) that hold some cells, by position."""
    if isinstance(grid, RectilinearGrid) and grid.edges != "greatcircle" and len(cells) > N_BLOCK**2:
        return group_boxes(_block_boxes(grid, *np.divmod(cells, grid.shape[1])), n_group)
    return group_boxes(cell_boxes(grid, cells), n_group)


def group_boxes(box: np.ndarray, n_group: int) -> np.ndarray:
    """Boxes (n_group or fewer, 2, 3) around groups of neighbours: the boxes (n, 2, 3) are halved across their longest side."""
    groups = [box] if len(box) else []
    while 0 < len(groups) <= n_group // 2 and any(len(group) > 1 for group in groups):
        groups = [half for group in groups for half in _halves(group) if len(half)]
    return np.array([[group[:, 0].min(axis=0), group[:, 1].max(axis=0)] for group in groups]).reshape(-1, 2, 3)


def touch(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether each box (n, 2, 3) shares a point with any of the others (m, 2, 3)."""
    found = np.zeros(len(box), bool)
    for low, high in others:
        found |= ((box[:, 0] <= high) & (box[:, 1] >= low)).all(axis=1)
    return found


def _halves(group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = group.sum(axis=1)
    along = middle[:, np.argmax(np.ptp(middle, axis=0))]
    order = np.argsort(along, kind="stable")
    return group[order[: len(group) // 2]], group[order[len(group) // 2:]]


def _box_corners(grid: RectilinearGrid, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.divmod(cells, grid.shape[1])
    west, east = np.sort(np.stack([grid.lon_edge_deg[:-1], grid.lon_edge_deg[1:]]), axis=0)[:, column]
    south, north = np.sort(np.stack([grid.lat_edge_deg[:-1], grid.lat_edge_deg[1:]]), axis=0)[:, row]
    return np.stack([west, east, east, west], axis=1), np.stack([south, south, north, north], axis=1)


def _block_boxes(grid: RectilinearGrid, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Boxes (n, 2, 3) around the blocks of rows and columns that hold cells; n is N_BLOCK**2 at most."""
    first, step = [], []
    for index in (row, column):
        first.append(index.min())
        step.append((index.max() - first[-1]) // N_BLOCK + 1)
    block = (row - first[0]) // step[0] * N_BLOCK + (column - first[1]) // step[1]
    found = np.flatnonzero(np.bincount(block, minlength=1))
    sides = []
    for edge, place, k in ((grid.lon_edge_deg, found % N_BLOCK, 1), (grid.lat_edge_deg, found // N_BLOCK, 0)):
        begin = first[k] + place * step[k]
        end = np.minimum(begin + step[k], len(edge) - 1)
        sides += [np.minimum(edge[begin], edge[end]), np.maximum(edge[begin], edge[end])]
    return _around_intervals(*sides)


def _around_caps(corner: np.ndarray) -> np.ndarray:
    """A cap of less than half the sphere holds every great circle between its points, and so the cell between its corners."""
    middle = corner.mean(axis=1)
    length = np.linalg.norm(middle, axis=1, keepdims=True)
    middle = middle / np.maximum(length, SLACK)
    chord = np.linalg.norm(corner - middle[:, None, :], axis=2).max(axis=1)
    reach = np.where((chord > HALF_SPHERE) | (length[:, 0] < SLACK), 2.0, chord) + SLACK
    box = np.stack([middle - reach[:, None], middle + reach[:, None]], axis=1)
    return np.clip(box, _LOWEST, _HIGHEST)


def _intervals(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Longitudes and latitudes that straight edges stay between; a polygon that winds round a pole reaches it."""
    step = np.roll(lon, -1, axis=1) - lon
    step -= 360.0 * np.round(step / 360.0)
    path = lon[:, :1] + np.concatenate([np.zeros((len(lon), 1)), np.cumsum(step, axis=1)], axis=1)
    west, east = path.min(axis=1), path.max(axis=1)
    winds, vague = np.abs(step.sum(axis=1)) > 180.0, (np.abs(step) > 179.0).any(axis=1)
    east = np.where(winds | vague, west + 360.0, east)
    south, north = lat.min(axis=1), lat.max(axis=1)
    is_north = south + north > 0.0
    return west, east, np.where(winds & ~is_north, -90.0, south), np.where(winds & is_north, 90.0, north)


def _around_intervals(west: np.ndarray, east: np.ndarray, south: np.ndarray, north: np.ndarray) -> np.ndarray:
    """Boxes around the points between two meridians and two parallels, all in degrees (n,)."""
    low, high = np.empty((len(west), 3)), np.empty((len(west), 3))
    widest = np.where((south <= 0.0) & (north >= 0.0), 1.0, np.maximum(np.cos(np.radians(south)), np.cos(np.radians(north))))
    thinnest = np.minimum(np.cos(np.radians(south)), np.cos(np.radians(north)))
    for axis, turn in ((0, 0.0), (1, 90.0)):
        least, most = _cosines(west - turn, east - turn)
        low[:, axis] = np.where(least < 0.0, least * widest, least * thinnest)
        high[:, axis] = np.where(most > 0.0, most * widest, most * thinnest)
    low[:, 2], high[:, 2] = np.sin(np.radians(south)), np.sin(np.radians(north))
    return np.stack([low - SLACK, high + SLACK], axis=1)


def _cosines(begin_deg: np.ndarray, end_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest cosine between two angles."""
    at_ends = np.cos(np.radians(np.stack([begin_deg, end_deg])))
    has_top = np.floor(end_deg / 360.0) >= np.ceil(begin_deg / 360.0)
    has_bottom = np.floor((end_deg - 180.0) / 360.0) >= np.ceil((begin_deg - 180.0) / 360.0)
    return np.where(has_bottom, -1.0, at_ends.min(axis=0)), np.where(has_top, 1.0, at_ends.max(axis=0))
