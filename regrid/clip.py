"""Areas that the cells of any two grids share, polygon by polygon. Knows geometry only: no weights, no fields, no ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.errors import GridError
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


def clip(a: Grid, b: Grid, moments: bool = False) -> Pairs:
    """Intersect every cell of `a` with every cell of `b` that it touches; masked cells share nothing.

    Cells may be concave, hold a pole or cross the date line. Great-circle cells reach less than 80 degrees from their middle;
    the other conventions take corners at a pole as a run along it. Moments are there for great circles only.
    The smaller cell is cut in a plane where edges are straight (gnomonic for great circles) by the method of Sutherland and
    Hodgman (1974), areas are those of triangles by Van Oosterom and Strackee (1983).

    Raises:
        GridError: edge conventions differ, corners are missing, or a cell is too large.
    """
    if a.edges != b.edges:
        raise GridError(f"Grids '{a.name}' and '{b.name}' join their corners by '{a.edges}' and '{b.edges}' edges; "
                        "give both the same (with_edges).")
    if moments and a.edges != "greatcircle":
        raise GridError(f"Centroids of shared pieces are made for 'greatcircle' edges only, got '{a.edges}'.")
    *found, bad_side, bad_cell = _kernel.clip(*_corners(a), *_corners(b), edge_code(a.edges), moments)
    if bad_side:
        _refuse(a if bad_side == 1 else b, bad_cell)
    i, j = (np.frombuffer(x, np.int64) for x in found[:2])
    area_sr, moment = (np.frombuffer(x, np.float64) for x in found[2:])
    return Pairs(i, j, area_sr, moment.reshape(-1, 3) if moments else None)


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
