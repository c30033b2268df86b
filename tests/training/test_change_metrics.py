"""lsbc.training.change_metrics on maps of 2 x 3 cells, counted by hand."""

import numpy as np
import pytest

from lsbc.training.change_metrics import ChangeScore, change_score, joint_table, kappa_simulation, skill, transitions

BEFORE = np.array([[1, 2, 2], [4, 4, 4]]).ravel()
OBSERVED = np.array([[1, 1, 2], [4, 2, 1]]).ravel()
PREDICTED = np.array([[1, 1, 4], [4, 4, 2]]).ravel()
# cell by cell:  persistent, hit, false alarm, persistent, miss, wrong class
ONES = np.ones(6)


def score(before, observed, predicted, weight=ONES):
    return change_score(joint_table(before, observed, predicted, weight))


def test_each_kind_of_change_is_counted_once():
    found = score(BEFORE, OBSERVED, PREDICTED)
    assert found == ChangeScore(1, 1, 1, 1, 2)
    assert (found.figure_of_merit, found.producers_accuracy, found.users_accuracy) == pytest.approx((1 / 4, 1 / 3, 1 / 3))


def test_the_agreement_budget_sums_to_one():
    weight = np.array([1.0, 3.0, 0.5, 1.0, 1.0, 0.5])
    budget = score(BEFORE, OBSERVED, PREDICTED, weight).budget()
    assert sum(budget.values()) == pytest.approx(1.0, abs=1e-15)
    assert budget["hits"] == pytest.approx(3 / 7) and budget["correct_persistence"] == pytest.approx(2 / 7)


def test_cells_count_by_their_area():
    weight = np.array([1.0, 3.0, 0.5, 1.0, 1.0, 0.5])
    assert score(BEFORE, OBSERVED, PREDICTED, weight).figure_of_merit == 3.0 / 5.0


def test_persistence_has_no_merit_and_perfection_has_one():
    assert score(BEFORE, OBSERVED, BEFORE).figure_of_merit == 0.0
    assert score(BEFORE, OBSERVED, OBSERVED).figure_of_merit == 1.0


def test_merit_is_undefined_where_nothing_changes():
    assert np.isnan(score(BEFORE, BEFORE, BEFORE).figure_of_merit)


def test_scores_of_several_years_add_up_before_the_ratio():
    assert (ChangeScore(1, 0, 0, 1) + ChangeScore(2, 1, 3, 0)) == ChangeScore(3, 1, 3, 1)


def test_skill_is_zero_for_persistence_one_for_truth_and_negative_for_worse():
    assert skill(joint_table(BEFORE, OBSERVED, BEFORE, ONES)) == 0.0
    assert skill(joint_table(BEFORE, OBSERVED, OBSERVED, ONES)) == 1.0
    # persistence is wrong in 3 cells, all wrong is wrong in 6
    assert skill(joint_table(BEFORE, OBSERVED, np.full(6, 7), ONES)) == pytest.approx(1 - 6 / 3)


def test_kappa_simulation_by_hand():
    # of class 1: seen {1: 1}, said {1: 1}; of 2: seen {1: 1, 2: 1}, said {1: 1, 4: 1}; of 4: seen {1: 1, 2: 1, 4: 1}, said {2: 1, 4: 2}
    # agreed 3; by chance 1*1/1 + 1*1/2 + (1*1 + 1*2)/3 = 2.5; at most 1 + 1 + 2 = 4; of 6 cells
    found = kappa_simulation(joint_table(BEFORE, OBSERVED, PREDICTED, ONES))
    assert found["k_sim"] == pytest.approx((3 - 2.5) / (6 - 2.5))
    assert found["k_transition"] == pytest.approx((4 - 2.5) / (6 - 2.5))
    assert found["k_transloc"] == pytest.approx((3 - 2.5) / (4 - 2.5))


def test_kappa_simulation_of_persistence_is_zero_and_of_the_truth_one():
    assert kappa_simulation(joint_table(BEFORE, OBSERVED, BEFORE, ONES))["k_sim"] == pytest.approx(0.0, abs=1e-15)
    assert kappa_simulation(joint_table(BEFORE, OBSERVED, OBSERVED, ONES)) == pytest.approx({"k_sim": 1.0, "k_transition": 1.0, "k_transloc": 1.0})
    assert np.isnan(kappa_simulation(joint_table(BEFORE, BEFORE, BEFORE, ONES))["k_sim"])


def test_every_transition_seen_or_said_has_a_row():
    rows = transitions(joint_table(BEFORE, OBSERVED, PREDICTED, ONES))
    assert [(row["before"], row["after"]) for row in rows] == [(2, 1), (4, 1), (4, 2), (2, 4)]
    assert [row["observed"] for row in rows] == pytest.approx([1 / 6, 1 / 6, 1 / 6, 0])
    assert [row["predicted"] for row in rows] == pytest.approx([1 / 6, 0, 1 / 6, 1 / 6])
    assert [row["figure_of_merit"] for row in rows] == pytest.approx([1, 0, 0, 0])
    assert np.isnan(rows[1]["users_accuracy"]) and np.isnan(rows[3]["producers_accuracy"])
