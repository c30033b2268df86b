"""Reads the maps a network is trained on into arrays on the global fine lattice. Never draws samples, never sees torch.

Rows run south to north. The Bavarian file's code 0 means outside the country, not ocean, and becomes NO_DATA.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import NO_DATA, index_of_codes
from lsbc.regrid.errors import ConfigError, FileError
from lsbc.training.config import DataConfig
from lsbc.training.readers.gaps import fill_from_around

RATIO = 30
FINE_PER_DEGREE = 120
_HUMAN_FOOTPRINT = ((1993, "hfp1993"), (2009, "hfp2009"))
"""Versions of the human footprint (Venter et al. 2016), 0 to 50, and the year each of them describes."""
_COARSE_PER_DEGREE = 12
_COARSE_METRES_PER_STEP, _COARSE_OFFSET_METRES = 28.0, -450.0
"""Decoding of the 1/12 degree uint8 elevation map: metres = value * 28 - 450."""


@dataclass(frozen=True)
class DatedField:
    """One version of a static field and the first year in which it existed: earlier years must not see it."""

    since: int
    values: np.ndarray


@dataclass(frozen=True)
class LandData:
    """Yearly class maps and statics of one region; (row0, col0) is its first cell in the global fine lattice.

    class_index (year, row, col) uint8 with NO_DATA outside; elevations: equally valid alternatives, best first, metres.
    dated: fields that have versions, oldest first, float32 with NaN where a version has no data.
    driver: year -> (group fractions (6, drow, dcol), where they have data) of the region's driver cells; None to take them from the maps.
    valid_cells: cells with data in every year, where that is known already.
    Every array may be anything that NumPy slices cut pieces from, such as an array in a file.
    """

    years: tuple[int, ...]
    row0: int
    col0: int
    class_index: np.ndarray
    elevations: tuple[np.ndarray, ...]
    koppen: np.ndarray
    land: np.ndarray
    ratio: int = RATIO
    n_lat: int = 180 * FINE_PER_DEGREE
    dated: Mapping[str, tuple[DatedField, ...]] = field(default_factory=dict)
    driver: Mapping[int, tuple[np.ndarray, np.ndarray]] | None = None
    valid_cells: np.ndarray | None = None
    sub_counts: np.ndarray | None = None
    """(year, class - 1, row, col) uint8: sub-pixels of each class but ocean in a cell, where the maps were made from finer ones."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the region."""
        return self.koppen.shape

    def dated_field(self, name: str, year: int) -> np.ndarray | None:
        """The newest version of a dated field that existed in `year`; None if there was none."""
        seen = [version.values for version in self.dated.get(name, ()) if version.since <= year]
        return seen[-1] if seen else None

    def as_of(self, year: int) -> LandData:
        """The same without the versions of dated fields that came after `year`: what a run that begins then can have."""
        return replace(self, dated={name: tuple(version for version in versions if version.since <= year) for name, versions in self.dated.items()})

    @property
    def valid(self) -> np.ndarray:
        """Cells with data in every year."""
        return (self.class_index != NO_DATA).all(axis=0) if self.valid_cells is None else np.asarray(self.valid_cells)

    def map_of(self, year: int) -> np.ndarray:
        """Class map of one year."""
        return self.class_index[self.years.index(year)]


def lattice_start(centre_deg: np.ndarray, origin_deg: float, what: str) -> int:
    """Global index of the first of increasing cell centres; each must sit on the 30 arc second lattice.

    >>> lattice_start(np.array([-89.99583333, -89.9875]), -90.0, "lat")
    0
    """
    index = (np.asarray(centre_deg, np.float64) - origin_deg) * FINE_PER_DEGREE - 0.5
    whole = np.rint(index).astype(np.int64)
    off = np.abs(index - whole)
    if off.max() > 1e-3 or (np.diff(whole) != 1).any():
        worst = int(off.argmax())
        raise FileError(f"Coordinate {what}[{worst}] = {centre_deg[worst]} deg is not on the 30 arc second lattice.")
    return int(whole[0])


def fill_by_neighbours(field: np.ndarray) -> np.ndarray:
    """Fill NaN from the four neighbours, ring by ring, however wide the gap; a field without any number is an error."""
    if np.isnan(field).all():
        raise FileError("Elevation has no number at all; nothing to fill gaps from.")
    return fill_from_around(field, sum(field.shape))


def coarse_elevation_m(path: Path, row0: int, col0: int, shape: tuple[int, int]) -> np.ndarray:
    """Elevation in metres of a 1/12 degree map (rows from 90 N, columns from 180 W), bilinear to the fine cells."""
    import netCDF4

    with netCDF4.Dataset(str(path)) as file:
        variable = file["Altitude"]
        if variable.shape != (180 * _COARSE_PER_DEGREE, 360 * _COARSE_PER_DEGREE):
            raise FileError(f"Variable Altitude of {path} has shape {variable.shape}, expected (2160, 4320).")
        step = FINE_PER_DEGREE // _COARSE_PER_DEGREE
        row = (row0 + np.arange(shape[0]) + 0.5) / step - 0.5
        col = (col0 + np.arange(shape[1]) + 0.5) / step - 0.5
        low_row, low_col = np.floor(row).astype(int), np.floor(col).astype(int)
        first, last = low_row[0], low_row[-1] + 1
        block = np.asarray(variable[variable.shape[0] - 1 - last:variable.shape[0] - first, :])[::-1]
    metres = block[:, low_col[0]:low_col[-1] + 2].astype(np.float64) * _COARSE_METRES_PER_STEP + _COARSE_OFFSET_METRES
    west, share = low_col - low_col[0], col - low_col
    rows = metres[:, west] * (1 - share) + metres[:, west + 1] * share
    south, share = low_row - first, (row - low_row)[:, None]
    return (rows[south] * (1 - share) + rows[south + 1] * share).astype(np.float32)


def _best_elevation_m(file: object) -> np.ndarray:
    """SRTM30 where it exists, else GLOBE (only south of 50 N), else the nearest of the two."""
    srtm = np.ma.filled(file["elev_srtm30"][:], np.nan).astype(np.float64)
    globe = np.ma.filled(file["elev_globe"][:], -9999).astype(np.float64)
    globe[(globe <= -9999) | (globe == 0)] = np.nan
    return fill_by_neighbours(np.where(np.isnan(srtm), globe, srtm)).astype(np.float32)


def _read_bavaria(config: DataConfig) -> LandData:
    import netCDF4

    paths = (config.directory / config.land_use, config.directory / config.statics)
    for path in paths:
        if not path.is_file():
            raise ConfigError(f"data.directory = {config.directory} has no file {path.name}.")
    with netCDF4.Dataset(str(paths[0])) as file:
        lat, lon = np.ma.filled(file["lat"][:]), np.ma.filled(file["lon"][:])
        south_up = slice(None, None, -1) if lat[0] > lat[-1] else slice(None)
        codes = np.ma.filled(file["lu"][:], NO_DATA)[:, south_up]
        years = tuple(int(year) for year in file["year"][:])
        sub_counts = np.ma.filled(file["subcount"][:], 0)[:, :, south_up] if "subcount" in file.variables else None
    row0, col0 = lattice_start(lat[south_up], -90.0, "lat"), lattice_start(lon, -180.0, "lon")
    with netCDF4.Dataset(str(paths[1])) as file:
        if not (np.allclose(file["lat"][:], lat, atol=1e-6) and np.allclose(file["lon"][:], lon, atol=1e-6)):
            raise FileError(f"{paths[1]} is not on the grid of {paths[0]}.")
        elevation = np.ascontiguousarray(_best_elevation_m(file)[south_up])
        koppen = np.ascontiguousarray(np.ma.filled(file["koppen5"][:], 0)[south_up])
        land = np.ascontiguousarray(np.ma.filled(file["landmask"][:], 0)[south_up])
        dated = {"human_footprint": tuple(DatedField(year, np.ascontiguousarray(np.ma.filled(file[name][:], np.nan)[south_up], np.float32))
                                          for year, name in _HUMAN_FOOTPRINT if name in file.variables)}
    elevations = [elevation]
    if config.coarse_elevation is not None:
        if not config.coarse_elevation.is_file():
            raise ConfigError(f"data.coarse_elevation = {config.coarse_elevation} is not a file.")
        elevations.append(coarse_elevation_m(config.coarse_elevation, row0, col0, koppen.shape))
    index = index_of_codes(np.where(codes == 0, np.uint8(NO_DATA), codes))
    return LandData(years, row0, col0, np.ascontiguousarray(index), tuple(elevations), koppen, land, dated=dated, sub_counts=sub_counts)


def read_data(config: DataConfig) -> LandData:
    """The maps a configuration asks for."""
    if config.kind == "synthetic":
        from lsbc.training.synthetic import synthetic_data

        return synthetic_data()
    if config.kind == "store":
        from lsbc.training.store import open_store

        return open_store(config.directory)
    return _read_bavaria(config)
