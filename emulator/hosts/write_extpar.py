"""Writes land use into a copy of an ICON-NWP external parameter file (EXTPAR). Knows no other file of ICON and no class table but EXTPAR's.

FR_LAND, FR_LAKE, FR_OCEAN, ICE, SOILTYP, the shares of the classes of water and ice, and all months (NDVI, albedo, EMISS) stay the template's;
a share of water that is at odds with FR_LAND becomes 1 - FR_LAND. Rules of the fields: extpar_fields.py and docs/hosts/icon.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.extpar_fields import BARE_OF_ICE, FIELDS, ExtparClasses, Shares
from lsbc.emulator.hosts.host_classes import LEAST_LAND, HostClasses
from lsbc.emulator.hosts.land import land_shares, relative
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import patched
from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.template import centres, mark, plain
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError, ValueRangeError

CLASSES = "LU_CLASS_FRACTION"
COAST_GAP = 0.0101
"""Misfit of water and FR_LAND that is EXTPAR's own: it sets FR_LAND of 0.49 to 0.51 to one of the two."""
ICE_SOIL = 1
_ROUNDING = 1e-5
_LOWER_Z0 = 1e-3
"""Relative misfit beyond rounding."""


@dataclass(frozen=True, kw_only=True)
class Options:
    template: Path = option("the external parameter file to update")
    crosswalk: str = option("crosswalk: globcover, esacci (for a template of 38 classes), or a .toml file of your own for one of them", default="globcover")


@dataclass
class _Template:
    """What the file held and will hold: `classes` (n_class, n_cell) and `fields` (n_cell,) in its own precision; the rest is read only."""

    path: Path
    known: ExtparClasses
    classes: np.ndarray
    fields: dict[str, np.ndarray]
    land: np.ndarray
    ice_soil: np.ndarray
    counts: Counter = field(default_factory=Counter)


def write(year: YearFile, out: Path, options: Options) -> Iterable[str]:
    """Write `out` from the template; see the module's head and docs/hosts/icon.md.

    Raises:
        FileError: the template is no EXTPAR file of these classes and cells.  ValueRangeError: it holds an impossible value in a cell to be written, which is named,
        or the host's classes depend on a climate that is unknown there.  ConfigError: the crosswalk does not lead to EXTPAR's classes.
    """
    host = HostClasses.of(year, options.crosswalk)
    known = ExtparClasses.of(host.crosswalk)
    with patched(options.template, out) as data:
        template = _read(data, options.template, known, year)
        for cells in year.slabs():
            _update(template, host, cells)
        data.variables[CLASSES][...] = template.classes
        for name, values in template.fields.items():
            data.variables[name][...] = values.reshape(data.variables[name].shape)
        notes = _notes(template, year)
        mark(data, host.attributes, year.year, (f"{', '.join((CLASSES, *template.fields))} are lsbc's", *notes))
    return notes


def _read(data, path: Path, known: ExtparClasses, year: YearFile) -> _Template:
    """The template's arrays, once everything about the file is known to fit."""
    variable = plain(data, CLASSES, path, real=True)
    if variable.ndim != 2 or variable.shape[0] != known.n_class:
        sizes = dict(zip(variable.dimensions, variable.shape))
        raise FileError(f"File {path}: {CLASSES} has dimensions {sizes}; the crosswalk needs {known.n_class} classes and then cells.")
    rawdata = str(getattr(data, "rawdata", ""))
    if known.cover.rawdata not in rawdata:
        raise FileError(f"File {path}: its attribute rawdata is '{rawdata}' and does not name {known.cover.rawdata}, whose classes the crosswalk leads to.")
    cell = variable.dimensions[1]
    same_cells(year, *centres(data, (cell,), path), path)

    def numbers(name: str, real: bool = False) -> np.ndarray:
        one = plain(data, name, path, real=real)
        if one.dimensions[-1:] != (cell,) or one.size != year.n_cell:
            raise FileError(f"File {path}: {name} has dimensions {dict(zip(one.dimensions, one.shape))}; one value a cell is expected.")
        return np.asarray(one[...]).ravel()

    fields = {name: numbers(name, real=True) for name in (*FIELDS, "Z0") if name in data.variables}
    ice_soil = numbers("SOILTYP") == ICE_SOIL if "SOILTYP" in data.variables else np.zeros(year.n_cell, bool)
    return _Template(path, known, np.asarray(variable[...]), fields, numbers("FR_LAND").astype(np.float64), ice_soil)


def _update(template: _Template, host: HostClasses, cells: slice) -> None:
    """Write a slab of cells into the template's arrays, where lsbc and the host have land other than ice."""
    year, known = host.year, template.known
    old, land = template.classes[:, cells].astype(np.float64), template.land[cells]
    covered = year.covered(cells)
    _check(template, year, cells, covered)
    there = covered & (land > 0.0)
    water, ice = old[known.water], old[known.ice]
    astray = there & ~(np.abs(1.0 - land - water) <= COAST_GAP)
    water = np.where(astray, 1.0 - land, water)
    solid = np.where(there & (water < 1.0), 1.0 - water, 1.0)
    shares = land_shares(year, cells, np.where(there, np.maximum(ice / solid, 0.0), 0.0))
    room = 1.0 - water - ice
    there &= room >= LEAST_LAND
    changed = there & shares.any(axis=0)
    new = relative(host.apply(np.where(changed, shares, 0.0), cells))[:, changed] * room[changed]
    new[known.water], new[known.ice] = water[changed], ice[changed]
    template.classes[:, cells][:, changed] = new
    template.counts.update(written=int(changed.sum()), astray=int((astray & changed).sum()), uncovered=int((~covered & (land > 0.0)).sum()),
                           landless=int((there & ~changed).sum()))
    _derive(template, np.arange(cells.start, cells.stop)[changed], old[:, changed], new)


def _derive(template: _Template, place: np.ndarray, old: np.ndarray, new: np.ndarray) -> None:
    """Write the fields that follow from the classes; `place` are positions of the cells."""
    known = template.known
    cell, land = Shares.of(new), known.land(new)
    for name, values in template.fields.items():
        if name == "Z0":
            values[place] = _roughness(template, place, known.roughness(known.land(old)), known.roughness(land))
        else:
            value = known.value(name, cell, land)
            keep = template.ice_soil[place] if name in BARE_OF_ICE else np.zeros(len(place), bool)
            values[place] = np.where(keep, values[place], value)


def _roughness(template: _Template, place: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Z0 [m]: what the template's has beyond its own classes' is orography and stays (EXTPAR adds the two)."""
    total = template.fields["Z0"][place].astype(np.float64)
    template.counts.update(lower=int((total < before * (1.0 - _LOWER_Z0)).sum()))
    return after + np.maximum(total - before, 0.0)


def _check(template: _Template, year: YearFile, cells: slice, covered: np.ndarray) -> None:
    """Refuse values of the template that the new ones would be made from, in cells that lsbc covers."""
    land = template.land[cells]
    used = {"FR_LAND": (land, (land >= 0.0) & (land <= 1.0 + _ROUNDING) | ~covered)}
    inside = covered & (land > 0.0)
    fractions = template.classes[:, cells]
    for row in range(len(fractions)):
        good = (fractions[row] >= -_ROUNDING) & (fractions[row] <= 1.0 + _ROUNDING)
        used[f"{CLASSES} of class {row + 1}"] = (fractions[row], good | ~inside)
    if "Z0" in template.fields:
        z0 = template.fields["Z0"][cells]
        used["Z0"] = (z0, (z0 > 0.0) & (z0 < 1e3) | ~inside)
    for name, (values, good) in used.items():
        if not good.all():
            k = int(np.argmin(good))
            raise ValueRangeError(f"File {template.path}: {name} is {values[k]:g} in cell {year.name_of(cells.start + k)}; correct the file.")


def _notes(template: _Template, year: YearFile) -> list[str]:
    counts = template.counts
    told = {"uncovered": "cells with land are not covered by lsbc and keep the template's values",
            "landless": f"cells have land in the template but none in lsbc (less than {LEAST_LAND:g} of the cell), and keep the template's values",
            "astray": f"cells had a share of water in {CLASSES} that was not 1 - FR_LAND: it is now",
            "lower": "cells had a Z0 lower than that of the template's own classes: nothing was kept there as the part of the orography"}
    return [f"{counts['written']} of {year.n_cell} cells have the land use of {year.year}",
            *(f"{counts[key]} {text}" for key, text in told.items() if counts[key]), *template.known.notes]
