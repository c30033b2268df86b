"""WRF's land-use classes from those of lsbc: new LANDUSEF and LU_INDEX of the cells that lsbc may change. Knows class numbers and shares, no files.

The land mask, water, lakes and ice are the host's: a cell that is water or whose class is ice keeps everything, and in the other land
cells the shares of water, lake and ice stay what they were. lsbc's land classes fill the rest: they are scaled up to all land, then
the ice share is taken from the barren class and, where that is too small, from the others in proportion. LU_INDEX is the land class with
the largest share, the lowest number of equal ones, as geogrid chooses it once the mask is known; no cell becomes ice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lsbc.emulator.classes import STATIC_CLASSES
from lsbc.emulator.hosts.blocks import rows_sum
from lsbc.emulator.hosts.checks_wrf import SUM_TOLERANCE, URBAN_CODES
from lsbc.emulator.hosts.host_classes import LEAST_LAND, HostClasses
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.emulator.surface.crosswalk import Crosswalk
from lsbc.regrid.errors import ConfigError, ValueRangeError

URBAN, ICE, BARREN, WATER, LAKE = 13, 15, 16, 17, 21
"""MODIS class numbers of WRF (LANDUSE.TBL); class n is row n - 1 of LANDUSEF."""
N_OWN = 21
TARGET = "modis"
"""The crosswalks' name for WRF's classes."""
TAKEN, IS_WATER, NOT_COVERED, IS_ICE, NO_LAND, NO_ROOM = range(6)
"""What becomes of a cell: lsbc's values, or the template's and why."""
KEPT = ("water", "not covered by lsbc", "ice", "land in which lsbc has no land", "land without room for a land class")
LOCAL_CLIMATE_ZONES = tuple(range(51, 62))


@dataclass(frozen=True, kw_only=True, eq=False)
class Template:
    """Land use of the file that is changed, all cells in its own order.

    index: (n_cell,) LU_INDEX.  land: (n_cell,) bool.  fractions: (n_class, n_cell) LANDUSEF, None where the file has none.
    n_class: NUM_LAND_CAT.  lake: whether class 21 is the lake class of the file.
    """

    index: np.ndarray
    land: np.ndarray
    fractions: np.ndarray | None
    n_class: int
    lake: bool

    def share(self, class_id: int, cells) -> np.ndarray:
        """(n,) float64 share of a class of the file; 0 where it has no LANDUSEF."""
        if self.fractions is None or class_id > len(self.fractions):
            return np.zeros(len(self.index[cells]))
        return self.fractions[class_id - 1, cells].astype(np.float64)

    def water_share(self, cells) -> np.ndarray:
        return self.share(WATER, cells) + (self.share(LAKE, cells) if self.lake else 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class NewClasses:
    """What is to be written.

    fate: (n_cell,) int8, TAKEN where lsbc's values stand.  index: (n_cell,) float32.  changed: (n_cell,) bool, where `index` is another than the
    template's, of lsbc or by an option; elsewhere the file keeps its bits.  fractions: those of the template, changed in place.
    """

    fate: np.ndarray
    index: np.ndarray
    changed: np.ndarray
    fractions: np.ndarray | None
    notes: list[str] = field(default_factory=list)

    @property
    def taken(self) -> np.ndarray:
        return self.fate == TAKEN


def fate_of_cells(year: YearFile, template: Template) -> np.ndarray:
    """(n_cell,) int8: which cells get lsbc's values, and why the others do not.

    Raises:
        ValueRangeError: LU_INDEX or LANDUSEF of a land cell is not finite or out of range; the cell is named.
    """
    fate = np.empty(year.n_cell, np.int8)
    for cells in year.slabs():
        land = template.land[cells]
        fixed = template.water_share(cells) + template.share(ICE, cells)
        _check(year, template, cells, land)
        no_land = ~(land_area(year.lu_frac(cells)) >= LEAST_LAND)
        cases = [~land, ~year.covered(cells), template.index[cells] == ICE, no_land, ~(1.0 - fixed > SUM_TOLERANCE)]
        fate[cells] = np.select(cases, [IS_WATER, NOT_COVERED, IS_ICE, NO_LAND, NO_ROOM], TAKEN)
    return fate


def new_classes(host: HostClasses, template: Template, *, fold_lakes: bool = False, one_urban: bool = False) -> NewClasses:
    """LANDUSEF and LU_INDEX of all cells; `template.fractions` is changed in place.

    Args:
        fold_lakes: lakes become class 17 in all cells.
        one_urban: urban codes beyond the file's classes (31 to 33, 51 to 61) become class 13 in all cells.
    Raises:
        ConfigError: the crosswalk does not lead to WRF's MODIS classes.
        ValueRangeError: as `fate_of_cells` and `HostClasses.fractions`.
    """
    check_crosswalk(host.crosswalk)
    fate = fate_of_cells(host.year, template)
    with np.errstate(over="ignore"):
        index = template.index.astype(np.float32)
    changed = np.zeros(len(index), bool)
    counts = np.zeros(3, np.int64)
    for slab in host.year.slabs():
        cells = slab.start + np.flatnonzero(fate[slab] == TAKEN)
        if not len(cells):
            continue
        shares = _compose(_land_classes(host, cells), template.water_share(cells), template.share(ICE, cells))
        dominant = _dominant(shares)
        old = template.index[cells]
        was_urban, beyond = np.isin(old, (URBAN, *URBAN_CODES)), np.isin(old, URBAN_CODES)
        stays = (dominant == URBAN) & beyond
        index[cells] = np.where(stays, old, dominant)
        changed[cells] = index[cells] != old
        counts += [stays.sum(), (was_urban & (dominant != URBAN)).sum(), (~was_urban & (dominant == URBAN)).sum()]
        if template.fractions is not None:
            _write_shares(template, cells, shares, spread=was_urban | (dominant != URBAN))
    notes = [_note_of_cells(fate, template, changed), *_urban_notes(template, counts, one_urban)]
    if one_urban:
        beyond = np.isin(index, URBAN_CODES) & (index > template.n_class)
        index[beyond], changed[beyond] = URBAN, True
    if fold_lakes and template.lake:
        lakes = index == LAKE
        index[lakes], changed[lakes] = WATER, True
        _fold_lakes(template)
        notes.append(f"lakes (class {LAKE}) were made water (class {WATER}) in {int(lakes.sum())} cells and all shares")
    return NewClasses(fate=fate, index=index, changed=changed, fractions=template.fractions, notes=notes)


def check_crosswalk(crosswalk: Crosswalk) -> None:
    """Raises ConfigError where the target is not WRF's MODIS classes.

    A table for TARGET has the shipped one's classes and kinds (`read_crosswalk`), and HostClasses.of refuses what makes land water or ice, or water land.
    """
    if crosswalk.table.target != TARGET:
        raise ConfigError(f"Crosswalk '{crosswalk.table.target}' does not lead to WRF's MODIS classes 1 to {N_OWN}; use '{TARGET}' or a copy of it "
                          f"(target = '{TARGET}').")


def _check(year: YearFile, template: Template, cells: slice, land: np.ndarray) -> None:
    """Guard what the template says of its land cells."""
    index = template.index[cells]
    bad = land & ~((index >= 0) & (index <= max(N_OWN, *URBAN_CODES)))
    if bad.any():
        k = cells.start + int(np.argmax(bad))
        raise ValueRangeError(f"LU_INDEX of cell {year.name_of(k)} is {template.index[k]:g}; every land cell of the template needs a class.")
    if template.fractions is None:
        return
    for row, fraction in enumerate(template.fractions[:, cells]):
        bad = land & ~((fraction >= 0.0) & (fraction <= 1.0 + SUM_TOLERANCE))
        if bad.any():
            k = cells.start + int(np.argmax(bad))
            raise ValueRangeError(f"LANDUSEF of class {row + 1} in cell {year.name_of(k)} is {template.fractions[row, k]}, not within 0..1; repair the template.")


def land_area(lu_frac: np.ndarray) -> np.ndarray:
    """(n,) share of lsbc's classes other than water and ocean, summed in the order of the classes."""
    return rows_sum(np.delete(lu_frac, STATIC_CLASSES, axis=0))


def _land_classes(host: HostClasses, cells: np.ndarray) -> np.ndarray:
    """(21, n) shares of the whole cell, without water."""
    shares = host.fractions(cells)
    shares[[WATER - 1, LAKE - 1]] = 0.0
    return shares


def _compose(land: np.ndarray, water: np.ndarray, ice: np.ndarray) -> np.ndarray:
    """lsbc's land classes (21, n) scaled to what water leaves, then the ice share taken out of them and put into its own row."""
    room = 1.0 - water
    shares = land * (room / rows_sum(land))
    barren = shares[BARREN - 1].copy()
    left = np.maximum(barren - ice, 0.0)
    others = room - barren
    factor = np.where(barren >= ice, 1.0, (room - ice) / np.where(others > 0.0, others, 1.0))
    shares *= factor
    shares[BARREN - 1] = left
    shares[ICE - 1] = ice
    return shares


def _dominant(shares: np.ndarray) -> np.ndarray:
    """(n,) the land class, ice apart, with the largest share as the file will hold it, the lowest number of equal ones.

    In float32, because geogrid and whoever reads the file compare the shares of the file: what is equal there is a tie, though float64 tells them apart.
    """
    among = shares.astype(np.float32)
    among[ICE - 1] = -1.0
    return np.argmax(among, axis=0) + 1.0


def _write_shares(template: Template, cells: np.ndarray, shares: np.ndarray, spread: np.ndarray) -> None:
    """Fill LANDUSEF of the cells: water and lake stay, classes that lsbc has none of are 0. Where `spread`, the urban area is divided among
    class 13 and the local climate zones as the template divides its own."""
    fractions = template.fractions
    kept = [WATER - 1] + ([LAKE - 1] if template.lake else [])
    zones = [code for code in LOCAL_CLIMATE_ZONES if code <= len(fractions)]
    own = np.stack([template.share(code, cells) for code in (URBAN, *zones)])
    total = rows_sum(own)
    spread = spread & (total > 0.0)
    for row in range(len(fractions)):
        if row not in kept:
            fractions[row, cells] = shares[row] if row < N_OWN else 0.0
    for code, part in zip((URBAN, *zones), own, strict=True):
        divided = shares[URBAN - 1] * part / np.where(spread, total, 1.0)
        fractions[code - 1, cells] = np.where(spread, divided, shares[URBAN - 1] if code == URBAN else 0.0)


def _fold_lakes(template: Template) -> None:
    """Shares of lake become shares of water where there are any."""
    if template.fractions is None:
        return
    water, lake = template.fractions[WATER - 1], template.fractions[LAKE - 1]
    folded = (lake > 0.0) & (lake <= 1.0 + SUM_TOLERANCE)
    water[folded] = water[folded].astype(np.float64) + lake[folded]
    lake[folded] = 0.0


def kept_cells(fate: np.ndarray) -> str:
    """How many cells keep the template's values, and why; "" where none does."""
    count = np.bincount(fate, minlength=NO_ROOM + 1)
    return ", ".join(f"{n} {text}" for n, text in zip(count[IS_WATER:], KEPT) if n)


def _note_of_cells(fate: np.ndarray, template: Template, changed: np.ndarray) -> str:
    why = kept_cells(fate)
    kept = f"; the others keep the template's land use: {why}" if why else ""
    wet = int((changed & np.isin(template.index, (WATER, LAKE))).sum())
    mended = f", {wet} of them from water although the land mask says land" if wet else ""
    return f"{int((fate == TAKEN).sum())} of {len(fate)} cells have lsbc's land use{kept}; LU_INDEX changes in {int(changed.sum())} cells{mended}"


def _urban_notes(template: Template, counts: np.ndarray, one_urban: bool) -> list[str]:
    codes = [int(code) for code in np.unique(template.index[np.isin(template.index, URBAN_CODES)])]
    if not codes:
        return []
    stays, lost, gained = (int(count) for count in counts)
    beyond = any(code > template.n_class for code in codes)
    notes = [f"LU_INDEX has the urban classes {', '.join(map(str, codes))}: {stays} of their cells stay what they are, {lost} urban cells are no longer urban, "
             f"{gained} cells became urban (class {URBAN})"]
    if beyond and one_urban:
        notes.append(f"urban codes beyond the {template.n_class} classes were made class {URBAN} in all cells")
    elif beyond:
        notes.append(f"urban codes beyond the {template.n_class} classes need a release of WRF and an sf_urban_physics that know them (now: 51 to 61, VEGPARM.TBL); "
                     f"`lsbc check-host wrf` names them as it does in the template, and urban_codes = \"one\" makes them class {URBAN}")
    return notes
