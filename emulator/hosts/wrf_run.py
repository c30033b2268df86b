"""What a WRF run does with its land use: schemes, date and season from its restart file, switches from its namelist. Knows no cells and no lsbc fields.

Names of routines are WRF's (f15568c) and, for Noah-MP, those of NCAR/noahmp (e5c0859, WRF's own submodule).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.wrf_template import dates
from lsbc.emulator.surface.namelist import read_groups
from lsbc.regrid.errors import ConfigError, FileError

NONE, SLAB, NOAH, RUC, NOAHMP, PLEIM_XIU = 0, 1, 2, 3, 4, 7
REFUSED_SCHEMES = {
    5: "CLM keeps the plant types of each cell, their carbon and their soil columns in fields of its own",
    6: "CTSM reads its land use from its own surface file",
    8: "SSiB has classes and plant tables of its own",
}
SUMMER, WINTER = "SUMMER", "WINTER"
SWITCHES = {"usemonalb": False, "rdlai2d": False, "rdmaxalb": True}
"""Entries of &physics that the restart file does not tell -> what WRF takes without them (rconfig, Registry.EM_COMMON)."""
DVEG_OF_MAP = (7, 8, 9)
"""Noah-MP's `dveg` with which LAI is taken from the file (PHENOLOGY); 2, 5 and 6 grow it, 1, 3 and 4 take it from the table."""


@dataclass(frozen=True, kw_only=True)
class WrfRun:
    """`surface` and `urban` are SF_SURFACE_PHYSICS and SF_URBAN_PHYSICS; `started_in` is the season of landuse_init at the run's start, where the file says it."""

    surface: int
    urban: int
    dveg: int
    sst_update: bool
    usemonalb: bool
    rdlai2d: bool
    rdmaxalb: bool
    date: date
    cen_lat: float
    started_in: str | None = None
    defaults: tuple[str, ...] = ()

    @property
    def season(self) -> str:
        """Season of LANDUSE.TBL at the file's date: days 105 to 288 are summer, south of the equator the other way round (landuse_init)."""
        summer = 105 <= self.date.timetuple().tm_yday <= 288
        return SUMMER if summer == (not self.cen_lat < 0.0) else WINTER

    @property
    def reads_lai(self) -> bool:
        """Whether the scheme takes LAI from the file; else it makes LAI itself in its first step (SFLX, soilvegin, PHENOLOGY, pxlsm)."""
        return self.dveg in DVEG_OF_MAP if self.surface == NOAHMP else self.surface in (NOAH, RUC) and self.rdlai2d


def run_of(data, path: Path, namelist: Path) -> WrfRun:
    """The run of an open restart file.

    Raises:
        FileError: an attribute, `Times` or the namelist is missing or cannot be read.
        ConfigError: the run uses a scheme whose state lsbc cannot bring to another land use.
    """
    switches, defaults = read_switches(namelist)
    surface = whole(data, "SF_SURFACE_PHYSICS", path)
    dveg = whole(data, "DVEG", path) if surface == NOAHMP else 0
    _refuse(data, path, surface, dveg)
    cen_lat = _latitude(data, path)
    sst_update = whole(data, "SST_UPDATE", path) != 0
    return WrfRun(surface=surface, urban=whole(data, "SF_URBAN_PHYSICS", path), dveg=dveg, sst_update=sst_update, date=_date_of(data, path), cen_lat=cen_lat,
                  started_in=_started_in(data, path), defaults=defaults, **switches)


def read_switches(path: Path) -> tuple[dict[str, bool], tuple[str, ...]]:
    """The SWITCHES of a namelist, and in words those that it leaves to WRF.

    Raises:
        FileError: the namelist cannot be read, has no &physics, or a switch is no logical value.
    """
    groups = read_groups(path)
    if "physics" not in groups:
        raise FileError(f"File {path} has no group &physics; the run's namelist.input is expected.")
    entries = groups["physics"].entries
    for name, entry in entries.items():
        if any("=" in value for value in entry.values):
            raise FileError(f"File {path}, line {entry.line}: {name} shares its line with another entry; lsbc reads one entry a line.")
    values = {}
    for name, default in SWITCHES.items():
        entry = entries.get(name.upper())
        if entry is not None and not (entry.values and re.match(r"\.?[tf]", entry.values[0], re.IGNORECASE)):
            raise FileError(f"File {path}, line {entry.line}: {name} is '{' '.join(entry.values)}'; .true. or .false. is expected.")
        values[name] = default if entry is None else entry.values[0].lstrip(".")[0] in "tT"
    left = tuple(f"{name} = .{str(default).lower()}." for name, default in SWITCHES.items() if name.upper() not in entries)
    return values, left


def whole(data, name: str, path: Path) -> int:
    """A global attribute as a whole number; FileError where there is none."""
    value = np.ravel(data.getncattr(name)) if name in data.ncattrs() else np.array([])
    if value.size != 1 or value.dtype.kind not in "iu":
        raise FileError(f"File {path} has no whole number in its attribute {name}; a restart file as WRF writes it is expected.")
    return int(value[0])


def _latitude(data, path: Path) -> float:
    value = np.ravel(data.getncattr("CEN_LAT")) if "CEN_LAT" in data.ncattrs() else np.array([])
    if value.size != 1 or value.dtype.kind not in "iuf" or not abs(value[0]) <= 90.0:
        raise FileError(f"File {path}: the attribute CEN_LAT is {', '.join(map(str, value)) or 'missing'}; landuse_init takes the season from a latitude.")
    return float(value[0])


def _refuse(data, path: Path, surface: int, dveg: int) -> None:
    start = "start that run from a new wrfinput file instead"
    if surface not in (NONE, SLAB, NOAH, RUC, NOAHMP, PLEIM_XIU):
        why = REFUSED_SCHEMES.get(surface, "lsbc does not know this scheme")
        raise ConfigError(f"File {path}: SF_SURFACE_PHYSICS = {surface}: {why}; {start}.")
    if whole(data, "SF_SURFACE_MOSAIC", path) != 0:
        raise ConfigError(f"File {path}: SF_SURFACE_MOSAIC = 1: soil, snow and fluxes lie in tiles that are chosen once, by lsm_mosaic_init at the start; {start}.")
    if surface == NOAHMP and not 1 <= dveg <= 9:
        raise ConfigError(f"File {path}: DVEG = {dveg}; lsbc knows Noah-MP's 1 to 9.")
    if surface == NOAHMP and whole(data, "OPT_CROP", path) != 0:
        raise ConfigError(f"File {path}: OPT_CROP is not 0: Noah-MP's crop model keeps CROPCAT and CROPTYPE from maps of its own, whatever IVGTYP says; {start}.")


def _date_of(data, path: Path) -> date:
    days = dates(data, path)
    if len(days) != 1:
        raise FileError(f"File {path} has {len(days)} Times; a restart file (wrfrst) has one.")
    return days[0]


def _started_in(data, path: Path) -> str | None:
    """Season index that landuse_init left in the file (state landuse_isn)."""
    if "LANDUSE_ISN" not in data.variables:
        return None
    value = np.ravel(data["LANDUSE_ISN"][...])
    if value.size != 1 or value.dtype.kind not in "iuf":
        raise FileError(f"File {path}: LANDUSE_ISN has {value.size} values of type {value.dtype}; a restart file has one number.")
    return {1: SUMMER, 2: WINTER}.get(value[0].item())
