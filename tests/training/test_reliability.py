"""lsbc.training.reliability on four cells, by hand."""

import numpy as np
import pytest

from lsbc.training.reliability import of_change, top_class

PROBABILITY = np.zeros((8, 4), np.float32)
PROBABILITY[1], PROBABILITY[2] = [0.9, 0.9, 0.6, 0.6], [0.1, 0.1, 0.4, 0.4]
OBSERVED = np.array([1, 1, 1, 2])
ONES = np.ones(4)


def test_the_error_is_the_distance_from_the_diagonal_weighted_by_area():
    # bin of 0.9: both right, off by 0.1; bin of 0.6: one of two right, off by 0.1
    assert top_class(PROBABILITY, OBSERVED, ONES).calibration_error == pytest.approx(0.1)
    # weights 1, 1, 3, 1: the second bin is right in 3/4, off by 0.15
    assert top_class(PROBABILITY, OBSERVED, np.array([1, 1, 3, 1])).calibration_error == pytest.approx((2 * 0.1 + 4 * 0.15) / 6)


def test_the_brier_score_sums_over_the_classes():
    # (0.1^2 + 0.1^2) twice, 0.4^2 + 0.4^2, 0.6^2 + 0.6^2
    assert top_class(PROBABILITY, OBSERVED, ONES).brier == pytest.approx((2 * 0.02 + 0.32 + 0.72) / 4)


def test_change_is_the_probability_of_all_other_classes():
    found = of_change(PROBABILITY, np.array([1, 1, 1, 1]), OBSERVED, ONES)
    # 0.1 twice without change, 0.4 twice with change in one
    assert found.calibration_error == pytest.approx(0.5 * 0.1 + 0.5 * 0.1)
    assert found.brier == pytest.approx((2 * 0.01 + 0.16 + 0.36) / 4)


def test_the_table_has_a_row_for_each_bin_in_use_and_an_edge_belongs_to_the_bin_above():
    rows = top_class(PROBABILITY, OBSERVED, ONES).table()
    assert [edge for row in rows for edge in (row["from"], row["to"])] == pytest.approx([9 / 15, 10 / 15, 13 / 15, 14 / 15])
    assert [row["observed"] for row in rows] == pytest.approx([0.5, 1.0]) and [row["probability"] for row in rows] == pytest.approx([0.6, 0.9])
    assert sum(row["area_share"] for row in rows) == pytest.approx(1.0)


def test_certainty_lies_in_the_last_bin_and_is_perfect_when_right():
    sure = np.eye(8, dtype=np.float32)[:, [3, 5]]
    found = top_class(sure, np.array([3, 5]), np.ones(2))
    assert found.weight[-1] == 2 and found.calibration_error == 0.0 and found.brier == 0.0


def test_sums_of_two_maps_are_those_of_both_together():
    one, two = (top_class(PROBABILITY[:, part], OBSERVED[part], ONES[part]) for part in (slice(0, 1), slice(1, 4)))
    assert (one + two).calibration_error == pytest.approx(0.1)
