import numpy as np
import pytest

from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.land import land_shares, relative
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.errors import ValueRangeError

from year_files import fractions, write_year


def shares_of(tmp_path, ice, *cells, koppen=3):
    lu_frac = fractions(*cells)
    n = len(cells)
    with open_year(write_year(tmp_path / "year.nc", lu_frac, np.arange(n), np.zeros(n), koppen=koppen)) as year:
        return land_shares(year, slice(0, n), np.array(ice, float))


def test_land_without_ice_is_scaled_up_over_the_water(tmp_path):
    share = shares_of(tmp_path, [0.0], {0: 0.25, 77: 0.25, 22: 0.375, 40: 0.125})
    assert share[:, 0].tolist() == [0, 0, 0.75, 0, 0.25, 0, 0, 0]


def test_the_hosts_ice_is_taken_from_sparse_land_first(tmp_path):
    share = shares_of(tmp_path, [0.25, 0.5], {66: 0.5, 40: 0.5}, {66: 0.25, 40: 0.75})
    np.testing.assert_allclose(share[6], [1 / 3, 0.0], rtol=1e-15)  # 0.25 of 0.75 left; all 0.25 gone
    np.testing.assert_allclose(share[4], [2 / 3, 1.0], rtol=1e-15)


def test_no_land_and_no_cover_are_columns_of_zeros(tmp_path):
    assert not shares_of(tmp_path, [0.0, 0.0, 1.0], {77: 1.0}, {}, {66: 1.0}).any()


def test_bits_of_a_cell_are_its_own(tmp_path):
    cell = {22: 0.1, 33: 0.2, 40: 0.3, 55: 0.15, 66: 0.15, 77: 0.1}
    alone, among = shares_of(tmp_path, [0.1], cell), shares_of(tmp_path, [0.0, 0.1, 0.2], {11: 1.0}, cell, {40: 1.0})
    assert (alone[:, 0] == among[:, 1]).all()


def test_less_land_than_a_millionth_of_the_cell_is_none(tmp_path):
    share = shares_of(tmp_path, [0.0, 0.0, 0.0], {11: 0.9e-6, 77: 1 - 0.9e-6}, {11: 0.6e-6, 22: 0.6e-6, 77: 1 - 1.2e-6}, {11: 2e-16, 0: 1.0})
    np.testing.assert_allclose(share[:3], [[0, 0, 0], [0, 0.5, 0], [0, 0.5, 0]], rtol=1e-9)
    assert not share[3:].any()


def test_what_the_hosts_ice_leaves_must_be_a_millionth_of_the_cell_too(tmp_path):
    # Half of each cell is land: 1.8e-6 of it is 0.9e-6 of the cell, 2.2e-6 is 1.1e-6.
    cell = {66: 0.5, 77: 0.5}
    share = shares_of(tmp_path, [1 - 1.8e-6, 1 - 2.2e-6], cell, cell)
    assert share[6].tolist() == [0.0, 1.0] and share.sum() == 1.0


@pytest.mark.parametrize("crosswalk", ["globcover", "esacci", "ecland", "ctsm"])
def test_land_stays_land_in_every_climate_and_its_sum_with_it(tmp_path, crosswalk):
    cells = [{code: 0.5, 77: 0.25, 0: 0.25} for code in (11, 22, 33, 40, 55, 66) for _ in range(5)]
    n = len(cells)
    with open_year(write_year(tmp_path / "year.nc", fractions(*cells), np.arange(n), np.zeros(n), koppen=np.tile([1, 2, 3, 4, 5], 6), coldest_month_k=280.0)) as year:
        host = HostClasses.of(year, crosswalk)
        out = host.apply(land_shares(year, slice(0, n), np.zeros(n)), slice(0, n))
    np.testing.assert_allclose(out.sum(axis=0), 1.0, rtol=1e-15)
    assert not out[[target.kind in ("water", "lake", "ocean", "ice", "unused") for target in host.crosswalk.classes]].any()


def test_a_fraction_that_is_no_number_is_refused_and_the_cell_named(tmp_path):
    with open_year(write_year(tmp_path / "year.nc", fractions({22: 1.0}, {22: np.nan, 40: 0.5}), [5.0, 6.0], [1.0, 2.0])) as year:
        host, cells = HostClasses.of(year, "globcover"), slice(0, 2)
        with pytest.raises(ValueRangeError, match=r"in cell 2 \(6.0000 E, 2.0000 N\) is nan"):
            host.apply(land_shares(year, cells, np.zeros(2)), cells)


def test_an_unknown_climate_that_matters_names_the_cell_of_the_slab(tmp_path):
    with open_year(write_year(tmp_path / "year.nc", fractions({22: 1.0}, {22: 1.0}, {40: 1.0}), [5.0, 6.0, 7.0], [1.0, 2.0, 3.0], koppen=0)) as year:
        host, cells = HostClasses.of(year, "ecland"), slice(1, 3)
        with pytest.raises(ValueRangeError, match=r"cell 3 \(7.0000 E, 3.0000 N\) depends on the Köppen group"):
            host.apply(land_shares(year, cells, np.zeros(2)), cells)


def test_some_codes_alone_give_their_own_part(tmp_path):
    with open_year(write_year(tmp_path / "year.nc", fractions({22: 0.5, 40: 0.5}), [0.0], [0.0])) as year:
        host, cells = HostClasses.of(year, "ecland"), slice(0, 1)
        share = land_shares(year, cells, np.zeros(1))
        out = host.apply(share[4:5], cells, (40,))
    assert out[17, 0] == 0.5 and out.sum() == 0.5  # type 18, mixed forest


def test_columns_are_divided_by_their_sums_and_nothing_stays_nothing():
    assert relative(np.array([[1.0, 0.0], [3.0, 0.0]])).tolist() == [[0.25, 0.0], [0.75, 0.0]]
