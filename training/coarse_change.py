"""Class maps and coarse class-area changes as GeoTIFF, and which fine cells each coarse cell counts. Knows no scores and no allocation.

The map holds class codes, NaN or the file's nodata value where there is no land. A change file holds a band `LC<code>` for each class, the net change of its area in km2
from one year to the next, NaN where it has no data, and may hold `cell_area`, the land that each coarse cell counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from scipy.spatial import cKDTree

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import FieldError, FileError, GridError, ValueRangeError

WGS84_RADIUS_KM, WGS84_E2 = 6378.137, 0.00669437999014
CLASS_BAND, AREA_BAND = "LC", "cell_area"


@dataclass(frozen=True)
class ClassMap:
    """A map of class codes: `index` (row, col) into `codes`, NO_DATA where it has none; the file's profile to write another like it."""

    codes: tuple[int, ...]
    index: np.ndarray
    profile: dict

    @property
    def transform(self) -> Affine:
        return self.profile["transform"]

    @property
    def land(self) -> np.ndarray:
        return self.index != NO_DATA

    def centres_deg(self) -> tuple[np.ndarray, np.ndarray]:
        """Longitudes of the columns and latitudes of the rows."""
        return _centres(self.transform, self.index.shape)

    def cell_area_km2(self) -> np.ndarray:
        """Area of a cell of each row on the WGS84 ellipsoid."""
        edge = np.radians(self.transform.f + self.transform.e * np.arange(self.index.shape[0] + 1))
        s, e = np.sin(edge), np.sqrt(WGS84_E2)
        zone = WGS84_RADIUS_KM**2 * (1 - WGS84_E2) / 2 * (s / (1 - WGS84_E2 * s**2) + np.arctanh(e * s) / e)
        return np.abs(np.diff(zone)) * np.radians(abs(self.transform.a))


@dataclass(frozen=True)
class CoarseChange:
    """Net changes of class areas: `km2` (year, class, row, col) in the order of `codes`; NaN in coarse cells without data in some year."""

    codes: tuple[int, ...]
    km2: np.ndarray
    land_km2: np.ndarray | None
    transform: Affine

    @property
    def has_data(self) -> np.ndarray:
        return np.isfinite(self.km2).all(axis=(0, 1))


@dataclass(frozen=True)
class Zones:
    """The coarse cells that have data and count land of the map, numbered: `zone` (row, col) of the fine cells, -1 outside; `km2` (year, zone, class).

    `lost_km2` is the area that is to change, years added up, in coarse cells that count no land of the map: it cannot be placed.
    """

    zone: np.ndarray
    km2: np.ndarray
    rule: str
    lost_km2: float = 0.0


def read_map(path: Path) -> ClassMap:
    """A map of class codes; raises ValueRangeError for values that are no whole numbers from 0 to 254."""
    with _opened(path) as file:
        masked, profile = file.read(1, masked=True), dict(file.profile)
    values = masked.data
    land = ~np.ma.getmaskarray(masked) & np.isfinite(values)
    if profile["nodata"] is None and not (land.all() or np.issubdtype(values.dtype, np.floating)):
        raise ValueRangeError(f"{path}: {np.count_nonzero(~land)} cells of band 1 are masked, but the file states no nodata value.")
    if not (land.any() and np.array_equal(values[land], np.clip(np.rint(values[land]), 0, 254))):
        raise ValueRangeError(f"{path}: band 1 must hold class codes, whole numbers from 0 to 254, and NaN or nodata; it holds "
                              f"" + (f"{values[land].min()} to {values[land].max()}." if land.any() else "none of them."))
    codes, position = np.unique(values[land].astype(np.int64), return_inverse=True)
    index = np.full(values.shape, NO_DATA, np.uint8)
    index[land] = position
    return ClassMap(tuple(codes.tolist()), index, profile)


def write_map(path: Path, like: ClassMap, index: np.ndarray) -> None:
    """A map on the grid, and in the type and coding, of another; the file is the old one or the whole new one at any moment."""
    code_of = np.zeros(256, like.profile["dtype"])
    code_of[: len(like.codes)] = like.codes
    if not like.land.all():
        code_of[len(like.codes):] = np.nan if like.profile["nodata"] is None else like.profile["nodata"]
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with rasterio.open(part, "w", **like.profile) as file:
            file.write(code_of[index], 1)
        os.replace(part, path)
    except (RasterioError, OSError) as error:
        raise FileError(f"{path} cannot be written: {error}.") from error
    finally:
        part.unlink(missing_ok=True)


def read_changes(paths: list[Path], codes: tuple[int, ...]) -> CoarseChange:
    """The files' changes of the classes given, in the order of the files; raises FieldError for a class that only one side knows."""
    layers, land, transform = [], None, None
    for path in paths:
        with _opened(path) as file:
            values = file.read(masked=True).astype(np.float64).filled(np.nan)
            bands = {name: band for name, band in zip(file.descriptions, values, strict=True)}
            if transform not in (None, file.transform):
                raise GridError(f"{path} lies on another grid than {paths[0]}: {file.transform!r} and {transform!r}.")
            transform = file.transform
        if layers and layers[0].shape[1:] != values.shape[1:]:
            raise FileError(f"{path} has {values.shape[1]} x {values.shape[2]} cells, {paths[0]} has {layers[0].shape[1]} x {layers[0].shape[2]}.")
        names = {name for name in bands if name and name.startswith(CLASS_BAND)}
        wanted = {f"{CLASS_BAND}{code}" for code in codes}
        if names != wanted:
            raise FieldError(f"{path} has the bands {sorted(names)}; the map's classes ask for {sorted(wanted)}.")
        layers.append(np.stack([bands[f"{CLASS_BAND}{code}"] for code in codes]))
        land = bands.get(AREA_BAND) if land is None else land
    return CoarseChange(codes, np.stack(layers), land, transform)


def zones_of(fine: ClassMap, change: CoarseChange) -> Zones:
    """Give each fine cell with land to the coarse cell that counts it.

    Some change files count a cell in the box it lies in; others (made by LandScaleR's rule) give every cell to the nearest coarse cell with data,
    so that coasts are not lost. The rule is the one whose land areas come nearer to the file's `cell_area`; without that band, boxes. Coarse cells
    that then count no land are left out and the change they ask for is `lost_km2`. Raises GridError where no coarse cell is left.
    """
    ids = np.flatnonzero(change.has_data.ravel())
    if not len(ids):
        raise GridError(f"None of the {change.has_data.size} coarse cells has a change of every class in every year.")
    by_rule = {"boxes": _in_boxes(fine, change, ids), "nearest coarse cell with data": _nearest(fine, change, ids)}
    rule = "boxes"
    if change.land_km2 is not None:
        told = change.land_km2.ravel()[ids]
        rule = min(by_rule, key=lambda name: np.abs(zone_sums(by_rule[name], fine, len(ids)) - told).sum())
    km2 = np.moveaxis(change.km2.reshape(*change.km2.shape[:2], -1)[..., ids], 1, 2)
    zone = by_rule[rule]
    used = np.unique(zone[zone >= 0])
    if not len(used):
        raise GridError(f"None of the {len(ids)} coarse cells with data covers land of the map (counted by {rule}).")
    number = np.full(len(ids) + 1, -1)
    number[used] = np.arange(len(used))
    lost = np.abs(np.delete(km2, used, axis=1)).sum() / 2.0
    return Zones(number[zone], km2[:, used], rule, float(lost))


def zone_sums(zone: np.ndarray, fine: ClassMap, n_zone: int) -> np.ndarray:
    """Land area of each zone in km2."""
    area = np.broadcast_to(fine.cell_area_km2()[:, None], zone.shape)
    return np.bincount(zone[zone >= 0], weights=area[zone >= 0], minlength=n_zone)


def _in_boxes(fine: ClassMap, change: CoarseChange, ids: np.ndarray) -> np.ndarray:
    lon, lat = fine.centres_deg()
    n_row, n_col = change.has_data.shape
    row = np.floor((lat - change.transform.f) / change.transform.e).astype(int)
    col = np.floor((lon - change.transform.c) / change.transform.a).astype(int)
    inside = ((row >= 0) & (row < n_row))[:, None] & ((col >= 0) & (col < n_col))
    number = np.full(n_row * n_col, -1)
    number[ids] = np.arange(len(ids))
    box = np.where(inside, row[:, None] * n_col + col, 0)
    return np.where(inside & fine.land, number[box], -1)


def _nearest(fine: ClassMap, change: CoarseChange, ids: np.ndarray) -> np.ndarray:
    lon, lat = fine.centres_deg()
    lon_coarse, lat_coarse = _centres(change.transform, change.has_data.shape)
    tree = cKDTree(np.column_stack([lon_coarse[ids % len(lon_coarse)], lat_coarse[ids // len(lon_coarse)]]))
    row, col = np.nonzero(fine.land)
    zone = np.full(fine.index.shape, -1)
    zone[row, col] = tree.query(np.column_stack([lon[col], lat[row]]))[1]
    return zone


@contextmanager
def _opened(path: Path) -> Iterator[rasterio.DatasetReader]:
    """An open GeoTIFF in degrees; whatever GDAL cannot open or read becomes a FileError."""
    try:
        with rasterio.open(path) as file:
            if not (file.crs and file.crs.is_geographic):
                raise GridError(f"{path} must be in degrees of longitude and latitude; its coordinate system is {file.crs or 'not stated'}.")
            yield file
    except (RasterioError, OSError) as error:
        raise FileError(f"{path} cannot be read: {error}.") from error


def _centres(transform: Affine, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    if transform.b or transform.d:
        raise GridError(f"Maps must lie along longitudes and latitudes; this one is turned: {transform!r}.")
    return transform.c + transform.a * (np.arange(shape[1]) + 0.5), transform.f + transform.e * (np.arange(shape[0]) + 0.5)
