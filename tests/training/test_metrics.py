"""lsbc.training.metrics on maps of 2 x 3 cells, counted by hand."""

import numpy as np
import pytest

from lsbc.training.metrics import ChangeScore, accuracy, change_score, class_iou, confusion, mean_iou

BEFORE = np.array([[1, 2, 2], [4, 4, 4]]).ravel()
OBSERVED = np.array([[1, 1, 2], [4, 2, 1]]).ravel()
PREDICTED = np.array([[1, 1, 4], [4, 4, 2]]).ravel()
# cell by cell:  persistent, hit, false alarm, persistent, miss, wrong class
ONES = np.ones(6)


def test_each_kind_of_change_is_counted_once():
    assert change_score(BEFORE, OBSERVED, PREDICTED, ONES) == ChangeScore(1, 1, 1, 1)
    assert change_score(BEFORE, OBSERVED, PREDICTED, ONES).figure_of_merit == 0.25


def test_cells_count_by_their_area():
    weight = np.array([1.0, 3.0, 0.5, 1.0, 1.0, 0.5])
    assert change_score(BEFORE, OBSERVED, PREDICTED, weight).figure_of_merit == 3.0 / 5.0


def test_persistence_has_no_merit_and_perfection_has_one():
    assert change_score(BEFORE, OBSERVED, BEFORE, ONES).figure_of_merit == 0.0
    assert change_score(BEFORE, OBSERVED, OBSERVED, ONES).figure_of_merit == 1.0


def test_merit_is_undefined_where_nothing_changes():
    assert np.isnan(change_score(BEFORE, BEFORE, BEFORE, ONES).figure_of_merit)


def test_scores_of_several_years_add_up_before_the_ratio():
    assert (ChangeScore(1, 0, 0, 1) + ChangeScore(2, 1, 3, 0)) == ChangeScore(3, 1, 3, 1)


def test_accuracy_and_iou_by_hand():
    table = confusion(OBSERVED, PREDICTED, ONES)
    assert accuracy(table) == pytest.approx(3 / 6)
    iou = class_iou(table)
    # class 1: seen 3, said 2, both 2 -> 2/3; class 2: seen 2, said 1, both 0 -> 0; class 4: seen 1, said 3, both 1 -> 1/3
    assert iou[[1, 2, 4]] == pytest.approx([2 / 3, 0.0, 1 / 3])
    assert mean_iou(table) == pytest.approx((2 / 3 + 0 + 1 / 3) / 3)


def test_a_class_never_observed_is_not_averaged():
    table = confusion(np.array([1, 1]), np.array([1, 5]), np.ones(2))
    assert mean_iou(table) == 0.5
    assert np.isnan(class_iou(table)[5])
