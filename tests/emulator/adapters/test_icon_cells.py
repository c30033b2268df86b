"""ICON's cells, blocks and dates without ICON and without ComIn."""

import numpy as np
import pytest

from lsbc.emulator.adapters.icon_cells import cell_row, model_date, parse_date, restart_name, surfaces
from lsbc.regrid.errors import FieldError, YearError


def test_cells_of_a_blocked_variable_are_a_row_that_writes_through():
    blocked = np.arange(12.0).reshape(4, 3, 1, 1, 1, order="F")  # nproma 4, 3 blocks, 10 cells
    row = cell_row(blocked, 12, 10, "albdif")
    assert row.tolist() == list(range(10))
    row[5] = -1.0
    assert blocked[1, 1, 0, 0, 0] == -1.0


def test_a_single_precision_variable_is_taken():
    assert cell_row(np.zeros((4, 3), np.float32, order="F"), 12, 10, "albdif").dtype == np.float32


@pytest.mark.parametrize("values", [np.zeros((4, 3)), np.zeros((4, 3), np.int32, order="F")])
def test_a_variable_in_pieces_or_of_whole_numbers_is_refused(values):
    with pytest.raises(FieldError, match="'albdif' of ICON, (float64|int32), must be floating-point numbers in one piece"):
        cell_row(values, 12, 10, "albdif")


def test_a_variable_with_more_values_than_cells_is_refused():
    with pytest.raises(FieldError, match=r"shape \(4, 2, 3\); lsbc needs one value a cell, 12 with padding"):
        cell_row(np.zeros((4, 2, 3), order="F"), 12, 10, "t_so")


@pytest.mark.parametrize("text, date", [("2019-01-01T00:00:00.000", (2019, 1, 1, 0, 0, 0)), ("12019-02-30T23:59:59Z", (12019, 2, 30, 23, 59, 59)),
                                        ("-0044-03-15T12:00:00", (-44, 3, 15, 12, 0, 0)), (" 0850-12-30T00:00:00 ", (850, 12, 30, 0, 0, 0))])
def test_dates_of_any_calendar_are_read(text, date):
    assert parse_date(text) == date


def test_a_text_that_is_no_date_is_refused():
    with pytest.raises(YearError, match="ICON gives the date '2019'; lsbc reads dates such as"):
        parse_date("2019")


def test_before_its_first_step_a_resumed_run_is_at_its_own_start_not_the_experiments():
    assert model_date("1850-01-01T00:00:00", "2019-07-01T00:00:00") == (2019, 7, 1, 0, 0, 0)
    assert model_date("2020-01-01T00:00:00", "2019-07-01T00:00:00") == (2020, 1, 1, 0, 0, 0)


def test_restart_files_are_named_by_their_date():
    assert restart_name(1, (850, 1, 2, 3, 4, 5)) == "lsbc_restart_DOM01_08500102T030405Z.nc"
    assert restart_name(2, (850, 1, 2, 3, 4, 5)) == "lsbc_restart_DOM02_08500102T030405Z.nc"  # domains share a folder


def test_each_class_is_a_variable_of_its_own():
    names = surfaces()
    assert (names["lu_frac_forest"].field.name, names["lu_frac_forest"].level) == ("lu_frac", 4)
    assert "lu_frac" not in names and names["lai"].level == 0
