"""Greenness, leaf area and albedo of WRF's land cells, by month and at a date as real.exe makes them. Knows yearly files and numbers, no host file.

WRF's own monthly maps are means over the land in a cell (geogrid, `masked = water`), so lsbc's values are taken over lsbc's land in the cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from lsbc.emulator.hosts.blocks import rows_sum
from lsbc.emulator.hosts.wrf_classes import land_area
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import ValueRangeError

N_MONTH = 12
DATED = ("VEGFRA", "LAI", "ALBBCK")
WATER_ALBEDO = 0.08
"""Of water in lsbc's shipped class parameters, and in init_domain_rk of real.exe."""
ROUNDING = 1e-9
"""By which a quotient of two areas may exceed 1."""


@dataclass(frozen=True)
class MidMonths:
    """`earlier` and `later` are month indices (0 to 11); the value at the date is theirs, weighed with `weight` and 1 - `weight`."""

    earlier: int
    later: int
    weight: float

    @classmethod
    def of(cls, when: date) -> MidMonths:
        """As monthly_interp_to_date of real.exe: linear between the 15th of one month and of the next, whole days, 31 days from December to January."""
        middle = [date(when.year, month, 15).timetuple().tm_yday for month in range(1, N_MONTH + 1)]
        middle = [middle[0] - 31, *middle, middle[-1] + 31]
        day = when.timetuple().tm_yday
        k = next(k for k in range(N_MONTH + 1) if middle[k] < day <= middle[k + 1])
        return cls((k - 1) % N_MONTH, k % N_MONTH, (middle[k + 1] - day) / (middle[k + 1] - middle[k]))


def green_fraction(year: YearFile, cells: np.ndarray) -> np.ndarray:
    """GREENFRAC, (12, n) in 0..1: what leaves cover of the land in each cell.

    Args:
        cells: positions of cells with lsbc's land in them.
    Raises:
        ValueRangeError: a value is not finite or out of range; the cell is named.
    """
    fraction = year.values("vegetation_area_fraction", cells) / land_area(year.lu_frac(cells))
    _check(year, "vegetation_area_fraction, of the land,", fraction, cells, 1.0 + ROUNDING)
    return np.minimum(fraction, 1.0)


def leaf_area(year: YearFile, cells: np.ndarray) -> np.ndarray:
    """LAI12M, (12, n) m2 per m2 of the vegetated area: Noah and Noah-MP multiply what it gives by the vegetation fraction. Raises as `green_fraction`."""
    values = year.values("leaf_area_index", cells)
    _check(year, "leaf_area_index", values, cells, np.inf)
    return values


def land_albedo(year: YearFile, cells: np.ndarray, water_albedo: float = WATER_ALBEDO) -> np.ndarray:
    """Albedo of the land in each cell, (n,), year's mean: lsbc's albedo without what its water has in it.

    Raises:
        ValueRangeError: not within 0..1, as with another albedo of water than the yearly file was made with; the cell is named.
    """
    land = land_area(year.lu_frac(cells))
    albedo = (year.values("albedo", cells) - (1.0 - land) * water_albedo) / land
    _check(year, f"albedo of the land, with {water_albedo:g} for water (option water_albedo),", albedo[None], cells, 1.0)
    return albedo


def albedo_months(year_mean: np.ndarray, percent: np.ndarray) -> np.ndarray:
    """Monthly albedo with a given year's mean, and the course that WRF's own map has.

    Args:
        year_mean: (n,) in 0..1.  percent: (12, n), ALBEDO12M of the template.
    Returns:
        (12, n) in 0..1: the template's months times one factor a cell; the same value in all months where the template has no course or the
        factor would take a month above 1.
    """
    months = percent.astype(np.float64) / 100.0
    mean = rows_sum(months) / N_MONTH
    usable = (mean > 0.0) & ((months >= 0.0) & (months <= 1.0)).all(axis=0)
    scaled = months * (year_mean / np.where(usable, mean, 1.0))
    return np.where(usable & (scaled <= 1.0).all(axis=0), scaled, year_mean)


def by_slabs(year: YearFile, taken: np.ndarray) -> Iterator[np.ndarray]:
    """Positions of the taken cells, a slab at a time."""
    for slab in year.slabs():
        cells = slab.start + np.flatnonzero(taken[slab])
        if len(cells):
            yield cells


class Dated:
    """VEGFRA [%], LAI and ALBBCK [1] of the taken cells at dates, made of the months as real.exe does; two months of each are held.

    Args:
        course: (12, n_cell), ALBEDO12M of a geo_em file, the albedo's course through the year; None: lsbc's year's mean at all dates.
    """

    def __init__(self, year: YearFile, taken: np.ndarray, water_albedo: float = WATER_ALBEDO, course: np.ndarray | None = None) -> None:
        self._year, self._taken, self._water_albedo, self._course = year, taken, water_albedo, course
        self._months: tuple[int, int] | None = None
        self._held: dict[str, np.ndarray] = {}

    def at(self, when: date) -> dict[str, np.ndarray]:
        """name -> (n_taken,) float64, cells in ascending order; raises as `green_fraction` and `land_albedo`."""
        middle = MidMonths.of(when)
        if (middle.earlier, middle.later) != self._months:
            self._months = (middle.earlier, middle.later)
            self._hold()
        return {name: later * (1.0 - middle.weight) + earlier * middle.weight for name, (earlier, later) in self._held.items()}

    def _hold(self) -> None:
        months = list(self._months or ())
        n_taken = int(self._taken.sum())
        self._held = {name: np.empty((len(months), n_taken)) for name in DATED}
        first = 0
        for cells in by_slabs(self._year, self._taken):
            part = slice(first, first + len(cells))
            first = part.stop
            self._held["VEGFRA"][:, part] = 100.0 * green_fraction(self._year, cells)[months]
            self._held["LAI"][:, part] = leaf_area(self._year, cells)[months]
            albedo = land_albedo(self._year, cells, self._water_albedo)
            self._held["ALBBCK"][:, part] = albedo if self._course is None else albedo_months(albedo, self._course[:, cells])[months]


def _check(year: YearFile, name: str, values: np.ndarray, cells: np.ndarray, high: float) -> None:
    bad = ~((values >= 0.0) & (values <= high) & np.isfinite(values))
    if bad.any():
        level, k = np.argwhere(bad)[0]
        raise ValueRangeError(f"Field {name} of cell {year.name_of(int(cells[k]))} in {year.path} is {values[level, k]:g}"
                              f"{f' in month {level + 1}' if len(values) == N_MONTH else ''}; 0 to {'any number' if high == np.inf else '1'} is expected.")
