"""Arrays, chunks and attributes of a HEALPix store of land use: CF 1.13, and the older attributes that readers of HEALPix stores look for. Knows no values of cells."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, CLASS_SYSTEM, CLASS_VERSION
from lsbc.emulator.fields import OUTPUTS, FieldInfo
from lsbc.emulator.hosts.healpix_cells import HealpixGrid
from lsbc.emulator.hosts.zarr_plan import ArrayPlan, StorePlan
from lsbc.regrid.sphere import EARTH_RADIUS_M

FIRST_DAY = "1850-01-01"
CELLS_A_CHUNK_OF_NUMBERS = 1 << 20
NO_CLASS = -1
NOT_OF_A_MAP = ("urban_frac", "crop_frac", "pasture_frac", "forest_frac", "climate_zone", "climate_coldest_month", "quality", "valid_year")
"""Fields of hosts' cells that a store has not: repeated classes, and what the 1 km map does not tell."""
FIELDS = tuple(info for info in OUTPUTS if info.name not in NOT_OF_A_MAP)


@dataclass(frozen=True)
class Level:
    """One resolution: in the root ("") the finest, in groups the coarser ones. `chunk` cells of it lie in the same place as those of the finest."""

    group: str
    grid: HealpixGrid
    chunk: int

    def path(self, name: str) -> str:
        """Of an array in the store."""
        return f"{self.group}/{name}" if self.group else name


def levels_of(grid: HealpixGrid, chunk: int, n_coarser: int) -> tuple[Level, ...]:
    """The finest level and those above it, each with a fourth of the cells."""
    finest = grid.level
    return tuple(Level("" if k == 0 else f"level_{finest - k}", HealpixGrid(grid.nside >> k, grid.order), chunk >> (2 * k)) for k in range(n_coarser + 1))


def store_plan(levels: tuple[Level, ...], fields: tuple[FieldInfo, ...], dtype: str, zarr_format: int, settings: Mapping[str, Any]) -> StorePlan:
    """The store of these levels and fields. `settings`: what else must be the same in all its years."""
    finest = levels[0]
    layout = {"nside": finest.grid.nside, "order": finest.grid.order, "levels": len(levels) - 1, "chunk": finest.chunk, "dtype": dtype, "zarr_format": zarr_format,
              "fields": [info.name for info in fields], **settings}
    arrays = [array for level in levels for array in _arrays(level, fields, dtype)]

    def attributes(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {level.group: _global_attributes(level, records) for level in levels}

    return StorePlan(zarr_format, layout, tuple(arrays), attributes)


def _arrays(level: Level, fields: tuple[FieldInfo, ...], dtype: str) -> list[ArrayPlan]:
    grid, axes = level.grid, {name: size for info in fields for name, size in info.axes}
    codes = {"flag_values": list(CLASS_CODES), "flag_meanings": " ".join(CLASS_NAMES)}
    known_axes = {
        "class": ("uint8", {"long_name": f"land-use class, {CLASS_SYSTEM} {CLASS_VERSION} code", **codes}, np.array(CLASS_CODES)),
        "month": ("int32", {"long_name": "month of the year"}, np.arange(1, 13)),
    }
    fixed = [
        ArrayPlan("crs", (), (), (), "int32", _crs(grid), values=lambda: np.array(0)),
        ArrayPlan("cell", ("cell",), (grid.n_cell,), (min(grid.n_cell, CELLS_A_CHUNK_OF_NUMBERS),), "int64",
                  {"standard_name": "healpix_index", "long_name": f"HEALPix cell, {_scheme(grid)} scheme", "units": "1"}, values=lambda: np.arange(grid.n_cell)),
        *(ArrayPlan(name, (name,), (size,), (size,), *known_axes[name][:2], values=lambda name=name: known_axes[name][2]) for name, size in axes.items()),
    ]
    growing = [
        ArrayPlan("time", ("time",), (), (), "int64", {"standard_name": "time", "long_name": "first day of the year of validity", "axis": "T",
                  "units": f"days since {FIRST_DAY}", "calendar": "proleptic_gregorian", "units_metadata": "leap_seconds: none",
                  "bounds": "time_bnds"}, of_years=_days),
        ArrayPlan("time_bnds", ("time", "bnds"), (2,), (2,), "int64", {}, of_years=lambda years: np.stack([_days(years), _days([y + 1 for y in years])], axis=1)),
        ArrayPlan("valid_year", ("time",), (), (), "int32", {"long_name": "calendar year the fields are valid for"}, of_years=np.array),
    ]
    arrays = [*fixed, *growing, *(_field(level, info, dtype) for info in fields)]
    return [ArrayPlan(**{**vars(array), "name": level.path(array.name)}) for array in arrays]


def _field(level: Level, info: FieldInfo, dtype: str) -> ArrayPlan:
    attributes: dict[str, Any] = {"long_name": info.long_name, "grid_mapping": "crs"}
    if info.flags:
        attributes |= {"flag_values": [number for number, _ in info.flags], "flag_meanings": " ".join(word for _, word in info.flags)}
    else:
        attributes |= {"units": info.units} | ({"standard_name": info.standard_name} if info.standard_name else {})
    sizes = tuple(size for _, size in info.axes)
    return ArrayPlan(info.name, ("time", *(name for name, _ in info.axes), "cell"), (*sizes, level.grid.n_cell), (*sizes, level.chunk),
                     "int8" if info.flags else dtype, attributes, NO_CLASS if info.flags else float("nan"))


def _scheme(grid: HealpixGrid) -> str:
    return {"nest": "nested", "ring": "ring"}[grid.order]


def _crs(grid: HealpixGrid) -> dict[str, Any]:
    return {"grid_mapping_name": "healpix", "refinement_level": grid.level, "indexing_scheme": _scheme(grid), "earth_radius": EARTH_RADIUS_M,
            "healpix_nside": grid.nside, "healpix_order": grid.order}


def _days(years: list[int]) -> np.ndarray:
    zero = datetime.date.fromisoformat(FIRST_DAY).toordinal()
    return np.array([datetime.date(year, 1, 1).toordinal() - zero for year in years], np.int64)


def _global_attributes(level: Level, records: list[dict[str, Any]]) -> dict[str, Any]:
    """Provenance comes from the records of the years: here is what they share, `lsbc_years` of the root has all."""
    shared = {name: text for name, text in records[0].items() if name != "year" and all(record.get(name) == text for record in records)}
    grid = level.grid
    return {"Conventions": "CF-1.13", "title": f"lsbc land use and land-surface boundary conditions, HEALPix nside {grid.nside}, {_scheme(grid)} scheme",
            **({"source": shared.pop("source")} if "source" in shared else {}), **{f"lsbc_{name}": text for name, text in shared.items()},
            "history": "written year by year by lsbc deliver healpix", "coordinates": "crs valid_year"}
