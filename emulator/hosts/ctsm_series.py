"""A landuse.timeseries of CTSM that is there: its years, and whether a year's land use may go into it. Writes nothing.

All slices that lsbc wrote are of one run, one surface file, one crosswalk, and one choice of crop types. Only a run that begins anew, with the file's first year or an
earlier one, takes the place of another run's slices, and then of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.blocks import blocks
from lsbc.emulator.hosts.ctsm_land_use import PARTS, TOO_SMALL_PERCENT, LandUse, require_dims, require_form
from lsbc.emulator.hosts.netcdf import open_netcdf
from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError, YearError

BY_YEAR = ("PCT_NAT_PFT", "PCT_CFT", "PCT_CROP", "PCT_URBAN", "PCT_LAKE")
"""Variables with a slice a year; PCT_LAKE is the surface file's in each."""
FERTILISER = "FERTNITRO_CFT"
REPEATED = (FERTILISER, "LANDFRAC_MKSURFDATA")
"""Variables that a new slice takes over from the one before."""
_RUN = ("model_sha256", "settings_sha256", "host_grid")
_CHOICES = {"crosswalk": "the crosswalk", "crop_types": "the option crop_types", "surface_sha256": "the land use in the surface file"}
_YEARS = "lsbc_valid_year"


@dataclass(frozen=True)
class Slices:
    """Years of the file, in its order, and those that lsbc wrote; none where a new file is begun. `notes` say what is dropped for that."""

    years: tuple[int, ...] = ()
    ours: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def place(self, year: int) -> int:
        """Index of a year's slice: its own, or the next."""
        return self.years.index(year) if year in self.years else len(self.years)


def made_from(land_use: LandUse) -> dict[str, str]:
    """Name -> text of what must be the same in all slices of lsbc."""
    return {**land_use.classes.attributes, "crop_types": land_use.crop_types, "surface_sha256": land_use.sha256()}


def read_slices(out: Path, land_use: LandUse, made: dict[str, str]) -> Slices:
    """Slices of the series `out`, which that of `land_use` may go into; `made` is `made_from(land_use)`.

    Raises:
        YearError: `out` has other years and this one is neither among them nor the next.
        FileError: `out` is no such series, of another grid, surface file, crosswalk or run, has variables by year that a map does not tell, or cannot be read.
    """
    if not out.exists():
        return Slices()
    with open_netcdf(out) as data:
        _require_form(out, data, land_use)
        years = tuple(int(value) for value in data.variables["YEAR"][:])
        if not years or tuple(int(value) for value in data.variables["time"][:]) != years:
            raise FileError(f"File {out}: time is not the year, as in the series that CTSM's tools make, or there is no year at all; name another file.")
        ours = tuple(int(year) for year in np.atleast_1d(data.getncattr(_YEARS))) if _YEARS in data.ncattrs() else ()
        theirs = {name: str(getattr(data, f"lsbc_{name}", "")) for name in (*_RUN, *_CHOICES)} if ours else {}
        _require_choices(out, theirs, made, str(getattr(data, "surface_file", "the one it was begun with")))
        if other := [name for name in _RUN if name in theirs and theirs[name] != made.get(name, "")]:
            return _begun_anew(out, land_use.classes.year, years, ours, [f"{name} is '{theirs[name]}', not '{made.get(name, '')}'" for name in other])
        _require_lakes(out, data, land_use, years)
        _require_next(out, data, years, land_use.classes.year.year)
    return Slices(years, ours)


def _require_form(out: Path, data, land_use: LandUse) -> None:
    """A series on these cells, with the surface file's plant and crop types."""
    missing = [name for name in ("YEAR", "time", "LONGXY", "LATIXY", *BY_YEAR) if name not in data.variables]
    if missing:
        raise FileError(f"File {out} is there and is no landuse.timeseries that can go on: it has no {', '.join(missing)}; name another file.")
    for name in ("YEAR", "time"):
        require_dims(out, data, name, ("time",))
    for name in BY_YEAR:
        require_form(out, data, name, ("time", *((PARTS[name],) if name in PARTS else ()), *land_use.dims))
        if data.variables[name].shape[1:] != land_use.data.variables[name].shape:
            raise FileError(f"File {out}: {name} has the shape {data.variables[name].shape[1:]}, in {land_use.path} it is {land_use.data.variables[name].shape}.")
    lon, lat = (require_dims(out, data, name, land_use.dims)[...] for name in ("LONGXY", "LATIXY"))
    same_cells(land_use.classes.year, lon, lat, out)


def _require_choices(out: Path, theirs: dict[str, str], made: dict[str, str], surface_file: str) -> None:
    for name, what in _CHOICES.items():
        if name in theirs and theirs[name] != made[name]:
            raise FileError(f"File {out} was begun otherwise: {what} was '{theirs[name]}', now it is '{made[name]}'. All years of a series need the same surface file "
                            f"(it was {surface_file}), crosswalk and crop_types; give those, or name another file.")


def _begun_anew(out: Path, year: YearFile, years: tuple[int, ...], ours: tuple[int, ...], differs: list[str]) -> Slices:
    """No slices, for those of another run all go; raises FileError where that would mix two runs, or lose slices that lsbc did not write."""
    if set(years) != set(ours):
        raise FileError(f"File {out} has slices of CTSM's own tools and of another run than {year.path} ({'; '.join(differs)}); name another file.")
    if year.year > years[0]:
        raise FileError(f"File {out} has the years {years[0]} to {years[-1]} of another run than {year.path}: {'; '.join(differs)}. Name another file, or deliver "
                        f"this run's years from {years[0]} or earlier on, which drops the other run's.")
    return Slices(notes=(f"{out.name} held the years {years[0]} to {years[-1]} of another run; it is begun anew with {year.year}, and those are gone",))


def _require_lakes(out: Path, data, land_use: LandUse, years: tuple[int, ...]) -> None:
    """Lakes of the last slice, or of the one that is replaced, are the surface file's."""
    k = min(Slices(years).place(land_use.classes.year.year), len(years) - 1)
    for block in blocks(land_use.shape):
        there, here = block.read(data.variables["PCT_LAKE"], k), land_use.read("PCT_LAKE", block)
        good = np.abs(there - here) <= TOO_SMALL_PERCENT
        if not good.all():
            i = int(np.argmin(good))
            raise FileError(f"File {out}: PCT_LAKE of {years[k]} is {there[i]:g} in cell {land_use.classes.year.name_of(block.cells.start + i)}, in the surface file "
                            f"{land_use.path} it is {here[i]:g}; lakes do not change in a series of lsbc: give the one that belongs to it, or name another file.")


def _require_next(out: Path, data, years: tuple[int, ...], year: int) -> None:
    if year in years:
        return
    if year != years[-1] + 1:
        raise YearError(f"File {out} has the years {years[0]} to {years[-1]}; {year} is neither among them nor the next: CTSM stops at a gap "
                        "(set_info_from_year). Deliver the years in between first.")
    if strange := list(_not_told(data)):
        raise FileError(f"File {out} has {', '.join(strange)} by year, which lsbc's map does not tell for {year}: add that year with CTSM's own tools, or begin "
                        "a new file.")


def _not_told(data) -> Iterator[str]:
    known = {*BY_YEAR, *REPEATED, "YEAR", "time", "input_pftdata_filename"}
    return (name for name, variable in data.variables.items() if "time" in variable.dimensions and name not in known)
