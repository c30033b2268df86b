import sys

import numpy as np
import pytest

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import StartupError, ValueRangeError
from lsbc.training.class_odds import Learner, densities, density_log_p, learned_log_p

QUICK = Learner(n_fold=2, block_rows=8, n_round=8, depth=3, share=1.0)


def test_densities_leave_out_the_cell_itself_and_add_up_to_the_same_everywhere_inside():
    kind = np.random.default_rng(0).integers(0, 3, (80, 80))
    share = densities(kind, 3, 1.0, 1.0)
    alone = densities(np.pad(np.zeros((1, 1), int), 40, constant_values=1), 2, 1.0, 1.0)
    middle = 1.0 / (2.0 * np.pi)  # weight of the cell itself under a Gaussian of one cell
    assert share.sum(axis=0)[40, 40] == pytest.approx(1.0 - middle, abs=0.003) and alone[0, 40, 40] == pytest.approx(0.0, abs=1e-6)
    changed = kind.copy()
    changed[40, 40] = (kind[40, 40] + 1) % 3
    assert densities(changed, 3, 1.0, 1.0)[:, 40, 40] == pytest.approx(share[:, 40, 40], abs=1e-6)


def test_densities_are_round_on_the_ground_when_columns_are_short():
    share = densities(np.pad(np.zeros((1, 1), int), 40, constant_values=1), 2, 2.0, 2.0)[0]
    assert share[42, 40] == pytest.approx(share[40, 44], rel=0.01) and share[42, 40] > share[40, 42] * 0.5


def test_the_simple_score_is_highest_for_the_class_all_around():
    classes = np.zeros((20, 20), np.uint8)
    classes[10, 10] = 1
    assert density_log_p(classes, 2, 1.0)[:, 10, 10].argmax() == 0


def test_a_lone_cell_among_others_is_unlikely_and_its_own_label_does_not_matter():
    classes = np.zeros((48, 48), np.uint8)
    classes[:, 24:] = 1
    classes[5, 30:35], classes[0, :6] = 0, NO_DATA
    classes[30, 10] = 1
    log_p = np.full((48, 48, 2), np.nan)
    log_p[classes != NO_DATA] = learned_log_p(classes, classes, 1.0, QUICK)
    assert log_p[30, 10, 1] < log_p[30, 10, 0] and log_p[20, 4, 0] > np.log(0.8) and np.isfinite(log_p[classes != NO_DATA]).all()


def test_the_same_map_gives_the_same_bits():
    classes = np.random.default_rng(1).integers(0, 3, (24, 24)).astype(np.uint8)
    assert np.array_equal(learned_log_p(classes, classes, 1.0, QUICK), learned_log_p(classes, classes, 1.0, QUICK))


def test_a_map_smaller_than_a_block_is_learnt_in_smaller_blocks():
    classes = np.arange(36).reshape(6, 6).astype(np.uint8) % 2  # stripes of single columns
    log_p = learned_log_p(classes, classes, 1.0, QUICK)
    assert np.isfinite(log_p).all() and np.exp(log_p).sum(axis=1) == pytest.approx(np.ones(36), abs=1e-4)


def test_a_map_too_small_for_two_folds_is_refused():
    with pytest.raises(ValueRangeError, match="a map of 1 cells with data"):
        learned_log_p(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8), 1.0, QUICK)


def test_without_xgboost_nothing_is_learnt(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    classes = np.zeros((48, 48), np.uint8)
    with pytest.raises(StartupError, match="Boosted trees"):
        learned_log_p(classes, classes, 1.0, QUICK)
