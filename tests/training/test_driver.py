"""lsbc.training.driver: fractions by hand."""

import numpy as np
import pytest

from lsbc.emulator.classes import GROUPS, N_GROUP, NO_DATA
from lsbc.training.driver import aggregate_groups, perturb, row_weights


def test_fractions_are_shares_of_the_valid_area():
    x = NO_DATA
    # left cell: forest, forest, water, nothing; right cell: grass, sparse, urban, cropland
    index = np.array([[4, 4, 5, 6], [7, x, 1, 2]], np.uint8)
    fraction, valid = aggregate_groups(index, 2)
    assert valid.tolist() == [[True, True]]
    named = {group: fraction[g, 0].tolist() for g, group in enumerate(GROUPS)}
    assert named["forest"] == pytest.approx([2 / 3, 0]) and named["other"] == pytest.approx([1 / 3, 0])
    assert named["nonforest"] == [0, 0.5] and named["urban"] == [0, 0.25] and named["cropland"] == [0, 0.25]


def test_rows_count_by_their_weight():
    fraction, _ = aggregate_groups(np.array([[1, 1], [4, 4]], np.uint8), 2, np.array([3.0, 1.0]))
    assert fraction[GROUPS.index("urban"), 0, 0] == 0.75 and fraction[GROUPS.index("forest"), 0, 0] == 0.25


def test_a_cell_with_under_five_percent_of_data_has_none():
    index = np.full((10, 20), NO_DATA, np.uint8)
    index[0, :4] = 4
    index[0, 10:15] = 4
    fraction, valid = aggregate_groups(index, 10)
    assert valid.tolist() == [[False, True]] and fraction[:, 0, 0].tolist() == [0] * N_GROUP


def test_row_weights_are_the_cosine_of_the_centre_latitude():
    assert row_weights(10800, 1)[0] == pytest.approx(np.cos(np.deg2rad(1 / 240)))
    assert row_weights(18000, 1)[0] == pytest.approx(np.cos(np.deg2rad(60 + 1 / 240)))


def test_a_perturbed_driver_still_sums_to_one_and_stays_empty_where_it_was():
    rng = np.random.default_rng(0)
    now = rng.dirichlet(np.ones(N_GROUP), (4, 5)).transpose(2, 0, 1)
    now[:, 0, 0] = 0.0
    for _ in range(50):
        for fraction in perturb(rng, now, now):
            total = fraction.sum(axis=0)
            assert total[0, 0] == 0.0 and (fraction >= 0).all()
            np.testing.assert_allclose(np.delete(total.ravel(), 0), 1.0, rtol=1e-12)


def test_a_perturbed_driver_without_change_still_has_none():
    rng = np.random.default_rng(1)
    now = rng.dirichlet(np.ones(N_GROUP), (3, 3)).transpose(2, 0, 1)
    for _ in range(20):
        first, second = perturb(rng, now, now)
        np.testing.assert_allclose(first, second, rtol=1e-12)
