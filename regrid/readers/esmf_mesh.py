"""ESMF's unstructured mesh files: nodeCoords and elementConn, padded or ragged. Knows no other format.

Elements are numbered in file order; elementMask, where there, is 0 for elements that take no part.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import PolygonGrid
from lsbc.regrid.readers.corners import corners_of_faces, middles
from lsbc.regrid.readers.grid_file import GridFile, cut_at_poles
from lsbc.regrid.readers.request import Request

NO_BREAK = -(2**62)
"""No node's number: stands for a break value that the file does not have."""


def matches(file: GridFile) -> bool:
    return file.has("nodeCoords", "elementConn")


def read(file: GridFile, request: Request) -> PolygonGrid:
    """Raises GridError for Cartesian coordinates, elements in pieces, sizes that do not fit, and cells that are no cells."""
    file.need("numElementConn")
    node_lon, node_lat = _points(file, "nodeCoords")
    file.need_shape("numElementConn", (None,), "(elementCount,)")
    n = file.shape("numElementConn")[0]
    node, used = _elements(file, n)
    corners = corners_of_faces(node, used, node_lon, node_lat, f"{file}, elementConn")
    centre = middles(*corners)
    if file.has("centerCoords"):
        file.need_shape("centerCoords", (n, 2), "(elementCount, coordDim)")
        centre = _points(file, "centerCoords")
    live = np.ones(n, bool)
    for name in ("elementMask", request.mask):
        if name and (name == request.mask or file.has(name)):
            live &= file.live(name, (n,))
    return PolygonGrid(*centre, *corners, mask=live, edges=request.edges or "greatcircle", name=file.name)


def _points(file: GridFile, name: str) -> tuple[np.ndarray, np.ndarray]:
    file.need_shape(name, (None, None), "(count, coordDim)")
    if file.shape(name)[1] != 2:
        raise GridError(f"{file}: {name} has {file.shape(name)[1]} coordinates a point; expected longitude and latitude.")
    values = file.angle_deg(name)
    return values[:, 0], cut_at_poles(values[:, 1])


def _elements(file: GridFile, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes counted from 0 (n, n_vertex), and which of them belong to the element."""
    count = file.whole("numElementConn")[0]
    listed = file.whole("elementConn")[0]
    base = file.integer_attribute("start_index", "elementConn", 1)
    if (listed == file.integer_attribute("polygon_break_value", "elementConn", NO_BREAK)).any():
        raise GridError(f"{file}: elementConn has elements in several pieces (polygon_break_value); "
                        "split them into one element each.")
    if (count < 3).any():
        cell = int(np.flatnonzero(count < 3)[0])
        raise GridError(f"{file}: numElementConn of element {cell} is {count[cell]}; a cell needs three corners.")
    if listed.ndim == 1:
        return _from_ragged(file, listed, count, base)
    if listed.ndim != 2 or len(listed) != n or count.max() > listed.shape[1]:
        raise GridError(f"{file}: elementConn has shape {listed.shape} for {n} elements of up to {count.max()} corners.")
    return listed - base, np.arange(listed.shape[1]) < count[:, None]


def _from_ragged(file: GridFile, listed: np.ndarray, count: np.ndarray, base: int) -> tuple[np.ndarray, np.ndarray]:
    if count.sum() != len(listed):
        raise GridError(f"{file}: numElementConn adds up to {count.sum()}, but elementConn has {len(listed)} entries.")
    used = np.arange(int(count.max())) < count[:, None]
    node = np.zeros(used.shape, np.int64)
    node[used] = listed - base
    return node, used
