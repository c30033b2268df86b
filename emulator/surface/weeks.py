"""The 52 weeks of a year, and how their values keep the means of months that begin within a week. Knows numbers only, no calendar."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lsbc.regrid.errors import ValueRangeError

N_WEEK = 52
DAYS_PER_WEEK = 7
SHARED_AT_MOST = 0.75
"""Largest part of a month's sum that the weeks it shares with its neighbours may take, so that its own weeks are not emptied."""


@dataclass(frozen=True)
class WeekPlan:
    """The weeks of one month: its own are `first` to `after` (excluded) with `days` each; it has `days_before` of week first - 1, `days_after` of week `after`."""

    first: int
    after: int
    days: tuple[int, ...]
    days_before: int
    days_after: int

    @property
    def n_day(self) -> int:
        return self.days_before + sum(self.days) + self.days_after


@lru_cache(maxsize=8)
def week_plan(month_lengths: tuple[int, ...]) -> tuple[WeekPlan, ...]:
    """Weeks of each month of a year of 358 days or more; the last week goes on to the end of the year.

    >>> week_plan((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31))[0]
    WeekPlan(first=0, after=4, days=(7, 7, 7, 7), days_before=0, days_after=3)
    """
    edges = [*range(0, N_WEEK * DAYS_PER_WEEK, DAYS_PER_WEEK), sum(month_lengths)]
    plan, start = [], 0
    for n_day in month_lengths:
        end = start + n_day
        own = [k for k in range(N_WEEK) if start <= edges[k] and edges[k + 1] <= end]
        days = tuple(edges[k + 1] - edges[k] for k in own)
        plan.append(WeekPlan(own[0], own[-1] + 1, days, edges[own[0]] - start, end - edges[own[-1] + 1]))
        start = end
    return tuple(plan)


def keep_months(week: np.ndarray, mean: np.ndarray, plan: tuple[WeekPlan, ...], upper: float, first_cell: int = 0) -> None:
    """Change weekly values in place so that, held through their weeks, they have the months' means.

    Weeks shared by two months are limited to what both months can bear; then each month's own weeks are scaled down, or raised
    towards `upper` (scaled up, if there is none), until the month's sum is right.

    Args:
        week: (52, n_cell), means of the weeks' days, in [0, upper].  mean: (12, n_cell), in [0, upper].  first_cell: number of the first cell, for messages.
    Raises:
        ValueRangeError: neighbouring months are so far apart that no value of the week between them is right for both.
    """
    _limit_shared(week, mean, plan, upper, first_cell)
    for i, month in enumerate(plan):
        need = month.n_day * mean[i]
        if month.days_before:
            need = need - month.days_before * week[month.first - 1]
        if month.days_after:
            need = need - month.days_after * week[month.after]
        np.maximum(need, 0.0, out=need)
        own = week[month.first:month.after]
        have = np.zeros_like(need)
        for days, values in zip(month.days, own, strict=True):
            have += days * values
        _scale(own, have, need, sum(month.days), upper)


def _scale(own: np.ndarray, have: np.ndarray, need: np.ndarray, n_day: int, upper: float) -> None:
    """Bring the sum over `n_day` days from `have` to `need`, in place, within [0, upper]."""
    own[:, have <= 0.0] = 1.0
    have[have <= 0.0] = float(n_day)
    factor = need / have
    if upper < np.inf:
        raised = (need > have) & (n_day * upper > have)
        room = np.where(raised, n_day * upper - have, 1.0)
        share = np.where(raised, np.minimum((need - have) / room, 1.0), 0.0)
        own += share * (upper - own)
        factor = np.where(need > have, 1.0, factor)
    own *= factor


def _limit_shared(week: np.ndarray, mean: np.ndarray, plan: tuple[WeekPlan, ...], upper: float, first_cell: int) -> None:
    ratio = [month.n_day / (month.days_before + month.days_after) if month.days_before + month.days_after else np.inf for month in plan]
    for i, month in enumerate(plan[:-1]):
        if not month.days_after:
            continue
        shared, pair = week[month.after], (i, i + 1)
        for k in pair:
            np.minimum(shared, SHARED_AT_MOST * ratio[k] * mean[k], out=shared)
        if upper < np.inf:
            for k in pair:
                np.maximum(shared, upper - ratio[k] * (upper - mean[k]), out=shared)
            bearable = np.minimum(ratio[i] * mean[i], ratio[i + 1] * mean[i + 1])
            if not np.all(shared <= bearable * (1.0 + 1e-14)):
                cell = int(np.argmax(shared > bearable * (1.0 + 1e-14)))
                raise ValueRangeError(f"Months {i + 1} and {i + 2} of cell {first_cell + cell} are {mean[i, cell]:.6g} and {mean[i + 1, cell]:.6g}: "
                                      f"no value up to {upper:.6g} of the week between them keeps both means; give a higher upper limit, or use days.")
