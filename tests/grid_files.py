"""Small sound grid files of every format, as dictionaries that a test can break before it writes them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from shapes import triangles

EAST, NORTH = {"units": "degrees_east", "standard_name": "longitude"}, {"units": "degrees_north", "standard_name": "latitude"}
DEGREES, RADIANS = {"units": "degrees"}, {"units": "radian"}


@dataclass
class Var:
    dims: tuple[str, ...]
    values: np.ndarray
    attrs: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values, self.attrs = np.array(self.values), dict(self.attrs)


@dataclass
class Spec:
    """Variables and global attributes of a file; dimensions follow from the arrays."""

    variables: dict[str, Var]
    attrs: dict = field(default_factory=dict)

    def copy(self) -> Spec:
        return copy.deepcopy(self)

    def write(self, path: Path, format: str = "NETCDF4") -> Path:
        from netCDF4 import Dataset

        with Dataset(path, "w", format=format) as data:
            data.setncatts(self.attrs)
            for var in self.variables.values():
                for dim, size in zip(var.dims, var.values.shape):
                    if dim not in data.dimensions:
                        data.createDimension(dim, size)
            for name, var in self.variables.items():
                attrs = dict(var.attrs)
                variable = data.createVariable(name, var.values.dtype, var.dims, fill_value=attrs.pop("_FillValue", None))
                variable.set_auto_maskandscale(False)
                variable.setncatts(attrs)
                if var.values.size:
                    variable[...] = var.values
        return path


def cf_boxes(lon_edge_deg=(10.0, 12.0, 14.0, 16.0, 18.0), lat_edge_deg=(40.0, 41.0, 42.0, 43.0), dtype="f8") -> Spec:
    """Axes with bounds; one variable z(lat, lon)."""
    lon, lat = (np.asarray(edge, float) for edge in (lon_edge_deg, lat_edge_deg))
    variables = {}
    for name, edge, attrs in (("lon", lon, EAST), ("lat", lat, NORTH)):
        variables[name] = Var((name,), (0.5 * (edge[1:] + edge[:-1])).astype(dtype), {**attrs, "bounds": f"{name}_bnds"})
        variables[f"{name}_bnds"] = Var((name, "bnds"), np.stack([edge[:-1], edge[1:]], axis=1).astype(dtype))
    variables["z"] = Var(("lat", "lon"), np.zeros((len(lat) - 1, len(lon) - 1), "f4"))
    return Spec(variables, {"Conventions": "CF-1.8"})


def without_bounds(spec: Spec) -> Spec:
    spec = spec.copy()
    for name in ("lon", "lat"):
        del spec.variables[f"{name}_bnds"], spec.variables[name].attrs["bounds"]
    return spec


def sheared_nodes(n_j: int = 3, n_i: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (n_j + 1, n_i + 1) of parallelograms in lon-lat."""
    j, i = np.mgrid[0.0: n_j + 1, 0.0: n_i + 1]
    return 100.0 + 2.0 * i + 0.5 * j, 30.0 + 1.5 * j - 0.25 * i


def quad_corners(node: np.ndarray) -> np.ndarray:
    return np.stack([node[:-1, :-1], node[:-1, 1:], node[1:, 1:], node[1:, :-1]], axis=-1)


def cf_curvilinear() -> Spec:
    lon, lat = (quad_corners(x) for x in sheared_nodes())
    return Spec({
        "lon": Var(("y", "x"), lon.mean(-1), {**EAST, "bounds": "lon_vertices"}),
        "lat": Var(("y", "x"), lat.mean(-1), {**NORTH, "bounds": "lat_vertices"}),
        "lon_vertices": Var(("y", "x", "nv"), lon), "lat_vertices": Var(("y", "x", "nv"), lat),
        "z": Var(("y", "x"), np.zeros(lon.shape[:2], "f4"), {"coordinates": "lon lat"}),
    })


def cf_cells() -> Spec:
    """An octahedron as a list of cells."""
    lon, lat, centre_lon, centre_lat = octahedron()
    return Spec({
        "lon": Var(("cell",), centre_lon, {**EAST, "bounds": "lon_bnds"}), "lat": Var(("cell",), centre_lat, {**NORTH, "bounds": "lat_bnds"}),
        "lon_bnds": Var(("cell", "nv"), lon), "lat_bnds": Var(("cell", "nv"), lat),
        "z": Var(("cell",), np.zeros(len(lon), "f4"), {"coordinates": "lon lat"}),
    })


def octahedron() -> tuple[np.ndarray, ...]:
    """Corners (8, 3) and centres (8,) of the octants of the sphere, corners on both poles."""
    lon, lat = triangles(0, np.eye(3))
    xyz = np.stack([np.cos(np.radians(lat)) * np.cos(np.radians(lon)), np.cos(np.radians(lat)) * np.sin(np.radians(lon)),
                    np.sin(np.radians(lat))], axis=-1).sum(axis=1)
    return lon, lat, np.degrees(np.arctan2(xyz[:, 1], xyz[:, 0])), np.degrees(np.arctan2(xyz[:, 2], np.hypot(xyz[:, 0], xyz[:, 1])))


def icon(connected: bool = False) -> Spec:
    """The octahedron in radians; corners by vertex_of_cell (from 1) where `connected`."""
    lon, lat, centre_lon, centre_lat = (np.radians(x) for x in octahedron())
    spec = Spec({"clon": Var(("cell",), centre_lon, RADIANS), "clat": Var(("cell",), centre_lat, RADIANS)})
    if not connected:
        spec.variables |= {"clon_vertices": Var(("cell", "nv"), lon, RADIANS), "clat_vertices": Var(("cell", "nv"), lat, RADIANS)}
        return spec
    nodes, place = np.unique(np.round(np.stack([np.where(np.abs(lat) > 1.57, 0.0, lon), lat], axis=-1).reshape(-1, 2), 12), axis=0,
                             return_inverse=True)
    spec.variables |= {
        "vlon": Var(("vertex",), nodes[:, 0], RADIANS), "vlat": Var(("vertex",), nodes[:, 1], RADIANS),
        "vertex_of_cell": Var(("nv", "cell"), (place.reshape(lon.shape).T + 1).astype("i4")),
    }
    return spec


NODE_LON_DEG = np.array([100.0, 110.0, 120.0, 100.0, 110.0, 120.0, 110.0])
NODE_LAT_DEG = np.array([10.0, 10.0, 10.0, 20.0, 20.0, 20.0, 28.0])
FACES = ((0, 1, 4, 3), (1, 2, 5, 4), (3, 4, 6), (4, 5, 6))
"""Two quadrilaterals below two triangles."""


def padded_faces(base: int, fill: int) -> np.ndarray:
    return np.array([[k + base for k in face] + [fill] * (4 - len(face)) for face in FACES], "i4")


def face_centres() -> np.ndarray:
    return np.array([[NODE_LON_DEG[list(f)].mean(), NODE_LAT_DEG[list(f)].mean()] for f in FACES])


def esmf_mesh() -> Spec:
    return Spec({
        "nodeCoords": Var(("nodeCount", "coordDim"), np.stack([NODE_LON_DEG, NODE_LAT_DEG], axis=1), DEGREES),
        "elementConn": Var(("elementCount", "maxNodePElement"), padded_faces(1, -1), {"_FillValue": np.int32(-1), "start_index": np.int32(1)}),
        "numElementConn": Var(("elementCount",), np.array([len(f) for f in FACES], "i1")),
        "centerCoords": Var(("elementCount", "coordDim"), face_centres(), DEGREES),
        "elementMask": Var(("elementCount",), np.ones(4, "i4")),
    }, {"gridType": "unstructured mesh", "version": "0.9"})


def ugrid(base: int = 0, centres: bool = True) -> Spec:
    mesh = {"cf_role": "mesh_topology", "topology_dimension": np.int32(2), "node_coordinates": "node_lon node_lat",
            "face_node_connectivity": "face_nodes"} | ({"face_coordinates": "face_lon face_lat"} if centres else {})
    spec = Spec({
        "mesh": Var((), np.int32(0), mesh),
        "node_lon": Var(("node",), NODE_LON_DEG, EAST), "node_lat": Var(("node",), NODE_LAT_DEG, NORTH),
        "face_nodes": Var(("face", "corner"), padded_faces(base, -999), {"_FillValue": np.int32(-999), "start_index": np.int32(base)}),
    }, {"Conventions": "CF-1.8 UGRID-1.0"})
    if centres:
        spec.variables |= {"face_lon": Var(("face",), face_centres()[:, 0], EAST), "face_lat": Var(("face",), face_centres()[:, 1], NORTH)}
    return spec


def mpas() -> Spec:
    lon, lat = np.radians(face_centres()).T
    return Spec({
        "lonCell": Var(("nCells",), lon), "latCell": Var(("nCells",), lat),
        "lonVertex": Var(("nVertices",), np.radians(NODE_LON_DEG)), "latVertex": Var(("nVertices",), np.radians(NODE_LAT_DEG)),
        "verticesOnCell": Var(("nCells", "maxEdges"), padded_faces(1, 0)),
        "nEdgesOnCell": Var(("nCells",), np.array([len(f) for f in FACES], "i4")),
        "indexToCellID": Var(("nCells",), np.arange(1, 5, dtype="i4")),
    }, {"on_a_sphere": "YES", "sphere_radius": 1.0})


def scrip(lon=None, lat=None, shape=None, units: str = "degrees") -> Spec:
    """Corners (n, n_vertex) in degrees; by default the sheared quadrilaterals."""
    if lon is None:
        lon, lat = (quad_corners(x) for x in sheared_nodes())
        shape = lon.shape[:2]
        lon, lat = lon.reshape(-1, 4), lat.reshape(-1, 4)
    factor = 1.0 if units == "degrees" else np.pi / 180.0
    attrs = {"units": units}
    return Spec({
        "grid_dims": Var(("grid_rank",), np.array(shape[::-1], "i4")),
        "grid_imask": Var(("grid_size",), np.ones(len(lon), "i4"), {"units": "unitless"}),
        "grid_center_lat": Var(("grid_size",), factor * lat.mean(-1), attrs), "grid_center_lon": Var(("grid_size",), factor * lon.mean(-1), attrs),
        "grid_corner_lat": Var(("grid_size", "grid_corners"), factor * lat, attrs),
        "grid_corner_lon": Var(("grid_size", "grid_corners"), factor * lon, attrs),
    })


def scrip_boxes(units: str = "degrees", turn_deg: float = 0.0) -> Spec:
    """Boxes of 2 x 1 degrees, 4 columns and 3 rows from (10 E + turn, 40 N), longitudes in 0 .. 360."""
    west, south = np.meshgrid(10.0 + turn_deg + 2.0 * np.arange(4), 40.0 + np.arange(3.0))
    lon = np.stack([west, west + 2, west + 2, west], axis=-1).reshape(-1, 4)
    lat = np.stack([south, south, south + 1, south + 1], axis=-1).reshape(-1, 4)
    spec = scrip(lon, lat, (3, 4), units)
    full = 360.0 if units == "degrees" else 2 * np.pi
    for name in ("grid_center_lon", "grid_corner_lon"):
        spec.variables[name].values %= full
    return spec


def wrf(corners: bool = True) -> Spec:
    lon_node, lat_node = sheared_nodes(3, 3)
    lon, lat = quad_corners(lon_node).mean(-1), quad_corners(lat_node).mean(-1)
    names, stag = ("XLONG_M", "XLAT_M") if corners else ("XLONG", "XLAT"), ("south_north_stag", "west_east_stag")
    plane = ("Time", "south_north", "west_east")
    spec = Spec({
        names[0]: Var(plane, lon[None].astype("f4"), {"units": "degrees longitude"}),
        names[1]: Var(plane, lat[None].astype("f4"), {"units": "degrees latitude"}),
        "LANDMASK": Var(plane, np.eye(3, dtype="f4")[None]),
    })
    if corners:
        spec.variables |= {"XLONG_C": Var(("Time", *stag), lon_node[None].astype("f4"), {"units": "degrees longitude"}),
                           "XLAT_C": Var(("Time", *stag), lat_node[None].astype("f4"), {"units": "degrees latitude"})}
    return spec


SOUND = {"cf_boxes": cf_boxes, "cf_curvilinear": cf_curvilinear, "cf_cells": cf_cells, "icon": icon, "icon_connected": lambda: icon(True),
         "esmf_mesh": esmf_mesh, "ugrid": ugrid, "mpas": mpas, "scrip": scrip, "scrip_boxes": scrip_boxes, "wrf": wrf}
