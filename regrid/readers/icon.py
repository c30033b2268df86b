"""ICON's triangles: its grid files (vertices per cell, or vertex_of_cell) and its output (clon_bnds). Knows no other format.

ICON writes radians; a units attribute that says degrees (as some tools leave behind) is believed. Cells are numbered as in
the file.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.grids import PolygonGrid
from lsbc.regrid.readers.corners import corners_of_faces, tidy_corners
from lsbc.regrid.readers.grid_file import GridFile
from lsbc.regrid.readers.request import Request

CORNERS = (("clon_vertices", "clat_vertices"), ("clon_bnds", "clat_bnds"))


def matches(file: GridFile) -> bool:
    return file.has("clon", "clat") and (any(file.has(*pair) for pair in CORNERS) or file.has("vertex_of_cell", "vlon", "vlat"))


def read(file: GridFile, request: Request) -> PolygonGrid:
    """Raises GridError where sizes do not fit or cells are no cells."""
    file.need_shape("clon", (None,), "(cell,)")
    n = file.shape("clon")[0]
    file.need_shape("clat", (n,), "(cell,)")
    lon, lat = file.angle_deg("clon", "radians"), file.lat_deg("clat", "radians")
    pair = next((pair for pair in CORNERS if file.has(*pair)), None)
    corners = _listed(file, n, pair) if pair else _connected(file, n)
    return PolygonGrid(lon, lat, *corners, mask=file.live(request.mask, (n,)), edges=request.edges or "greatcircle", name=file.name)


def _listed(file: GridFile, n: int, pair: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    file.need_shape(pair[0], (n, None), "(cell, nv)")
    file.need_shape(pair[1], file.shape(pair[0]), "(cell, nv)")
    lon_units, lat_units = (file.angle_units(name, "radians") for name in ("clon", "clat"))
    return tidy_corners(file.angle_deg(pair[0], lon_units), file.lat_deg(pair[1], lat_units))


def _connected(file: GridFile, n: int) -> tuple[np.ndarray, np.ndarray]:
    file.need_shape("vertex_of_cell", (None, n), "(nv, cell)")
    file.need_shape("vlon", (None,), "(vertex,)")
    file.need_shape("vlat", file.shape("vlon"), "(vertex,)")
    node, missing = file.whole("vertex_of_cell")
    return corners_of_faces(node.T - 1, ~missing.T, file.angle_deg("vlon", "radians"), file.lat_deg("vlat", "radians"),
                            f"{file}, vertex_of_cell")
