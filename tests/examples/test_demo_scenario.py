import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_CODES, CLASS_GROUP, CLASS_NAMES, GROUP_STATES, LUH2_STATES

from demo_input import scenario

URBAN, CROP, PASTURE, FOREST = (LUH2_STATES.index(name) for name in ("urban", "c3ann", "pastr", "secdf"))


def states(**parts):
    values = np.zeros((12, 1))
    for name, part in parts.items():
        values[LUH2_STATES.index(name)] = part
    return values


def test_every_igbp_class_has_a_code_of_the_class_system_and_a_reason():
    assert set(scenario.IGBP_TO_HILDA) == set(range(18))
    assert {code for code, _ in scenario.IGBP_TO_HILDA.values()} <= set(CLASS_CODES)
    assert all(reason for _, reason in scenario.IGBP_TO_HILDA.values())


def test_forest_crop_town_and_water_classes_are_translated():
    assert scenario.hilda_codes(np.array([1, 5, 12, 13, 10, 0, 255], np.uint8)).tolist() == [40, 40, 22, 11, 33, 77, 255]


def test_an_igbp_class_without_a_row_is_refused():
    with pytest.raises(ValueError, match="IGBP class 18"):
        scenario.hilda_codes(np.array([[12, 18]], np.uint8))


def test_each_class_feeds_a_state_of_its_own_driver_group():
    for code, state in scenario.CODE_TO_STATE.items():
        assert state in GROUP_STATES[CLASS_GROUP[CLASS_NAMES[CLASS_CODES.index(code)]]]


def test_the_middle_quarter_of_each_coarse_cell_is_known_on_land_without_water():
    codes, known = scenario.first_prior(np.full((10, 5), 22, np.uint8), np.ones((60, 30), np.uint8))
    assert codes.shape == (60, 30)
    assert known.sum() * 4 == known.size
    assert known.reshape(10, 6, 5, 6).sum(axis=(1, 3)).tolist() == [[9] * 5] * 10
    assert known[:6, :6].tolist() == [[0] * 6, [0] * 6, *[[0, 0, 1, 1, 1, 0]] * 3, [0] * 6]


def test_water_and_ocean_are_known_and_the_land_mask_makes_ocean():
    land = np.ones((6, 18), np.uint8)
    land[:, 12:] = 0
    codes, known = scenario.first_prior(np.array([[40, 77, 40]], np.uint8), land)
    assert np.unique(codes[:, 12:]).tolist() == [0]
    assert known[:, 6:].all()
    assert known[:, :6].sum() == 9


def test_states_of_a_map_are_area_fractions_of_the_cells_with_data():
    codes = np.array([[11, 22, 40, 40], [255, 77, 40, 40]], np.uint8)
    lat_deg = np.array([0.0, 60.0])
    found = scenario.states_of_map(codes, lat_deg, 2)
    # Areas 1, 1 in the first row and 1/2, 1/2 in the second; the cell without data does not count.
    assert found[URBAN, 0] == pytest.approx([1 / 2.5, 0])
    assert found[CROP, 0] == pytest.approx([1 / 2.5, 0])
    assert found[FOREST, 0] == pytest.approx([0, 1])
    assert found.sum(axis=0)[0] == pytest.approx([2 / 2.5, 1])


def test_a_driver_cell_without_data_has_no_states():
    assert np.isnan(scenario.states_of_map(np.full((2, 2), 255, np.uint8), np.array([0.0, 1.0]), 2)).all()


def test_towns_grow_by_two_percent_of_what_is_left_to_grow_into_and_take_cropland():
    after = scenario.next_year(states(urban=0.1, c3ann=0.5, pastr=0.3))
    assert after[URBAN, 0] == pytest.approx(0.1 + 0.02 * 0.1 * 0.9)
    assert after[CROP, 0] == pytest.approx(0.5 - 0.02 * 0.1 * 0.9)
    assert after[PASTURE, 0] == pytest.approx(0.3)


def test_towns_take_pasture_where_cropland_ends_and_stop_where_both_end():
    wanted = 0.02 * 0.5 * 0.5
    after = scenario.next_year(states(urban=0.5, c3ann=0.001, pastr=0.002))
    assert wanted > 0.003
    assert after[[URBAN, CROP, PASTURE], 0] == pytest.approx([0.503, 0, 0])


def test_forest_grows_by_a_thousandth_out_of_pasture():
    after = scenario.next_year(states(secdf=0.6, pastr=0.4))
    assert after[[FOREST, PASTURE], 0] == pytest.approx([0.6006, 0.3994])


def test_the_scenario_keeps_sums_and_bounds_for_a_century():
    first = np.random.default_rng(4).dirichlet(np.ones(13), size=500).T[:12]
    years = scenario.scenario(first, 100)
    assert years.shape == (100, 12, 500)
    assert np.abs(years.sum(axis=1) - first.sum(axis=0)).max() < 1e-13
    assert years.min() >= 0
    assert years.max() <= 1


def test_states_without_data_stay_without_data():
    assert np.isnan(scenario.next_year(np.full((12, 1), np.nan))).all()
