"""Weeks and days of the fields that the contract has as months: how a host asks for them, and their values. Knows calendars, no files and no ranks.

A host asks by the number of levels (12 months, 52 weeks), or for one day by `name@day`, as in leaf_area_index@200.
"""

from __future__ import annotations

from calendar import isleap

import numpy as np

from lsbc.emulator.fields import FILL, MONTHS, SEASONAL, FieldInfo
from lsbc.emulator.surface.season import day, weekly
from lsbc.emulator.surface.weeks import N_WEEK
from lsbc.regrid.errors import FieldError

CALENDARS = ("standard", "gregorian", "proleptic_gregorian", "noleap", "365_day", "360_day")
_LEAP_YEAR = 2000
_UPPER = {"vegetation_area_fraction": 1.0}
"""What no day or week exceeds."""


def month_lengths(calendar: str, year: int) -> tuple[int, ...]:
    """Days of the year's months; standard and gregorian are taken as proleptic, which they are since 1582.

    >>> sum(month_lengths("standard", 2000)), sum(month_lengths("noleap", 2000)), sum(month_lengths("360_day", 2000))
    (366, 365, 360)
    """
    if calendar == "360_day":
        return (30,) * 12
    february = 29 if calendar in ("standard", "gregorian", "proleptic_gregorian") and isleap(year) else 28
    return (31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def split_name(name: str, calendar: str = "standard") -> tuple[str, int | None]:
    """Field and day of the year of `name@day`; no day where none is named.

    Raises:
        FieldError: what follows the @ is no day of any of the calendar's years, or the field has no seasons.
    """
    base, at, text = name.partition("@")
    if not at:
        return name, None
    last = sum(month_lengths(calendar, _LEAP_YEAR))
    if base not in SEASONAL or not text.isdecimal() or not 1 <= int(text) <= last:
        raise FieldError(f"Field '{name}': a day of the year, 1 to {last} with time.calendar = '{calendar}', may be asked of {' and '.join(SEASONAL)}, "
                         f"as in {SEASONAL[0]}@200.")
    return base, int(text)


def level_count(info: FieldInfo, shape: tuple[int, ...], of_day: bool, npromz: int = 0, level_axis: int | None = None) -> int:
    """Levels that a host means with an array of this shape; see `lent.lend` for its layout."""
    if of_day:
        return 1
    axis = level_axis if level_axis is not None else 1 if npromz else 0
    weeks = info.name in SEASONAL and len(shape) > 1 and 0 <= axis < len(shape) and shape[axis] == N_WEEK
    return N_WEEK if weeks else info.n_level


def view(name: str, values: np.ndarray, n_level: int, day_of_year: int | None, lengths: tuple[int, ...]) -> np.ndarray:
    """A field as it was asked for, (n_level, n_cell) or (n_cell,); every other field as it is.

    Raises:
        ValueRangeError: this year has no such day, or no value of a week between two months that differ much keeps both means (`season.weekly`).
    """
    if name not in SEASONAL or (day_of_year is None and n_level == len(MONTHS)):
        return values
    covered = values[0] != FILL
    months = values if covered.all() else np.where(covered, values, 0.0)
    upper = _UPPER.get(name, np.inf)
    out = weekly(months, lengths, upper) if day_of_year is None else day(months, lengths, day_of_year, upper)
    out[..., ~covered] = FILL
    return out
