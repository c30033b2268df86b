"""lsbc.training.readers.gaps: filling from around, and how far."""

import numpy as np

from lsbc.training.readers.gaps import fill_from_around

NAN = np.nan


def test_a_gap_takes_the_mean_of_its_neighbours_ring_by_ring_and_0_beyond_the_reach():
    # rings from both sides: 4, 8 and the middle, their mean; with one ring the middle is out of reach
    assert fill_from_around(np.array([[4.0, NAN, NAN, NAN, 8.0]]), 2).tolist() == [[4.0, 4.0, 6.0, 8.0, 8.0]]
    assert fill_from_around(np.array([[4.0, NAN, NAN, NAN, 8.0]]), 1).tolist() == [[4.0, 4.0, 0.0, 8.0, 8.0]]


def test_a_window_with_a_margin_of_the_reach_gives_what_the_whole_field_gives():
    field = np.where(np.random.default_rng(3).random((40, 60)) < 0.03, np.arange(2400.0).reshape(40, 60), NAN)
    whole = fill_from_around(field, 4)
    assert (whole == 0).any()
    np.testing.assert_array_equal(fill_from_around(field[6:30, 11:40], 4)[4:-4, 4:-4], whole[10:26, 15:36])


def test_a_field_without_data_is_0():
    assert fill_from_around(np.full((2, 2), NAN), 3).tolist() == [[0.0, 0.0], [0.0, 0.0]]
