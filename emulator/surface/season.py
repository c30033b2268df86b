"""From twelve monthly means to days and weeks, every month's mean kept. Knows numbers only: no calendar, no classes, no places.

Within each month the value is a parabola with the month's mean (Colella & Woodward 1984). Its values at the edges of the month
come from the periodic spline that keeps means and has no kinks (Delhez 2003 keeps them the same way with a higher order); they
are then limited so that no parabola leaves [0, upper]. A parabola with mean m and edges L, R, all >= 0, is nowhere negative if
L + R - sqrt(L R) <= 3 m, which holds for all L, R <= 3 m; the same, counted down from `upper`, is the limit from above.
A day has the mean of the curve over the day, so that bounds and means hold for the days as they do for the curve.
Iterative ways to the same end: Harzallah 1995, Sheng & Zwiers 1998, Rymes & Myers 2001; a bounded spline: Lai & Kaplan 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lsbc.emulator.surface.weeks import N_WEEK, WeekPlan, keep_months, week_plan
from lsbc.regrid.errors import FieldError, ValueRangeError

N_MONTH = 12
DAYS_OF_YEAR = (360, 365, 366)
CHUNK_CELLS = 8192
"""Cells worked on at a time, so that a chunk's months stay in the cache. The bits do not depend on it."""


def daily(monthly: np.ndarray, month_lengths: Sequence[int], upper: float = np.inf) -> np.ndarray:
    """Values of each day of a year that repeats itself.

    Args:
        monthly: (12, ...) monthly means, in [0, upper], no missing values.
        month_lengths: the 12 months' lengths in days, 28 to 31 each, 360, 365 or 366 together.
        upper: no day exceeds it (1 for a fraction).
    Returns:
        (n_day, ...) float64, in [0, upper]. The mean of each month's days is the month's value to rounding. From month to
        month the curve is continuous, unless the months differ by more than 2/3 of `upper`. Each cell's bits depend on its own values alone.
    Raises:
        FieldError: not 12 months, or lengths that are no calendar's.  ValueRangeError: a value is not finite or outside [0, upper].
    """
    lengths = _checked_lengths(month_lengths)
    values = _checked(monthly, upper)
    month_days = [_day_shapes(n_day) for n_day in lengths]

    def fill(mean: np.ndarray, left: np.ndarray, right: np.ndarray, out: np.ndarray, _: int) -> None:
        start = 0
        for i, shape in enumerate(month_days):
            _evaluate(shape, mean[i], left[i], right[i], upper, out[start:start + len(shape)])
            start += len(shape)

    return _by_chunks(values, lengths, upper, sum(lengths), fill)


def day(monthly: np.ndarray, month_lengths: Sequence[int], day_of_year: int, upper: float = np.inf) -> np.ndarray:
    """One day of `daily`, the same bits, without the others.

    Args:
        day_of_year: 1 to the number of days of the year.
    Returns:
        (...) float64.
    Raises:
        as `daily`, and ValueRangeError: `day_of_year` is not a day of the year.
    """
    lengths = _checked_lengths(month_lengths)
    values = _checked(monthly, upper)
    if day_of_year != int(day_of_year) or not 1 <= day_of_year <= sum(lengths):
        raise ValueRangeError(f"Day of year is {day_of_year}; the year's days are 1 to {sum(lengths)}.")
    month, of_month = 0, int(day_of_year) - 1
    while of_month >= lengths[month]:
        of_month -= lengths[month]
        month += 1
    shape = _day_shapes(lengths[month])[of_month:of_month + 1]

    def fill(mean: np.ndarray, left: np.ndarray, right: np.ndarray, out: np.ndarray, _: int) -> None:
        _evaluate(shape, mean[month], left[month], right[month], upper, out)

    return _by_chunks(values, lengths, upper, 1, fill)[0]


def weekly(monthly: np.ndarray, month_lengths: Sequence[int], upper: float = np.inf) -> np.ndarray:
    """Values of the year's 52 weeks that keep the monthly means when each is held through its week.

    Week k has the days 7k - 6 to 7k of the year; the last week goes on to the end of the year (3 days of 360, 8 of 365, 9 of 366).
    A week's value is the mean of its days, changed a little (`weeks.keep_months`) so that a host that holds the value through the
    week, and takes the mean over the days of a month, has the month's value to rounding.

    Args and Raises: as `daily`, and ValueRangeError where neighbouring months are too far apart for one week between them (about 0.57 of `upper`).
    Returns:
        (52, ...) float64, in [0, upper].
    """
    lengths = _checked_lengths(month_lengths)
    values = _checked(monthly, upper)
    plan = week_plan(lengths)
    shapes = _week_shapes(lengths)

    def fill(mean: np.ndarray, left: np.ndarray, right: np.ndarray, out: np.ndarray, first_cell: int) -> None:
        between = []
        for i, month in enumerate(shapes):
            _evaluate(month.whole, mean[i], left[i], right[i], upper, out[plan[i].first:plan[i].after])
            between.append((_part(month.start, mean[i], left[i], right[i]), _part(month.end, mean[i], left[i], right[i])))
        for i, month in enumerate(plan[:-1]):
            if month.days_after:
                following = plan[i + 1].days_before
                out[month.after] = (month.days_after * between[i][1] + following * between[i + 1][0]) / (month.days_after + following)
        keep_months(out, mean, plan, upper, first_cell)

    return _by_chunks(values, lengths, upper, N_WEEK, fill)


@dataclass(frozen=True)
class _MonthWeeks:
    """Weights of (left - mean, right - mean) in a month's whole weeks (n, 2) and in its parts of the weeks that it shares (1, 2)."""

    whole: np.ndarray
    start: np.ndarray
    end: np.ndarray


def _shape(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(n, 2): the mean of the parabola over [start, end] of its month (0 to 1) is m + shape @ (left - m, right - m)."""
    def integral(x: np.ndarray) -> np.ndarray:
        return np.stack([x * (1.0 - x) ** 2, -x * x * (1.0 - x)], axis=-1)

    return (integral(ends) - integral(starts)) / np.maximum(ends - starts, np.finfo(float).tiny)[:, None]


@lru_cache(maxsize=8)
def _day_shapes(n_day: int) -> np.ndarray:
    edge = np.arange(n_day + 1) / n_day
    return _shape(edge[:-1], edge[1:])


@lru_cache(maxsize=8)
def _week_shapes(lengths: tuple[int, ...]) -> tuple[_MonthWeeks, ...]:
    def shapes(n_day: int, month: WeekPlan) -> _MonthWeeks:
        edge = np.array([month.days_before, *(month.days_before + np.cumsum(month.days))]) / n_day
        return _MonthWeeks(_shape(edge[:-1], edge[1:]), _shape(np.zeros(1), edge[:1]), _shape(edge[-1:], np.ones(1)))

    return tuple(shapes(n_day, month) for n_day, month in zip(lengths, week_plan(lengths), strict=True))


def _evaluate(shape: np.ndarray, mean: np.ndarray, left: np.ndarray, right: np.ndarray, upper: float, out: np.ndarray) -> None:
    """Fill `out` (n, n_cell); rounding may leave [0, upper] by a bit, which is cut off."""
    np.multiply(shape[:, :1], left, out=out)
    out += shape[:, 1:] * right
    out += mean
    np.maximum(out, 0.0, out=out)
    if upper < np.inf:
        np.minimum(out, upper, out=out)


def _part(shape: np.ndarray, mean: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.maximum(shape[0, 0] * left + shape[0, 1] * right + mean, 0.0)


@lru_cache(maxsize=8)
def edge_weights(lengths: tuple[int, ...]) -> np.ndarray:
    """(12, 12): the value at the start of month i is the sum over j of weight[j, i] times (mean of month i+j minus mean of month i), plus the latter.

    The edges solve e[i-1]/h[i-1] + 2 e[i] (1/h[i-1] + 1/h[i]) + e[i+1]/h[i] = 3 (m[i-1]/h[i-1] + m[i]/h[i]), i.e. equal slopes from both sides.
    """
    matrix, given = np.zeros((N_MONTH, N_MONTH)), np.zeros((N_MONTH, N_MONTH))
    for i in range(N_MONTH):
        before, after = 1.0 / lengths[i - 1], 1.0 / lengths[i]
        matrix[i, i - 1], matrix[i, i], matrix[i, (i + 1) % N_MONTH] = before, 2.0 * (before + after), after
        given[i, i - 1], given[i, i] = 3.0 * before, 3.0 * after
    for k in range(N_MONTH):  # elimination by hand: a library's order of sums differs between machines; diagonal dominance needs no pivots
        given[k] /= matrix[k, k]
        matrix[k] /= matrix[k, k]
        for i in range(N_MONTH):
            if i != k:
                given[i] -= matrix[i, k] * given[k]
                matrix[i] -= matrix[i, k] * matrix[k]
    return np.array([[given[i, (i + j) % N_MONTH] for i in range(N_MONTH)] for j in range(N_MONTH)])


def _edges(mean: np.ndarray, weights: np.ndarray, upper: float) -> tuple[np.ndarray, np.ndarray]:
    """Values at the start and the end of each month less the month's mean, (12, n_cell) each, limited so that the parabola stays in [0, upper]."""
    edge = mean.copy()
    twice = np.concatenate([mean, mean])
    step = np.empty_like(mean)
    for j in range(1, N_MONTH):
        np.subtract(twice[j:j + N_MONTH], mean, out=step)
        step *= weights[j][:, None]
        edge += step
    high = 3.0 * mean
    np.minimum(edge, high, out=edge)
    edge[0] = np.minimum(edge[0], high[-1])
    np.minimum(edge[1:], high[:-1], out=edge[1:])
    np.maximum(edge, 0.0, out=edge)
    following = np.concatenate([edge[1:], edge[:1]])
    if upper < np.inf:
        np.minimum(high, upper, out=high)
        low = np.maximum(upper - 3.0 * (upper - mean), 0.0)
        np.maximum(edge, np.maximum(low, np.roll(low, 1, axis=0)), out=edge)
        following = np.clip(np.roll(edge, -1, axis=0), low, high)
        edge = np.clip(edge, low, high)
    return edge - mean, following - mean


def _by_chunks(values: np.ndarray, lengths: tuple[int, ...], upper: float, n_out: int, fill: Callable[..., None]) -> np.ndarray:
    """(n_out, ...), filled chunk by chunk by `fill(mean, left, right, out, first cell)`."""
    weights = edge_weights(lengths)
    columns = values.reshape(N_MONTH, -1)
    out = np.empty((n_out, columns.shape[1]))
    part = np.empty((n_out, CHUNK_CELLS))
    for first in range(0, columns.shape[1], CHUNK_CELLS):
        mean = np.ascontiguousarray(columns[:, first:first + CHUNK_CELLS])
        left, right = _edges(mean, weights, upper)
        chunk = part[:, :mean.shape[1]]
        fill(mean, left, right, chunk, first)
        out[:, first:first + mean.shape[1]] = chunk
    return out.reshape(n_out, *values.shape[1:])


def _checked_lengths(month_lengths: Sequence[int]) -> tuple[int, ...]:
    lengths = tuple(month_lengths)
    if len(lengths) != N_MONTH or not all(n_day == int(n_day) and 28 <= n_day <= 31 for n_day in lengths) or sum(lengths) not in DAYS_OF_YEAR:
        raise FieldError(f"Month lengths {lengths} are not 12 numbers of days, 28 to 31 each, with {', '.join(map(str, DAYS_OF_YEAR))} in all.")
    return tuple(int(n_day) for n_day in lengths)


def _checked(monthly: np.ndarray, upper: float) -> np.ndarray:
    values = np.asarray(monthly, np.float64)
    if values.ndim < 1 or values.shape[0] != N_MONTH:
        raise FieldError(f"Monthly values have shape {values.shape}; the first axis must be the 12 months.")
    if not upper > 0.0:
        raise ValueRangeError(f"The upper limit of the days is {upper}; it must be above 0.")
    good = np.isfinite(values) & (values >= 0.0) & (values <= upper)
    if not good.all():
        month, *cell = np.argwhere(~good)[0].tolist()
        raise ValueRangeError(f"Month {month + 1} of cell {cell[0] if len(cell) == 1 else tuple(cell)} is {values[(month, *cell)]}; "
                              f"monthly values must be finite and in [0, {upper}].")
    return values
