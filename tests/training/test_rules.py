"""The rules without training, on a map small enough to work out by hand."""

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_NAMES, NO_DATA
from lsbc.training.cases import one_prior
from lsbc.training.holdout import training_cells, training_pairs
from lsbc.training.models.rules import CoarseArgmax, Majority, Persistence, RandomScores, majority_class, mixed, nearest_known_map
from lsbc.training.patches import DriverTable
from lsbc.training.predict import Region

URBAN, CROP, FOREST = (CLASS_NAMES.index(name) for name in ("urban", "cropland", "forest"))
RULES = [Persistence, Majority, CoarseArgmax, RandomScores]


class FewCells:
    """As much of a sampler as the rules look at."""

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
def half_known(land):
    return one_prior((2006, 2007), land.map_of(2006), (np.indices(land.shape).sum(axis=0) % 2).astype(bool))


def fitted(rule, sampler, tmp_path):
    made = rule()
    made.fit(sampler, tmp_path)
    return made


@pytest.mark.parametrize("rule", RULES)
def test_probabilities_sum_to_one_in_every_cell_with_data(rule, region, sampler, half_known, tmp_path):
    made = fitted(rule, sampler, tmp_path).predict_proba(region, half_known)
    assert made.dtype == np.float32 and made.shape == (8, *region.data.shape) and made.min() >= 0.0
    assert made[:, region.data.valid].sum(axis=0) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_hidden_cells_are_never_looked_at(rule, region, sampler, half_known, tmp_path):
    made = fitted(rule, sampler, tmp_path)
    inside = half_known.prior != NO_DATA
    other = np.where(inside & ~half_known.known, np.uint8(URBAN), half_known.prior)
    changed = one_prior(half_known.years, other, half_known.known)
    assert np.array_equal(made.predict_proba(region, half_known), made.predict_proba(region, changed))


def test_hidden_cells_take_the_class_of_the_nearest_known_cell():
    prior = np.full((5, 5), FOREST, np.uint8)
    prior[0, 0], prior[4, 4] = URBAN, CROP
    known = np.zeros((5, 5), bool)
    known[0, 0] = known[4, 4] = True
    made = nearest_known_map(prior, known, otherwise=FOREST)
    row, col = np.indices((5, 5))
    assert (made[row + col < 4] == URBAN).all() and (made[row + col > 4] == CROP).all()


def test_nearest_known_is_the_given_class_where_nothing_is_known():
    assert (nearest_known_map(np.full((3, 3), URBAN, np.uint8), np.zeros((3, 3), bool), otherwise=CROP) == CROP).all()


def test_persistence_repeats_a_prior_that_is_wholly_known(region, sampler, tmp_path):
    prior = region.data.map_of(2006)
    made = fitted(Persistence, sampler, tmp_path).predict_proba(region, one_prior((2006, 2007), prior))
    assert np.array_equal(made.argmax(axis=0)[prior != NO_DATA], prior[prior != NO_DATA])


def test_majority_is_the_class_with_most_training_cells_and_fills_hidden_cells_only(region, sampler, half_known, tmp_path):
    years = range(2000, 2007)
    counts = {index: sum(int((sampler.data.map_of(year)[sampler.trainable] == index).sum()) for year in years) for index in range(8)}
    assert majority_class(sampler) == max(counts, key=counts.get)
    made = fitted(Majority, sampler, tmp_path).predict_proba(region, half_known).argmax(axis=0)
    inside = half_known.prior != NO_DATA
    assert (made[inside & ~half_known.known] == max(counts, key=counts.get)).all()
    assert np.array_equal(made[inside & half_known.known], half_known.prior[inside & half_known.known])


def test_coarse_argmax_follows_a_driver_that_is_all_forest(region, sampler, tmp_path):
    fraction = {year: np.zeros_like(value) for year, value in sampler.driver.fraction.items()}
    for value in fraction.values():
        value[3] = 1.0
    driver = DriverTable(region.data)
    driver.fraction, driver.valid = fraction, np.ones_like(driver.valid)
    nothing = one_prior((2006, 2007), region.data.map_of(2006), np.zeros(region.data.shape, bool))
    made = fitted(CoarseArgmax, sampler, tmp_path).predict_proba(Region(region.data, driver, 0, 4), nothing)
    assert (made.argmax(axis=0)[region.data.valid] == FOREST).all()


def test_mixed_numbers_are_those_of_the_published_generator():
    # First outputs of splitmix64 seeded with 0 and with 1234567 (Vigna's reference program).
    assert [int(value) for value in mixed(np.array([0, 1234567], np.uint64))] == [0xE220A8397B1DCDAF, 6457827717110365317]


def test_random_scores_belong_to_the_year_and_the_global_cell(region, sampler, half_known, tmp_path):
    from dataclasses import replace

    rule = fitted(RandomScores, sampler, tmp_path)
    first = rule.predict_proba(region, half_known)
    moved = Region(replace(region.data, row0=region.data.row0 + 30), region.driver, 0, 4)
    assert np.array_equal(rule.predict_proba(moved, half_known)[:, :-30], first[:, 30:])
    next_year = one_prior((2007, 2008), half_known.prior, half_known.known)
    assert not np.array_equal(rule.predict_proba(region, next_year), first)


def test_random_scores_put_each_land_class_first_equally_often(region, sampler, half_known, tmp_path):
    first = fitted(RandomScores, sampler, tmp_path).predict_proba(region, half_known).argmax(axis=0)
    share = np.bincount(first.ravel(), minlength=8) / first.size
    assert share[0] == 0.0 and share[1:] == pytest.approx(1 / 7, abs=4 * np.sqrt(6 / 49 / first.size))
