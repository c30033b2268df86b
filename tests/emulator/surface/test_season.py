import math

import numpy as np
import pytest

from lsbc.emulator.surface.season import CHUNK_CELLS, daily, day, edge_weights, weekly
from lsbc.regrid.errors import FieldError, ValueRangeError

CALENDARS = {365: (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 366: (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 360: (30,) * 12}
each_calendar = pytest.mark.parametrize("lengths", CALENDARS.values(), ids=CALENDARS)
GRASS = np.array([0.4, 0.5, 0.6, 0.7, 1.2, 3.0, 3.5, 1.5, 0.7, 0.6, 0.5, 0.4])
SPIKES = [np.array(months, float) for months in (
    (0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0), (5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5), (0, 6) * 6, (4, 0.1) * 6, (0, 0, 0, 8, 8, 0, 0, 1e-9, 7, 0, 3, 0), (0,) * 12)]


def month_means(days, lengths):
    ends = np.cumsum(lengths)
    return np.array([days[end - n:end].mean(axis=0) for n, end in zip(lengths, ends, strict=True)])


def held(weeks, lengths):
    """Each week's value on each of its days: 7 days a week, the rest of the year in the 52nd."""
    return np.array([weeks[min(k // 7, 51)] for k in range(sum(lengths))])


def assert_kept(days, monthly, lengths):
    got = month_means(days, lengths)
    assert np.all(np.abs(got - monthly) <= 1e-12 * np.abs(monthly)), np.abs(got / np.where(monthly > 0, monthly, 1) - 1).max()


@each_calendar
def test_a_constant_year_is_the_same_constant_every_day_and_week(lengths):
    for year in (daily(np.full(12, 4.1), lengths), weekly(np.full(12, 4.1), lengths)):
        assert np.allclose(year, 4.1, rtol=1e-14, atol=0.0)
    assert np.all(daily(np.zeros(12), lengths) == 0.0) and np.all(weekly(np.zeros(12), lengths) == 0.0)


@each_calendar
@pytest.mark.parametrize("upper", (np.inf, 20.0))
@pytest.mark.parametrize("monthly", [GRASS, *SPIKES], ids=str)
def test_days_and_weeks_keep_the_months_means_and_are_never_negative(monthly, upper, lengths):
    days = daily(monthly, lengths, upper)
    weeks = weekly(monthly, lengths, upper)
    assert days.shape == (sum(lengths),) and weeks.shape == (52,)
    assert_kept(days, monthly, lengths)
    assert_kept(held(weeks, lengths), monthly, lengths)
    assert days.min() >= 0.0 and weeks.min() >= 0.0 and days.max() <= upper and weeks.max() <= upper


@each_calendar
def test_a_month_of_zero_between_others_is_zero_every_day(lengths):
    days = daily(SPIKES[4], lengths)
    first = sum(lengths[:5])
    assert np.all(days[first:first + lengths[5] + lengths[6]] == 0.0)


def test_a_lone_month_is_the_parabola_that_is_zero_at_its_edges():
    """Mean 5 and edges 0: 30 x (1 - x), whose mean from a to b is (15 (b^2 - a^2) - 10 (b^3 - a^3)) / (b - a)."""
    got = daily(SPIKES[0], CALENDARS[360])[60:90]
    edge = np.arange(31) / 30
    want = (15 * (edge[1:]**2 - edge[:-1]**2) - 10 * (edge[1:]**3 - edge[:-1]**3)) * 30
    assert np.allclose(got, want, rtol=1e-12)


@each_calendar
def test_a_sinusoid_comes_back_from_its_exact_means(lengths):
    """The mean of a + b sin(2 pi t) over [s, e] is a - b (cos 2 pi e - cos 2 pi s) / (2 pi (e - s))."""
    def mean_over(edge):
        return 2.0 - 1.5 * np.diff(np.cos(2 * math.pi * edge)) / (2 * math.pi * np.diff(edge))

    n_day = sum(lengths)
    monthly = mean_over(np.concatenate([[0], np.cumsum(lengths)]) / n_day)
    days = daily(monthly, lengths)
    assert_kept(days, monthly, lengths)
    assert np.abs(days - mean_over(np.arange(n_day + 1) / n_day)).max() < 0.01
    week_edge = np.array([*range(0, 364, 7), n_day]) / n_day
    assert np.abs(weekly(monthly, lengths) - mean_over(week_edge)).max() < 0.02


def test_the_year_is_periodic_and_without_jumps():
    days = daily(GRASS, CALENDARS[365])
    assert np.abs(np.diff(days, append=days[:1])).max() < 0.12
    turned = daily(np.roll(GRASS, -2), np.roll(CALENDARS[365], -2))
    assert np.allclose(turned, np.roll(days, -59), rtol=1e-12)


def test_edges_have_one_slope_from_both_sides():
    lengths = CALENDARS[365]
    weight = edge_weights(lengths)
    edge = [GRASS[i] + sum(weight[j, i] * (GRASS[(i + j) % 12] - GRASS[i]) for j in range(12)) for i in range(12)]
    for i in range(12):
        before = (2 * edge[i - 1] + 4 * edge[i] - 6 * GRASS[i - 1]) / lengths[i - 1]
        after = (6 * GRASS[i] - 4 * edge[i] - 2 * edge[(i + 1) % 12]) / lengths[i]
        assert before == pytest.approx(after, abs=1e-14)


def test_all_calendars_have_the_same_monthly_means():
    means = [month_means(daily(GRASS, lengths), lengths) for lengths in CALENDARS.values()]
    assert np.allclose(means[0], means[1], rtol=1e-12, atol=0.0) and np.allclose(means[0], means[2], rtol=1e-12, atol=0.0)


@each_calendar
def test_a_fraction_never_exceeds_one_even_between_none_and_all(lengths):
    monthly = np.array([0, 1, 1, 0.2, 0.9, 0.1, 0.95, 1, 0.5, 0, 0, 1.0])
    days = daily(monthly, lengths, upper=1.0)
    assert_kept(days, monthly, lengths)
    assert days.min() >= 0.0 and days.max() <= 1.0
    gentle = np.array([0.1, 0.1, 0.2, 0.5, 0.9, 1.0, 1.0, 0.95, 0.6, 0.3, 0.1, 0.0])
    weeks = weekly(gentle, lengths, upper=1.0)
    assert_kept(held(weeks, lengths), gentle, lengths)
    assert weeks.min() >= 0.0 and weeks.max() <= 1.0


@each_calendar
def test_one_day_has_the_bits_of_its_year(lengths):
    monthly = np.array([GRASS, SPIKES[0], SPIKES[3]]).T
    days = daily(monthly, lengths)
    for k in (1, 31, 32, 59, 60, 200, sum(lengths)):
        assert np.array_equal(day(monthly, lengths, k), days[k - 1])


def test_bits_do_not_depend_on_the_order_and_number_of_cells():
    rng = np.random.default_rng(3)
    cells = rng.uniform(0.0, 6.0, (12, CHUNK_CELLS + 37)) * (rng.random((12, CHUNK_CELLS + 37)) > 0.2)
    order = rng.permutation(cells.shape[1])
    few = [0, 1, CHUNK_CELLS - 1, CHUNK_CELLS, CHUNK_CELLS + 36]
    for make in (lambda m: weekly(m, CALENDARS[365], 30.0), lambda m: day(m, CALENDARS[365], 100)):
        whole = make(cells)
        assert np.array_equal(make(cells[:, order]), whole[..., order])
        assert all(np.array_equal(make(cells[:, k]), whole[..., k]) for k in few)
        assert np.array_equal(make(np.asfortranarray(cells[:, :600]).reshape(12, 20, 30)), whole[..., :600].reshape(*whole.shape[:-1], 20, 30))
    assert weekly(np.zeros((12, 0)), CALENDARS[365]).shape == (52, 0)


def test_input_is_left_alone():
    monthly = GRASS.copy()
    for make in (daily, weekly):
        make(monthly, CALENDARS[365], 10.0)
    assert np.array_equal(monthly, GRASS)


def test_any_year_keeps_its_months():
    hypothesis = pytest.importorskip("hypothesis")
    st = hypothesis.strategies
    value = st.one_of(st.just(0.0), st.floats(1e-12, 10.0))

    @hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
    @hypothesis.given(monthly=st.lists(value, min_size=12, max_size=12), lengths=st.sampled_from(list(CALENDARS.values())), upper=st.sampled_from([10.0, 25.0, np.inf]))
    def check(monthly, lengths, upper):
        monthly = np.array(monthly)
        days = daily(monthly, lengths, upper)
        assert_kept(days, monthly, lengths)
        assert days.min() >= 0.0 and days.max() <= upper
        if upper > 10.0:  # jumps of up to 0.57 of the limit are promised for weeks, and here they are at most 0.4
            weeks = weekly(monthly, lengths, upper)
            assert_kept(held(weeks, lengths), monthly, lengths)
            assert weeks.min() >= 0.0 and weeks.max() <= upper

    check()


@pytest.mark.parametrize("lengths", [(30,) * 11, (31,) * 12, (30.5, 29.5) + (30,) * 10, (29, 27, 31, 30, 31, 30, 31, 31, 30, 31, 30, 29)])
@pytest.mark.parametrize("make", (daily, weekly, lambda m, n: day(m, n, 1)))
def test_lengths_that_are_no_calendars_are_refused(make, lengths):
    with pytest.raises(FieldError, match="Month lengths"):
        make(GRASS, lengths)


@pytest.mark.parametrize("bad", (np.nan, np.inf, -1e-9, 10.5))
def test_a_value_out_of_range_is_refused_with_its_month_and_cell(bad):
    monthly = np.tile(GRASS[:, None], 4)
    monthly[6, 2] = bad
    for make in (daily, weekly, lambda m, n, upper: day(m, n, 1, upper)):
        with pytest.raises(ValueRangeError, match="Month 7 of cell 2 is "):
            make(monthly, CALENDARS[365], 10.0)


def test_other_misuse_is_refused():
    with pytest.raises(FieldError, match="first axis must be the 12 months"):
        daily(np.ones((5, 12)), CALENDARS[365])
    for upper in (0.0, np.nan):
        with pytest.raises(ValueRangeError, match="must be above 0"):
            daily(np.zeros(12), CALENDARS[365], upper)
    for k in (0, 366, 1.5):
        with pytest.raises(ValueRangeError, match="days are 1 to 365"):
            day(GRASS, CALENDARS[365], k)
