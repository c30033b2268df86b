"""Densities of a 5 x 5 map worked out by hand."""

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_NAMES, NO_DATA
from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import one_prior
from lsbc.training.holdout import training_cells, training_pairs
from lsbc.training.models.neighbourhood import Neighbourhood, box_sum, class_given_group, kernel, shown_planes, weighted_sum
from lsbc.training.patches import DriverTable
from lsbc.training.predict import Region, allocated_map, no_carry

URBAN, CROP, FOREST, GRASS, SPARSE = (CLASS_NAMES.index(name) for name in ("urban", "cropland", "forest", "grass_shrub", "sparse"))
MAP = np.array([[1, 1, 2, 2, 2],
                [1, 1, 2, 4, 2],
                [2, 2, 2, 4, 4],
                [2, 4, 4, 4, 4],
                [2, 2, 4, 4, 4]], np.uint8)


class FewCells:
    def __init__(self, data, split):
        self.data, self.driver = data, DriverTable(data)
        self.trainable, self.pairs = training_cells(data, split), training_pairs(data, split)


@pytest.fixture(scope="module")
def sampler(land, split):
    return FewCells(land, split)


@pytest.fixture(scope="module")
def region(land, sampler):
    return Region(land, sampler.driver, 0, 4)


@pytest.fixture(scope="module")
def rule(sampler, tmp_path_factory):
    made = Neighbourhood(radius=2)
    made.fit(sampler, tmp_path_factory.mktemp("rule"))
    return made


def test_box_sums_count_the_cells_of_a_class_in_the_window():
    near = box_sum(shown_planes(one_prior((2000, 2001), MAP)), 1)
    assert (near[URBAN, 2, 1], near[CROP, 2, 1], near[FOREST, 2, 1]) == (2, 5, 2)
    assert (near[URBAN, 0, 0], near[FOREST, 4, 4], near[CROP, 0, 4]) == (4, 4, 3)


def test_the_kernel_is_one_over_distance_without_the_cell_itself():
    diagonal = 1 / np.sqrt(2)
    assert kernel(1) == pytest.approx(np.array([[diagonal, 1, diagonal], [1, 0, 1], [diagonal, 1, diagonal]]))


def test_weighted_sums_are_the_hand_sum_of_inverse_distances():
    near = weighted_sum(shown_planes(one_prior((2000, 2001), MAP)), 1)
    assert near[URBAN, 2, 1] == pytest.approx(1 + 1 / np.sqrt(2))
    assert near[FOREST, 2, 1] == pytest.approx(1 + 1 / np.sqrt(2))
    assert near[CROP, 2, 1] == pytest.approx(2 + 2 / np.sqrt(2))


def test_hidden_cells_count_for_no_class():
    known = np.ones((5, 5), bool)
    known[1, 1] = False
    near = weighted_sum(shown_planes(one_prior((2000, 2001), MAP, known)), 1)
    assert near[URBAN, 2, 1] == pytest.approx(1 / np.sqrt(2))


def test_a_hidden_cell_gets_the_weighted_shares_of_its_shown_neighbours(region, sampler, tmp_path):
    prior = region.data.map_of(2006).copy()
    prior[48:53, 98:103] = MAP
    known = np.ones(prior.shape, bool)
    known[50, 99] = False
    made = Neighbourhood(radius=1, coarse_weight=0.0)
    made.fit(sampler, tmp_path)
    share = made.predict_proba(region, one_prior((2006, 2007), prior, known))[:, 50, 99]
    one = 1 + 1 / np.sqrt(2)
    assert share[[URBAN, CROP, FOREST]] == pytest.approx(np.array([one, 2 * one, one]) / (4 * one), rel=1e-6)


def test_a_shown_cell_stays_and_the_rest_of_its_probability_follows_density(region, sampler, tmp_path):
    prior = region.data.map_of(2006).copy()
    prior[48:53, 98:103] = MAP
    made = Neighbourhood(radius=1, coarse_weight=0.0, stay=0.9)
    made.fit(sampler, tmp_path)
    share = made.predict_proba(region, one_prior((2006, 2007), prior))[:, 50, 99]
    assert share[[URBAN, CROP, FOREST]] == pytest.approx([0.05, 0.9, 0.05], rel=1e-5)


def test_where_nothing_is_near_the_driver_fractions_decide(region, rule):
    nothing = np.zeros(region.data.shape, bool)
    fraction = {year: np.zeros_like(value) for year, value in region.driver.fraction.items()}
    for value in fraction.values():
        value[0], value[1] = 0.25, 0.75
    driver = DriverTable(region.data)
    driver.fraction, driver.valid = fraction, np.ones_like(driver.valid)
    made = rule.predict_proba(Region(region.data, driver, 0, 4), one_prior((2006, 2007), region.data.map_of(2006), nothing))
    assert made[URBAN] == pytest.approx(0.25, abs=1e-5) and made[CROP] == pytest.approx(0.75, abs=1e-5)


def test_shares_within_a_group_are_counted_and_sum_to_one_in_each_group(land, sampler):
    share = class_given_group(land, sampler.trainable, (2000, 2006))
    assert share[[URBAN, CROP, FOREST]].tolist() == [1.0, 1.0, 1.0]
    assert share[[GRASS, SPARSE]].tolist() == [0.5, 0.5], "the made-up land has neither, so both are as likely"


def test_probabilities_sum_to_one_and_hidden_cells_are_never_looked_at(region, rule, land):
    known = (np.indices(land.shape).sum(axis=0) % 3) == 0
    case = one_prior((2006, 2007), land.map_of(2006), known)
    made = rule.predict_proba(region, case)
    assert made[:, land.valid].sum(axis=0) == pytest.approx(1.0, abs=1e-5)
    other = np.where((case.prior != NO_DATA) & ~known, np.uint8(SPARSE), case.prior)
    assert np.array_equal(made, rule.predict_proba(region, one_prior(case.years, other, known)))


def test_allocation_by_density_grows_towns_at_their_edge(region, rule):
    years = (2005, 2006)
    score = np.log(np.maximum(rule.predict_proba(region, region.whole_prior(years)), 1e-12))
    made = allocated_map(score, region, years, no_carry(region))
    before = region.data.map_of(years[0])
    new_town = (made == URBAN) & (before != URBAN)
    assert new_town.any()
    assert (box_sum((before == URBAN).astype(np.float32), 1)[new_town] > 0).mean() > 0.9


def test_a_radius_below_one_cell_is_refused():
    with pytest.raises(ConfigError, match="at least 1 cell, got 0"):
        Neighbourhood(radius=0)


def test_an_unfitted_rule_says_so(region):
    with pytest.raises(ConfigError, match="was not fitted"):
        Neighbourhood(3).predict_proba(region, region.whole_prior((2006, 2007)))
