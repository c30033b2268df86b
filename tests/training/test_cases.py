"""What a predictor may look at."""

import numpy as np
import pytest

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import one_prior, several_priors


def test_a_cell_shows_the_newest_map_that_knows_it_and_says_how_old_it_is():
    newest, older = np.array([[1, 2, 3]], np.uint8), np.array([[4, 5, NO_DATA]], np.uint8)
    case = several_priors([2010, 2007], 2011, [newest, older], [np.array([[True, False, False]]), np.array([[True, True, False]])])
    assert case.prior.tolist() == [[1, 5, 3]]
    assert case.known.tolist() == [[True, True, False]]
    assert case.age.tolist() == [[1, 4, 0]]
    assert case.years == (2010, 2011)


def test_going_backwards_the_age_is_negative():
    assert one_prior((2011, 2010), np.array([[1]], np.uint8)).age.tolist() == [[-1]]


def test_prior_years_must_move_away_from_the_target():
    maps = [np.zeros((1, 1), np.uint8)] * 2
    with pytest.raises(ConfigError, match=r"\[2007, 2010\] must move away from the target year 2011"):
        several_priors([2007, 2010], 2011, maps, [np.ones((1, 1), bool)] * 2)
