from importlib import resources

import numpy as np
import pytest

from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.land import in_host_classes, land_shares, relative
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


def test_rows_of_water_ice_and_unused_classes_stay_empty(tmp_path):
    table = '{ code = 66, koppen = [1, 3, 4, 5], shares = { 15 = 1 }'
    text = resources.files("lsbc.emulator.surface").joinpath("crosswalks/globcover.toml").read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace(table, '{ code = 66, koppen = [1, 3, 4, 5], shares = { 15 = 0.5, 22 = 0.25, 21 = 0.25 }'), encoding="utf-8")
    with open_year(write_year(tmp_path / "year.nc", fractions({66: 1.0}), [0.0], [0.0])) as year:
        host = HostClasses.of(year, own)
        out = in_host_classes(host, land_shares(year, slice(0, 1), np.zeros(1)), slice(0, 1))
    assert out[14, 0] == 0.5 and out.sum() == 0.5


def test_an_unknown_climate_that_matters_names_the_cell_of_the_slab(tmp_path):
    with open_year(write_year(tmp_path / "year.nc", fractions({22: 1.0}, {22: 1.0}, {40: 1.0}), [5.0, 6.0, 7.0], [1.0, 2.0, 3.0], koppen=0)) as year:
        host, cells = HostClasses.of(year, "ecland"), slice(1, 3)
        with pytest.raises(ValueRangeError, match=r"cell 3 \(7.0000 E, 3.0000 N\) depends on the Köppen group"):
            in_host_classes(host, land_shares(year, cells, np.zeros(2)), cells)


def test_some_codes_alone_give_their_own_part(tmp_path):
    with open_year(write_year(tmp_path / "year.nc", fractions({22: 0.5, 40: 0.5}), [0.0], [0.0])) as year:
        host, cells = HostClasses.of(year, "ecland"), slice(0, 1)
        share = land_shares(year, cells, np.zeros(1))
        out = in_host_classes(host, share[4:5], cells, (40,))
    assert out[17, 0] == 0.5 and out.sum() == 0.5  # type 18, mixed forest


def test_columns_are_divided_by_their_sums_and_nothing_stays_nothing():
    assert relative(np.array([[1.0, 0.0], [3.0, 0.0]])).tolist() == [[0.25, 0.0], [0.75, 0.0]]
