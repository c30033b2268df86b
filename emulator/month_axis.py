"""The calendar month of each step of a time axis, in the ways in which files tell it. Knows no files and no fields."""

from __future__ import annotations

import numpy as np

from lsbc.regrid.errors import FieldError

N_MONTH = 12
_BARE_UNITS = ("", "1", "none", "month", "months")
"""Of axes that number months without a reference date."""


def month_of_steps(values: np.ndarray | None, units: str, calendar: str, n_step: int, what: str) -> np.ndarray:
    """The calendar month of each step, int64 (n_step,), each of 0..11 equally often; 0 is January where the axis tells dates, else the first step's month.

    Args:
        values: of the time axis (n_step,), NaN missing; without one (None) the steps are months that follow each other.
        units: CF's "<unit> since <date>" with a `calendar`; "months since <date>" in any calendar; "day as %Y%m%d.%f" and
            "month as %Y%m.%f"; or nothing and "months" for axes that count 1..12, again and again, or on and on.
        what: names the axis in messages.
    Raises:
        FieldError: the axis cannot be read, a month of a year comes twice (the steps are no months), or the calendar months are not equally frequent.
    """
    if values is None:
        number = np.arange(n_step)
    else:
        if not np.isfinite(values).all():
            raise FieldError(f"{what} is missing or not finite at step {int(np.argmin(np.isfinite(values))) + 1}.")
        number = _month_numbers(np.asarray(values, np.float64), units, calendar, what)
    order = np.argsort(number, kind="stable")
    twice = np.flatnonzero(np.diff(number[order]) == 0)
    if len(twice):
        first, second = (int(order[twice[0] + k]) + 1 for k in (0, 1))
        raise FieldError(f"{what}: steps {first} and {second} lie in the same month of the same year; monthly means are needed, one a month.")
    month = (number % N_MONTH).astype(np.int64)
    frequency = np.bincount(month, minlength=N_MONTH)
    if not (frequency.min() == frequency.max() > 0):
        raise FieldError(f"{what} has {n_step} steps, {frequency.min()} to {frequency.max()} of each calendar month; whole years of 12 months are needed, "
                         "cut the file to them.")
    return month


def _month_numbers(values: np.ndarray, units: str, calendar: str, what: str) -> np.ndarray:
    """Months counted through the years, whole numbers."""
    word = units.strip().lower()
    if " since " in word:
        return np.floor(values + 1e-6) if word.startswith("month") else _dated(values, units, calendar, what)
    if " as %y%m" in word:
        whole = np.floor(values / 100.0 if "%d" in word else values)
        year, month = np.divmod(whole, 100.0)
        if not ((month >= 1) & (month <= N_MONTH)).all():
            raise FieldError(f"{what} is {values[0]:.10g} .. {values[-1]:.10g} with the units '{units}': these are no months.")
        return year * N_MONTH + month - 1.0
    count = np.arange(len(values))
    if word in _BARE_UNITS and len(values):
        on_and_on = np.array_equal(values, values[0] + count) and (len(values) == N_MONTH or word.startswith("month"))
        if on_and_on or (values[0] in (0.0, 1.0) and np.array_equal(values, values[0] + count % N_MONTH)):
            return count
    raise FieldError(f"{what} cannot be read as months: its units are '{units}'; write 'days since <date>' and such dates, or number the months 1 to 12.")


def _dated(values: np.ndarray, units: str, calendar: str, what: str) -> np.ndarray:
    from netCDF4 import num2date

    try:
        dates = np.atleast_1d(num2date(values, units, calendar, only_use_cftime_datetimes=True))
    except (ValueError, OverflowError, TypeError) as error:
        raise FieldError(f"{what} cannot be read with the units '{units}' and the calendar '{calendar}': {error}.") from error
    return np.array([date.year * N_MONTH + date.month - 1 for date in dates], np.int64)
