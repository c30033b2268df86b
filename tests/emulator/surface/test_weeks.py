import numpy as np
import pytest

from lsbc.emulator.surface.weeks import keep_months, week_plan
from lsbc.regrid.errors import ValueRangeError

NOLEAP, LEAP, EVEN = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), (30,) * 12


@pytest.mark.parametrize("lengths", (NOLEAP, LEAP, EVEN))
def test_weeks_of_the_months_have_all_days_of_the_year_once(lengths):
    plan = week_plan(lengths)
    assert [month.n_day for month in plan] == list(lengths)
    days = np.zeros(52, int)
    for month in plan:
        days[month.first:month.after] += month.days
        if month.days_before:
            days[month.first - 1] += month.days_before
        if month.days_after:
            days[month.after] += month.days_after
    assert days.tolist() == [7] * 51 + [sum(lengths) - 357]


def test_the_fifth_week_has_three_days_of_january_and_four_of_february():
    plan = week_plan(NOLEAP)
    assert (plan[0].after, plan[0].days_after, plan[1].days_before, plan[1].first) == (4, 3, 4, 5)


def test_weeks_that_are_right_stay_as_they_are():
    week = np.full((52, 1), 2.5)
    keep_months(week, np.full((12, 1), 2.5), week_plan(NOLEAP), np.inf)
    assert np.allclose(week, 2.5, rtol=1e-15)


def test_a_months_own_weeks_are_scaled_to_its_sum():
    """January: 4 weeks at 1 and 3 days of a week at 1; mean 2 needs 62 - 3 = 59 days' worth from 28 days."""
    week, mean = np.ones((52, 1)), np.ones((12, 1))
    mean[0] = 2.0
    keep_months(week, mean, week_plan(NOLEAP), np.inf)
    assert week[:4, 0] == pytest.approx(59 / 28) and week[4:, 0] == pytest.approx(1.0)


def test_weeks_are_raised_towards_the_limit_and_not_beyond():
    week, mean = np.full((52, 1), 0.8), np.full((12, 1), 0.8)
    week[0], mean[0] = 0.2, 0.95  # (0.95 * 31 - 3 * 0.8) / 28 = 0.96607 in the mean of the four weeks
    keep_months(week, mean, week_plan(NOLEAP), 1.0)
    assert week[:4, 0].mean() == pytest.approx((0.95 * 31 - 3 * 0.8) / 28) and week.max() <= 1.0 and week[0] < week[1]


def test_months_without_a_common_week_are_refused():
    week, mean = np.full((52, 2), 0.5), np.full((12, 2), 0.5)
    mean[:2, 1] = 0.0, 1.0
    with pytest.raises(ValueRangeError, match="Months 1 and 2 of cell 8 are 0 and 1: no value up to 1 of the week between them"):
        keep_months(week, mean, week_plan(NOLEAP), 1.0, first_cell=7)
