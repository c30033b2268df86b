"""Bilinear patches of unstructured grids: the dual mesh, one polygon of cell centres around each node where cells meet. Knows
grids and node numbers: no weights, no destination.

The rules are those ESMF follows: a node where three cells or more meet has a patch, also at the border of the grid; three
centres make a triangle, four a bilinear quadrangle, and five or more are cut into triangles, first at the corner whose two
sides have the greatest inner product. In a regular pentagon or hexagon all corners are equal and rounding decides which goes
first, there as here; vectors and products are therefore computed in ESMF's order.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import Grid
from lsbc.regrid.patches import Patches
from lsbc.regrid.sphere import MAX_LON_DEG

SAME_PLACE = 1e-10
"""Corners within this distance (radii; 0.6 mm on the Earth) are one node."""


def dual_patches(grid: Grid) -> Patches:
    """Patches between the centres of polygons, where all their cells take part, numbered as the nodes are found in the cells;
    the further triangles of polygons that are cut come after all those.

    Masked cells without a place (NaN, fill values, corners that fall together) are left out as if the grid ended there.
    Raises GridError without corners, and where no three unmasked cells share a corner.
    """
    grid.need_corners("bilinear weights of unstructured grids")
    sound = _has_place(grid)
    lon_deg, lat_deg = (np.where(sound, x, 0.0) for x in (grid.lon_deg, grid.lat_deg))
    centre = _vectors(lon_deg, lat_deg)
    node_vector, offsets, cells = _cells_around_nodes(grid, sound)
    degree = np.diff(offsets)
    degree[np.add.reduceat(grid.mask[cells].astype(np.int64), offsets[:-1]) < 3] = 0
    if not degree.any():
        raise GridError(f"Grid '{grid.name}': no corner is shared by three unmasked cells, so there is nothing to "
                        "interpolate on between cell centres; neighbours must have equal corners.")
    corner, number = [], []
    for n in np.unique(degree[degree > 0]):
        node = np.flatnonzero(degree == n)
        loop = _loops(cells[offsets[node][:, None] + np.arange(n)], node_vector[node], centre, grid.global_id)
        pieces = [loop] if n <= 4 else _triangles(loop, centre)
        for k, piece in enumerate(pieces):
            kept = piece[:, 0] >= 0
            corner.append(np.pad(piece[kept], ((0, 0), (0, 4 - piece.shape[1])), constant_values=-1))
            number.append(np.stack([np.full(kept.sum(), k > 0), node[kept], np.full(kept.sum(), k)], axis=1))
    corner, number = np.concatenate(corner), np.concatenate(number)
    corner = corner[np.lexsort(number.T[::-1])]
    takes_part = np.append(grid.mask, True)
    return Patches(lon_deg, lat_deg, np.ascontiguousarray(corner[takes_part[corner].all(axis=1)]))


def _has_place(grid: Grid) -> np.ndarray:
    """bool (n_cell,): centre and corners are degrees, and three or more corners differ; always so for unmasked cells."""
    lon_deg = np.column_stack([grid.lon_deg, grid.vertex_lon_deg])
    lat_deg = np.column_stack([grid.lat_deg, grid.vertex_lat_deg])
    with np.errstate(invalid="ignore"):
        sound = ((np.abs(lon_deg) <= MAX_LON_DEG) & (np.abs(lat_deg) <= 90.0)).all(axis=1)
        moves = (np.diff(lon_deg[:, 1:], axis=1) != 0.0) | (np.diff(lat_deg[:, 1:], axis=1) != 0.0)
    return grid.mask | (sound & (moves.sum(axis=1) >= 2))


def _cells_around_nodes(grid: Grid, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors (n_node, 3) of the nodes in the order they are met, offsets (n_node + 1,) and the sound cells around each."""
    n_vertex = grid.vertex_lon_deg.shape[1]
    cell = np.repeat(np.flatnonzero(sound), n_vertex)
    lon_deg, lat_deg = grid.vertex_lon_deg[sound].ravel(), grid.vertex_lat_deg[sound].ravel()
    first = np.frombuffer(_kernel.same_place(lon_deg, lat_deg, SAME_PLACE), np.int64)
    at, node = np.unique(first, return_inverse=True)
    pair = np.unique(node * np.int64(grid.n_cell) + cell)
    node, cell = pair // grid.n_cell, pair % grid.n_cell
    offsets = np.concatenate([[0], np.cumsum(np.bincount(node, minlength=len(at)))])
    return _vectors(lon_deg[at], lat_deg[at]), offsets, cell


def _loops(cells: np.ndarray, node: np.ndarray, centre: np.ndarray, global_id: np.ndarray) -> np.ndarray:
    """The cells (n_node, n) around each node in their order round it, counter-clockwise, beginning where the direction is
    opposite to that of the cell with the highest id."""
    out = centre[cells] - node[:, None, :]
    last = np.argmax(global_id[cells], axis=1)
    zero = np.take_along_axis(out, last[:, None, None], axis=1)
    angle = np.arctan2(_dot(np.cross(zero, out), node[:, None, :]), _dot(zero, out))
    order = np.argsort(angle, axis=1, kind="stable")
    cells, angle = np.take_along_axis(cells, order, axis=1), np.take_along_axis(angle, order, axis=1)
    n = cells.shape[1]
    one_sided = np.flatnonzero(angle[:, -1] - angle[:, 0] <= np.pi)
    if n > 3 and len(one_sided):
        cells[one_sided] = _closed(cells[one_sided], centre)
    return cells


def _closed(cells: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The order round a polygon of cells (n_node, n) that lie on one side of their node: those right of the line from the
    first to the last, then back along those left of it."""
    n = cells.shape[1]
    point = centre[cells]
    line = point[:, -1] - point[:, 0]
    side = _dot(np.cross(point - point[:, :1], line[:, None, :]), point[:, :1])
    place = np.tile(np.arange(n), (len(cells), 1))
    left = side < 0.0
    left[:, [0, -1]] = False
    place = np.where(left, 2 * n - place, place)
    return np.take_along_axis(cells, np.argsort(place, axis=1), axis=1)


def _triangles(loop: np.ndarray, centre: np.ndarray) -> list[np.ndarray]:
    """Cut polygons (n_node, n) into n - 2 triangles (n_node, 3): of the corners that can be cut off, the one whose two sides
    have the greatest inner product goes first. Triangles of what has no area are -1."""
    pieces = []
    rows = np.arange(len(loop))
    while loop.shape[1] > 3:
        n = loop.shape[1]
        ears = np.stack([_inner_product(loop, i, centre) for i in range(n)], axis=1)
        i = np.argmax(ears, axis=1)
        best = ears[rows, i]
        piece = np.stack([loop[rows, (i + k) % n] for k in range(3)], axis=1)
        pieces.append(np.where(np.isfinite(best)[:, None], piece, -1))
        keep = np.arange(n)[None, :] != ((i + 1) % n)[:, None]
        loop = np.where(np.isfinite(best)[:, None], loop[keep].reshape(len(loop), n - 1), -1)
    return [*pieces, loop]


def _inner_product(loop: np.ndarray, i: int, centre: np.ndarray) -> np.ndarray:
    """Inner product (n_node,) of the two sides at corner i + 1; -inf where that corner cannot be cut off."""
    n = loop.shape[1]
    a, b, c = (centre[loop[:, (i + k) % n]] for k in range(3))
    product = _dot(c - b, a - b)
    is_ear = _dot(np.cross(c - b, a - b), b) > 0.0
    for other in range(3, n):
        p = centre[loop[:, (i + other) % n]]
        inside = np.ones(len(loop), bool)
        for u, v in ((a, b), (b, c), (c, a)):
            inside &= _dot(np.cross(v - u, p - u), u) > 0.0
        is_ear &= ~inside
    return np.where(is_ear & (loop[:, 0] >= 0), product, -np.inf)


def _vectors(lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
    return np.frombuffer(_kernel.place_vectors(lon_deg, lat_deg)).reshape(-1, 3)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Inner products of vectors (..., 3), summed in this order: which of two equal corners is cut off hangs on the last bit."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]
