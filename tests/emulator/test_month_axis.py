import numpy as np
import pytest

from lsbc.emulator.month_axis import month_of_steps
from lsbc.regrid.errors import FieldError

MIDDLE = [15.0, 45.0, 74.0, 105.0, 135.0, 166.0, 196.0, 227.0, 258.0, 288.0, 319.0, 349.0]
"""Days after 1 January 2001, one in each month."""


def months(values, units="", calendar="standard", n=None):
    values = None if values is None else np.array(values, float)
    return month_of_steps(values, units, calendar, len(values) if n is None else n, "Axis").tolist()


def test_dates_tell_the_calendar_month_whatever_the_first_step_is():
    assert months(MIDDLE, "days since 2001-01-01") == list(range(12))
    july = [*MIDDLE[6:], *(365.0 + day for day in MIDDLE[:6])]
    assert months(july, "days since 2001-01-01") == [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5]
    assert months(np.array(july) * 86400.0, "seconds since 2001-01-01 00:00:00", "proleptic_gregorian")[0] == 6


def test_the_calendar_of_the_axis_is_the_one_that_counts():
    assert months([30.0 * k + 29.0 for k in range(24)], "days since 2001-01-01", "360_day") == [*range(12)] * 2
    with pytest.raises(FieldError, match="Axis: steps 3 and 4 lie in the same month of the same year"):
        months([0.0, 31.0, 59.0, 89.0, *range(120, 351, 30)], "days since 2001-01-01", "365_day")  # 89: 31 March


def test_months_since_a_date_are_counted_in_any_calendar():
    assert months([0.5 + k for k in range(24)], "months since 1900-01-01") == [*range(12)] * 2
    assert sorted(months([5.0 + k for k in range(12)], "months since 1900-01-01")) == list(range(12))


@pytest.mark.parametrize("values, units", [([11110011.0 + 100 * k for k in range(1, 13)], "day as %Y%m%d.%f"),
                                           ([20010115.5 + 100 * k for k in range(12)], "day as %Y%m%d.%f"),
                                           ([200101.0 + k for k in range(12)], "month as %Y%m.%f")])
def test_dates_as_numbers_are_read(values, units):
    assert months(values, units) == list(range(12))


def test_bare_numbers_of_months_are_taken_and_steps_without_an_axis_too():
    assert months(range(1, 13)) == months(range(12), "1") == list(range(12))
    assert months([*range(1, 13)] * 3) == [*range(12)] * 3
    assert months(range(24), "months") == [*range(12)] * 2
    assert months(None, n=24) == [*range(12)] * 2


@pytest.mark.parametrize("values, units, told", [
    (range(24), "", "cannot be read as months: its units are ''"), (range(12), "days", "its units are 'days'"), ([*range(11), 5], "", "cannot be read as months"),
    ([200113.0] * 12, "month as %Y%m.%f", "is 200113 .. 200113 with the units 'month as %Y%m.%f': these are no months"),
    (range(12), "days since 2001-01-01", "steps 1 and 2 lie in the same month"), (MIDDLE, "fortnights since 2001-01-01", "cannot be read with the units 'fortnights"),
    ([*MIDDLE[:5], np.nan, *MIDDLE[6:]], "days since 2001-01-01", "missing or not finite at step 6"),
    (MIDDLE[:11], "days since 2001-01-01", "has 11 steps, 0 to 1 of each calendar month"), ([*MIDDLE, 370.0], "days since 2001-01-01", "13 steps, 1 to 2 of each"),
    ([*MIDDLE[:11], 370.0], "days since 2001-01-01", "12 steps, 0 to 2 of each")])
def test_what_is_no_axis_of_whole_years_is_refused(values, units, told):
    with pytest.raises(FieldError, match=told):
        months(values, units)


def test_an_unknown_calendar_is_refused():
    with pytest.raises(FieldError, match="the calendar 'maya'"):
        months(MIDDLE, "days since 2001-01-01", "maya")


def test_steps_without_an_axis_must_be_whole_years():
    with pytest.raises(FieldError, match="Axis has 13 steps, 1 to 2 of each calendar month"):
        months(None, n=13)
