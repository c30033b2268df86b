"""Writes lsbc's land use into a copy of WRF's wrfinput file. Knows what real.exe makes of geo_em and in which units; no rule of land use.

LU_INDEX, IVGTYP and LANDUSEF follow `wrf_classes`; VEGFRA, SHDMAX, SHDMIN, SHDAVG (percent), LAI and ALBBCK (0..1) are what real.exe
would make of lsbc's months at the file's own date. Everything else, and every cell that is not lsbc's, stays bit by bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.blocks import rows_sum
from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import patched
from lsbc.emulator.hosts.template import mark
from lsbc.emulator.hosts.wrf_classes import new_classes
from lsbc.emulator.hosts.wrf_monthly import DATED, N_MONTH, Dated, by_slabs, green_fraction
from lsbc.emulator.hosts.wrf_options import ClassOptions, DatedOptions
from lsbc.emulator.hosts.wrf_template import dates, flat, put, put_cells, read_course, read_template, require_map
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError

OF_THE_YEAR = {"SHDMAX": lambda months: months.max(axis=0), "SHDMIN": lambda months: months.min(axis=0), "SHDAVG": lambda months: rows_sum(months) / N_MONTH}
"""What monthly_min_max and monthly_avg of real.exe make of GREENFRAC."""


@dataclass(frozen=True, kw_only=True)
class Options(ClassOptions, DatedOptions):
    template: Path = option("the wrfinput file of the domain")


def write(year: YearFile, out: Path, options: Options) -> list[str]:
    """Write the file whole or not at all; returns notes for the user.

    Raises:
        FileError: the template is of another grid or no wrfinput file with MODIS classes.  ConfigError: the crosswalk does not fit.
        ValueRangeError: a value of the template or the yearly file is out of range; the cell is named.
    """
    host = HostClasses.of(year, options.crosswalk)
    with patched(options.template, out) as data:
        taken, notes = _classes(host, data, options)
        when, = dates(data, options.template)
        if when.year != year.year:
            notes.append(f"the file is dated {when}, the land use is that of {year.year}")
        missing = [name for name in (*DATED, *OF_THE_YEAR) if name not in data.variables]
        for name in (*DATED, *OF_THE_YEAR):
            if name not in missing:
                require_map(data, name, options.template)
        _of_the_year(year, data, taken)
        _at_the_date(data, taken, Dated(year, taken, options.water_albedo, read_course(year, options.albedo_course)).at(when))
        if missing:
            notes.append(f"the template has no {', '.join(missing)}, and none was added")
        mark(data, host.attributes, year.year, notes)
    return notes


def _classes(host: HostClasses, data, options: Options) -> tuple[np.ndarray, list[str]]:
    """Write the classes; returns which cells are lsbc's, and notes."""
    if "IVGTYP" not in data.variables:
        raise FileError(f"File {options.template} has no IVGTYP; a wrfinput file as real.exe writes it is expected.")
    template = read_template(host.year, data, options.template)
    new = new_classes(host, template, fold_lakes=options.fold_lakes, one_urban=options.one_urban)
    if new.fractions is not None:
        put(data, "LANDUSEF", new.fractions)
    put_cells(data, "LU_INDEX", new.index[new.changed], new.changed)
    both = new.taken | new.changed
    put_cells(data, "IVGTYP", np.rint(new.index[both]), both)
    return new.taken, new.notes


def _of_the_year(year: YearFile, data, taken: np.ndarray) -> None:
    for name, reduce in OF_THE_YEAR.items():
        if name in data.variables:
            values = flat(data, name)
            for cells in by_slabs(year, taken):
                values[cells] = 100.0 * reduce(green_fraction(year, cells))
            put(data, name, values)


def _at_the_date(data, taken: np.ndarray, fields: dict[str, np.ndarray]) -> None:
    for name, at_cells in fields.items():
        if name in data.variables:
            put_cells(data, name, at_cells, taken)
