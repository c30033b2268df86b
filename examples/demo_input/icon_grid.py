"""Triangles of an ICON-style grid over a region. Knows vertices and ids, no data and no land use.

Grid R03B07 (20 km edges, the mesh of a 13 km global model): `icon-grid-generator` makes R03B03 for the whole
globe, and the last four bisections are made only over the region. Each child id follows from its parent's, so ids
are those of the whole grid: unique, and scattered over a region.
"""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np

from .region import Region

ROOT_GRID = "R3B3"
LEVEL_BISECTIONS = 4


def triangles_over(region: Region) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Global ids, and vertices (lon, lat) in degrees, each (n_cell, 3), of the cells wholly inside the region."""
    from grid_generator import generate_grid

    grid = generate_grid(ROOT_GRID)
    corners = np.asarray(grid.vertices)[np.asarray(grid.cells)]
    ids = np.arange(len(corners), dtype=np.int64)
    centre = _unit(_xyz(np.array([(region.west_deg + region.east_deg) / 2]), np.array([(region.south_deg + region.north_deg) / 2])))
    reach_rad = np.radians(np.hypot(region.east_deg - region.west_deg, region.north_deg - region.south_deg) / 2)
    for _ in range(LEVEL_BISECTIONS):
        near = _touches_cap(corners, centre, reach_rad)
        ids, corners = bisect(ids[near], corners[near])
    lon_deg, lat_deg = _lon_lat_deg(corners)
    keep = inside(region, lon_deg, lat_deg)
    return ids[keep], lon_deg[keep], lat_deg[keep]


def read_icon_grid(path: Path, region: Region) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same from an ICON grid file (clon_vertices, clat_vertices in radians); ids are positions in the file."""
    with netCDF4.Dataset(path) as data:
        missing = {"clon_vertices", "clat_vertices"} - set(data.variables)
        if missing:
            raise ValueError(f"{path} is no ICON grid file: {', '.join(sorted(missing))} missing")
        lon_deg = np.degrees(np.asarray(data["clon_vertices"][:], float))
        lat_deg = np.degrees(np.asarray(data["clat_vertices"][:], float))
    lon_deg = (lon_deg + 180) % 360 - 180
    keep = inside(region, lon_deg, lat_deg)
    return np.flatnonzero(keep).astype(np.int64), lon_deg[keep], lat_deg[keep]


def bisect(ids: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Four triangles from each: (4 n) ids and (4 n, 3, 3) unit vectors; child k of triangle i has id 4 i + k, the middle one is 0."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, bc, ca = _unit(a + b), _unit(b + c), _unit(c + a)
    children = np.stack([np.stack(t, axis=1) for t in ((ab, bc, ca), (a, ab, ca), (ab, b, bc), (ca, bc, c))], axis=1)
    return (4 * ids[:, None] + np.arange(4)).ravel(), children.reshape(-1, 3, 3)


def inside(region: Region, lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
    """Cells with every vertex in the region and, as sides bulge poleward, the middles of their sides too."""
    x = _xyz(lon_deg, lat_deg)
    middle_lon, middle_lat = _lon_lat_deg(_unit(x + np.roll(x, -1, axis=1)))
    lon = np.concatenate([lon_deg, middle_lon], axis=1)
    lat = np.concatenate([lat_deg, middle_lat], axis=1)
    within = (lon >= region.west_deg) & (lon <= region.east_deg) & (lat >= region.south_deg) & (lat <= region.north_deg)
    return within.all(axis=1)


def centres_deg(lon_deg: np.ndarray, lat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroid of each cell's vertices on the sphere."""
    return _lon_lat_deg(_unit(_xyz(lon_deg, lat_deg).sum(axis=1)))


def _touches_cap(corners: np.ndarray, centre: np.ndarray, reach_rad: float) -> np.ndarray:
    middle = _unit(corners.sum(axis=1))
    radius_rad = np.arccos(np.clip((corners * middle[:, None]).sum(axis=2).min(axis=1), -1, 1))
    distance_rad = np.arccos(np.clip(middle @ centre[0], -1, 1))
    return distance_rad <= reach_rad + radius_rad


def _unit(xyz: np.ndarray) -> np.ndarray:
    return xyz / np.linalg.norm(xyz, axis=-1, keepdims=True)


def _xyz(lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _lon_lat_deg(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.degrees(np.arctan2(xyz[..., 1], xyz[..., 0])), np.degrees(np.arctan2(xyz[..., 2], np.hypot(xyz[..., 0], xyz[..., 1])))
