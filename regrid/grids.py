"""Global longitude-latitude lattices and the host's own cells. Knows no ranks, no files and no land use.

Rows run from the south pole to the north, columns eastwards from -180 degrees; a cell's global id is row * n_lon + col.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.errors import GridError

if TYPE_CHECKING:
    from lsbc.regrid.comm import Comm

EARTH_RADIUS_M = 6371229.0
MAX_LON_DEG = 720.0
LAT_SLACK_DEG = 1e-9
"""A host that keeps radians may overshoot the pole by this much in degrees; it is cut back to 90."""
CENTRE_REACH = 1.5
"""A centre may lie this many corner distances from the middle of its corners."""
SLIVER = 1e-10
"""Area of a cell over its squared radius, below which its corners lie on one line."""
RADIAN_CELL_DEG = 0.1
"""Cells of a grid given in radians look smaller than this; 0.1 rad would be a cell of 640 km."""


@dataclass(frozen=True)
class Lattice:
    """Regular cells over the whole globe.

    >>> Lattice(720, 1440).row_col(1441)
    (1, 1)
    """

    n_lat: int
    n_lon: int

    def __post_init__(self) -> None:
        if self.n_lat < 1 or self.n_lon < 1:
            raise GridError(f"A lattice needs one cell or more each way, got {self.n_lat} x {self.n_lon}.")

    @property
    def spacing_deg(self) -> float:
        return 180.0 / self.n_lat

    @property
    def n_cell(self) -> int:
        return self.n_lat * self.n_lon

    def cell_id(self, row, col):
        """Global id, int64 for arrays; `col` may run past either edge of the map."""
        if np.isscalar(row) and np.isscalar(col):
            return int(row) * self.n_lon + int(col) % self.n_lon
        return np.asarray(row, np.int64) * self.n_lon + np.asarray(col, np.int64) % self.n_lon

    def row_col(self, cell_id):
        """(row, column) of global ids."""
        return divmod(int(cell_id), self.n_lon) if np.isscalar(cell_id) else divmod(np.asarray(cell_id, np.int64), self.n_lon)

    def lon_edge_deg(self, col):
        """Western edge of a column; the same double for the same meridian in every lattice, exact at multiples of spacing."""
        return (2 * np.asarray(col, np.int64) - self.n_lon) * 180 / self.n_lon

    def lat_edge_deg(self, row):
        """Southern edge of a row."""
        return (2 * np.asarray(row, np.int64) - self.n_lat) * 90 / self.n_lat

    def lon_centre_deg(self, col):
        return (2 * np.asarray(col, np.int64) + 1 - self.n_lon) * 180 / self.n_lon

    def lat_centre_deg(self, row):
        return (2 * np.asarray(row, np.int64) + 1 - self.n_lat) * 90 / self.n_lat

    def cell_area_sr(self, row):
        """dlon (sin north - sin south), as 2 dlon sin(colatitude) sin(dlat / 2) so that small cells keep all digits."""
        half_row = 2 * np.asarray(row, np.int64) + 1
        colat = np.minimum(half_row, 2 * self.n_lat - half_row) * (np.pi / (2 * self.n_lat))
        return (4 * np.pi / self.n_lon) * np.sin(colat) * np.sin(np.pi / (2 * self.n_lat))

    def refine(self, k: int) -> Lattice:
        """The lattice with k x k cells in each of these."""
        if k < 1:
            raise GridError(f"A lattice is refined by 1 or more, got {k}.")
        return Lattice(self.n_lat * k, self.n_lon * k)


@dataclass(frozen=True)
class HostCells:
    """This rank's cells of the host grid, checked; corners are kept counter-clockwise. There may be none.

    global_id int64 (n,), lon_deg and lat_deg (n,), vertex_lon_deg and vertex_lat_deg (n, n_vertex), owned bool (n,);
    edges as in `overlap_polygons`.
    Raises GridError naming the global id and the place of the first cell that breaks a rule.
    """

    global_id: np.ndarray
    lon_deg: np.ndarray
    lat_deg: np.ndarray
    vertex_lon_deg: np.ndarray
    vertex_lat_deg: np.ndarray
    owned: np.ndarray
    edges: str = "greatcircle"

    def __post_init__(self) -> None:
        for name, dtype in (("global_id", np.int64), ("lon_deg", float), ("lat_deg", float), ("vertex_lon_deg", float),
                            ("vertex_lat_deg", float), ("owned", bool)):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype, order="C"))
        self._check_sizes()
        if self.n_cell == 0:
            return
        self._check_values()
        self._check_ids()
        self._check_centres(self._turn_counter_clockwise())
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.setflags(write=False)

    @property
    def n_cell(self) -> int:
        return len(self.global_id)

    def refuse_radians(self, comm: Comm) -> None:
        """Raise on all ranks when degrees look like radians. Collective, as one rank may well own a patch near 0, 0.

        The whole grid would have to lie within 2 pi of 0 E and pi / 2 of the equator, an open ocean, in tiny cells.
        """
        seen = small = 0
        if self.n_cell:
            reach = max(np.abs(self.lon_deg).max() / (2 * np.pi), np.abs(self.lat_deg).max() / (np.pi / 2))
            size_deg = max(np.ptp(self.vertex_lon_deg, axis=1).min(), np.ptp(self.vertex_lat_deg, axis=1).max())
            seen, small = 1, int(reach <= 1.0 and size_deg < RADIAN_CELL_DEG)
        anything = comm.allreduce_max(seen)
        if anything and not comm.allreduce_max(seen - small):
            raise GridError("All host cells lie within 6.3 degrees E/W and 1.6 degrees N/S of 0, 0 and are smaller than "
                            f"{RADIAN_CELL_DEG} degrees: the coordinates are in radians, degrees are expected.")

    def _check_sizes(self) -> None:
        n = len(self.global_id) if self.global_id.ndim == 1 else -1
        shape = self.vertex_lon_deg.shape
        for name in ("global_id", "lon_deg", "lat_deg", "owned"):
            if getattr(self, name).shape != (n,):
                raise GridError(f"Grid array '{name}' has shape {getattr(self, name).shape}; global_id has {n} cells.")
        if len(shape) != 2 or shape[0] != n or self.vertex_lat_deg.shape != shape or (n and shape[1] < 3):
            raise GridError(f"Corner arrays have shapes {shape} and {self.vertex_lat_deg.shape}; "
                            f"expected ({n}, n_vertex) with 3 or more corners.")

    def _refuse(self, bad: np.ndarray, rule: str) -> None:
        """Raise for the first cell marked in `bad` (n,) or (n, n_vertex)."""
        if not bad.any():
            return
        cell = int(np.flatnonzero(bad.reshape(self.n_cell, -1).any(axis=1))[0])
        corners = ", ".join(f"({x:.6g}, {y:.6g})" for x, y in zip(self.vertex_lon_deg[cell], self.vertex_lat_deg[cell]))
        raise GridError(f"Host cell {self.global_id[cell]}, centre (lon, lat) = ({self.lon_deg[cell]:.6g}, "
                        f"{self.lat_deg[cell]:.6g}), corners {corners}: {rule}")

    def _check_values(self) -> None:
        for lon, lat, what in ((self.lon_deg, self.lat_deg, "centre"), (self.vertex_lon_deg, self.vertex_lat_deg, "corner")):
            self._refuse(~(np.isfinite(lon) & np.isfinite(lat)), f"the {what} is not finite.")
            self._refuse(np.abs(lat) > 90.0 + LAT_SLACK_DEG, f"the {what}'s latitude is beyond 90 degrees.")
            self._refuse(np.abs(lon) > MAX_LON_DEG, f"the {what}'s longitude is beyond {MAX_LON_DEG:.0f} degrees.")
            np.clip(lat, -90.0, 90.0, out=lat)

    def _check_ids(self) -> None:
        order = np.argsort(self.global_id, kind="stable")
        twice = np.zeros(self.n_cell, bool)
        twice[order[1:]] = np.diff(self.global_id[order]) == 0
        self._refuse(twice, "the global id is used by more than one cell of this rank.")
        self._refuse(self.global_id < 0, "global ids must not be negative.")

    def _turn_counter_clockwise(self) -> np.ndarray:
        """Reverse clockwise corners; returns the areas in sr."""
        area_sr = polygon_area_sr(self.vertex_lon_deg, self.vertex_lat_deg, self.edges)
        clockwise = area_sr < 0.0
        for corners in (self.vertex_lon_deg, self.vertex_lat_deg):
            corners[clockwise] = corners[clockwise, ::-1]
        return np.abs(area_sr)

    def _check_centres(self, area_sr: np.ndarray) -> None:
        corner, centre = unit_vector(self.vertex_lon_deg, self.vertex_lat_deg), unit_vector(self.lon_deg, self.lat_deg)
        middle = corner.mean(axis=1)
        middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-300)
        radius = np.linalg.norm(corner - middle[:, None, :], axis=2).max(axis=1)
        self._refuse(area_sr <= SLIVER * radius**2, "the corners enclose no area.")
        off = np.linalg.norm(centre - middle, axis=1)
        self._refuse(off > CENTRE_REACH * radius + 1e-9, f"the centre lies {off.max() / radius[off.argmax()]:.3g} times as far "
                     "from its corners' middle as they do at worst; are longitude and latitude swapped?")


def unit_vector(lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
    """Points on the unit sphere, (..., 3)."""
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def polygon_area_sr(vertex_lon_deg: np.ndarray, vertex_lat_deg: np.ndarray, edges: str = "greatcircle") -> np.ndarray:
    """Signed areas (n_polygon,), positive for counter-clockwise corners; corners as in `overlap_polygons`."""
    great_circle = edge_convention(edges)
    lon, lat = (np.ascontiguousarray(x, np.float64) for x in (vertex_lon_deg, vertex_lat_deg))
    n_vertex = lon.shape[1] if lon.ndim == 2 else 0
    if lon.shape != lat.shape or n_vertex == 0:
        raise GridError(f"Corner arrays have shapes {lon.shape} and {lat.shape}; both must be (n_polygon, n_vertex).")
    return np.frombuffer(_kernel.polygon_areas(lon, lat, n_vertex, great_circle), np.float64)


def edge_convention(edges: str) -> bool:
    """True for great circles, False for edges straight in longitude and latitude."""
    if edges not in ("greatcircle", "latlon"):
        raise GridError(f"Polygon edges must be 'greatcircle' or 'latlon', got '{edges}'.")
    return edges == "greatcircle"
