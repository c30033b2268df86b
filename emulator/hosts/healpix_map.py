"""From the 1 km map of a year to areas of its classes in HEALPix cells, one chunk of cells after the other. Knows the map's file and areas; no Zarr, no parameters.

The map is read once, in bands from south to north. A chunk is given away as soon as the band's northern edge has passed it, so that only the
chunks that the band crosses are held. Areas are whole multiples of 2^-52 of a HEALPix cell: neither bands nor chunks nor a restart change a bit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import N_CLASS, NO_DATA, index_of_codes
from lsbc.emulator.hosts.healpix_areas import Strips, class_areas, strips_of
from lsbc.emulator.hosts.healpix_cells import HealpixGrid
from lsbc.emulator.hosts.netcdf import open_netcdf
from lsbc.regrid.errors import FileError
from lsbc.regrid.lattice import Lattice

BLOCK = 128
"""Rows and columns worked on at a time, so that temporary arrays stay in the cache."""
BAND_ROWS = 512
_ALIGNMENT_TOLERANCE_CELLS = 1e-3
_TOUCHING = 1e-12
"""Of the sine of latitude: a chunk waits for the rows that only touch it, so that rounding there does not depend on the bands."""


class LandUseMap:
    """One open `landuse_<year>.nc`: where its cells are on the global lattice, and their classes by bands."""

    def __init__(self, path: Path, data) -> None:
        self.path, self._data = path, data
        missing = [name for name in ("lat", "lon", "landuse") if name not in data.variables]
        if missing:
            raise FileError(f"File {path} is no land-use map of lsbc: it lacks {', '.join(missing)}.")
        self._codes = data["landuse"]
        if self._codes.dimensions != ("lat", "lon") or self._codes.dtype != np.uint8:
            raise FileError(f"File {path}: landuse must be bytes on (lat, lon), it is {self._codes.dtype} on {self._codes.dimensions}.")
        if "valid_year" not in self._codes.ncattrs():
            raise FileError(f"File {path}: landuse has no attribute valid_year.")
        self.year = int(self._codes.getncattr("valid_year"))
        self.provenance = {name: value for name in data.ncattrs() if isinstance(value := data.getncattr(name), str)}
        lat, lon = (np.asarray(data[name][:], np.float64) for name in ("lat", "lon"))
        self.lattice = Lattice(self._cells_around("lat", lat, 180.0), self._cells_around("lon", lon, 360.0))
        self.first_row = self._first("lat", lat, -90.0, self.lattice.n_lat / 180.0)
        self.first_col = self._first("lon", lon, -180.0, self.lattice.n_lon / 360.0)
        self.n_row, self.n_col = len(lat), len(lon)
        if self.first_row < 0 or self.first_row + self.n_row > self.lattice.n_lat or self.n_col > self.lattice.n_lon:
            raise FileError(f"File {path} reaches beyond the globe: latitudes {lat[0]:g} to {lat[-1]:g}, {self.n_col} columns of {self.lattice.n_lon}.")

    def _cells_around(self, name: str, centres_deg: np.ndarray, whole_deg: float) -> int:
        if len(centres_deg) < 2 or not np.isfinite(centres_deg).all() or not centres_deg[-1] > centres_deg[0]:
            raise FileError(f"File {self.path}: {name} must be two or more finite degrees, rising.")
        return max(1, round(whole_deg * (len(centres_deg) - 1) / (centres_deg[-1] - centres_deg[0])))

    def _first(self, name: str, centres_deg: np.ndarray, origin_deg: float, cells_per_deg: float) -> int:
        position = (centres_deg - origin_deg) * cells_per_deg - 0.5
        first = round(position[0])
        off = np.abs(position - (first + np.arange(len(position))))
        if not off.max() <= _ALIGNMENT_TOLERANCE_CELLS:
            worst = int(np.argmax(off))
            raise FileError(f"File {self.path}: {name}[{worst}] = {centres_deg[worst]:.6f} lies {off[worst]:.3g} cells off a lattice of {1 / cells_per_deg:.8g} degrees.")
        return first

    def bands(self) -> Iterator[tuple[int, int]]:
        """First row and row after the last of each band in the file, south to north; a compressed piece of the file lies in one band."""
        chunks = self._codes.chunking()
        rows = BAND_ROWS if chunks == "contiguous" else max(1, BAND_ROWS // chunks[0]) * chunks[0]
        return ((row, min(row + rows, self.n_row)) for row in range(0, self.n_row, rows))

    def classes(self, row: int, after: int) -> np.ndarray:
        """Class index of whole rows of the file, uint8 (after - row, n_col); `NO_DATA` where there is none.

        Raises:
            FileError: the file is damaged, or holds a code that is no class.
        """
        try:
            return index_of_codes(np.asarray(self._codes[row:after]))
        except (OSError, RuntimeError, IndexError) as error:
            raise FileError(f"File {self.path}: rows {row} to {after - 1} of landuse cannot be read: {error}.") from error
        except ValueError as error:
            raise FileError(f"File {self.path}, rows {row} to {after - 1}: {error}.") from error

    def column_runs(self) -> Iterator[tuple[int, int, int]]:
        """(column in the file, column after the last, column of the lattice) of runs of at most `BLOCK`, none across 0°, 90°, 180° or 90° W."""
        quarter, col = self.lattice.n_lon // 4, 0
        while col < self.n_col:
            n = min(BLOCK, self.n_col - col, quarter - (self.first_col + col) % quarter)
            yield col, col + n, self.first_col + col
            col += n


@contextmanager
def open_landuse(path: Path) -> Iterator[LandUseMap]:
    """Open `landuse_<year>.nc`; damage of any kind becomes a FileError with the path."""
    with open_netcdf(path) as data:
        yield LandUseMap(path, data)


def chunk_areas(landuse: LandUseMap, grid: HealpixGrid, chunk: int, done: Collection[int] = (), progress=lambda n_row: None) -> Iterator[tuple[int, np.ndarray | None]]:
    """(number, areas) of each run of `chunk` cells that is not in `done`, by rising northern edge; areas are (8, chunk) in HEALPix cells, None without data.

    Args:
        chunk: a power of four, at most nside^2 in nested order.  progress: is told the number of rows after each band.
    Raises:
        ConfigError: the map's lattice is too coarse for the grid.  FileError: see `LandUseMap.classes`.
    """
    held = _HeldChunks(landuse, grid, chunk)
    south, north = grid.latitudes_of_chunks(chunk)
    waiting = [k for k in np.argsort(north, kind="stable").tolist() if k not in done]
    for row, after in landuse.bands():
        low, high = np.sin(np.radians(landuse.lattice.lat_edge_deg(np.array([landuse.first_row + row, landuse.first_row + after]))))
        if any(south[k] < high and north[k] > low for k in waiting):
            held.add_band(row, after, set(waiting))
        progress(after - row)
        while waiting and north[waiting[0]] + _TOUCHING < high:
            yield waiting[0], held.pop(waiting.pop(0))
    yield from ((k, held.pop(k)) for k in waiting)


class _HeldChunks:
    """Areas of the chunks that rows read so far have touched, until they are given away."""

    def __init__(self, landuse: LandUseMap, grid: HealpixGrid, chunk: int) -> None:
        self._landuse, self._grid, self._chunk = landuse, grid, chunk
        self._strips = strips_of(landuse.lattice, grid.nside)
        self._areas: dict[int, np.ndarray] = {}

    def pop(self, number: int) -> np.ndarray | None:
        return self._areas.pop(number, None)

    def add_band(self, row: int, after: int, wanted: set[int]) -> None:
        """Add some rows of the map to the chunks that are wanted."""
        classes, first_row = self._landuse.classes(row, after), self._landuse.first_row + row
        for strips in self._blocks(first_row, first_row + after - row):
            inside = strips.row - first_row
            for col, after_col, lattice_col in self._landuse.column_runs():
                block = classes[inside, col:after_col]
                if block.min() != NO_DATA:
                    nested, area = class_areas(block, strips, lattice_col, N_CLASS)
                    self._scatter(self._grid.from_nested(nested), area, wanted)

    def _scatter(self, cells: np.ndarray, area: np.ndarray, wanted: set[int]) -> None:
        number, place = np.divmod(cells, self._chunk)
        for k in wanted.intersection(np.unique(number).tolist()):
            here = number == k
            if k not in self._areas:
                self._areas[k] = np.zeros((N_CLASS, self._chunk))
            self._areas[k][:, place[here]] += area[:, here]

    def _blocks(self, first_row: int, after_row: int) -> Iterator[Strips]:
        """The strips of some rows, at most `BLOCK` of one zone at a time."""
        there = (self._strips.row >= first_row) & (self._strips.row < after_row)
        for zone in (-1, 0, 1):
            found = np.flatnonzero(there & (self._strips.zone == zone))
            for start in range(0, len(found), BLOCK):
                yield self._strips[found[start]: found[min(start + BLOCK, len(found)) - 1] + 1]
