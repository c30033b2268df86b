"""Writes a year's land use into CTSM's landuse.timeseries: a new file, one more slice, or a slice again. Knows no land-use rule and no surface file's other fields.

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
from lsbc.emulator.hosts.ctsm_land_use import CROP_TYPES, PARTS, LandUse, require_form
from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import created, patched
from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.template import mark
from lsbc.emulator.hosts.write_ctsm_surface import notes_of
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError, YearError

SERIES = True
"""Several yearly files go into one file."""
BY_YEAR = ("PCT_NAT_PFT", "PCT_CFT", "PCT_CROP", "PCT_URBAN", "PCT_LAKE")
"""Variables with a slice a year; PCT_LAKE is the surface file's in each."""
LARGEST = ("PCT_URBAN", "PCT_LAKE")
"""Variables whose largest value of all slices CTSM wants in `.._MAX` (surfrd_urbanmask, surfrd_lakemask)."""
FERTILISER, FERTILISER_IN_SURFACE = "FERTNITRO_CFT", "CONST_FERTNITRO_CFT"
REPEATED = (FERTILISER, "LANDFRAC_MKSURFDATA")
"""Variables that a new slice takes over from the one before."""
STATIC = ("LONGXY", "LATIXY", "LANDFRAC_PFT", "PFTDATA_MASK", "AREA", "natpft", "cft")
N_NAME = 256
NO_HARVEST = "HARVEST_* are not written, for the map tells no harvest: CTSM stops with do_harvest = .true."


@dataclass(frozen=True, kw_only=True)
class Options:
    template: Path = option("the surface file (fsurdat) of the series: of its first year, or any other of the same grid")
    crop_types: str = option("shares of the crop types: those of the surface file, or the crosswalk's (rainfed C3 alone)", default="surface", choices=CROP_TYPES)
    crosswalk: str = option("crosswalk: a shipped name or a .toml file", default="ctsm")


def write(year: YearFile, out: Path, options: Options) -> list[str]:
    """Write the slice of `year` into `out`, which is made where there is none; returns notes.

    Raises:
        YearError: `out` has other years and this one is neither among them nor the next.
        FileError: `out` is no such series, is of another grid, or has variables by year that a map does not tell; or a file cannot be read or written.
        ConfigError, ValueRangeError: as `LandUse.on` and `LandUse.of`.
    """
    classes, counts = HostClasses.of(year, options.crosswalk), Counter()
    with _surface(options, classes) as land_use, _series(out, land_use) as (data, slices):
        k = slices.index(year.year) if year.year in slices else len(slices)
        for block in blocks(land_use.shape):
            _put(data, block, k, {**_repeated(data, land_use, block, k, len(slices)), **_slice(land_use, block, counts)})
            for name in BY_YEAR:
                if f"{name}_MAX" in data.variables:
                    _put_largest(data, name, block, k, len(slices))
        for name in ("YEAR", "time"):
            data.variables[name][k] = year.year
        if "input_pftdata_filename" in data.variables:
            text = year.path.name.encode("ascii", "replace")[:N_NAME].ljust(data.variables["input_pftdata_filename"].shape[1])
            data.variables["input_pftdata_filename"][k] = np.frombuffer(text, "S1")
        notes = [*notes_of(counts), *([] if slices else [NO_HARVEST])]
        mark(data, classes.attributes, year.year, notes)
    return notes


@contextmanager
def _surface(options: Options, classes: HostClasses) -> Iterator[LandUse]:
    from netCDF4 import Dataset

    path = options.template
    if not path.is_file():
        raise FileError(f"File {path} does not exist or is no regular file.")
    try:
        data = Dataset(path)
    except (OSError, RuntimeError) as error:
        raise FileError(f"File {path} cannot be read: {error}.") from error
    with data:
        data.set_auto_maskandscale(False)
        yield LandUse.on(path, data, classes, options.crop_types)


@contextmanager
def _series(out: Path, land_use: LandUse) -> Iterator[tuple]:
    """The open series and its years so far: a changed copy of `out`, or a new file without any."""
    if out.exists():
        with patched(out, out) as data:
            data.set_fill_off()
            yield data, _checked_years(out, data, land_use)
        return
    model = land_use.data.data_model
    with created(out, "NETCDF3_64BIT_OFFSET" if model == "NETCDF3_CLASSIC" else model) as data:
        data.set_fill_off()
        _define(data, land_use)
        data.set_auto_maskandscale(False)
        yield data, []


def _checked_years(out: Path, data, land_use: LandUse) -> list[int]:
    """Years of an existing series, which is one that the slice of `land_use` may go into."""
    year = land_use.classes.year.year
    missing = [name for name in ("YEAR", "time", "LONGXY", "LATIXY", *BY_YEAR) if name not in data.variables]
    if missing:
        raise FileError(f"File {out} is there and is no landuse.timeseries that can go on: it has no {', '.join(missing)}; name another file.")
    same_cells(land_use.classes.year, data.variables["LONGXY"][...], data.variables["LATIXY"][...], out)
    for name in BY_YEAR:
        require_form(out, data, name, ("time", *((PARTS[name],) if name in PARTS else ()), *land_use.dims))
        if data.variables[name].shape[1:] != land_use.data.variables[name].shape:
            raise FileError(f"File {out}: {name} has the shape {data.variables[name].shape[1:]}, in {land_use.path} it is {land_use.data.variables[name].shape}.")
    years = [int(value) for value in data.variables["YEAR"][:]]
    if not years or [int(value) for value in data.variables["time"][:]] != years:
        raise FileError(f"File {out}: time is not the year, as in the series that CTSM's tools make, or there is no year at all; name another file.")
    if year not in years and year != years[-1] + 1:
        raise YearError(f"File {out} has the years {years[0]} to {years[-1]}; {year} is neither among them nor the next: CTSM stops at a gap "
                        "(set_info_from_year). Deliver the years in between first.")
    known = {*BY_YEAR, *REPEATED, "YEAR", "time", "input_pftdata_filename"}
    strange = [name for name, variable in data.variables.items() if "time" in variable.dimensions and name not in known]
    if strange and year not in years:
        raise FileError(f"File {out} has {', '.join(strange)} by year, which lsbc's map does not tell for {year}: add that year with CTSM's own tools, or begin "
                        "a new file.")
    return years


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
