"""Writes land use into a copy of ecLand's (IFS) surfclim file. Knows no other file of ecLand and no GRIB.

landsea, glacierMask, CLAKE, soil, orography and the first roughness lengths stay the template's. What ecLand makes of the fields, and so what
they must be shares of: surfbc_ctl_mod.F90 and vsurf_mod.F90 (ecmwf-ifs/ecland b9fee10); docs/hosts/ecland.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, STATIC_CLASSES
from lsbc.emulator.hosts.blocks import rows_sum
from lsbc.emulator.hosts.host_classes import LEAST_LAND, HostClasses
from lsbc.emulator.hosts.land import land_shares
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import patched
from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.template import centres, mark, plain
from lsbc.emulator.hosts.year_file import YearFile, open_year
from lsbc.emulator.surface.season_table import N_MONTH, SeasonTable, monthly_lai, read_season_table
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError

NEEDED = ("landsea", "cvl", "cvh", "tvl", "tvh")
MONTHLY_LAI = {"Mlail": "low", "Mlaih": "high"}
REAL = ("cvl", "cvh", "cu", "Malbedo", *MONTHLY_LAI)
"""What is written but for the types, which may be whole numbers."""
ALBEDO_RANGE = (0.02, 0.9)
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Options:
    template: Path = option("the surfclim file to update")
    crosswalk: str = option("crosswalk: ecland, or a .toml file of your own for it", default="ecland")
    leurban: bool = option("ecLand runs with LEURBAN = .TRUE.: towns are the tile cu; otherwise they are bare ground", default=True)
    season_table: Path | None = option("months of LAI of lsbc's classes (surface.season_table of the run); the shipped ones otherwise", default=None)
    reference: Path | None = option("lsbc's yearly file for the year of the template's Malbedo, which then changes as lsbc's albedo does since; otherwise it stays",
                                    default=None)


@dataclass
class _Template:
    """The open file and what is read of it: `landsea`, `lake`, `ice` (n_cell,) as ecLand has them, NaN where missing."""

    data: object
    path: Path
    dims: tuple[str, ...]
    landsea: np.ndarray
    lake: np.ndarray
    ice: np.ndarray
    counts: Counter = field(default_factory=Counter)

    def is_land(self, cells: slice) -> np.ndarray:
        """Where ecLand has land, (n,) bool: landsea above 0.5 (LDLAND), and not missing."""
        return (self.landsea[cells] > 0.5) & (self.landsea[cells] <= 1.0 + _ROUNDING)

    def values(self, name: str) -> np.ndarray:
        """A field as it lies in the file, cells last and flat: (n_cell,) or (12, n_cell)."""
        variable = plain(self.data, name, self.path, real=name in REAL)
        months = () if name not in ("Malbedo", *MONTHLY_LAI) else (N_MONTH,)
        if variable.dimensions[len(months):] != self.dims or variable.shape[:len(months)] != months:
            raise FileError(f"File {self.path}: {name} has dimensions {dict(zip(variable.dimensions, variable.shape))}; "
                            f"{'12 months and ' if months else ''}({', '.join(self.dims)}) are expected.")
        return np.asarray(variable[...]).reshape(*months, -1)

    def store(self, name: str, values: np.ndarray) -> None:
        variable = self.data.variables[name]
        variable[...] = values.reshape(variable.shape)


def write(year: YearFile, out: Path, options: Options) -> Iterable[str]:
    """Write `out` from the template; see the module's head and docs/hosts/ecland.md.

    Raises:
        FileError: the template is no surfclim file of these cells.  ValueRangeError: it holds an impossible value in a land cell, or the host's types depend on a
        climate that is unknown.  ConfigError: the crosswalk does not lead to ecLand's types, or the season table breaks a rule.
    """
    host = HostClasses.of(year, options.crosswalk)
    if host.crosswalk.table.target != "ecland":
        raise ConfigError(f"Crosswalk '{host.crosswalk.table.target}' does not lead to ecLand's vegetation types; its target must be ecland.")
    season = _per_ground(read_season_table(None if options.season_table is None else _text(options.season_table)))
    with patched(options.template, out) as data, (open_year(options.reference) if options.reference else nullcontext()) as reference:
        template = _read(data, options.template, year)
        written = [*_covers(template, host, options.leurban), *_leaves(template, host, season)]
        if reference is not None:
            written += _albedo(template, host, reference)
        notes = _notes(template.counts, year)
        mark(data, host.attributes, year.year, (f"{', '.join(written)} are lsbc's", *notes))
    return notes


def _per_ground(season: SeasonTable) -> SeasonTable:
    """The table whose mean is leaf area per ground of the classes, their bare part included: ecLand divides by the cover of the type itself (RVCOV)."""
    return replace(season, lai=season.lai * season.veg_max[:, :, None], veg_max=np.ones_like(season.veg_max))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"Season table {path} cannot be read: {error}.") from error


def _read(data, path: Path, year: YearFile) -> _Template:
    for name in NEEDED:
        plain(data, name, path)
    dims = data.variables["cvl"].dimensions
    same_cells(year, *centres(data, dims, path), path)
    template = _Template(data, path, dims, *(np.zeros(year.n_cell) for _ in range(3)))
    for name, attribute in (("landsea", "landsea"), ("CLAKE", "lake"), ("glacierMask", "ice")):
        if name in data.variables:
            setattr(template, attribute, template.values(name).astype(np.float64))
    land = np.concatenate([year.covered(cells) & template.is_land(cells) for cells in year.slabs()])
    for name, values in (("CLAKE", template.lake), ("glacierMask", template.ice)):
        good = (values >= 0.0) & (values <= 1.0 + _ROUNDING) | ~land
        if not good.all():
            k = int(np.argmin(good))
            raise ValueRangeError(f"File {path}: {name} is {values[k]:g} in cell {year.name_of(k)}; it must be in 0..1 on land.")
    return template


def _land(template: _Template, year: YearFile) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """(cells, their ground that is neither lake nor ice, lsbc's shares of it): shares are all 0 where the cells stay as they are."""
    for cells in year.slabs():
        lake, ice = template.lake[cells], template.ice[cells]
        there = year.covered(cells) & template.is_land(cells)
        dry = np.where(there, 1.0 - lake, 0.0)
        ground = np.where(there, dry - ice, 0.0)
        there &= ground >= LEAST_LAND
        share = land_shares(year, cells, np.where(there, ice / np.where(there, dry, 1.0), 0.0))
        yield cells, ground, np.where(there, share, 0.0)


def _covers(template: _Template, host: HostClasses, leurban: bool) -> list[str]:
    """Write cover and dominant type of low and high vegetation, and towns; returns the names of the fields."""
    names = ["cvl", "cvh", "tvl", "tvh", *(["cu"] if "cu" in template.data.variables else [])]
    values = {name: template.values(name) for name in names}
    for cells, ground, share in _land(template, host.year):
        changed = share.any(axis=0)
        fraction = host.apply(share, cells)
        urban = host.crosswalk.cover(fraction, "urban")
        beside = 1.0 - urban if leurban and "cu" in values else np.ones(len(ground))
        new = {"cu": urban * ground}
        for letter, kind in (("l", "low"), ("h", "high")):
            area = host.crosswalk.cover(fraction, kind)
            new[f"cv{letter}"] = np.minimum(np.where(beside > 0.0, area / np.where(beside > 0.0, beside, 1.0), 0.0), 1.0)
            new[f"tv{letter}"] = np.where(area > 0.0, host.crosswalk.dominant(fraction, kind), values[f"tv{letter}"][cells])
        for name in names:
            values[name][cells] = np.where(changed, new[name], values[name][cells])
        _count(template, host.year, cells, ground, changed)
    for name in names:
        template.store(name, values[name])
    return names


def _leaves(template: _Template, host: HostClasses, season: SeasonTable) -> list[str]:
    """Write the months of leaf area of low and of high vegetation; cells without such vegetation keep the template's. Returns the names of the fields."""
    names = [name for name in MONTHLY_LAI if name in template.data.variables]
    for name in names:
        values = template.values(name)
        for cells, _, share in _land(template, host.year):
            part = _of_kind(host, share, cells, MONTHLY_LAI[name])
            there = part.any(axis=0)
            months = monthly_lai(part.T, host.year.values("lat", cells), season, host.year.koppen(cells))
            values[:, cells] = np.where(there, months, values[:, cells])
        template.store(name, values)
    return names


def _of_kind(host: HostClasses, share: np.ndarray, cells: slice, kind: str) -> np.ndarray:
    """The part of each of lsbc's classes that is vegetation of a kind, (8, n)."""
    ids = {target.id for target in host.crosswalk.classes if target.kind == kind}
    some = {row.code for row in host.crosswalk.table.rows if ids & {class_id for class_id, _ in row.shares}}
    out = np.zeros_like(share)
    for k, code in enumerate(CLASS_CODES):
        if code in some:
            out[k] = host.crosswalk.cover(host.apply(share[k:k + 1], cells, (code,)), kind)
    return out


def _albedo(template: _Template, host: HostClasses, reference: YearFile) -> list[str]:
    """Change the months of Malbedo by the change of lsbc's albedo on land since the reference year; returns the name of the field, if it is there."""
    if "Malbedo" not in template.data.variables:
        return []
    same_cells(reference, *centres(template.data, template.dims, template.path), template.path)
    values = template.values("Malbedo")
    for cells, _, share in _land(template, host.year):
        fraction = host.year.lu_frac(cells)
        fraction[list(STATIC_CLASSES)] = 0.0
        land = rows_sum(fraction)
        there = share.any(axis=0) & reference.covered(cells)
        change = np.where(there, host.year.values("albedo", cells) - reference.values("albedo", cells), 0.0) / np.where(there, land, 1.0)
        old = values[:, cells].astype(np.float64)
        new = old + change
        limited = np.clip(new, np.minimum(old, ALBEDO_RANGE[0]), np.maximum(old, ALBEDO_RANGE[1]))
        template.counts.update(limited=int(((np.abs(limited - new) > 0.0) & there).any(axis=0).sum()))
        values[:, cells] = np.where(there, limited, values[:, cells])
    template.store("Malbedo", values)
    return ["Malbedo"]


def _count(template: _Template, year: YearFile, cells: slice, ground: np.ndarray, changed: np.ndarray) -> None:
    uncovered = template.is_land(cells) & ~year.covered(cells)
    template.counts.update(written=int(changed.sum()), uncovered=int(uncovered.sum()), landless=int(((ground >= LEAST_LAND) & ~changed).sum()))


def _notes(counts: Counter, year: YearFile) -> list[str]:
    told = {"uncovered": "land cells are not covered by lsbc and keep the template's values",
            "landless": f"cells are land in the template but have none in lsbc (less than {LEAST_LAND:g} of the cell), and keep the template's values",
            "limited": f"cells have a Malbedo that was kept within {ALBEDO_RANGE[0]:g} to {ALBEDO_RANGE[1]:g}"}
    return [f"{counts['written']} of {year.n_cell} cells have the land use of {year.year}", *(f"{counts[key]} {text}" for key, text in told.items() if counts[key])]
