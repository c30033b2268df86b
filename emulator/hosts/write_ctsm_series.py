"""Writes a year's land use into CTSM's landuse.timeseries: a new file, one more slice, or a slice again. Knows no land-use rule and not which series may go on.

The file appears whole or not at all: a further year goes into a changed copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.blocks import Block, block_rows, blocks
from lsbc.emulator.hosts.copied import attributes, copy_dimensions, copy_variable
from lsbc.emulator.hosts.ctsm_land_use import CROP_TYPES, PARTS, LandUse, require_dims
from lsbc.emulator.hosts.ctsm_series import BY_YEAR, FERTILISER, REPEATED, Slices, made_from, read_slices
from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.netcdf import open_netcdf
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import created, patched
from lsbc.emulator.hosts.template import mark
from lsbc.emulator.hosts.write_ctsm_surface import notes_of
from lsbc.emulator.hosts.year_file import YearFile

SERIES = True
"""Several yearly files go into one file."""
LARGEST = ("PCT_URBAN", "PCT_LAKE")
"""Variables whose largest value of all slices CTSM wants in `.._MAX` (surfrd_urbanmask, surfrd_lakemask)."""
FERTILISER_IN_SURFACE = "CONST_FERTNITRO_CFT"
STATIC = ("LONGXY", "LATIXY", "LANDFRAC_PFT", "PFTDATA_MASK", "AREA", "natpft", "cft")
N_NAME = 256
NO_HARVEST = "HARVEST_* are not written, for the map tells no harvest: CTSM stops with do_harvest = .true."


@dataclass(frozen=True, kw_only=True)
class Options:
    template: Path = option("the surface file (fsurdat) of the series, the same for all its years")
    crop_types: str = option("shares of the crop types: those of the surface file, or the crosswalk's (rainfed C3 alone)", default="surface", choices=CROP_TYPES)
    crosswalk: str = option("crosswalk: a shipped name or a .toml file", default="ctsm")


def write(year: YearFile, out: Path, options: Options) -> list[str]:
    """Write the slice of `year` into `out`, which is made where there is none; returns notes.

    Raises:
        YearError, FileError: as `read_slices`, or a file cannot be read or written.
        ConfigError, ValueRangeError: as `LandUse.on` and `LandUse.of`.
    """
    classes, counts = HostClasses.of(year, options.crosswalk), Counter()
    with _surface(options, classes) as land_use:
        made = made_from(land_use)
        old = read_slices(out, land_use, made)
        with _series(out, land_use, old) as data:
            _write_slice(data, land_use, old, counts)
            notes = [*old.notes, *notes_of(counts)]
            _tell(data, year.year, made, old, notes)
    return [*notes, *([] if old.years else [NO_HARVEST])]


def _write_slice(data, land_use: LandUse, old: Slices, counts: Counter[str]) -> None:
    year, n_slice = land_use.classes.year, len(old.years)
    k = old.place(year.year)
    for block in blocks(land_use.shape):
        _put(data, block, k, {**_repeated(data, land_use, block, k, n_slice), **_slice(land_use, block, counts)})
        for name in BY_YEAR:
            if f"{name}_MAX" in data.variables:
                _put_largest(data, name, block, k, n_slice)
    for name in ("YEAR", "time"):
        data.variables[name][k] = year.year
    if "input_pftdata_filename" in data.variables:
        n_letter = data.variables["input_pftdata_filename"].shape[1]
        text = year.path.name.encode("ascii", "replace")[:n_letter].ljust(n_letter)
        data.variables["input_pftdata_filename"][k] = np.frombuffer(text, "S1")


def _tell(data, year: int, made: dict[str, str], old: Slices, notes: list[str]) -> None:
    """Global attributes: all years of lsbc in `lsbc_valid_year`, what was special in one of them in `lsbc_notes_<year>`, what holds for all in `lsbc_notes`."""
    mine = f"notes_{year:04d}"
    if f"lsbc_{mine}" in data.ncattrs():
        data.delncattr(f"lsbc_{mine}")
    for_all = [] if any(name.startswith("HARVEST") for name in data.variables) else [NO_HARVEST]
    mark(data, {**made, **({mine: "; ".join(notes)} if notes else {})}, sorted({*old.ours, year}), for_all)


@contextmanager
def _surface(options: Options, classes: HostClasses) -> Iterator[LandUse]:
    path = options.template
    with open_netcdf(path) as data:
        land_use = LandUse.on(path, data, classes, options.crop_types)
        if FERTILISER_IN_SURFACE in data.variables:
            require_dims(path, data, FERTILISER_IN_SURFACE, (PARTS["PCT_CFT"], *land_use.dims))
        yield land_use


@contextmanager
def _series(out: Path, land_use: LandUse, old: Slices) -> Iterator:
    """The open series: a changed copy of `out`, or a new file where there are no slices to keep."""
    if old.years:
        with patched(out, out) as data:
            data.set_fill_off()
            yield data
        return
    model = land_use.data.data_model
    with created(out, "NETCDF3_64BIT_OFFSET" if model == "NETCDF3_CLASSIC" else model) as data:
        data.set_fill_off()
        _define(data, land_use)
        data.set_auto_maskandscale(False)
        yield data


def _define(data, land_use: LandUse) -> None:
    """Dimensions and variables of a new series, without values but for the static ones; large ones last, for a classic file moves its data at each definition."""
    surface, shape, dims = land_use.data, land_use.shape, land_use.dims
    data.createDimension("time", None)
    data.createDimension("nchar", N_NAME)
    copy_dimensions(surface, data, (*dims, *PARTS.values()))
    by_year = {name: name for name in BY_YEAR} | ({FERTILISER: FERTILISER_IN_SURFACE} if FERTILISER_IN_SURFACE in surface.variables else {})
    for name, like in by_year.items():
        parts = tuple(dim for dim in surface.variables[like].dimensions if dim not in dims)
        chunks = (1, *(1 for _ in parts), min(block_rows(shape), shape[0]), *shape[1:])
        variable = data.createVariable(name, "f8", ("time", *parts, *dims), chunksizes=chunks if data.data_model.startswith("NETCDF4") else None)
        variable.setncatts(attributes(surface.variables[like]))
    for name, told in (("YEAR", "year of the land use"), ("time", "year")):
        data.createVariable(name, "i4", ("time",)).setncatts({"long_name": told, "units": "unitless"})
    data.createVariable("input_pftdata_filename", "S1", ("time", "nchar")).setncatts({"long_name": "file that the year's land use is from", "units": "unitless"})
    data.setncatts({"title": "landuse.timeseries of CTSM", "source": land_use.classes.year.provenance.get("source", "lsbc"), "surface_file": land_use.path.name})
    for name in LARGEST:
        variable = data.createVariable(f"{name}_MAX", "f8", surface.variables[name].dimensions)
        variable.setncatts({"long_name": f"largest {name} of all years", "units": "unitless"})
    for name in STATIC:
        if name in surface.variables:
            copy_variable(surface, data, name)


def _slice(land_use: LandUse, block: Block, counts: Counter[str]) -> dict[str, np.ndarray]:
    return {"PCT_CFT": land_use.read("PCT_CFT", block), "PCT_LAKE": land_use.read("PCT_LAKE", block), **land_use.of(block, counts)}


def _repeated(data, land_use: LandUse, block: Block, k: int, n_slice: int) -> dict[str, np.ndarray]:
    """Values of variables that do not change from year to year; none for a slice that is there already."""
    if k < n_slice:
        return {}
    out = {name: block.read(data.variables[name], k - 1) for name in REPEATED if name in data.variables and k > 0}
    if k == 0 and FERTILISER in data.variables:
        out[FERTILISER] = block.read(land_use.data.variables[FERTILISER_IN_SURFACE])
    return out


def _put(data, block: Block, k: int, values: dict[str, np.ndarray]) -> None:
    for name, array in values.items():
        if name in data.variables:
            block.put(data.variables[name], array, k)


def _put_largest(data, name: str, block: Block, k: int, n_slice: int) -> None:
    """Renew the largest value of all slices: from that before and the new slice, or, for a slice again, from all."""
    variable, largest = data.variables[name], data.variables[f"{name}_MAX"]
    values = block.read(variable, k)
    if k == n_slice and k > 0:
        values = np.maximum(values, block.read(largest))
    for other in range(n_slice) if k < n_slice else ():
        values = np.maximum(values, block.read(variable, other))
    block.put(largest, values)
