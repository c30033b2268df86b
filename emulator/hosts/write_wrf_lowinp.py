"""Writes lsbc's VEGFRA (percent), LAI and ALBBCK (0..1) into a copy of WRF's wrflowinp file, at each of its times. Knows no land use.

The file has no cells' places and no land mask: those come from the domain's geo_em or wrfinput file. Sea surface temperature, sea ice
and everything else, and every cell that is not lsbc's, stay bit by bit. One time is held at a time, beside two months of each field.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.netcdf import open_netcdf
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import patched
from lsbc.emulator.hosts.template import mark
from lsbc.emulator.hosts.told_years import with_former_years
from lsbc.emulator.hosts.wrf_classes import TAKEN, fate_of_cells, kept_cells
from lsbc.emulator.hosts.wrf_monthly import DATED, Dated
from lsbc.emulator.hosts.wrf_options import DatedOptions
from lsbc.emulator.hosts.wrf_template import dates, put_cells, read_course, read_template, require_map
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError


@dataclass(frozen=True, kw_only=True)
class Options(DatedOptions):
    template: Path = option("the wrflowinp file of the domain")
    static: Path = option("the domain's geo_em or wrfinput file: places of the cells, land mask, ice")
    only_year: bool = option("change only the times in the yearly file's own year, so that a file of several years is made by one call for each", default=False)


def write(year: YearFile, out: Path, options: Options) -> list[str]:
    """Write the file whole or not at all; returns notes for the user.

    Raises:
        FileError: `static` is of another grid or not of WRF's MODIS classes, or `template` does not fit it or has no time to change.
        ValueRangeError: a value of `static` or the yearly file is out of range; the cell is named.
    """
    fate, shape = _cells(year, options.static)
    taken = fate == TAKEN
    with patched(options.template, out) as data:
        names = _names(data, shape, options)
        days = dates(data, options.template)
        chosen = [k for k, when in enumerate(days) if not options.only_year or when.year == year.year]
        if not chosen:
            raise FileError(f"File {options.template} has no time{f' in {year.year}' if options.only_year else ''}; there is nothing to change.")
        notes = _notes(year, days, chosen, names, fate)
        _write_times(data, days, chosen, names, taken, Dated(year, taken, options.water_albedo, read_course(year, options.albedo_course)))
        mark(data, *(with_former_years(data, year.provenance, year.year, notes) if options.only_year else (year.provenance, year.year, notes)))
    return notes


def _cells(year: YearFile, static: Path) -> tuple[np.ndarray, tuple[int, int]]:
    """What becomes of the cells, (n_cell,), and the shape of the map."""
    with open_netcdf(static) as data:
        return fate_of_cells(year, read_template(year, data, static)), data["LU_INDEX"].shape[1:]


def _names(data, shape: tuple[int, int], options: Options) -> list[str]:
    """The fields that are there to change."""
    names = [name for name in DATED if name in data.variables]
    if not names:
        raise FileError(f"File {options.template} has none of {', '.join(DATED)}; a wrflowinp file as real.exe writes it with sst_update = 1 is expected.")
    for name in names:
        require_map(data, name, options.template)
        if data[name].shape[1:] != shape:
            raise FileError(f"File {options.template}: {name} has the shape {data[name].shape}; the map of {options.static} is {shape}: they are not of one domain.")
    return names


def _write_times(data, days: list[date], chosen: list[int], names: list[str], taken: np.ndarray, dated: Dated) -> None:
    fields: dict[str, np.ndarray] = {}
    cells = np.flatnonzero(taken)
    for position, k in enumerate(chosen):
        if position == 0 or days[k] != days[chosen[position - 1]]:
            fields = {name: values.astype(data[name].dtype) for name, values in dated.at(days[k]).items() if name in names}
        for name in names:
            put_cells(data, name, fields[name], cells, k)


def _notes(year: YearFile, days: list[date], chosen: list[int], names: list[str], fate: np.ndarray) -> list[str]:
    kept = f"; the others keep the template's values: {why}" if (why := kept_cells(fate)) else ""
    notes = [f"{', '.join(names)} of {int((fate == TAKEN).sum())} of {len(fate)} cells are lsbc's at {len(chosen)} of {len(days)} times{kept}"]
    if missing := [name for name in DATED if name not in names]:
        notes.append(f"the template has no {', '.join(missing)}, and none was added")
    if other := sorted({days[k].year for k in chosen} - {year.year}):
        notes.append(f"times of {', '.join(map(str, other))} got the land use of {year.year}")
    return notes
