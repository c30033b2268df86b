"""Areas that the cells of any two grids share, polygon by polygon. Knows geometry only: no weights, no fields, no ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.errors import ConfigError, GridError
from lsbc.regrid.grids import Grid
from lsbc.regrid.sphere import edge_code


@dataclass(frozen=True, eq=False)
class Pairs:
    """What cell i of one grid and cell j of the other share, sorted by (j, i).

    i, j int64 (n,); area_sr (n,) on the unit sphere; moment (n, 3), the integral of the unit vector over the shared piece
    (its direction is the centroid), or None. Shares below 1e-14 of the smaller cell are left out. The numbers of a pair
    depend on its two cells only, bit for bit, not on the other cells of the grids.
    """

    i: np.ndarray
    j: np.ndarray
    area_sr: np.ndarray
    moment: np.ndarray | None = None


CENTROIDS = ("area", "corners")
"""Position + 1 is the kernel's number."""


def clip(a: Grid, b: Grid, moments: bool = False, centroids: str = "area") -> Pairs:
    """Intersect every cell of `a` with every cell of `b` that it touches; masked cells share nothing.

    Cells may be concave, hold a pole or cross the date line. Great-circle cells reach less than 80 degrees from their middle;
    the other conventions take corners at a pole as a run along it. Moments are there for great circles only.
    The smaller cell is cut in a plane where edges are straight (gnomonic for great circles) by the method of Sutherland and
    Hodgman (1974), areas are those of triangles by Van Oosterom and Strackee (1983).

    With centroids="corners" a moment is the area times the unit vector to the mean of the piece's corners, ESMF's idea of a
    centroid; it is the area's only where the piece is a triangle or a parallelogram.

    Raises:
        GridError: edge conventions differ, corners are missing, or a cell is too large.
    """
    if a.edges != b.edges:
        raise GridError(f"Grids '{a.name}' and '{b.name}' join their corners by '{a.edges}' and '{b.edges}' edges; "
                        "give both the same (with_edges).")
    if moments and a.edges != "greatcircle":
        raise GridError(f"Centroids of shared pieces are made for 'greatcircle' edges only, got '{a.edges}'.")
    *found, bad_side, bad_cell = _kernel.clip(*_corners(a), *_corners(b), edge_code(a.edges), _moment_code(moments, centroids))
    if bad_side:
        _refuse(a if bad_side == 1 else b, bad_cell)
    i, j = (np.frombuffer(x, np.int64) for x in found[:2])
    area_sr, moment = (np.frombuffer(x, np.float64) for x in found[2:])
    return Pairs(i, j, area_sr, moment.reshape(-1, 3) if moments else None)


def cell_moments(grid: Grid, centroids: str = "area") -> tuple[np.ndarray, np.ndarray]:
    """Areas (n,) in sr and moments (n, 3), as of a piece, of great-circle cells.

    Masked cells have 0. Raises GridError like `clip`.
    """
    if grid.edges != "greatcircle":
        raise GridError(f"Centroids of cells are made for 'greatcircle' edges only, got '{grid.edges}'.")
    area_sr, moment = np.zeros(grid.n_cell), np.zeros((grid.n_cell, 3))
    bad_cell = _kernel.cell_moments(*_corners(grid), edge_code(grid.edges), _moment_code(True, centroids), area_sr, moment)
    if bad_cell >= 0:
        _refuse(grid, bad_cell)
    return area_sr, moment


def _moment_code(moments: bool, centroids: str) -> int:
    if centroids not in CENTROIDS:
        raise ConfigError(f"centroids must be one of {', '.join(CENTROIDS)}, got '{centroids}'.")
    return CENTROIDS.index(centroids) + 1 if moments else 0


def _corners(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    grid.need_corners("shared areas")
    lon, lat = (np.ascontiguousarray(x, np.float64) for x in (grid.vertex_lon_deg, grid.vertex_lat_deg))
    return lon, lat, np.ascontiguousarray(grid.mask, np.uint8)


def _refuse(grid: Grid, cell: int) -> None:
    corners = ", ".join(f"({x:.6g}, {y:.6g})" for x, y in zip(grid.vertex_lon_deg[cell], grid.vertex_lat_deg[cell]))
    limit = ("its corners must lie within 80 degrees of their middle" if grid.edges == "greatcircle"
             else "no edge may span 180 degrees of longitude")
    raise GridError(f"Grid '{grid.name}', cell {grid.global_id[cell]}, corners (lon, lat) {corners}: "
                    f"needs three distinct corners, and {limit}; split the cell.")
