"""lsbc.training.readers.years: calendar years of time axes."""

import itertools

import netCDF4
import numpy as np
import pytest

from lsbc.regrid.errors import FileError
from lsbc.training.readers.years import layer_years, stated_years

NAMES = itertools.count()


def axis(values, **attributes):
    data = netCDF4.Dataset(f"in memory {next(NAMES)}", "w", diskless=True)
    data.createDimension("time", len(values))
    variable = data.createVariable("time", "f8", ("time",))
    variable.setncatts(attributes)
    variable[:] = values
    return data


def test_years_since_are_added_to_the_base_year():
    assert layer_years(axis([0, 1, 1165], units="years since 850-01-01 0:0:0", calendar="noleap"), "time", "f") == [850, 851, 2015]
    assert layer_years(axis([0, 85], units="years since 2015-01-01 0:0:0", calendar="noleap"), "time", "f") == [2015, 2100]


@pytest.mark.parametrize("calendar, days_a_year", [("noleap", 365), ("365_day", 365), ("360_day", 360)])
def test_days_since_follow_the_calendar_of_the_file(calendar, days_a_year):
    # the first day of 2000 and the middle of 2001
    days = [1150 * days_a_year, 1151 * days_a_year + 182]
    assert layer_years(axis(days, units="days since 0850-01-01", calendar=calendar), "time", "f") == [2000, 2001]


def test_days_since_in_the_proleptic_calendar_know_leap_years():
    # 1970 to 2014 are 45 years with 11 leap days: 45 * 365 + 11 = 16436 days to the first of January 2015
    assert layer_years(axis([16436, 16435], units="days since 1970-01-01 00:00:00", calendar="proleptic_gregorian"), "time", "f") == [2015, 2014]


def test_plain_years_are_years_and_without_an_axis_the_product_says_the_first():
    assert layer_years(axis([1992, 1993]), "time", "f") == [1992, 1993]
    assert layer_years(axis([0, 1, 2]), "time", "f", first_year=1899) == [1899, 1900, 1901]


def test_an_axis_that_says_no_year_is_refused():
    with pytest.raises(FileError, match="File x: the axis time with units '', first value 0, does not say its years"):
        layer_years(axis([0, 1]), "time", "File x")
    with pytest.raises(FileError, match="units 'days since never', calendar 'standard' cannot be read"):
        layer_years(axis(np.arange(2), units="days since never"), "time", "File x")


def test_an_axis_that_is_not_understood_is_refused_even_where_the_product_has_a_first_year():
    with pytest.raises(FileError, match=r"File x: the axis time with units 'day as %Y%m%d\.%f', first value 20000101, does not say its years"):
        layer_years(axis([20000101, 20010101], units="day as %Y%m%d.%f"), "time", "File x", first_year=1899)
    with pytest.raises(FileError, match="first value 7"):
        layer_years(axis([7, 8]), "time", "File x", first_year=1899)


def test_layers_counted_from_0_or_1_or_not_at_all_begin_with_the_first_year_of_the_product():
    bare = netCDF4.Dataset(f"in memory {next(NAMES)}", "w", diskless=True)
    bare.createDimension("time", 3)
    for data in (axis([0, 1, 2]), axis([1, 2, 3]), bare):
        assert layer_years(data, "time", "f", first_year=1899) == [1899, 1900, 1901]


@pytest.mark.parametrize("units", ["years since 850-01-01", "days since 1970-01-01"])
def test_a_layer_without_a_date_is_refused(units):
    with pytest.raises(FileError, match=f"File x: the axis time with units '{units}' has no number in layer 1"):
        layer_years(axis([0, np.nan], units=units), "time", "File x")


def test_stated_years_are_none_where_the_axis_says_none():
    assert stated_years(axis([0, 1]), "time", "f") is None
    assert stated_years(axis([2001, 2002]), "time", "f") == [2001, 2002]
