"""Writes lsbc's land use into a copy of WRF's geo_em file. Knows real.exe's units; no rule of land use, no other file of WRF.

LANDUSEF and LU_INDEX follow `wrf_classes`, GREENFRAC (0..1), LAI12M (of the vegetated area) and ALBEDO12M (percent) `wrf_monthly`.
Everything else, and every cell that is not lsbc's, stays bit by bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.checks_wrf import URBAN_CODES
from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import patched
from lsbc.emulator.hosts.template import mark
from lsbc.emulator.hosts.wrf_classes import URBAN, new_classes
from lsbc.emulator.hosts.wrf_monthly import N_MONTH, albedo_months, by_slabs, green_fraction, land_albedo, leaf_area
from lsbc.emulator.hosts.wrf_options import AlbedoOptions, ClassOptions
from lsbc.emulator.hosts.wrf_template import flat, put, put_cells, read_template, require_map
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError

MADE_URBAN = 0.5
"""FRC_URB2D from which init_domain_rk of real.exe makes any cell urban with sf_urban_physics 1 to 3."""


@dataclass(frozen=True, kw_only=True)
class Options(ClassOptions, AlbedoOptions):
    template: Path = option("the geo_em file of the domain")


def write(year: YearFile, out: Path, options: Options) -> list[str]:
    """Write the file whole or not at all; returns notes for the user.

    Raises:
        FileError: the template is of another grid or no geo_em file with MODIS classes.  ConfigError: the crosswalk does not fit.
        ValueRangeError: a value of the template or the yearly file is out of range; the cell is named.
    """
    host = HostClasses.of(year, options.crosswalk)
    with patched(options.template, out) as data:
        taken, notes = _classes(host, data, options)
        for name in ("GREENFRAC", "LAI12M", "ALBEDO12M"):
            if name in data.variables:
                _months(year, data, name, taken, options)
            else:
                notes.append(f"the template has no {name}, and none was added")
        mark(data, host.attributes, year.year, notes)
    return notes


def _classes(host: HostClasses, data, options: Options) -> tuple[np.ndarray, list[str]]:
    """Write the classes; returns which cells are lsbc's, and notes."""
    template = read_template(host.year, data, options.template)
    if template.fractions is None:
        raise FileError(f"File {options.template} has no LANDUSEF; a geo_em file as geogrid writes it is expected.")
    new = new_classes(host, template, fold_lakes=options.fold_lakes, one_urban=options.one_urban)
    put(data, "LANDUSEF", new.fractions)
    put_cells(data, "LU_INDEX", new.index[new.changed], new.changed)
    return new.taken, new.notes + _urban_fraction(data, options.template, new.taken, new.index)


def _urban_fraction(data, path: Path, taken: np.ndarray, index: np.ndarray) -> list[str]:
    """Take FRC_URB2D from cells that lsbc does not call urban, where real.exe would make them urban by it."""
    if "FRC_URB2D" not in data.variables:
        return []
    require_map(data, "FRC_URB2D", path)
    fraction = flat(data, "FRC_URB2D")
    cells = taken & ~np.isin(index, (URBAN, *URBAN_CODES)) & (fraction >= MADE_URBAN)
    if not cells.any():
        return []
    put_cells(data, "FRC_URB2D", 0.0, cells)
    return [f"FRC_URB2D was {MADE_URBAN:g} or more in {int(cells.sum())} cells that are not urban in lsbc's map; it is 0 there now, else real.exe would make them urban"]


def _months(year: YearFile, data, name: str, taken: np.ndarray, options: Options) -> None:
    require_map(data, name, options.template, levels=True)
    values = flat(data, name)
    if values.shape != (N_MONTH, len(taken)):
        raise FileError(f"File {options.template}: {name} has the shape {data[name].shape}; {N_MONTH} months of {len(taken)} cells are expected.")
    for cells in by_slabs(year, taken):
        if name == "GREENFRAC":
            values[:, cells] = green_fraction(year, cells)
        elif name == "LAI12M":
            values[:, cells] = leaf_area(year, cells)
        else:
            values[:, cells] = 100.0 * albedo_months(land_albedo(year, cells, options.water_albedo), values[:, cells])
    put(data, name, values)
