"""lsbc.training.multiresolution: blocks by hand, and against the equations of the paper written out term by term."""

import numpy as np
import pytest

from lsbc.emulator.classes import N_CLASS
from lsbc.training.change_metrics import ChangeScore, change_score, joint_table
from lsbc.training.multiresolution import BlockScore, block_numbers, block_score, null_resolution


def parts(score):
    return pytest.approx(score.change.parts, abs=1e-12)


def test_blocks_are_counted_along_the_rows_and_the_last_may_be_smaller():
    assert block_numbers((3, 5), 2).tolist() == [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5]]


def test_change_beside_its_place_is_a_hit_in_a_block_that_holds_both():
    before, observed, predicted = np.array([2, 2, 2, 2]), np.array([1, 2, 2, 2]), np.array([2, 1, 2, 2])
    fine = block_score(before, observed, predicted, np.ones(4), np.arange(4))
    assert (0, 0, 1, 1, 2) == parts(fine) and fine.error == pytest.approx(2) and fine.persistence_error == pytest.approx(1)
    pairs = block_score(before, observed, predicted, np.ones(4), np.array([0, 0, 1, 1]))
    assert (1, 0, 0, 0, 3) == parts(pairs) and pairs.error == pytest.approx(0) and pairs.persistence_error == pytest.approx(1)


def test_what_disagrees_in_a_block_is_split_by_hand():
    # Q = {2: 1}, R = {1: 1/4, 2: 3/4}, S = {2: 1/2, 4: 1/2}: agreed 1/2 (class 2), all of it persistent, so no hits.
    # Left over: Q {2: 1/2}, R {1: 1/4, 2: 1/4}, S {4: 1/2}: half of the wrong half stays 2 in truth (false alarm), half changes (wrong class).
    found = block_score(np.array([2, 2, 2, 2]), np.array([1, 2, 2, 2]), np.array([2, 2, 4, 4]), np.ones(4), np.zeros(4, int))
    assert (0, 1, 0, 1, 2) == parts(found)


def test_blocks_of_one_cell_are_the_plain_comparison_with_weights():
    rng = np.random.default_rng(2)
    before, observed, predicted = rng.integers(0, 4, (3, 200))
    weight = rng.random(200)
    found = block_score(before, observed, predicted, weight, np.arange(200))
    assert change_score(joint_table(before, observed, predicted, weight)).parts == parts(found)


def written_out(before, observed, predicted, weight, block):
    """Equations 1 to 7 with the three-dimensional table of each block."""
    total = np.zeros((N_CLASS,) * 3)
    for b in np.unique(block):
        here = block == b
        area = weight[here].sum()
        q, r, s = (np.array([weight[here & (m == c)].sum() for c in range(N_CLASS)]) / area for m in (before, observed, predicted))
        t = np.zeros((N_CLASS,) * 3)
        agreed = np.minimum(r, s)                                                    # equation 1
        for j in range(N_CLASS):
            t[j, j, j] = min(q[j], r[j], s[j])                                       # equation 2
        for j in range(N_CLASS):
            rest = sum(q[i] - t[i, i, i] for i in range(N_CLASS) if i != j)
            for i in range(N_CLASS):
                if i != j and rest > 1e-15:
                    t[i, j, j] = (agreed[j] - t[j, j, j]) * (q[i] - t[i, i, i]) / rest   # equation 3
        q_rest = q - t.sum(axis=(1, 2))                                              # equation 4
        r_rest, s_rest = r - agreed, s - agreed                                      # equations 5 and 6
        product = np.einsum("i,j,k->ijk", q_rest, r_rest, s_rest)
        for j in range(N_CLASS):
            product[:, j, j] = 0
        if product.sum() > 1e-15:
            t += (1 - agreed.sum()) * product / product.sum()                        # equation 7
        total += area * t
    return change_score(total)


@pytest.mark.parametrize("n_class", [2, 3, 8])
def test_the_short_form_is_the_papers_equations(n_class):
    rng = np.random.default_rng(n_class)
    before, observed, predicted = rng.integers(0, n_class, (3, 240))
    keep = rng.random((2, 240)) < 0.6
    observed, predicted = np.where(keep[0], before, observed), np.where(keep[1], before, predicted)
    weight, block = rng.random(240) + 0.1, rng.integers(0, 15, 240)
    found = block_score(before, observed, predicted, weight, block)
    assert written_out(before, observed, predicted, weight, block).parts == parts(found)
    assert sum(found.change.parts) == pytest.approx(weight.sum())


def test_persistence_has_no_hits_in_blocks_of_any_size():
    rng = np.random.default_rng(0)
    before, observed = rng.integers(0, 3, (2, 64))
    found = block_score(before, observed, before, np.ones(64), np.arange(64) // 16)
    assert found.change.hits == pytest.approx(0, abs=1e-12) and found.error == pytest.approx(found.persistence_error)


def made(error, persistence):
    return BlockScore(ChangeScore(0, 0, error, 0, 0), persistence)


def test_the_null_resolution_is_the_finest_from_which_on_persistence_is_beaten():
    assert null_resolution({1: made(3, 2), 2: made(1, 2), 4: made(2, 2), 8: made(1, 2), 16: made(0, 1)}) == 8
    assert null_resolution({1: made(1, 2), 2: made(1, 2)}) == 1
    assert np.isnan(null_resolution({1: made(1, 2), 2: made(2, 2)}))
