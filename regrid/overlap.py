"""Exact areas that polygons share with the cells of a lattice. Knows geometry only: no fields, no ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.errors import GridError
from lsbc.regrid.lattice import Lattice
from lsbc.regrid.sphere import check_degrees, edge_code


@dataclass(frozen=True)
class Overlap:
    """Shared areas on the unit sphere, sorted by (polygon, cell).

    polygon int64 (n,) local index, cell int64 (n,) global id in `lattice`, area_sr float64 (n,),
    polygon_area_sr float64 (n_polygon,) from the corners alone. Shares below 1e-14 of the polygon are left out.
    """

    polygon: np.ndarray
    cell: np.ndarray
    area_sr: np.ndarray
    polygon_area_sr: np.ndarray
    lattice: Lattice

    @property
    def n_polygon(self) -> int:
        return len(self.polygon_area_sr)


def overlap_polygons(vertex_lon_deg: np.ndarray, vertex_lat_deg: np.ndarray, lattice: Lattice,
                     edges: str = "greatcircle") -> Overlap:
    """Intersect polygons (n_polygon, n_vertex) with every lattice cell they touch.

    Either orientation, repeated vertices, the date line and a pole inside are allowed; a polygon stays under half the
    sphere. Great-circle polygons take a corner at a pole as one point, `latlon` ones as a run along the pole.
    The areas of a polygon sum to its own to 1e-13, those of a tiling to the lattice cells.

    Raises:
        GridError: shapes differ, or a corner is not finite or not in degrees.
    """
    code = edge_code(edges)
    lon, lat = (np.ascontiguousarray(x, np.float64) for x in (vertex_lon_deg, vertex_lat_deg))
    if lon.ndim != 2 or lon.shape != lat.shape:
        raise GridError(f"Corner arrays have shapes {lon.shape} and {lat.shape}; both must be (n_polygon, n_vertex).")
    check_degrees(lon, lat)
    if lon.size == 0:
        return Overlap(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.zeros(len(lon)), lattice)
    polygon, cell, area, polygon_area = _kernel.overlap_lattice(lon, lat, lon.shape[1], lattice.n_lat, lattice.n_lon, code)
    return Overlap(np.frombuffer(polygon, np.int64), np.frombuffer(cell, np.int64), np.frombuffer(area),
                   np.frombuffer(polygon_area), lattice)
