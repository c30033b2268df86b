"""Turns a grid into the arrays another regridder asks for: a lattice, a mesh or points. Knows no regridder and no process."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import GLOBE_SLACK_DEG, CurvilinearGrid, Grid, RectilinearGrid

CORNER_ORDERS = tuple(tuple((start + turn * k) % 4 for k in range(4)) for turn in (1, -1) for start in range(4))
"""Every way to number the corners of a quad round its cell."""


@dataclass(frozen=True, eq=False)
class Parts:
    """One grid as arrays, all angles in degrees. What is in `arrays` depends on `kind`.

    "lattice": lon, lat broadcastable to (n_j, n_i), mask int32 (n_j, n_i) if any cell is masked, and, where asked for,
    corner_lon, corner_lat broadcastable to (n_j + 1, n_i + 1), one column less when `is_round`.
    "mesh": node_lon, node_lat; n_vertex and node (flat, counter-clockwise) of each cell; lon, lat, mask int32 (n,).
    "points": lon, lat (n,).

    cell int64 (n,): position in the grid of each cell handed over, None when it is all of them.
    """

    kind: str
    shape: tuple[int, ...]
    arrays: dict[str, np.ndarray]
    is_round: bool = False
    cell: np.ndarray | None = field(default=None)

    @property
    def n_cell(self) -> int:
        return int(np.prod(self.shape))

    def position(self, index: np.ndarray) -> np.ndarray:
        """Positions in the grid of cells numbered as they were handed over."""
        return index if self.cell is None else self.cell[index]

    def spread(self, values: np.ndarray, n_cell: int) -> np.ndarray:
        """Values (n_cell,) of all cells from those handed over; 0 for the others."""
        if self.cell is None:
            return values
        full = np.zeros(n_cell)
        full[self.cell] = values
        return full


def points(grid: Grid) -> Parts:
    """The centres of the cells that take part."""
    cell = np.flatnonzero(grid.mask)
    return Parts("points", (len(cell),), {"lon": grid.lon_deg[cell], "lat": grid.lat_deg[cell]}, cell=cell)


def lattice(grid: Grid, with_corners: bool) -> Parts | None:
    """A logically rectangular grid, or None where the cells do not lie on a lattice or have no coordinates."""
    if isinstance(grid, RectilinearGrid):
        return _rectilinear(grid, with_corners)
    if not isinstance(grid, CurvilinearGrid) or not (np.isfinite(grid.lon_deg) & np.isfinite(grid.lat_deg)).all():
        return None
    nodes = shared_nodes(grid) if grid.has_corners else None
    if nodes is None and with_corners:
        return None
    arrays = {"lon": grid.lon_deg.reshape(grid.shape), "lat": grid.lat_deg.reshape(grid.shape), **_mask_of(grid)}
    is_round = _is_round(*nodes) if nodes is not None else grid.wraps and not grid.has_corners
    if with_corners:
        last = -1 if is_round else None
        arrays |= {"corner_lon": nodes[0][:, :last], "corner_lat": nodes[1][:, :last]}
    return Parts("lattice", grid.shape, arrays, is_round)


def mesh(grid: Grid, keep_masked: bool) -> Parts:
    """Polygons whose equal corners are one node. Masked cells stay, marked, only if `keep_masked` and they are cells at all."""
    grid.need_corners("the cells of a mesh")
    lon, lat = grid.vertex_lon_deg, grid.vertex_lat_deg
    cell = np.flatnonzero(grid.mask | (keep_masked & _is_finite(grid)))
    node, node_lon, node_lat = _merge(lon[cell], lat[cell])
    is_corner = node != np.roll(node, 1, axis=1)
    n_vertex = is_corner.sum(axis=1)
    whole = n_vertex >= 3
    if not whole[grid.mask[cell]].all():
        flat = int(cell[np.flatnonzero(~whole & grid.mask[cell])[0]])
        raise GridError(f"Grid '{grid.name}': cell {flat} at ({grid.lon_deg[flat]:.6g}, {grid.lat_deg[flat]:.6g}) has fewer than three "
                        "different corners; a mesh cannot hold it.")
    cell, node, is_corner = cell[whole], node[whole], is_corner[whole]
    arrays = {"node_lon": node_lon, "node_lat": node_lat, "n_vertex": n_vertex[whole].astype(np.int32),
              "node": node[is_corner].astype(np.int32), "lon": grid.lon_deg[cell], "lat": grid.lat_deg[cell],
              "mask": grid.mask[cell].astype(np.int32)}
    return Parts("mesh", (len(cell),), arrays, cell=cell)


def need_narrow_cells(grid: Grid) -> None:
    """Raise GridError for boxes of half the globe or more: other regridders drop them without a word, or never end."""
    if not isinstance(grid, RectilinearGrid):
        return
    width_deg = np.abs(np.diff(grid.lon_edge_deg))
    if width_deg.max() >= 180.0 - GLOBE_SLACK_DEG:
        raise GridError(f"Grid '{grid.name}': column {int(width_deg.argmax())} is {width_deg.max():g} degrees wide; ESMF and yac need cells "
                        "narrower than 180. Split it, or take the exact backend.")


def shared_nodes(grid: CurvilinearGrid) -> tuple[np.ndarray, np.ndarray] | None:
    """Longitudes and latitudes (n_j + 1, n_i + 1) of the corners, or None where neighbours do not share theirs to the bit."""
    lon, lat = (x.reshape(*grid.shape, -1) for x in (grid.vertex_lon_deg, grid.vertex_lat_deg))
    if lon.shape[2] != 4 or not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    key = _node_key(lon, lat)
    for order in CORNER_ORDERS:
        a, b, c, d = (key[..., k] for k in order)
        same = ((b[:, :-1], a[:, 1:]), (c[:, :-1], d[:, 1:]), (d[:-1], a[1:]), (c[:-1], b[1:]))
        if all(np.array_equal(x, y) for x, y in same):
            return tuple(_assemble(x, order) for x in (lon, lat))
    return None


def _assemble(corner: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    n_j, n_i, _ = corner.shape
    node = np.empty((n_j + 1, n_i + 1))
    node[:-1, :-1], node[:-1, -1] = corner[..., order[0]], corner[:, -1, order[1]]
    node[-1, :-1], node[-1, -1] = corner[-1, :, order[3]], corner[-1, -1, order[2]]
    return node


def _rectilinear(grid: RectilinearGrid, with_corners: bool) -> Parts:
    arrays = {"lon": grid.lon_centre_deg[None, :], "lat": grid.lat_centre_deg[:, None], **_mask_of(grid)}
    if with_corners:
        edge = grid.lon_edge_deg[:-1] if grid.is_round else grid.lon_edge_deg
        arrays |= {"corner_lon": edge[None, :], "corner_lat": grid.lat_edge_deg[:, None]}
    return Parts("lattice", grid.shape, arrays, bool(grid.is_round))


def _mask_of(grid: Grid) -> dict[str, np.ndarray]:
    return {} if grid.mask.all() else {"mask": grid.mask.reshape(grid.shape).astype(np.int32)}


def _is_round(node_lon: np.ndarray, node_lat: np.ndarray) -> bool:
    step = np.abs((node_lon[:, -1] - node_lon[:, 0] + 180.0) % 360.0 - 180.0)
    apart = np.where(np.abs(node_lat[:, 0]) >= 90.0, 0.0, step)
    return bool((apart <= GLOBE_SLACK_DEG).all() and (np.abs(node_lat[:, -1] - node_lat[:, 0]) <= GLOBE_SLACK_DEG).all())


def _is_finite(grid: Grid) -> np.ndarray:
    corners = np.isfinite(grid.vertex_lon_deg).all(axis=1) & np.isfinite(grid.vertex_lat_deg).all(axis=1)
    return corners & np.isfinite(grid.lon_deg) & np.isfinite(grid.lat_deg)


def _node_key(lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
    """One complex number a place: longitudes in [0, 360), 0 at the poles."""
    lon = np.where(np.abs(lat_deg) >= 90.0, 0.0, lon_deg % 360.0)
    lon[lon == 360.0] = 0.0
    return lon + 0.0 + 1j * (lat_deg + 0.0)


def _merge(lon_deg: np.ndarray, lat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Node number of every corner (n, n_vertex), and longitude and latitude of the nodes."""
    place, node = np.unique(_node_key(lon_deg, lat_deg).ravel(), return_inverse=True)
    if len(place) > np.iinfo(np.int32).max:
        raise GridError(f"The mesh has {len(place)} nodes; regridders count them with 32 bits. Cut the grid into parts.")
    return node.reshape(lon_deg.shape), np.ascontiguousarray(place.real), np.ascontiguousarray(place.imag)
