"""lsbc.training.readers.luh: time axes, fills, sums and groups of LUH2 and LUH3 states."""

import numpy as np
import pytest

from lsbc.emulator.classes import GROUPS
from lsbc.regrid.errors import FileError, ValueRangeError
from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.luh import LuhStates
from lsbc.training.readers.window import Window

from product_files import FILL, LUH_STATES, write_luh

QUARTER = Lattice(720, 1440)
LAT, LON = np.array([50.625, 50.375, 50.125]), np.array([9.875, 10.125, 10.375, 10.625])
AT_10E_50N = Window(QUARTER, 560, 760, 2, 2)
"""Rows 50..50.5 N, columns 10..10.5 E: the last two rows and columns 1 and 2 of the file."""
PARTS = {name: (k + 1) / 100 for k, name in enumerate(LUH_STATES)}


def write(path, values=PARTS, **kwargs):
    return write_luh(path, values, kwargs.pop("lat", LAT), kwargs.pop("lon", LON), **kwargs)


def test_states_are_summed_into_groups_and_other_is_what_is_left(tmp_path):
    fraction, valid = LuhStates((write(tmp_path / "states.nc"),)).groups(2015, AT_10E_50N)
    # primf 1, primn 2, secdf 3, secdn 4, urban 5, crops 6..10, pastr 11, range 12 hundredths: 78 in all
    expected = {"urban": 0.05, "cropland": 0.40, "pasture": 0.23, "forest": 0.04, "nonforest": 0.06, "other": 0.22}
    np.testing.assert_allclose(fraction[:, 0, 0], [expected[group] for group in GROUPS], atol=1e-7)
    assert valid.all() and fraction.shape == (6, 2, 2)
    np.testing.assert_allclose(fraction.sum(axis=0), 1.0, atol=1e-12)


@pytest.mark.parametrize("turned", ["north first", "south first", "0 to 360"])
def test_the_place_follows_the_coordinates_however_they_run(tmp_path, turned):
    lat, lon = LAT, LON - 10.25
    urban = np.arange(12).reshape(3, 4) / 100
    window = Window(QUARTER, 560, 719, 2, 2)
    if turned == "south first":
        lat, urban = lat[::-1], urban[::-1]
    if turned == "0 to 360":
        lon, urban = np.arange(0.125, 360, 0.25), np.hstack([urban[:, 2:], np.zeros((3, 1436)), urban[:, :2]])
    states = LuhStates((write(tmp_path / "states.nc", {"urban": urban}, lat=lat, lon=lon),)).states(2015, window)
    np.testing.assert_allclose(states["urban"], [[0.09, 0.10], [0.05, 0.06]], atol=1e-7)


def test_fills_are_no_data_whether_declared_or_nan(tmp_path):
    for name, none in (("a.nc", FILL), ("b.nc", np.nan)):
        values = {state: np.full((3, 4), part, np.float32) for state, part in PARTS.items()}
        for field in values.values():
            field[2, 1] = none
        fraction, valid = LuhStates((write(tmp_path / name, values),)).groups(2015, AT_10E_50N)
        assert valid.tolist() == [[False, True], [True, True]]
        assert (fraction[:, 0, 0] == 0).all()


def test_a_state_that_is_missing_where_others_are_not_is_refused(tmp_path):
    crops = np.full((3, 4), 0.1)
    crops[2, 2] = FILL
    with pytest.raises(ValueRangeError, match=r"states\.nc: c3ann of year 2015 is nan at 50\.125 N 10\.375 E: another fill than primf"):
        LuhStates((write(tmp_path / "states.nc", {"c3ann": crops}),)).groups(2015, AT_10E_50N)


def test_sums_to_1_0001_are_scaled_to_1_and_larger_ones_refused(tmp_path):
    fraction, _ = LuhStates((write(tmp_path / "a.nc", {"primf": 0.50005, "urban": 0.5}),)).groups(2015, AT_10E_50N)
    assert fraction[GROUPS.index("other")].max() == 0
    np.testing.assert_allclose(fraction[GROUPS.index("urban")], 0.5 / 1.00005, rtol=1e-6)
    too_much = np.full((3, 4), 0.5)
    too_much[1, 2] = 0.5002
    with pytest.raises(ValueRangeError, match=r"b\.nc: the sum of the states of year 2015 is 1\.0001999\d* at 50\.375 N 10\.375 E: over 1\.0001"):
        LuhStates((write(tmp_path / "b.nc", {"primf": too_much, "urban": 0.5}),)).groups(2015, AT_10E_50N)


def test_negative_values_are_refused_with_state_year_and_place(tmp_path):
    crops = np.full((3, 4), 0.1)
    crops[2, 1] = -0.01
    with pytest.raises(ValueRangeError, match=r"c4per of year 2015 is -0\.00999\d* at 50\.125 N 10\.125 E: negative"):
        LuhStates((write(tmp_path / "states.nc", {"c4per": crops}),)).groups(2015, AT_10E_50N)


def test_wrong_units_are_refused(tmp_path):
    with pytest.raises(FileError, match=r"states\.nc: primf has units '%'; .* units '1'"):
        LuhStates((write(tmp_path / "states.nc", state_units="%"),))


def test_a_missing_year_is_refused_with_files_and_years_held(tmp_path):
    history = write(tmp_path / "states.nc", time=(1163, 1164, 1165))
    future = write(tmp_path / "ssp245.nc", time=(0, 1, 2), units="years since 2015-01-01 0:0:0")
    states = LuhStates((history, future))
    states.need((2013, 2017))
    with pytest.raises(FileError, match=r"Year 2018 of the LUH states is missing: .*states\.nc holds 2013\.\.2015; .*ssp245\.nc holds 2015\.\.2017"):
        states.need((2017, 2018))


def test_the_first_file_named_gives_the_year_that_two_hold(tmp_path):
    history = write(tmp_path / "states.nc", {"urban": 0.1})
    future = write(tmp_path / "ssp245.nc", {"urban": 0.2}, time=(0, 1), units="years since 2015-01-01 0:0:0")
    states = LuhStates((history, future))
    assert [round(float(states.states(year, AT_10E_50N)["urban"][0, 0]), 6) for year in (2015, 2016)] == [0.1, 0.2]


def test_luh3_counts_days_and_its_plantations_are_forest(tmp_path):
    path = write(tmp_path / "multiple-states_input4MIPs_landState_CMIP_UofMD-landState-3-1-1_gn_0850-2024.nc",
                 {"pltns": 0.2, "secdf": 0.1}, time=(1174 * 365.0,), units="days since 0850-01-01", calendar="noleap")
    fraction, _ = LuhStates((path,)).groups(2024, AT_10E_50N)
    np.testing.assert_allclose(fraction[:, 0, 0], [0, 0, 0, 0.3, 0, 0.7], atol=1e-7)
    assert "pltns" in LuhStates((path,)).states(2024, AT_10E_50N)


def test_a_file_without_all_states_or_on_another_grid_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"states\.nc: latitude has steps of 0\.500000 degrees; LUH has 0\.25"):
        LuhStates((write(tmp_path / "states.nc", lat=np.array([50.75, 50.25, 49.75])),))
    with pytest.raises(FileError, match=r"not\.nc is not there"):
        LuhStates((tmp_path / "not.nc",))
    from product_files import write_maps

    write_maps(tmp_path / "management.nc", "urban", np.zeros((1, 3, 4)), LAT, LON)
    with pytest.raises(FileError, match=r"management\.nc lacks the states primf, primn"):
        LuhStates((tmp_path / "management.nc",))


@pytest.mark.parametrize("shifted, first", [("lat", "latitude from the south-west is 50.000000"), ("lon", "longitude from the south-west is 10.000000")])
def test_a_grid_shifted_by_half_a_cell_is_refused(tmp_path, shifted, first):
    axis = {"lat": LAT - 0.125, "lon": LON + 0.125}[shifted]
    with pytest.raises(FileError, match=rf"states\.nc: the first {first}; cell edges on multiples of 0\.25"):
        LuhStates((write(tmp_path / "states.nc", **{shifted: axis}),))


def test_plantations_must_have_data_where_the_other_states_have(tmp_path):
    planted = np.full((3, 4), 0.1)
    planted[2, 2] = FILL
    with pytest.raises(ValueRangeError, match=r"pltns of year 2015 is nan at 50\.125 N 10\.375 E: another fill than primf"):
        LuhStates((write(tmp_path / "states.nc", {"pltns": planted}),)).groups(2015, AT_10E_50N)
