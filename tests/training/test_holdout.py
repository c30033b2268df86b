"""lsbc.training.holdout: what training may see."""

import numpy as np

from lsbc.training.config import SplitConfig
from lsbc.training.holdout import check_cells, draw, held_out_cells, training_cells, training_pairs, widen
from lsbc.training.holdout import test_pairs as pairs_of_test


def test_a_marked_cell_widens_to_the_square_around_it():
    cells = np.zeros((5, 6), bool)
    cells[1, 4] = True
    expected = np.zeros((5, 6), bool)
    expected[0:3, 3:6] = True
    assert (widen(cells, 1) == expected).all()


def test_draws_are_uniform_enough_for_a_share():
    share = np.mean([draw(row, col, 30) < 0.15 for row in range(100) for col in range(100)])
    assert abs(share - 0.15) < 4 * np.sqrt(0.15 * 0.85 / 10_000)


def test_whole_driver_cells_are_held_out_and_watched_ones_are_others(land, split):
    held, watched = held_out_cells(land, split), check_cells(land, split)
    assert held.any() and not (held & watched).any()
    blocks = held.reshape(held.shape[0] // 30, 30, held.shape[1] // 30, 30)
    assert (blocks.all(axis=(1, 3)) == blocks.any(axis=(1, 3))).all()


def test_training_cells_keep_the_buffer_from_held_out_cells(land, split):
    train, held = training_cells(land, split), held_out_cells(land, split)
    assert train.any() and not (train & land.valid & widen(held, split.buffer_cells)).any()
    assert (training_cells(land, split) & ~land.valid).sum() == 0
    far = ~widen(held | check_cells(land, split), split.buffer_cells) & land.valid
    assert (train == far).all()


def test_training_pairs_end_with_the_last_training_year_and_test_targets_begin_after(land):
    split = SplitConfig(train_years=(2001, 2004), test_years=(2007, 2009))
    assert training_pairs(land, split) == [(2001, 2002), (2002, 2003), (2003, 2004)]
    assert pairs_of_test(land, split) == [(2006, 2007), (2007, 2008), (2008, 2009)]
