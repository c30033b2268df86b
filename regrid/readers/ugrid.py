"""UGRID's two-dimensional meshes: faces of nodes, counted from 0 or 1, padded with the fill value. Knows no other format."""

from __future__ import annotations

import numpy as np

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.grids import PolygonGrid
from lsbc.regrid.readers.corners import corners_of_faces, middles
from lsbc.regrid.readers.grid_file import EAST_UNITS, NORTH_UNITS, GridFile
from lsbc.regrid.readers.request import Request


def matches(file: GridFile) -> bool:
    return bool(_meshes(file))


def read(file: GridFile, request: Request) -> PolygonGrid:
    """Raises FileError for variables that the topology names but the file lacks, GridError for what is no mesh of faces."""
    mesh = _mesh(file, request.variable)
    node_lon, node_lat = _coordinates(file, mesh, "node_coordinates")
    node, used = _faces(file, mesh)
    corners = corners_of_faces(node, used, node_lon, node_lat, f"{file}, {mesh}")
    centre = middles(*corners)
    if file.attribute("face_coordinates", mesh):
        centre = _coordinates(file, mesh, "face_coordinates")
    live = file.live(request.mask, (len(node),))
    return PolygonGrid(*centre, *corners, mask=live, edges=request.edges or "greatcircle", name=file.name)


def _meshes(file: GridFile) -> list[str]:
    return [name for name in file.variables if file.attribute("cf_role", name) == "mesh_topology"]


def _mesh(file: GridFile, variable: str | None) -> str:
    meshes = _meshes(file)
    if variable is not None:
        file.need(variable)
        named = variable if variable in meshes else file.attribute("mesh", variable)
        if named not in meshes:
            raise GridError(f"{file}: {variable} names no mesh of this file; the meshes are {', '.join(meshes)}.")
        return named
    if len(meshes) > 1:
        raise GridError(f"{file} has the meshes {', '.join(meshes)}; say which with variable=.")
    return meshes[0]


def _coordinates(file: GridFile, mesh: str, role: str) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude among the two variables that the attribute names, told apart by standard name or units."""
    names = (file.attribute(role, mesh) or "").split()
    if len(names) != 2:
        raise GridError(f"{file}: {role} of {mesh} is '{' '.join(names)}'; expected two variable names.")
    file.need(*names)
    is_lon = [_is(file, name, "longitude", EAST_UNITS) for name in names]
    is_lat = [_is(file, name, "latitude", NORTH_UNITS) for name in names]
    if is_lat[0] and not is_lon[0] or is_lon[1] and not is_lat[1]:
        names.reverse()
    file.need_shape(names[0], (None,), "one value a point")
    file.need_shape(names[1], file.shape(names[0]), f"as many as {names[0]}")
    return file.angle_deg(names[0]), file.lat_deg(names[1])


def _is(file: GridFile, name: str, standard_name: str, units: frozenset[str]) -> bool:
    return (file.attribute("standard_name", name) or "").lower() == standard_name or (file.attribute("units", name) or "").lower() in units


def _faces(file: GridFile, mesh: str) -> tuple[np.ndarray, np.ndarray]:
    """Nodes counted from 0 (n_face, n_vertex), and which entries are no fill."""
    if file.integer_attribute("topology_dimension", mesh, 2) != 2:
        raise GridError(f"{file}: {mesh} has topology_dimension {file.attribute('topology_dimension', mesh)}; "
                        "cells are faces, 2.")
    name = file.attribute("face_node_connectivity", mesh)
    if not name:
        raise FileError(f"{file}: {mesh} names no face_node_connectivity.")
    file.need_shape(name, (None, None), "(face, corner)")
    node, missing = file.whole(name)
    if file.attribute("face_dimension", mesh) == file.dims(name)[1]:
        node, missing = node.T, missing.T
    base = file.integer_attribute("start_index", name, 0)
    return node - base, ~missing
