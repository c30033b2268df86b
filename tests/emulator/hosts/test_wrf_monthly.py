from datetime import date

import numpy as np
import pytest

from lsbc.emulator.hosts.wrf_monthly import Dated, MidMonths, albedo_months, by_slabs, green_fraction, land_albedo, leaf_area
from lsbc.emulator.hosts.year_file import SLAB_CELLS, open_year
from lsbc.regrid.errors import ValueRangeError

from year_files import fractions, write_year

FOREST, WATER = 40, 77
LAND, COAST = {FOREST: 1}, {FOREST: 0.5, WATER: 0.5}


@pytest.fixture
def year(tmp_path):
    """Open a yearly file of cells along 50° N; months as `write_year` makes them unless given."""
    opened = []

    def make(*cells, **fields):
        n = len(cells)
        path = write_year(tmp_path / "lsbc_2031.nc", fractions(*cells), np.arange(n) + 5.0, np.full(n, 50.0), **fields)
        opened.append(open_year(path))
        return opened[-1].__enter__()

    yield make
    for one in opened:
        one.__exit__(None, None, None)


@pytest.mark.parametrize(("when", "earlier", "later", "weight"), [
    ((2031, 1, 1), 12, 1, 14 / 31),
    ((2031, 1, 15), 12, 1, 0),
    ((2031, 1, 16), 1, 2, 30 / 31),
    ((2031, 2, 15), 1, 2, 0),
    ((2031, 3, 1), 2, 3, 14 / 28),
    ((2032, 3, 1), 2, 3, 14 / 29),
    ((2031, 12, 15), 11, 12, 0),
    ((2031, 12, 31), 12, 1, 15 / 31),
    ((2032, 12, 31), 12, 1, 15 / 31),
])
def test_a_date_lies_between_two_mid_months_as_in_real_exe(when, earlier, later, weight):
    """Days between 15ths by hand: 31 from December to January, 28 from February to March, 29 in a leap year."""
    middle = MidMonths.of(date(*when))
    assert (middle.earlier + 1, middle.later + 1) == (earlier, later)
    assert middle.weight == pytest.approx(weight, abs=1e-15)


def test_every_day_of_a_leap_year_has_a_weight():
    weights = [MidMonths.of(date.fromordinal(date(2032, 1, 1).toordinal() + k)).weight for k in range(366)]
    assert 0 <= min(weights) and max(weights) < 1


def test_greenness_is_that_of_the_land(year):
    """Leaves cover 0.25 of the cell: all of it is land, or half."""
    green = green_fraction(year(LAND, COAST, vegetation_area_fraction=np.full((12, 2), 0.25)), np.arange(2))
    assert green[5] == pytest.approx([0.25, 0.5], abs=1e-15)


def test_greenness_beyond_the_land_is_refused(year):
    with pytest.raises(ValueRangeError, match=r"vegetation_area_fraction, of the land, of cell 1 \(5.0000 E, 50.0000 N\).* is 1.1 in month 11; 0 to 1"):
        green_fraction(year(COAST), np.arange(1))


def test_a_rounding_beyond_1_is_cut_off(year):
    assert green_fraction(year(LAND, vegetation_area_fraction=np.full((12, 1), 1 + 1e-12)), np.arange(1)).max() == 1


def test_leaf_area_is_that_of_the_vegetated_area(year):
    assert leaf_area(year(COAST, COAST), np.array([1]))[:, 0].tolist() == [month / 4 for month in range(1, 13)]


def test_leaf_area_that_is_not_finite_is_refused(year):
    with pytest.raises(ValueRangeError, match="leaf_area_index of cell 1 .* is nan in month 1; 0 to any number"):
        leaf_area(year(LAND, leaf_area_index=np.full((12, 1), np.nan)), np.arange(1))


def test_albedo_of_the_land_has_no_water_in_it(year):
    """0.2 in the cell: all land, or half water at 0.08: (0.2 - 0.04) / 0.5."""
    assert land_albedo(year(LAND, COAST), np.arange(2)) == pytest.approx([0.2, 0.32], abs=1e-15)


def test_another_albedo_of_water_is_an_option(year):
    assert land_albedo(year(COAST), np.arange(1), water_albedo=0.1) == pytest.approx([0.3], abs=1e-15)


@pytest.mark.parametrize(("albedo", "match"), [(0.03, r"albedo of the land, with 0.08 for water \(option water_albedo\), of cell 1 .* is -0.02; 0 to 1"),
                                               (np.nan, "is nan; 0 to 1")])
def test_an_albedo_that_water_alone_exceeds_is_refused(year, albedo, match):
    with pytest.raises(ValueRangeError, match=match):
        land_albedo(year(COAST, albedo=np.array([albedo])), np.arange(1))


def test_albedo_follows_the_templates_course_with_our_mean():
    """Eleven months of 10 % and one of 22 %: mean 11 %; ours is twice that."""
    percent = np.full((12, 1), 10, np.float32)
    percent[0] = 22
    months = albedo_months(np.array([0.22]), percent)
    assert months[:, 0] == pytest.approx([0.44] + [0.2] * 11, abs=1e-15)
    assert months.mean() == pytest.approx(0.22, abs=1e-15)


@pytest.mark.parametrize("course", [np.zeros(12), np.r_[-1.0, np.full(11, 12.0)], np.r_[np.nan, np.full(11, 12.0)], np.r_[99.0, np.full(11, 1.0)],
                                    np.r_[1e30, np.full(11, 10.0)], np.full(12, 9.969209968386869e36)])
def test_a_template_without_a_usable_course_gives_the_mean_in_all_months(course):
    assert (albedo_months(np.array([0.25]), course[:, None]) == 0.25).all()


def test_fields_at_a_date_lie_between_the_months(year):
    """1 January: 14/31 December and 17/31 January. Cover 0.6 and 0.05 of the cell, LAI 3 and 0.25."""
    fields = Dated(year(LAND, {}, LAND), np.array([True, False, True])).at(date(2031, 1, 1))
    assert fields["VEGFRA"] == pytest.approx([(60 * 14 + 5 * 17) / 31] * 2, abs=1e-13)
    assert fields["LAI"] == pytest.approx([(3 * 14 + 0.25 * 17) / 31] * 2, abs=1e-15)
    assert fields["ALBBCK"] == pytest.approx([0.2] * 2, abs=1e-15)


def test_albedo_at_a_date_follows_a_course(year):
    """January 22 %, else 10 %: scaled to the mean 0.22 that is 0.44 and 0.2."""
    percent = np.full((12, 2), 10.0)
    percent[0] = 22
    dated = Dated(year({}, LAND, albedo=np.full(2, 0.22)), np.array([False, True]), course=percent)
    assert dated.at(date(2031, 1, 1))["ALBBCK"] == pytest.approx([(0.2 * 14 + 0.44 * 17) / 31], abs=1e-15)
    assert dated.at(date(2031, 7, 1))["ALBBCK"] == pytest.approx([0.2], abs=1e-15)


def test_dates_in_any_order_give_what_they_give_alone(year):
    file, taken = year(LAND, COAST, vegetation_area_fraction=np.linspace(0.01, 0.4, 24).reshape(12, 2)), np.full(2, True)
    dated = Dated(file, taken)
    for when in (date(2031, 3, 1), date(2031, 3, 2), date(2031, 11, 30), date(2031, 3, 1)):
        assert np.array_equal(dated.at(when)["VEGFRA"], Dated(file, taken).at(when)["VEGFRA"])


def test_slabs_hold_all_taken_cells_once_and_in_order():
    class Year:
        @staticmethod
        def slabs():
            return [slice(0, SLAB_CELLS), slice(SLAB_CELLS, 2 * SLAB_CELLS), slice(2 * SLAB_CELLS, 2 * SLAB_CELLS + 3)]

    taken = np.zeros(2 * SLAB_CELLS + 3, bool)
    taken[[5, SLAB_CELLS - 1, 2 * SLAB_CELLS]] = True
    assert [cells.tolist() for cells in by_slabs(Year(), taken)] == [[5, SLAB_CELLS - 1], [2 * SLAB_CELLS]]
