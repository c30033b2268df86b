"""Writes JSBACH's plant types of one year, bc_land_frac_11pfts_YYYY.nc. Knows no other file of ICON and no rule of other hosts.

JSBACH multiplies the fractions with that of its veg tile, which is static, and stops where a cell's sum is above 1 + 1e-11 or grows from year to year by more than that
(read_land_use_data, update_alcc). So a cell's sum is the same in every year: 1, or what it is in the host's own file or in the file of the year before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.hosts.blocks import Block, blocks, rows_sum
from lsbc.emulator.hosts.checks_jsbach import N_PFT, PFT_NAMES
from lsbc.emulator.hosts.copied import attributes, copy_variable
from lsbc.emulator.hosts.host_classes import LEAST_LAND, HostClasses
from lsbc.emulator.hosts.jsbach_reference import Reference, open_reference
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import created
from lsbc.emulator.hosts.template import mark
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import ConfigError, FileError, InternalError, ValueRangeError

GRASS_AND_SHRUB = CLASS_CODES.index(55)
HOST_IDS = 100
"""Larger ids of a crosswalk are no classes of the host."""
NO_LAND_PFT = 2
"""Position of pft03, to which the host's own preparation of these files gives cells without land."""


@dataclass(frozen=True, kw_only=True)
class Options:
    host_frac: Path | None = option("the host's bc_land_frac.nc or bc_land_frac_11pfts_YYYY.nc: its other variables are copied, and cells that lsbc does not "
                                    "cover keep its plant types", default=None)
    previous: Path | None = option("the file of the year before, which cells without plants keep; {year} in the name stands for that year", default=None)
    crosswalk: str = option("crosswalk: a shipped name or a .toml file", default="jsbach")


def write(year: YearFile, out: Path, options: Options) -> list[str]:
    """Write the plant types of `year.year` to `out`, whose name must end in that year; returns notes.

    Fractions are float64 and of the veg tile (relative_fractions_in_file = .TRUE.).
    Each cell's sum is at most 1 and within 1e-15 of what it is in `previous`, else in `host_frac`, else 1.

    Raises:
        ConfigError: another year's name, or a crosswalk without JSBACH's 11 types.
        FileError: a file cannot be read, written, or is of another grid.
        ValueRangeError: lsbc does not cover a cell and no file says what grows there; the cell is named.
    """
    named = re.search(r"(\d{4})\.nc$", out.name)
    if named is None or int(named[1]) != year.year:
        raise ConfigError(f"File {out} must be named for the year of its land use, such as bc_land_frac_11pfts_{year.year:04d}.nc: JSBACH finds it by that name.")
    classes = HostClasses.of(year, options.crosswalk)
    if [target.id for target in classes.crosswalk.classes if target.id <= HOST_IDS] != list(range(1, N_PFT + 1)):
        raise ConfigError(f"Crosswalk {options.crosswalk} is not for JSBACH's plant types 1 to {N_PFT}; take 'jsbach' or one made from it.")
    before, notes = _previous(options.previous, year.year)
    with ExitStack() as stack:
        host = None if options.host_frac is None else stack.enter_context(open_reference(options.host_frac, year))
        last = None if before is None else stack.enter_context(open_reference(before, year))
        source = _Source(year, classes, host, last)
        source.require_alike()
        counts: Counter[str] = Counter()
        with _new_file(out, source) as data:
            for block in blocks(source.shape):
                for name, row in zip(PFT_NAMES, source.fractions(block, counts)):
                    block.put(data.variables[name], row)
            notes += [f"{n} cell(s) {what}" for what, n in counts.items() if n]
            mark(data, classes.attributes, year.year, notes)
    return notes


def _previous(pattern: Path | None, year: int) -> tuple[Path | None, list[str]]:
    """The file of the year before, where there is one."""
    if pattern is None:
        return None, []
    path = Path(str(pattern).replace("{year}", f"{year - 1:04d}"))
    if path != pattern and not path.exists():
        return None, [f"there is no file of the year before ({path.name}): cells without plants take what host_frac says, or grass and shrub"]
    named = re.search(r"(\d{4})\.nc$", path.name)
    if named is not None and int(named[1]) != year - 1:
        raise ConfigError(f"File {path} is not of the year before {year}: give the land-use file of {year - 1} as the option previous.")
    return path, []


@dataclass(frozen=True)
class _Source:
    """What the plant types of some cells are made from; `last` (the year before) goes before `host`."""

    year: YearFile
    classes: HostClasses
    host: Reference | None
    last: Reference | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the map in the file."""
        return (self.year.n_cell,) if self.host is None else self.host.shape

    def require_alike(self) -> None:
        """Make sure that the year before can be followed; raises FileError."""
        last = self.last
        if last is None:
            return
        if not last.has_types:
            raise FileError(f"File {last.path} has no plant types ({PFT_NAMES[0]} ...); the option previous takes JSBACH's land-use file of the year before.")
        if last.shape != self.shape:
            raise FileError(f"File {last.path} is a map of {last.shape} cells, the new one has {self.shape}: give the host's file of that form as the option host_frac.")

    def fractions(self, block: Block, counts: Counter[str]) -> np.ndarray:
        """(11, n) float64 as they go into the file; `counts` grows by the cells with a rule of their own."""
        plants = self.classes.fractions(block.cells)[:N_PFT]
        grows, covered = rows_sum(plants) >= LEAST_LAND, self.year.covered(block.cells)
        kept = self._kept(block)
        if kept is None:
            self._all_covered(covered, block)
            self._fill(plants, grows, block, counts)
            return _with_sum(plants, np.ones(block.n_cell))
        total = np.minimum(rows_sum(kept), 1.0)
        counts["not covered by lsbc keep the fractions of the host's file"] += int((~covered).sum())
        counts["without a plant type in lsbc's map keep their fractions"] += int((covered & ~grows).sum())
        counts["without plants in the host's file stay without, whatever lsbc's map says"] += int((grows & (total == 0.0)).sum())
        use = np.where(grows, plants, kept)
        return np.where(~grows & (rows_sum(kept) <= 1.0), kept, _with_sum(use, total))

    def _kept(self, block: Block) -> np.ndarray | None:
        """Fractions of the year before or else the host's; None where no file has any."""
        if self.last is not None:
            return self.last.types(block)
        if self.host is None or not self.host.has_types:
            return None
        return self.host.types(block)

    def _all_covered(self, covered: np.ndarray, block: Block) -> None:
        if not covered.all():
            k = block.cells.start + int(np.argmin(covered))
            raise ValueRangeError(f"Cell {self.year.name_of(k)} is not covered by {self.year.path} and JSBACH needs plant types in every cell: give the host's own "
                                  "bc_land_frac_11pfts file as the option host_frac.")

    def _fill(self, plants: np.ndarray, grows: np.ndarray, block: Block, counts: Counter[str]) -> None:
        """Plant types where lsbc's map has none (towns, bare ground, water): grass and shrub of the climate, in unknown climates pft03."""
        bare = np.flatnonzero(~grows)
        plants[:, bare] = 0.0
        crosswalk, koppen, coldest = self.classes.crosswalk, self.year.koppen(block.cells)[bare], self.year.coldest_month_c(block.cells)[bare]
        known = ((koppen > 0) | (not crosswalk.needs_koppen)) & (np.isfinite(coldest) | (not crosswalk.needs_coldest_month))
        green = np.zeros((len(CLASS_CODES), int(known.sum())))
        green[GRASS_AND_SHRUB] = 1.0
        plants[:, bare[known]] = crosswalk.apply(green, koppen[known], coldest[known], codes=CLASS_CODES)[:N_PFT]
        still = bare[rows_sum(plants[:, bare]) == 0.0]
        plants[NO_LAND_PFT, still] = 1.0
        counts["without a plant type in lsbc's map get those of grass and shrub in their climate"] += len(bare) - len(still)
        counts["without a plant type and without a climate get pft03, as the host's own preparation gives cells without land"] += len(still)


def _with_sum(plants: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Fractions in the proportions of `plants`, (11, n), whose sum, added from pft01 on, is `total` (n,) or a few roundings less, never more."""
    known = rows_sum(plants)
    values = plants / np.where(known > 0.0, known, 1.0)
    values *= np.where(known > 0.0, total, 0.0)
    for k in range(20):
        excess = rows_sum(values) - total
        above = np.flatnonzero(excess > 0.0)
        if not len(above):
            return values
        largest = np.argmax(values[:, above], axis=0)
        values[largest, above] = np.maximum(values[largest, above] - (k + 1) * excess[above], 0.0)
    raise InternalError(f"A sum of plant types stays {excess.max():g} above its limit.")


@contextmanager
def _new_file(out: Path, source: _Source) -> Iterator:
    """The file with everything but the fractions' values: the host's other variables, or the cells' places."""
    with created(out) as data:
        data.set_fill_off()
        if source.host is not None:
            data.setncatts({name: source.host.data.getncattr(name) for name in source.host.data.ncattrs()})
            for name in source.host.data.variables:
                if name not in PFT_NAMES:
                    copy_variable(source.host.data, data, name)
        else:
            _put_places(data, source.year)
        for k, name in enumerate(PFT_NAMES):
            _define(data, name, source, source.classes.crosswalk.classes[k].name)
        yield data


def _define(data, name: str, source: _Source, plants: str) -> None:
    host = source.host
    told = {"CDI_grid_type": "unstructured", "coordinates": "clat clon"}
    if host is not None:
        told = attributes(host.data.variables[name if host.has_types else "fract_veg"])
    variable = data.createVariable(name, "f8", ("cell",) if host is None else host.dims)
    variable.set_auto_maskandscale(False)
    variable.setncatts({**told, "long_name": f"fraction of the veg tile: {plants}", "units": "1"})


def _put_places(data, year: YearFile) -> None:
    """Centres and, where the yearly file has them, corners of the cells, in radians like those of ICON."""
    data.createDimension("cell", year.n_cell)
    corners = "lon_vertices" in year and "lat_vertices" in year
    for name, word in (("clon", "longitude"), ("clat", "latitude")):
        variable = data.createVariable(name, "f8", ("cell",))
        variable.setncatts({"standard_name": word, "long_name": f"center {word}", "units": "radian", **({"bounds": f"{name}_vertices"} if corners else {})})
        variable[:] = np.radians(year.values(name[1:]))
        if corners:
            values = year.values(f"{name[1:]}_vertices")
            if "vertices" not in data.dimensions:
                data.createDimension("vertices", values.shape[1])
            bounds = data.createVariable(f"{name}_vertices", "f8", ("cell", "vertices"))
            bounds.setncatts({"units": "radian"})
            bounds[:] = np.radians(values)
    data.setncatts({"title": f"plant types of JSBACH, {year.year}", "source": year.provenance.get("source", "lsbc")})
