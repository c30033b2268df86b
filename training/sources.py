"""Opens what a preparation reads and says what it is: class maps, driver and static layers as functions of a window. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import ConfigError, FileError
from lsbc.regrid.lattice import Lattice
from lsbc.training.files import sha256_of
from lsbc.training.prepare_config import DRIVER_PER_DEGREE, FINE, PrepareConfig, StaticConfig
from lsbc.training.readers import koppen, soilgrids, topography
from lsbc.training.readers.esa_cci import open_esa_cci
from lsbc.training.readers.gaps import fill_from_around
from lsbc.training.readers.hilda import open_hilda
from lsbc.training.readers.legends import MASK, decoder
from lsbc.training.readers.luh import LuhStates
from lsbc.training.readers.modis import open_modis
from lsbc.training.readers.raster import Raster, open_raster
from lsbc.training.readers.resample import majority_codes
from lsbc.training.readers.series import ClassMaps
from lsbc.training.readers.window import Window

ALWAYS = 0
"""`since` of a layer that every year may see."""
FILL_REACH_DEG = 0.5
"""How far a gap is filled from its edge."""
_CLASS_MAPS = {"hilda": open_hilda, "esa_cci": open_esa_cci, "modis": open_modis}


@dataclass(frozen=True)
class StaticLayer:
    """One layer of the store: float32 values of any window."""

    name: str
    since: int
    read: Callable[[Window], np.ndarray]


@dataclass(frozen=True)
class Sources:
    """All that is read, open; `files` are the names and sizes of what was opened, for the store's records.

    source_cells: cells of the finest source under one fine cell.
    """

    region: Window
    coarse_region: Window
    years: tuple[int, ...]
    class_maps: ClassMaps
    driver: LuhStates | None
    layers: tuple[StaticLayer, ...]
    files: dict[str, list[dict[str, Any]]]
    source_cells: float

    @property
    def ratio(self) -> int:
        """Fine cells along a driver cell."""
        return self.region.lattice.n_lat // self.coarse_region.lattice.n_lat


def _region(config: PrepareConfig, per_degree: int) -> Window:
    west, south, east, north = config.lattice.box
    lattice = Lattice(180 * per_degree, 360 * per_degree)
    return Window(lattice, round((south + 90) * per_degree), round((west + 180) * per_degree), round((north - south) * per_degree),
                  round((east - west) * per_degree))


def _record(path: Path, base: Path, sha256: bool) -> dict[str, Any]:
    name = str(path.relative_to(base)) if path.is_relative_to(base) else path.name
    return {"file": name, "bytes": path.stat().st_size, **({"sha256": sha256_of(path)} if sha256 else {})}


def _rasters(config: PrepareConfig, static: StaticConfig) -> tuple[Raster, ...]:
    if static.product == "soilgrids":
        if static.name not in soilgrids.PROPERTIES:
            raise ConfigError(f"statics.soilgrids.name must be one of {', '.join(soilgrids.PROPERTIES)}, got {static.name!r}.")
        return soilgrids.open_depths(config.file(static.files[0]), static.variables[0] if static.variables else None)
    names = static.variables or (None,) * len(static.files)
    for name in static.files:
        if not config.file(name).is_file():
            raise FileError(f"File {config.file(name)} of statics.{static.product} is not there.")
    return tuple(open_raster(config.file(name), variable) for name, variable in zip(static.files, names, strict=True))


def filled(read: Callable[[Window], np.ndarray], fill: float | str, reach: int, window: Window) -> np.ndarray:
    """Values with `fill` where there are none; 'neighbours' takes the mean of the nearest cells with data up to `reach` cells away.

    Where there are none so near it is 0. What a cell gets does not depend on the window it is read in.
    """
    if fill != "neighbours":
        value = read(window)
        return np.where(np.isnan(value), fill, value)
    value = read(window)
    if not np.isnan(value).any():
        return value
    south, north = min(reach, window.row0), min(reach, window.lattice.n_lat - window.row0 - window.n_row)
    wide = replace(window, row0=window.row0 - south, col0=window.col0 - reach, n_row=window.n_row + south + north, n_col=window.n_col + 2 * reach)
    return fill_from_around(read(wide), reach)[south:south + window.n_row, reach:reach + window.n_col]


def _land(raster: Raster, window: Window) -> np.ndarray:
    land = majority_codes(raster, window, decoder(MASK, "a land mask"))
    return np.where(land == NO_DATA, 0, land)


def _layer(static: StaticConfig, rasters: tuple[Raster, ...], reach: int) -> StaticLayer:
    if static.product == "koppen":
        read = partial(_koppen, rasters[0], static.legend)
    elif static.product == "land_mask":
        read = partial(_land, rasters[0])
    elif static.product == "soilgrids":
        read = partial(soilgrids.root_zone_mean, rasters, static.name)
    else:
        values = topography.elevation_m if static.product == "topography" else topography.first_with_data
        read = partial(_first, values, rasters, static.missing)
    fill = static.fill if static.fill is not None else (0.0 if static.product == "topography" else None)
    if fill is not None:
        read = partial(filled, read, fill, reach)
    return StaticLayer(static.layer, ALWAYS if static.since is None else static.since, read)


def _koppen(raster: Raster, legend: str, window: Window) -> np.ndarray:
    return koppen.main_class(raster, window, legend)


def _first(values: Callable[..., np.ndarray], rasters: tuple[Raster, ...], missing: tuple[float, ...], window: Window) -> np.ndarray:
    return values(rasters, window, missing)


def open_sources(config: PrepareConfig) -> Sources:
    """Open and check every file that a preparation needs, so that what is missing is said before the work begins."""
    use, sha256 = config.land_use, config.store.sha256
    years = tuple(range(use.years[0], use.years[1] + 1))
    region = _region(config, FINE[config.lattice.fine])
    maps = _CLASS_MAPS[use.product](tuple(config.file(name) for name in use.files), use.version, use.variable, use.resample, years)
    driver = None if config.driver is None else LuhStates(tuple(config.file(name) for name in config.driver.files))
    if driver is not None:
        driver.need(years)
    finest = [maps.maps.raster(maps.maps.path_of(years[0]))]
    layers, used = [], {"land_use": dict.fromkeys(maps.maps.path_of(year) for year in years),
                        "driver": [config.file(name) for name in config.driver.files] if config.driver else []}
    for k, static in enumerate(config.statics):
        rasters = _rasters(config, static)
        used[f"statics[{k}]"] = [raster.path for raster in rasters]
        finest += rasters
        layers.append(_layer(static, rasters, reach=round(FILL_REACH_DEG * FINE[config.lattice.fine])))
    files = {role: [_record(path, config.data, sha256) for path in paths] for role, paths in used.items()}
    source_cells = max(1.0, *(region.lattice.spacing_deg**2 / (raster.lat.step_deg * raster.lon.step_deg) for raster in finest))
    return Sources(region, _region(config, DRIVER_PER_DEGREE), years, maps, driver, tuple(layers), files, source_cells)
