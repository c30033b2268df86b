"""Refuses cells that are no cells: corners that are missing, out of range, crossing or in radians. Knows arrays only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lsbc.regrid.errors import GridError
from lsbc.regrid.sphere import MAX_LON_DEG, polygon_area_sr, unit_vector

LAT_SLACK_DEG = 1e-9
"""A host that keeps radians may overshoot the pole by this much in degrees; it is cut back to 90."""
CENTRE_REACH = 1.5
"""A centre may lie this many corner distances from the middle of its corners."""
SLIVER = 1e-10
"""Area of a cell over its squared radius, below which its corners lie on one line."""
RADIAN_CELL_DEG = 0.1
"""Cells of a grid given in radians look smaller than this; 0.1 rad would be a cell of 640 km."""
CROSSING = 1e-9
"""Two edges cross when each runs past the other by more than this share of the cell's size squared."""
FLAT_RADIUS = 0.5
"""Cells wider than this (radii of the sphere) are too curved to be judged in a plane."""


@dataclass(frozen=True)
class Cells:
    """What is to be judged: ids and centres (n,), corners (n, n_vertex), all in degrees; `live` (n,) cells take part.

    Corners and centres of cells that are not live are only bounded where they are finite.
    """

    what: str
    global_id: np.ndarray
    lon_deg: np.ndarray
    lat_deg: np.ndarray
    vertex_lon_deg: np.ndarray
    vertex_lat_deg: np.ndarray
    live: np.ndarray
    edges: str

    @property
    def n_cell(self) -> int:
        return len(self.global_id)

    def refuse(self, bad: np.ndarray, rule: str | Callable[[int], str]) -> None:
        """Raise GridError for the first live cell marked in `bad` (n,) or (n, n_vertex)."""
        marked = bad.reshape(self.n_cell, -1).any(axis=1) & self.live
        if not marked.any():
            return
        cell = int(np.flatnonzero(marked)[0])
        corners = ", ".join(f"({x:.6g}, {y:.6g})" for x, y in zip(self.vertex_lon_deg[cell], self.vertex_lat_deg[cell]))
        raise GridError(f"{self.what} {self.global_id[cell]}, centre (lon, lat) = ({self.lon_deg[cell]:.6g}, "
                        f"{self.lat_deg[cell]:.6g}), corners {corners}: {rule if isinstance(rule, str) else rule(cell)}")


def check_values(cells: Cells) -> None:
    """Finite, in degrees; latitudes that overshoot by rounding are cut back in place."""
    for lon, lat, what in ((cells.lon_deg, cells.lat_deg, "centre"), (cells.vertex_lon_deg, cells.vertex_lat_deg, "corner")):
        cells.refuse(~(np.isfinite(lon) & np.isfinite(lat)), f"the {what} is not finite.")
        cells.refuse(np.abs(lat) > 90.0 + LAT_SLACK_DEG, f"the {what}'s latitude is beyond 90 degrees.")
        cells.refuse(np.abs(lon) > MAX_LON_DEG, f"the {what}'s longitude is beyond {MAX_LON_DEG:.0f} degrees.")
        np.clip(lat, -90.0, 90.0, out=lat)


def check_ids(cells: Cells) -> None:
    """Global ids are positive or 0 and used once."""
    order = np.argsort(cells.global_id, kind="stable")
    twice = np.zeros(cells.n_cell, bool)
    twice[order[1:]] = np.diff(cells.global_id[order]) == 0
    cells.refuse(twice, "the global id is used by more than one cell of this rank.")
    cells.refuse(cells.global_id < 0, "global ids must not be negative.")


def turn_counter_clockwise(cells: Cells) -> np.ndarray:
    """Reverse the corners of clockwise cells in place; returns the areas in sr, 0 for cells that are not live."""
    area_sr = np.zeros(cells.n_cell)
    area_sr[cells.live] = polygon_area_sr(cells.vertex_lon_deg[cells.live], cells.vertex_lat_deg[cells.live], cells.edges)
    clockwise = area_sr < 0.0
    for corners in (cells.vertex_lon_deg, cells.vertex_lat_deg):
        corners[clockwise] = corners[clockwise, ::-1]
    return np.abs(area_sr)


def check_shapes(cells: Cells, area_sr: np.ndarray) -> None:
    """Every live cell has an area, edges that do not cross, and a centre near its corners."""
    with np.errstate(invalid="ignore"):
        corner, centre = unit_vector(cells.vertex_lon_deg, cells.vertex_lat_deg), unit_vector(cells.lon_deg, cells.lat_deg)
        middle = corner.mean(axis=1)
        middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-300)
        radius = np.linalg.norm(corner - middle[:, None, :], axis=2).max(axis=1)
        cells.refuse(area_sr <= SLIVER * radius**2, "the corners enclose no area.")
        cells.refuse(_crossing(corner, middle, radius), "its edges cross; the corners must follow each other round the cell.")
        off = np.linalg.norm(centre - middle, axis=1)
        cells.refuse(off > CENTRE_REACH * radius + 1e-9, lambda k: f"the centre lies {off[k] / radius[k]:.3g} times as far "
                     "from its corners' middle as they do at worst; are longitude and latitude swapped?")


def _crossing(corner: np.ndarray, middle: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Cells (n,) two of whose edges cross, seen in the plane that touches the sphere at the cell's middle."""
    n_vertex = corner.shape[1]
    if n_vertex < 4:
        return np.zeros(len(corner), bool)
    east = np.stack([-middle[:, 1], middle[:, 0], np.zeros(len(middle))], axis=1)
    length = np.linalg.norm(east, axis=1, keepdims=True)
    east = np.where(length > 1e-8, east / np.maximum(length, 1e-300), [1.0, 0.0, 0.0])
    north = np.cross(middle, east)
    with np.errstate(divide="ignore", over="ignore"):
        depth = np.einsum("nvk,nk->nv", corner, middle)
        x, y = (np.einsum("nvk,nk->nv", corner, axis) / depth for axis in (east, north))
        least = CROSSING * radius**2
        found = np.zeros(len(corner), bool)

        def side(a: int, b: int, c: int) -> np.ndarray:
            return (x[:, b] - x[:, a]) * (y[:, c] - y[:, a]) - (y[:, b] - y[:, a]) * (x[:, c] - x[:, a])

        def apart(p: np.ndarray, q: np.ndarray) -> np.ndarray:
            return ((p > least) & (q < -least)) | ((p < -least) & (q > least))

        for i in range(n_vertex):
            for j in range(i + 2, n_vertex - (i == 0)):
                k, m = i + 1, (j + 1) % n_vertex
                found |= apart(side(i, k, j), side(i, k, m)) & apart(side(j, m, i), side(j, m, k))
    return found & (radius < FLAT_RADIUS)


def looks_like_radians(lon_deg: np.ndarray, lat_deg: np.ndarray, vertex_lon_deg: np.ndarray, vertex_lat_deg: np.ndarray) -> bool:
    """All cells within 2 pi of 0 E and pi / 2 of the equator, an open ocean, and tiny: degrees were meant."""
    if len(lon_deg) == 0:
        return False
    reach = max(np.nanmax(np.abs(lon_deg)) / (2 * np.pi), np.nanmax(np.abs(lat_deg)) / (np.pi / 2))
    size_deg = max(np.nanmin(np.ptp(vertex_lon_deg, axis=1)), np.nanmax(np.ptp(vertex_lat_deg, axis=1)))
    return bool(reach <= 1.0 and size_deg < RADIAN_CELL_DEG)


RADIANS = ("cells lie within 6.3 degrees E/W and 1.6 degrees N/S of 0, 0 and are smaller than "
           f"{RADIAN_CELL_DEG} degrees: the coordinates are in radians, degrees are expected.")
