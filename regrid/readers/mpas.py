"""MPAS meshes: Voronoi cells given by verticesOnCell. Knows no other format.

The format fixes radians. Global ids are indexToCellID - 1 where the file has it, else the order of the file.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import PolygonGrid
from lsbc.regrid.readers.corners import corners_of_faces
from lsbc.regrid.readers.grid_file import GridFile
from lsbc.regrid.readers.request import Request


def matches(file: GridFile) -> bool:
    return file.has("latCell", "lonCell", "verticesOnCell")


def read(file: GridFile, request: Request) -> PolygonGrid:
    """Raises GridError for a planar mesh, where sizes do not fit, and for cells that are no cells."""
    if (file.attribute("on_a_sphere") or "YES").upper().startswith("N"):
        raise GridError(f"{file}: the mesh lies in a plane (on_a_sphere = NO); only meshes on the sphere can be regridded.")
    file.need("nEdgesOnCell", "lonVertex", "latVertex")
    file.need_shape("lonCell", (None,), "(nCells,)")
    n = file.shape("lonCell")[0]
    for name in ("latCell", "nEdgesOnCell"):
        file.need_shape(name, (n,), "(nCells,)")
    file.need_shape("lonVertex", (None,), "(nVertices,)")
    file.need_shape("latVertex", file.shape("lonVertex"), "(nVertices,)")
    nodes = file.angle_deg("lonVertex", "radians"), file.lat_deg("latVertex", "radians")
    corners = corners_of_faces(*_nodes(file, n), *nodes, f"{file}, verticesOnCell")
    centre = file.angle_deg("lonCell", "radians"), file.lat_deg("latCell", "radians")
    return PolygonGrid(*centre, *corners, mask=file.live(request.mask, (n,)), global_id=_global_id(file, n),
                       edges=request.edges or "greatcircle", name=file.name)


def _nodes(file: GridFile, n: int) -> tuple[np.ndarray, np.ndarray]:
    file.need_shape("verticesOnCell", (n, None), "(nCells, maxEdges)")
    max_edges = file.shape("verticesOnCell")[1]
    node, count = file.whole("verticesOnCell")[0], file.whole("nEdgesOnCell")[0]
    wrong = (count < 3) | (count > max_edges)
    if wrong.any():
        cell = int(np.flatnonzero(wrong)[0])
        raise GridError(f"{file}: nEdgesOnCell of cell {cell} is {count[cell]}; expected 3 .. {max_edges}.")
    return node - 1, np.arange(max_edges) < count[:, None]


def _global_id(file: GridFile, n: int) -> np.ndarray | None:
    if not file.has("indexToCellID"):
        return None
    file.need_shape("indexToCellID", (n,), "(nCells,)")
    return file.whole("indexToCellID")[0] - 1
