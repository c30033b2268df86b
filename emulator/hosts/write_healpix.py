"""Writes a year of land use and its fields into a Zarr store of HEALPix cells, for digital twins. Never knows a host model.

Values come from the 1 km map, not from the host's cells: class fractions are exact shares of area, all else is computed from them by the rules that host cells have.
Years are written whole (`zarr_years`); a stopped one goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.boundary import CellState, Tables, boundary_fields
from lsbc.emulator.climate import HostClimate
from lsbc.emulator.fields import FieldInfo
from lsbc.emulator.hosts.healpix_cells import HealpixGrid
from lsbc.emulator.hosts.healpix_layout import FIELDS, NO_CLASS, Level, levels_of, store_plan
from lsbc.emulator.hosts.healpix_map import LandUseMap, chunk_areas, open_landuse
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.emulator.hosts.zarr_plan import StorePlan
from lsbc.emulator.hosts.zarr_years import writing_year
from lsbc.emulator.surface_settings import SurfaceConfig
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError

SERIES = True
"""Several years go into one store."""
ROUNDING = 1e-9
"""Share of `min_coverage` by which a covered area may miss it."""
_SAME_RUN = ("model_sha256", "settings_sha256", "host_grid")


@dataclass(frozen=True, kw_only=True)
class Options:
    nside: int = option("cells along a side of a base cell, a power of two", default=1024)
    order: str = option("numbering of the cells", default="nest", choices=("nest", "ring"))
    levels: int = option("coarser levels written as well, in groups level_<n>; nested only", default=0)
    landuse: Path | None = option("the 1 km map, {year} becomes the year; landuse_<year>.nc beside the yearly file if not given", default=None)
    fields: str = option("names of the fields, with commas; all if not given", default="all")
    min_coverage: float = option("share of a cell that must be over data; cells with less hold no values", default=0.5)
    dtype: str = option("type of the fields", default="float64", choices=("float64", "float32"))
    chunk: int = option("cells in a chunk, a power of four; one base cell if that is smaller", default=1 << 16)
    zarr_format: int = option("version of Zarr, 2 or 3", default=2)
    class_table: Path | None = option("class parameters of the run, if not the shipped ones", default=None)
    season_table: Path | None = option("months of the classes of the run, if not the shipped ones", default=None)


def write(year: YearFile, out: Path, options: Options) -> Iterable[str]:
    """Put the year into the store `out`: append it, or replace it where it is there.

    Raises:
        ConfigError: options that do not go together, or with the store.  YearError: the year lies before the last of the store and is not in it.
        FileError: the map is missing, damaged or of another run, or the store cannot be written.  ValueRangeError: the map covers no cell well enough.
    """
    tables = SurfaceConfig(class_table=options.class_table, season_table=options.season_table).build(Path())
    recipe = _Recipe(_levels(options), _fields(options), tables, options.min_coverage)
    plan = store_plan(recipe.levels, recipe.fields, options.dtype, options.zarr_format,
                      {"min_coverage": options.min_coverage, "class_parameters": tables.classes.source, "season_table": tables.season.source})
    with open_landuse(_map_path(year, options)) as landuse:
        _check_same_run(year, landuse)
        counts = _write_year(landuse, out, plan, recipe, _record(year, landuse))
    return [f"year {year.year}: {counts['cells']} cells of nside {options.nside} hold values, {counts['sparse']} with less than {options.min_coverage:g} of their area "
            "over data hold none", *_other_tables(year, tables)]


@dataclass(frozen=True)
class _Recipe:
    """What is made of the areas of classes."""

    levels: tuple[Level, ...]
    fields: tuple[FieldInfo, ...]
    tables: Tables
    min_coverage: float

    def enough(self, covered: np.ndarray) -> np.ndarray:
        return covered >= self.min_coverage * (1.0 - ROUNDING)

    def of_all_levels(self, areas: np.ndarray, chunk: int, year: int) -> dict[str, np.ndarray]:
        """Path in the store -> values of a chunk, from its areas at the finest level, (8, n_cell)."""
        values = {}
        for k, level in enumerate(self.levels):
            areas = areas if k == 0 else areas.reshape(len(areas), -1, 4).sum(axis=2) / 4.0
            values |= {level.path(name): field for name, field in self._of_level(areas, level, chunk, year).items()}
        return values

    def _of_level(self, areas: np.ndarray, level: Level, chunk: int, year: int) -> dict[str, np.ndarray]:
        """Field -> (..., n_cell), missing where too little is covered."""
        total = areas.sum(axis=0)
        inside = np.flatnonzero(self.enough(total))
        cells = chunk * level.chunk + inside
        lon, lat = level.grid.centres_deg(cells)
        climate = HostClimate(lat, np.zeros(len(cells), np.int64), np.full(len(cells), np.nan), cells, lon)
        state = CellState(np.ascontiguousarray((areas[:, inside] / total[inside]).T), np.minimum(total[inside], 1.0), np.zeros(len(cells)))
        found = boundary_fields(state, climate, 0.0, year, self.tables) if len(cells) else {}
        out = {}
        for info in self.fields:
            out[info.name] = np.full((*(size for _, size in info.axes), len(total)), NO_CLASS if info.flags else np.nan)
            if len(cells):
                out[info.name][..., inside] = found[info.name]
        if "coverage" in out:
            out["coverage"] = np.where(total > 0.0, np.minimum(total, 1.0), np.nan)
        return out


def _write_year(landuse: LandUseMap, out: Path, plan: StorePlan, recipe: _Recipe, record: dict[str, Any]) -> dict[str, int]:
    finest = recipe.levels[0]
    with writing_year(out, plan, record) as writer, _bar(landuse.n_row) as progress:
        for chunk, areas in chunk_areas(landuse, finest.grid, finest.chunk, set(writer.done), progress):
            if areas is None:
                writer.put(chunk, None, {})
                continue
            covered = areas.sum(axis=0)
            n_inside, n_touched = int(recipe.enough(covered).sum()), int((covered > 0.0).sum())
            writer.put(chunk, recipe.of_all_levels(areas, chunk, record["year"]), {"cells": n_inside, "sparse": n_touched - n_inside})
        if not writer.counts.get("cells"):
            writer.discard()
            raise ValueRangeError(f"The map {landuse.path} covers no HEALPix cell of nside {finest.grid.nside} by {recipe.min_coverage:g} or more: nothing to write.")
        counts = dict(writer.counts)
        writer.commit()
    return counts


def _levels(options: Options) -> tuple[Level, ...]:
    grid = HealpixGrid(options.nside, options.order)
    if options.chunk < 1 or options.chunk & (options.chunk - 1) or options.chunk.bit_length() % 2 == 0:
        raise ConfigError(f"Option chunk must be a power of four, got {options.chunk}.")
    chunk = min(options.chunk, grid.nside**2)
    most = (chunk.bit_length() - 1) // 2
    if not 0 <= options.levels <= (most if options.order == "nest" else 0):
        raise ConfigError(f"Option levels must be 0 to {most} for chunks of {chunk} cells, and 0 in ring order (four children of a cell do not lie together there); "
                          f"got {options.levels} in order {options.order}.")
    if not 0.0 < options.min_coverage <= 1.0:
        raise ConfigError(f"Option min_coverage must be above 0 and at most 1, got {options.min_coverage}.")
    if options.zarr_format not in (2, 3):
        raise ConfigError(f"Option zarr_format must be 2 or 3, got {options.zarr_format}.")
    return levels_of(grid, chunk, options.levels)


def _fields(options: Options) -> tuple[FieldInfo, ...]:
    known = {info.name: info for info in FIELDS}
    names = list(known) if options.fields == "all" else [name.strip() for name in options.fields.split(",")]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(f"Option fields: there is no {', '.join(unknown)}; there are {', '.join(known)}.")
    return tuple(info for info in FIELDS if info.name in names)


def _map_path(year: YearFile, options: Options) -> Path:
    if options.landuse is not None:
        return options.landuse.with_name(options.landuse.name.replace("{year}", str(year.year)))
    path = year.path.with_name(f"landuse_{year.year}.nc")
    if not path.exists():
        raise FileError(f"File {path} does not exist: HEALPix cells get their values from the 1 km map. Let the run write it (output.landuse_map = true), "
                        "or give it as option landuse.")
    return path


def _check_same_run(year: YearFile, landuse: LandUseMap) -> None:
    if landuse.year != year.year:
        raise FileError(f"File {landuse.path} is the map of {landuse.year}, {year.path} is valid for {year.year}: give the map of that year as option landuse.")
    for name in _SAME_RUN:
        ours, theirs = year.provenance.get(name), landuse.provenance.get(name)
        if ours != theirs:
            raise FileError(f"File {landuse.path} is of another run than {year.path}: {name} is {theirs} there and {ours} here.")


def _record(year: YearFile, landuse: LandUseMap) -> dict[str, Any]:
    """What tells this year from another one of the same number."""
    with open(landuse.path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    provenance = {name: text for name, text in year.provenance.items() if name != "history"}
    return {"year": year.year, **provenance, "landuse_sha256": sha256, "writer": f"lsbc {version('lsbc')}"}


def _other_tables(year: YearFile, tables: Tables) -> Iterator[str]:
    for option_name, name, ours in (("class_table", "class_parameters", tables.classes.source), ("season_table", "season_table", tables.season.source)):
        theirs = year.provenance.get(name, ours)
        if theirs != ours:
            yield f"the run had other tables than these fields: {name} was '{theirs}', here it is '{ours}'; give the run's as option {option_name}"


@contextmanager
def _bar(n_row: int):
    from tqdm import tqdm

    with tqdm(total=n_row, unit="row", leave=False, disable=None) as bar:
        yield bar.update
