"""Grids: cells on the sphere with centres, corners, areas, mask and ids. Knows no fields, no files and no ranks.

Cells are numbered in the order of the arrays, the last axis of `shape` running fastest, as in the file they come from.
"""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from lsbc.regrid import cell_checks
from lsbc.regrid.cell_checks import Cells
from lsbc.regrid.errors import GridError
from lsbc.regrid.grid_arrays import axis, cell_corners, centres, corners, flat, one_direction
from lsbc.regrid.sphere import MAX_LON_DEG, are_degrees, edge_code, polygon_area_sr

GLOBE_SLACK_DEG = 1e-9
"""Longitude edges that span 360 degrees to this close go round the globe."""


class Grid:
    """What every grid can say. Arrays are read-only; angles in degrees, areas on the unit sphere.

    shape (n_j, n_i) or (n,); lon_deg, lat_deg (n,) centres; vertex_lon_deg, vertex_lat_deg (n, n_vertex), counter-clockwise,
    cells with fewer corners repeat their last one, or None for a grid of points; mask bool (n,), True takes part;
    global_id int64 (n,), unique; edges "latlon", "greatcircle" or "planar".
    """

    shape: tuple[int, ...]
    lon_deg: np.ndarray
    lat_deg: np.ndarray
    vertex_lon_deg: np.ndarray | None
    vertex_lat_deg: np.ndarray | None
    mask: np.ndarray
    global_id: np.ndarray
    edges: str
    name: str

    @property
    def n_cell(self) -> int:
        return int(np.prod(self.shape))

    @property
    def has_corners(self) -> bool:
        return self.vertex_lon_deg is not None

    @cached_property
    def area_sr(self) -> np.ndarray:
        """Areas (n,) by this grid's edge convention; 0 for masked cells that are no cells. GridError without corners."""
        self.need_corners("areas")
        return np.abs(polygon_area_sr(self.vertex_lon_deg, self.vertex_lat_deg, self.edges))

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of shape, centres, corners and global ids: the same for the same places in the same order, whatever the mask,
        the edges between the corners, and the name."""
        digest = hashlib.sha256(f"{type(self).__name__} {self.shape}".encode())
        for array in self._identity():
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def need_corners(self, purpose: str) -> None:
        """Raise GridError where there are only centres."""
        if not self.has_corners:
            raise GridError(f"Grid '{self.name}' has cell centres only; {purpose} need its corners: add bounds to the file, or take bilinear or nearest weights.")

    def with_edges(self, edges: str) -> Grid:
        """The same corners, joined by another convention. Raises GridError for an unknown one."""
        if edges == self.edges:
            return self
        return self._replace(edges=edges)

    def with_mask(self, mask: np.ndarray) -> Grid:
        """The same cells, of which only those in `mask` (n,) take part."""
        return self._replace(mask=mask)

    def _identity(self) -> tuple:
        """What tells the places: masked cells keep the direction in which their corners were given, so that it cannot count."""
        vertices = one_direction(self.vertex_lon_deg, self.vertex_lat_deg) if self.has_corners else (None, None)
        return (self.lon_deg, self.lat_deg, *vertices, self.global_id)

    def _replace(self, **changes) -> Grid:
        raise NotImplementedError

    def _common(self) -> dict:
        return {"mask": self.mask, "global_id": self.global_id, "edges": self.edges, "name": self.name}


class PolygonGrid(Grid):
    """Unstructured cells, or points. Everything is checked here: GridError names the cell and its place.

    Masked cells may be degenerate or hold NaN; corners may be given either way round. `is_part` says that these are some
    cells of a larger grid: a small patch at 0 N, 0 E is then not taken for a grid in radians.
    """

    _what = "Cell"

    def __init__(self, lon_deg, lat_deg, vertex_lon_deg=None, vertex_lat_deg=None, *, mask=None, global_id=None,
                 edges: str = "greatcircle", name: str = "grid", is_part: bool = False) -> None:
        self.lon_deg, self.lat_deg = (np.array(x, np.float64, order="C").ravel() for x in (lon_deg, lat_deg))
        self.shape = self._shape_of(lon_deg)
        edge_code(edges)
        self.edges, self.name = edges, name
        n = len(self.lon_deg)
        if n == 0:
            raise GridError(f"Grid '{name}' has no cells.")
        self.mask = flat(mask, n, bool, True, "mask", name)
        self.global_id = np.arange(n, dtype=np.int64) if global_id is None else flat(global_id, n, np.int64, 0, "global_id", name)
        self.vertex_lon_deg = self.vertex_lat_deg = None
        if vertex_lon_deg is not None:
            self.vertex_lon_deg, self.vertex_lat_deg = (corners(x, n, name) for x in (vertex_lon_deg, vertex_lat_deg))
        self._check(is_part)
        for array in (self.lon_deg, self.lat_deg, self.vertex_lon_deg, self.vertex_lat_deg, self.mask, self.global_id):
            if array is not None:
                array.setflags(write=False)

    @staticmethod
    def _shape_of(lon_deg) -> tuple[int, ...]:
        return (int(np.size(lon_deg)),)

    def _check(self, is_part: bool) -> None:
        if len(self.lat_deg) != self.n_cell:
            raise GridError(f"Grid '{self.name}' has {self.n_cell} longitudes and {len(self.lat_deg)} latitudes.")
        points = not self.has_corners
        lon, lat = (self.lon_deg[:, None], self.lat_deg[:, None]) if points else (self.vertex_lon_deg, self.vertex_lat_deg)
        if lon.shape != lat.shape:
            raise GridError(f"Grid '{self.name}' has corner longitudes {lon.shape} and latitudes {lat.shape}.")
        cells = Cells(f"Grid '{self.name}', cell", self.global_id, self.lon_deg, self.lat_deg, lon, lat, self.mask, self.edges)
        cell_checks.check_values(cells)
        cell_checks.check_ids(cells)
        if points:
            return
        live = self.mask
        if not is_part and cell_checks.looks_like_radians(self.lon_deg[live], self.lat_deg[live], lon[live], lat[live]):
            raise GridError(f"Grid '{self.name}': all {cell_checks.RADIANS}")
        cell_checks.check_shapes(cells, cell_checks.turn_counter_clockwise(cells))

    @cached_property
    def area_sr(self) -> np.ndarray:
        self.need_corners("areas")
        area = np.zeros(self.n_cell)
        sound = are_degrees(self.vertex_lon_deg, self.vertex_lat_deg).all(axis=1)
        area[sound] = np.abs(polygon_area_sr(self.vertex_lon_deg[sound], self.vertex_lat_deg[sound], self.edges))
        return area

    def take(self, cells: np.ndarray) -> PolygonGrid:
        """Some of the cells, by position, in the order given; they keep their global ids."""
        vertices = (self.vertex_lon_deg[cells], self.vertex_lat_deg[cells]) if self.has_corners else ()
        return PolygonGrid(self.lon_deg[cells], self.lat_deg[cells], *vertices, mask=self.mask[cells],
                           global_id=self.global_id[cells], edges=self.edges, name=self.name, is_part=True)

    def _replace(self, **changes) -> PolygonGrid:
        return type(self)(self.lon_deg.reshape(self.shape), self.lat_deg.reshape(self.shape), self.vertex_lon_deg,
                          self.vertex_lat_deg, **{**self._common(), **changes})


class CurvilinearGrid(PolygonGrid):
    """A logically rectangular grid: centres (n_j, n_i), corners (n_j, n_i, 4) or (n_j + 1, n_i + 1), or no corners.

    `wraps` says of a grid without corners that its first column follows its last one; corners show it themselves.
    """

    def __init__(self, lon_deg, lat_deg, vertex_lon_deg=None, vertex_lat_deg=None, *, wraps: bool = False, **options) -> None:
        self.wraps = wraps
        if np.ndim(lon_deg) != 2 or np.shape(lon_deg) != np.shape(lat_deg):
            raise GridError(f"A curvilinear grid needs centres (n_j, n_i), got {np.shape(lon_deg)} and {np.shape(lat_deg)}.")
        if vertex_lon_deg is not None and np.ndim(vertex_lon_deg) == 2 and np.shape(vertex_lon_deg) == tuple(n + 1 for n in np.shape(lon_deg)):
            vertex_lon_deg, vertex_lat_deg = (cell_corners(x) for x in (vertex_lon_deg, vertex_lat_deg))
        super().__init__(lon_deg, lat_deg, vertex_lon_deg, vertex_lat_deg, **options)

    @staticmethod
    def _shape_of(lon_deg) -> tuple[int, ...]:
        return tuple(int(n) for n in np.shape(lon_deg))

    def _common(self) -> dict:
        return {**super()._common(), "wraps": self.wraps}


class RectilinearGrid(Grid):
    """Boxes between meridians and parallels; shape (n_lat, n_lon), latitudes and longitudes in either direction.

    lon_edge_deg (n_lon + 1,) and lat_edge_deg (n_lat + 1,) are monotone; lon_centre_deg and lat_centre_deg default to the
    middles. Nothing is assumed to be periodic: the grid goes round the globe when its edges span 360 degrees.
    """

    def __init__(self, lon_edge_deg, lat_edge_deg, lon_centre_deg=None, lat_centre_deg=None, *, mask=None, global_id=None,
                 edges: str = "latlon", name: str = "grid") -> None:
        edge_code(edges)
        self.edges, self.name = edges, name
        self.lon_edge_deg = axis(lon_edge_deg, "longitude", MAX_LON_DEG, name)
        self.lat_edge_deg = axis(lat_edge_deg, "latitude", 90.0, name)
        if abs(self.lon_edge_deg[-1] - self.lon_edge_deg[0]) > 360.0 + GLOBE_SLACK_DEG:
            raise GridError(f"Grid '{name}': longitude edges from {self.lon_edge_deg[0]} to {self.lon_edge_deg[-1]} degrees "
                            "cover part of the globe twice.")
        self.lon_centre_deg = centres(self.lon_edge_deg, lon_centre_deg, "longitude", name)
        self.lat_centre_deg = centres(self.lat_edge_deg, lat_centre_deg, "latitude", name)
        self.shape = (len(self.lat_centre_deg), len(self.lon_centre_deg))
        self.mask = flat(mask, self.n_cell, bool, True, "mask", name)
        self.global_id = np.arange(self.n_cell, dtype=np.int64) if global_id is None else flat(
            global_id, self.n_cell, np.int64, 0, "global_id", name)
        rises = global_id is None or (self.global_id[0] >= 0 and (np.diff(self.global_id) > 0).all())
        if not rises and (self.global_id.min() < 0 or len(np.unique(self.global_id)) != self.n_cell):
            raise GridError(f"Grid '{name}': global ids must be unique and not negative.")
        for array in (self.lon_edge_deg, self.lat_edge_deg, self.lon_centre_deg, self.lat_centre_deg, self.mask, self.global_id):
            array.setflags(write=False)

    @classmethod
    def regular(cls, lon0_deg: float, lon1_deg: float, n_lon: int, lat0_deg: float, lat1_deg: float, n_lat: int, **options) -> RectilinearGrid:
        """Equal boxes from one edge to the other.

        >>> RectilinearGrid.regular(-180, 180, 1440, -90, 90, 720).shape
        (720, 1440)
        """
        return cls(np.linspace(lon0_deg, lon1_deg, n_lon + 1), np.linspace(lat0_deg, lat1_deg, n_lat + 1), **options)

    @property
    def is_round(self) -> bool:
        """Whether the last column touches the first one."""
        return abs(abs(self.lon_edge_deg[-1] - self.lon_edge_deg[0]) - 360.0) <= GLOBE_SLACK_DEG

    @cached_property
    def lon_deg(self) -> np.ndarray:
        return np.tile(self.lon_centre_deg, self.shape[0])

    @cached_property
    def lat_deg(self) -> np.ndarray:
        return np.repeat(self.lat_centre_deg, self.shape[1])

    @cached_property
    def vertex_lon_deg(self) -> np.ndarray:
        west, east = np.minimum(*self._lon_sides), np.maximum(*self._lon_sides)
        return self._of_cells(np.stack([west, east, east, west], axis=1)[None])

    @cached_property
    def vertex_lat_deg(self) -> np.ndarray:
        south = np.minimum(self.lat_edge_deg[:-1], self.lat_edge_deg[1:])
        north = np.maximum(self.lat_edge_deg[:-1], self.lat_edge_deg[1:])
        return self._of_cells(np.stack([south, south, north, north], axis=1)[:, None])

    def _of_cells(self, corners: np.ndarray) -> np.ndarray:
        """Corners of one row (1, n_lon, 4) or one column (n_lat, 1, 4) for every cell (n, 4)."""
        every = np.empty((*self.shape, 4))
        every[:] = corners
        return every.reshape(-1, 4)

    @cached_property
    def area_sr(self) -> np.ndarray:
        if self.edges == "greatcircle":
            column = np.abs(polygon_area_sr(self.vertex_lon_deg[:: self.shape[1]], self.vertex_lat_deg[:: self.shape[1]], self.edges))
            width = np.abs(np.diff(self.lon_edge_deg))
            if np.ptp(width) <= 1e-12 * width[0]:
                return np.repeat(column, self.shape[1])
            return super().area_sr
        return np.outer(self.row_height, np.radians(np.abs(np.diff(self.lon_edge_deg)))).ravel()

    @cached_property
    def row_height(self) -> np.ndarray:
        """sin(north) - sin(south) of the rows (n_lat,), as a product so that thin rows keep all digits."""
        low, high = self.lat_edge_deg[:-1], self.lat_edge_deg[1:]
        colat = np.radians(90.0 - np.abs(low + high) / 2.0)
        return 2.0 * np.sin(colat) * np.sin(np.radians(np.abs(high - low)) / 2.0)

    @property
    def _lon_sides(self) -> tuple[np.ndarray, np.ndarray]:
        return self.lon_edge_deg[:-1], self.lon_edge_deg[1:]

    def take(self, cells: np.ndarray) -> PolygonGrid:
        """Some of the cells, by position, as polygons; they keep their global ids."""
        row, column = np.divmod(np.asarray(cells), self.shape[1])
        west, east = np.minimum(*self._lon_sides)[column], np.maximum(*self._lon_sides)[column]
        south = np.minimum(self.lat_edge_deg[:-1], self.lat_edge_deg[1:])[row]
        north = np.maximum(self.lat_edge_deg[:-1], self.lat_edge_deg[1:])[row]
        return PolygonGrid(self.lon_centre_deg[column], self.lat_centre_deg[row], np.stack([west, east, east, west], axis=1),
                           np.stack([south, south, north, north], axis=1), mask=self.mask[cells],
                           global_id=self.global_id[cells], edges=self.edges, name=self.name, is_part=True)

    def _identity(self) -> tuple:
        return (self.lon_edge_deg, self.lat_edge_deg, self.lon_centre_deg, self.lat_centre_deg, self.global_id)

    def _replace(self, **changes) -> RectilinearGrid:
        return RectilinearGrid(self.lon_edge_deg, self.lat_edge_deg, self.lon_centre_deg, self.lat_centre_deg,
                               **{**self._common(), **changes})
