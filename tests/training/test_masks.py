"""lsbc.training.masks: shares and shapes of what is shown."""

from dataclasses import replace

import numpy as np
import pytest

from lsbc.training.config import SampleConfig
from lsbc.training.masks import blocks, draw_known, lattice, scattered


@pytest.mark.parametrize("share", [0.0, 0.25, 0.6, 1.0])
def test_scattered_masks_hide_the_share_asked_for(share):
    hidden = 1.0 - scattered(np.random.default_rng(1), 200, share).mean()
    assert abs(hidden - share) <= 4 * np.sqrt(share * (1 - share) / 200**2)


def test_a_lattice_mask_shows_one_cell_in_every_square_of_its_spacing():
    for seed in range(20):
        known = lattice(np.random.default_rng(seed), 168 * 5)
        rows, cols = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
        k = rows[1] - rows[0]
        assert 3 <= k <= 8
        assert (np.diff(rows) == k).all() and (np.diff(cols) == k).all() and rows[0] < k and cols[0] < k
        assert known.sum() == len(rows) * len(cols)


def test_block_masks_hide_whole_squares():
    for seed in range(20):
        known = blocks(np.random.default_rng(seed), 120)
        assert known.shape == (120, 120)
        edges = (np.diff(known.astype(int), axis=0) != 0).any(axis=1)
        assert edges.sum() <= 120 / 4


def test_the_shares_decide_the_kind_of_mask():
    rng, none = np.random.default_rng(0), {"full_prior_share": 0.0, "no_prior_share": 0.0, "lattice_share": 0.0, "block_share": 0.0}
    plain = SampleConfig()
    assert draw_known(rng, 32, replace(plain, **{**none, "full_prior_share": 1.0})).all()
    assert not draw_known(rng, 32, replace(plain, **{**none, "no_prior_share": 1.0})).any()
    assert 1 / 64 * 0.8 < draw_known(rng, 240, replace(plain, **{**none, "lattice_share": 1.0})).mean() <= 1 / 9
    shares = [draw_known(rng, 64, replace(plain, **none)).mean() for _ in range(400)]
    assert abs(np.mean(shares) - 0.5) < 4 * np.sqrt(1 / 12 / 400)
