"""Writes CMIP's land-use tiles of a year, fracLut: four fractions of the grid cell in percent. Knows no host model.

Names, units and methods are those of the CMIP6 tables Eyr, Emon and coordinate (data request 01.00.33). Cells along parallels and meridians are written on latitude and
longitude, others one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.blocks import blocks, rows_sum
from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import created
from lsbc.emulator.hosts.regular_axes import Axis, regular_axes
from lsbc.emulator.hosts.template import mark
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import ConfigError

TILES = ("primary_and_secondary_land", "pastures", "crops", "urban")
MISSING = np.float32(1e20)
OF_THE_RUN = "run"
CALENDARS = (OF_THE_RUN, "standard", "proleptic_gregorian", "noleap", "360_day")
TIMES = ("mean", "point")
UNITS = "days since 1850-01-01"
_LAKE = 103
_GRID = {"lat": ("latitude", "degrees_north", "Y"), "lon": ("longitude", "degrees_east", "X")}


@dataclass(frozen=True, kw_only=True)
class Options:
    calendar: str = option("calendar of the time axis; run: that of the yearly file; the fractions are the same in all", default=OF_THE_RUN, choices=CALENDARS)
    time: str = option("mean: over the year, with bounds; point: the end of the year, as CMIP6's table Eyr has it", default="mean", choices=TIMES)
    crosswalk: str = option("crosswalk: a shipped name or a .toml file", default="fraclut")


def write(year: YearFile, out: Path, options: Options) -> list[str]:
    """Write `out`, a new file with one time; returns notes.

    Percent of the whole cell, float32; cells that lsbc does not cover and cells that are wholly ocean hold 1e20.

    Raises:
        ConfigError: a crosswalk to other classes.  FileError: the file cannot be written.
    """
    classes = HostClasses.of(year, options.crosswalk)
    rows = {target.id: k for k, target in enumerate(classes.crosswalk.classes)}
    if [target.name for target in classes.crosswalk.classes[:4]] != list(TILES) or _LAKE not in rows:
        raise ConfigError(f"Crosswalk {options.crosswalk} is not for CMIP's four land-use tiles and inland water; take 'fraclut' or one made from it.")
    missing = 0
    with created(out) as data:
        data.set_fill_off()
        shape = _define(data, year, options)
        for block in blocks(shape):
            fraction = classes.fractions(block.cells)
            land = year.covered(block.cells) & (rows_sum(fraction[[0, 1, 2, 3, rows[_LAKE]]]) > 0.0)
            block.put(data.variables["fracLut"], np.where(land, (100.0 * fraction[:4]).astype(np.float32), MISSING), 0)
            missing += int((~land).sum())
        notes = [f"{missing} cell(s) that lsbc does not cover or that are wholly ocean are missing values"] if missing else []
        mark(data, classes.attributes, year.year, notes)
    return notes


def _define(data, year: YearFile, options: Options) -> tuple[int, ...]:
    """All but the fractions themselves; returns the shape of a map."""
    data.createDimension("time", None)
    data.createDimension("landUse", len(TILES))
    data.createDimension("strlen", max(map(len, TILES)))
    _put_time(data, year.year, year.calendar if options.calendar == OF_THE_RUN else options.calendar, options.time)
    names = data.createVariable("landuse", "S1", ("landUse", "strlen"))
    names.setncatts({"long_name": "Land use type", "standard_name": "area_type"})
    names[:] = np.array(TILES, f"S{len(data.dimensions['strlen'])}").view("S1").reshape(names.shape)
    lon, lat = year.values("lon"), year.values("lat")
    corners = (year.values("lon_vertices"), year.values("lat_vertices")) if "lon_vertices" in year and "lat_vertices" in year else None
    axes = regular_axes(lon, lat, corners)
    dims = _put_cells(data, lon, lat, corners) if axes is None else _put_axes(data, axes)
    field = data.createVariable("fracLut", "f4", ("time", "landUse", *dims), fill_value=MISSING)
    field.set_auto_maskandscale(False)
    field.setncatts({
        "standard_name": "area_fraction", "long_name": "Percentage of Grid Cell for Each Land-Use Tile", "units": "%", "missing_value": MISSING,
        "cell_methods": f"area: mean where land over all_area_types time: {options.time}", "cell_measures": "area: areacella",
        **({"coordinates": "landuse"} if axes else {"coordinates": "landuse latitude longitude", "CDI_grid_type": "unstructured"}),
        "comment": "of the whole grid cell; inland water and ocean are no tile, bare ground and ice are primary_and_secondary_land; pastures are pasture and rangeland"})
    data.setncatts({"Conventions": "CF-1.7", "title": f"land-use tiles {year.year}", "variable_id": "fracLut", "realm": "land", "external_variables": "areacella",
                    "frequency": "yr" if options.time == "mean" else "yrPt", "source": year.provenance.get("source", "lsbc"),
                    "history": f"written from {year.path.name}"})
    return tuple(len(data.dimensions[dim]) for dim in dims)


def _put_time(data, year: int, calendar: str, kind: str) -> None:
    """The middle of the year and its bounds, or the year's last day."""
    import cftime

    first, last = (cftime.date2num(cftime.datetime(y, 1, 1, calendar=calendar), UNITS, calendar) for y in (year, year + 1))
    time = data.createVariable("time", "f8", ("time",))
    time.setncatts({"standard_name": "time", "long_name": "time", "axis": "T", "units": UNITS, "calendar": calendar})
    time[0] = 0.5 * (first + last) if kind == "mean" else last - 1
    if kind == "mean":
        data.createDimension("bnds", 2)
        time.setncatts({"bounds": "time_bnds"})
        data.createVariable("time_bnds", "f8", ("time", "bnds"))[0] = (first, last)


def _put_axes(data, axes: tuple[Axis, Axis]) -> tuple[str, ...]:
    for name, axis in zip(_GRID, axes):
        word, units, letter = _GRID[name]
        data.createDimension(name, len(axis.centre))
        variable = data.createVariable(name, "f8", (name,))
        variable.setncatts({"standard_name": word, "long_name": word, "units": units, "axis": letter})
        variable[:] = axis.centre
        if axis.bounds is not None:
            if "bnds" not in data.dimensions:
                data.createDimension("bnds", 2)
            variable.setncatts({"bounds": f"{name}_bnds"})
            data.createVariable(f"{name}_bnds", "f8", (name, "bnds"))[:] = axis.bounds
    return tuple(_GRID)


def _put_cells(data, lon: np.ndarray, lat: np.ndarray, corners: tuple[np.ndarray, np.ndarray] | None) -> tuple[str, ...]:
    """Cells one after the other, named as in CMIP6's table grids."""
    data.createDimension("i", len(lon))
    index = data.createVariable("i", "i4", ("i",))
    index.setncatts({"long_name": "first spatial index for variables stored on an unstructured grid", "units": "1"})
    index[:] = np.arange(len(lon))
    for k, (name, values) in enumerate((("lon", lon), ("lat", lat))):
        word, units, _ = _GRID[name]
        variable = data.createVariable(word, "f8", ("i",))
        variable.setncatts({"standard_name": word, "long_name": word, "units": units})
        variable[:] = values
        if corners is not None:
            if "vertices" not in data.dimensions:
                data.createDimension("vertices", corners[k].shape[1])
            variable.setncatts({"bounds": f"vertices_{word}"})
            data.createVariable(f"vertices_{word}", "f8", ("i", "vertices"))[:] = corners[k]
    return ("i",)
