import numpy as np
import pytest

from lsbc.emulator.component import Component
from lsbc.emulator.fields import BY_NAME, FILL
from lsbc.emulator.seasonal import level_count, month_lengths, split_name, view
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import FieldError, ValueRangeError

import case

NOLEAP = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LAI = BY_NAME["leaf_area_index"]


@pytest.fixture
def folder(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    return tmp_path


def coupled(folder, calendar="standard", extra="", *years):
    host = case.make_host()
    path = case.write_config(folder, folder / "model", folder / "fine.nc", extra="[grid]\nedges = 'latlon'\n" + extra)
    path.write_text(path.read_text().replace("start_year = 2000", f"start_year = 2000\ncalendar = '{calendar}'"))
    component = Component.create(path, SerialComm())
    component.set_grid(*host.part(np.arange(81)))
    case.couple(component, host, np.arange(81), *(years or (2000,)))
    return component


def get(component, name, *levels):
    out = np.full((*levels, 81), np.nan)
    component.get_field(name, out)
    return out


def means_of_months(days, lengths):
    edges = np.cumsum([0, *lengths])
    return np.stack([days[a:b].mean(axis=0) for a, b in zip(edges[:-1], edges[1:])])


@pytest.mark.parametrize("calendar, year, n_day", [("standard", 2000, 366), ("gregorian", 1900, 365), ("proleptic_gregorian", 2004, 366), ("noleap", 2004, 365),
                                                  ("365_day", 2000, 365), ("360_day", 2000, 360)])
def test_a_year_has_the_days_of_its_calendar(calendar, year, n_day):
    assert sum(month_lengths(calendar, year)) == n_day and len(month_lengths(calendar, year)) == 12


def test_a_day_follows_the_name():
    assert split_name("leaf_area_index@200") == ("leaf_area_index", 200) and split_name("albedo") == ("albedo", None)
    for wrong in ("albedo@200", "leaf_area_index@", "leaf_area_index@0", "leaf_area_index@367", "leaf_area_index@-1", "leaf_area_index@1.5"):
        with pytest.raises(FieldError, match="a day of the year, 1 to 366 with time.calendar = 'standard', may be asked of leaf_area_index and vegetation_area_fraction"):
            split_name(wrong)


def test_levels_are_what_the_hosts_array_has_on_its_axis_of_levels():
    assert level_count(LAI, (12, 81), False) == 12 and level_count(LAI, (52, 81), False) == 52 and level_count(LAI, (81,), True) == 1
    assert level_count(LAI, (3, 52, 32), False, npromz=17) == 52 and level_count(LAI, (9, 9, 52), False, level_axis=2) == 52
    assert level_count(LAI, (52,), False) == 12 and level_count(BY_NAME["lu_frac"], (52, 4), False) == 8  # refused later, with the right number


def test_cells_that_are_not_covered_stay_so():
    months = np.array([[1.0, FILL]] * 12)
    for n_level, day in ((52, None), (1, 100)):
        got = view("leaf_area_index", months, n_level, day, NOLEAP)
        assert (got[..., 1] == FILL).all() and got[..., 0] == pytest.approx(np.ones(got[..., 0].shape), abs=1e-14)
    assert view("leaf_area_index", months, 12, None, NOLEAP) is months


def test_a_host_gets_months_weeks_or_a_day_of_one_field(folder):
    component = coupled(folder)
    months, weeks = get(component, "leaf_area_index", 12), get(component, "leaf_area_index", 52)
    lengths = month_lengths("standard", 2000)
    assert sum(lengths) == 366 and np.ptp(months, axis=0).min() > 0.5
    through = np.repeat(weeks, [7] * 51 + [366 - 51 * 7], axis=0)
    assert means_of_months(through, lengths) == pytest.approx(months, abs=1e-12)
    days = np.stack([get(component, f"leaf_area_index@{day}") for day in range(1, 367)])
    assert means_of_months(days, lengths) == pytest.approx(months, abs=1e-12) and days.min() >= 0.0
    with pytest.raises(FieldError, match="12 level"):
        get(component, "leaf_area_index", 13)
    component.close()


def test_neither_days_nor_weeks_of_a_share_exceed_one():
    months = np.array([0.2, 0.3, 0.5, 0.8, 1.0, 1.0, 1.0, 1.0, 0.8, 0.5, 0.3, 0.2])[:, None]
    days = np.array([view("vegetation_area_fraction", months, 1, day, NOLEAP)[0] for day in range(1, 366)])
    weeks = view("vegetation_area_fraction", months, 52, None, NOLEAP)
    assert days.max() <= 1.0 and weeks.max() <= 1.0
    free = np.array([view("leaf_area_index", months, 1, day, NOLEAP)[0] for day in range(1, 366)])
    assert free.max() > 1.0  # the same months without a limit


def test_leaves_never_cover_more_than_the_cell(folder):
    component = coupled(folder)
    months, weeks = get(component, "vegetation_area_fraction", 12), get(component, "vegetation_area_fraction", 52)
    assert 0.0 <= weeks.min() and weeks.max() <= 1.0 and 0.3 < months.max() <= 1.0
    component.close()


def test_fields_and_months_have_the_same_bits_in_every_calendar(folder):
    kept = []
    for calendar in ("standard", "noleap", "360_day"):
        component = coupled(folder, calendar, "", 2000, 2001)
        kept.append({info.name: get(component, info.name, *([info.n_level] if info.levels else [])) for info in component.fields if info.direction == "out"})
        component.close()
    assert len(kept[0]) > 15
    for other in kept[1:]:
        assert all(np.array_equal(kept[0][name], other[name]) for name in kept[0])


def test_a_day_that_the_calendar_lacks_is_refused(folder):
    component = coupled(folder, "360_day")
    get(component, "leaf_area_index@360")
    with pytest.raises(FieldError, match="1 to 360 with time.calendar = '360_day'"):
        get(component, "leaf_area_index@361")
    component.close()


def test_a_lent_day_that_the_year_lacks_fails_the_year_before_any_file_is_written(folder):
    host, day = case.make_host(), np.empty(81)
    path = case.write_config(folder, folder / "model", folder / "fine.nc", "directory = 'out'", "[grid]\nedges = 'latlon'")
    component = Component.create(path, SerialComm())
    component.set_grid(*host.part(np.arange(81)))
    component.set_field("leaf_area_index@366", day)
    case.couple(component, host, np.arange(81), 2000)
    kept = day.copy()
    with pytest.raises(ValueRangeError, match="Field 'leaf_area_index@366', year 2001, calendar 'standard', rank 0: Day of year is 366"):
        case.couple(component, host, np.arange(81), 2001)
    assert component.year == 2000 and np.array_equal(day, kept) and not (folder / "out" / "lsbc_2001.nc").exists()
    component.forget_field("leaf_area_index@366")
    component.step_year(2001)
    component.close()


def test_weeks_and_days_may_be_lent_and_every_year_fills_them(folder):
    component, host = coupled(folder), case.make_host()
    weeks, day, blocks = np.empty((52, 81), np.float32), np.empty(81), np.full((3, 12, 32), np.nan)
    component.set_field("leaf_area_index", weeks)
    component.set_field("vegetation_area_fraction@15", day)
    first = weeks.copy()
    case.couple(component, host, np.arange(81), 2001)
    assert np.array_equal(weeks, get(component, "leaf_area_index", 52).astype(np.float32)) and not np.array_equal(weeks, first)
    assert np.array_equal(day, get(component, "vegetation_area_fraction@15"))
    component.get_field("leaf_area_index", blocks, npromz=17)
    assert np.array_equal(np.moveaxis(blocks, 1, 0).reshape(12, -1)[:, :81], get(component, "leaf_area_index", 12))
    component.close()
