"""lsbc.training.metrics on maps of 2 x 3 cells, counted by hand."""

import numpy as np
import pytest

from lsbc.training.metrics import accuracy, class_f1, class_iou, confusion, disagreement, mean_iou, mean_of_seen, ratio

OBSERVED = np.array([[1, 1, 2], [4, 2, 1]]).ravel()
PREDICTED = np.array([[1, 1, 4], [4, 4, 2]]).ravel()
ONES = np.ones(6)
# class 1: seen 3, said 2, both 2; class 2: seen 2, said 1, both 0; class 4: seen 1, said 3, both 1


def test_accuracy_and_iou_by_hand():
    table = confusion(OBSERVED, PREDICTED, ONES)
    assert accuracy(table) == pytest.approx(3 / 6)
    iou = class_iou(table)
    assert iou[[1, 2, 4]] == pytest.approx([2 / 3, 0.0, 1 / 3])
    assert mean_iou(table) == pytest.approx((2 / 3 + 0 + 1 / 3) / 3)


def test_f1_by_hand():
    f1 = class_f1(confusion(OBSERVED, PREDICTED, ONES))
    assert f1[[1, 2, 4]] == pytest.approx([4 / 5, 0.0, 2 / 4])
    assert mean_of_seen(f1) == pytest.approx((0.8 + 0.5) / 3)


def test_quantity_is_half_the_differences_of_area_and_allocation_the_rest():
    # areas seen 3, 2, 1 and said 2, 1, 3: |1| + |1| + |2| = 4, half of it 2 of 6 cells; 3 of 6 cells are wrong
    assert disagreement(confusion(OBSERVED, PREDICTED, ONES)) == pytest.approx((2 / 6, 1 / 6))


def test_swapped_cells_are_a_disagreement_of_place_alone():
    assert disagreement(confusion(np.array([1, 2]), np.array([2, 1]), np.ones(2))) == pytest.approx((0.0, 1.0))


def test_cells_count_by_their_area():
    table = confusion(np.array([1, 1, 2]), np.array([1, 2, 2]), np.array([1.0, 2.0, 5.0]))
    assert accuracy(table) == pytest.approx(6 / 8) and class_iou(table)[[1, 2]] == pytest.approx([1 / 3, 5 / 7])


def test_a_class_never_observed_is_not_averaged():
    table = confusion(np.array([1, 1]), np.array([1, 5]), np.ones(2))
    assert mean_iou(table) == 0.5
    assert np.isnan(class_iou(table)[5]) and np.isnan(class_f1(table)[5])


def test_a_share_of_nothing_is_undefined():
    assert np.isnan(ratio(0.0, 0.0)) and np.isnan(accuracy(np.zeros((8, 8)))) and np.isnan(mean_iou(np.zeros((8, 8))))
