"""Points, areas and edge conventions on the unit sphere. Knows no grid and no file.

Three edge conventions, always named: `greatcircle`, the shortest way between two corners (ESMF's only one for conservative
methods); `latlon`, straight in longitude and latitude, so that a box of meridians and parallels is exact; `planar`,
straight in longitude and sin(latitude), the equal-area cylindrical plane, where an area on the sphere is an area in the plane.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.errors import GridError

EARTH_RADIUS_M = 6371229.0
MAX_LON_DEG = 720.0
EDGES = ("latlon", "greatcircle", "planar")
"""The position of a convention is its number in the kernel."""


def edge_code(edges: str) -> int:
    """The kernel's number of an edge convention; GridError for any other word."""
    if edges not in EDGES:
        raise GridError(f"Cell edges must be 'latlon', 'greatcircle' or 'planar', got '{edges}'.")
    return EDGES.index(edges)


def unit_vector(lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
    """Points on the unit sphere, (..., 3)."""
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def lon_lat_deg(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude in (-180, 180] and latitude of vectors (..., 3) of any length above 0."""
    x, y, z = np.moveaxis(np.asarray(vector, float), -1, 0)
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))


def check_degrees(lon_deg: np.ndarray, lat_deg: np.ndarray) -> None:
    """Raise GridError for the first corner (n_polygon, n_vertex) that is not in degrees."""
    sound = are_degrees(lon_deg, lat_deg)
    if not sound.all():
        k, v = np.argwhere(~sound)[0]
        raise GridError(f"Corner {v} of polygon {k} is at (lon, lat) = ({lon_deg[k, v]}, {lat_deg[k, v]}) degrees.")


def are_degrees(lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
    """Where both angles are finite and can be meant as degrees."""
    return (np.abs(lon_deg) <= MAX_LON_DEG) & (np.abs(lat_deg) <= 90.0)


def polygon_area_sr(vertex_lon_deg: np.ndarray, vertex_lat_deg: np.ndarray, edges: str = "greatcircle") -> np.ndarray:
    """Signed areas (n_polygon,), positive for counter-clockwise corners (n_polygon, n_vertex); repeats are ignored."""
    code = edge_code(edges)
    lon, lat = (np.ascontiguousarray(x, np.float64) for x in (vertex_lon_deg, vertex_lat_deg))
    n_vertex = lon.shape[1] if lon.ndim == 2 else 0
    if lon.shape != lat.shape or n_vertex == 0:
        raise GridError(f"Corner arrays have shapes {lon.shape} and {lat.shape}; both must be (n_polygon, n_vertex).")
    check_degrees(lon, lat)
    return np.frombuffer(_kernel.polygon_areas(lon, lat, n_vertex, code), np.float64)
