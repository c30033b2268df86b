"""Cell features worked out by hand, and that hidden cells have no part in them."""

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_NAMES, NO_DATA
from lsbc.training.cases import one_prior
from lsbc.training.data import DatedField
from lsbc.training.models.features import FAR_CELLS, cell_features, distances, mean_around, shown_densities, static_features, surroundings
from lsbc.training.models.neighbourhood import shown_planes
from lsbc.training.patches import DriverTable, channel_list
from lsbc.training.predict import Region

URBAN, CROP, FOREST = (CLASS_NAMES.index(name) for name in ("urban", "cropland", "forest"))
MAP = np.array([[1, 1, 2, 2, 2],
                [1, 1, 2, 4, 2],
                [2, 2, 2, 4, 4],
                [2, 4, 4, 4, 4],
                [2, 2, 4, 4, 4]], np.uint8)


def test_density_is_the_share_among_known_neighbours_without_the_cell_itself():
    near, count = shown_densities(shown_planes(one_prior((2000, 2001), MAP)), 1)
    assert (near[URBAN, 2, 1], near[CROP, 2, 1], near[FOREST, 2, 1], count[2, 1]) == (0.25, 0.5, 0.25, 8)
    assert (near[URBAN, 0, 0], count[0, 0]) == (1.0, 3)


def test_hidden_neighbours_are_left_out_of_the_density():
    known = np.ones((5, 5), bool)
    known[1, :3] = False
    near, count = shown_densities(shown_planes(one_prior((2000, 2001), MAP, known)), 1)
    assert (near[URBAN, 2, 1], near[CROP, 2, 1], near[FOREST, 2, 1], count[2, 1]) == pytest.approx((0.0, 0.6, 0.4, 5))


def test_distance_is_the_straight_one_to_the_nearest_cell_of_the_class():
    apart = distances(shown_planes(one_prior((2000, 2001), MAP)))
    assert apart[URBAN, 4, 4] == pytest.approx(np.hypot(3, 3))
    assert apart[FOREST, 0, 0] == pytest.approx(np.hypot(3, 1))
    assert apart[CROP, 2, 2] == 0.0
    assert (apart[CLASS_NAMES.index("water")] == FAR_CELLS).all()


def test_a_mean_leaves_out_cells_without_a_number():
    field = np.array([[1.0, np.nan, 3.0], [5.0, 7.0, np.nan], [np.nan, np.nan, np.nan]], np.float32)
    assert mean_around(field, 1)[0, 0] == pytest.approx((1 + 5 + 7) / 3)
    assert mean_around(field, 1)[2, 2] == pytest.approx(7.0)
    assert np.isnan(mean_around(np.full((3, 3), np.nan, np.float32), 1)).all()


def test_relief_is_the_height_above_the_mean_around(land):
    made = static_features(land, 2000)
    height = land.elevations[0]
    assert made["relief3"][50, 60] == pytest.approx(height[50, 60] - height[47:54, 57:64].mean(), abs=1e-2)


def test_dated_fields_are_those_of_the_year_and_unknown_before_the_first(land):
    from dataclasses import replace

    versions = tuple(DatedField(year, np.full(land.shape, value, np.float32)) for year, value in ((2003, 1.0), (2006, 2.0)))
    dated = replace(land, dated={"footprint": versions})
    assert np.isnan(static_features(dated, 2002)["footprint"]).all()
    assert (static_features(dated, 2005)["footprint3"] == 1.0).all()
    assert (static_features(dated, 2006)["footprint"] == 2.0).all()


def test_versions_that_were_cut_off_are_seen_by_no_feature(land):
    from dataclasses import replace

    versions = tuple(DatedField(year, np.full(land.shape, value, np.float32)) for year, value in ((2003, 1.0), (2006, 25.0)))
    cut_off = replace(land, dated={"human_footprint": versions}).as_of(2004)
    only_first = replace(land, dated={"human_footprint": versions[:1]})
    case = one_prior((2008, 2009), land.map_of(2008))
    made, expected = (cell_features(Region(data, DriverTable(land), 0, 4), case) for data in (cut_off, only_first))
    assert (made["human_footprint"] == 1.0).all() and made["static.human_footprint"].max() == pytest.approx((1.0 - 15.0) * 0.1)
    assert made.keys() == expected.keys() and all(np.array_equal(made[name], expected[name], equal_nan=True) for name in made)


def test_every_channel_of_the_network_is_among_the_features_and_hidden_cells_are_not(land):
    region = Region(land, DriverTable(land), 0, 4)
    known = (np.indices(land.shape).sum(axis=0) % 2).astype(bool)
    case = one_prior((2006, 2007), land.map_of(2006), known)
    made = cell_features(region, case)
    assert {channel.name for channel in channel_list()} <= set(made)
    assert all(plane.shape == land.shape for plane in made.values())
    other = one_prior(case.years, np.where((case.prior != NO_DATA) & ~known, np.uint8(URBAN), case.prior), known)
    for name, plane in cell_features(region, other).items():
        assert np.array_equal(plane, made[name], equal_nan=True), name


def test_features_are_those_of_the_case_and_not_of_a_later_map(land):
    case = one_prior((2006, 2007), land.map_of(2006))
    near = surroundings(case)
    assert near["near1.forest"].max() == 1.0 and near["known1"][60, 60] == 1.0
