"""lsbc.training.tally on the synthetic land, with maps whose scores are known."""

from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_NAMES
from lsbc.training.cases import one_prior
from lsbc.training.holdout import held_out_cells
from lsbc.training.patches import DriverTable
from lsbc.training.tally import Place, Scorer

from stub_predictors import one_hot

URBAN, CROPLAND, FOREST = (CLASS_NAMES.index(name) for name in ("urban", "cropland", "forest"))


@pytest.fixture(scope="module")
def driver(land):
    return DriverTable(land)


def weights(land):
    return np.cos(np.deg2rad(-90 + (land.row0 + np.arange(land.shape[0]) + 0.5) / 120))[:, None] * np.ones(land.shape)


def test_accuracy_is_the_weighted_share_of_right_cells_of_each_place(land, split, driver):
    scorer = Scorer(land, split, driver)
    made = np.where(land.map_of(2008) == FOREST, CROPLAND, land.map_of(2008))
    scorer.add_step("one_year", "x", (2008, 2009), made)
    for place, cells in (("all_land", land.valid), ("held_out", land.valid & held_out_cells(land, split))):
        right = (made == land.map_of(2009))[cells]
        expected = (right * weights(land)[cells]).sum() / weights(land)[cells].sum()
        assert scorer.scores()[place]["one_year"]["x"]["accuracy"] == pytest.approx(expected, rel=1e-12)


def test_persistence_scores_nothing_and_the_truth_everything(land, split, driver):
    scorer = Scorer(land, split, driver)
    for name, made in (("persistence", land.map_of(2004)), ("truth", land.map_of(2009))):
        scorer.add_step("rollout_5", name, (2004, 2009), made)
    rows = scorer.scores()["all_land"]["rollout_5"]
    assert rows["persistence"]["figure_of_merit"] == 0 and rows["persistence"]["skill"] == 0 and rows["persistence"]["hits"] == 0
    truth = rows["truth"]
    assert truth["accuracy"] == truth["figure_of_merit"] == truth["skill"] == truth["k_sim"] == 1
    assert truth["quantity_disagreement"] == pytest.approx(0, abs=1e-12) and truth["area_error_mean_km2"] < rows["persistence"]["area_error_mean_km2"]
    assert truth["null_resolution_cells"] == 1 and np.isnan(rows["persistence"]["null_resolution_cells"])
    for row in rows.values():
        assert sum(row[part] for part in ("hits", "wrong_class", "misses", "false_alarms", "correct_persistence")) == pytest.approx(1)
        assert row["multiresolution"]["1"]["figure_of_merit"] == pytest.approx(row["figure_of_merit"])


def test_the_area_error_of_persistence_is_the_observed_change(land, split, driver):
    scorer = Scorer(land, split, driver)
    scorer.add_step("rollout_5", "persistence", (2004, 2009), land.map_of(2004))
    row = scorer.scores()["all_land"]["rollout_5"]["persistence"]
    place = Place(land, land.valid)
    change = place.change_km2(place.of(land.map_of(2004)), place.of(land.map_of(2009)))
    assert row["area_error_max_km2_urban"] == pytest.approx(np.abs(change[0]).max(), rel=0.01)  # areas are from rows, weights from their centres
    assert 0.5 < place.area_km2.mean() < 0.6  # 30 arc seconds at 47 degrees north


def test_hidden_cells_have_scores_of_their_own(land, split, driver):
    scorer = Scorer(land, split, driver)
    known = np.zeros(land.shape, bool)
    known[:, ::2] = True
    truth = land.map_of(2009)
    made = np.where(known, truth, FOREST).astype(np.uint8)
    scorer.add_reconstruction("hidden_60", "x", one_prior((2008, 2009), land.map_of(2008), known), made, one_hot(made))
    row = scorer.scores()["all_land"]["hidden_60"]["x"]
    unseen = land.valid & ~known
    expected = (weights(land) * (truth == FOREST))[unseen].sum() / weights(land)[unseen].sum()
    assert row["hidden_accuracy"] == pytest.approx(expected) and row["hidden_iou_forest"] == pytest.approx(expected)
    assert row["accuracy"] > row["hidden_accuracy"] and row["class_calibration_error"] == pytest.approx(1 - row["accuracy"])


def flickering(land):
    """One block of forest is cropland in 2008 only."""
    maps = land.class_index.copy()
    maps[:, 60:70, 60:70] = FOREST
    maps[land.years.index(2008), 60:70, 60:70] = CROPLAND
    return replace(land, class_index=maps)


def test_flicker_costs_persistence_on_raw_labels_and_not_on_filtered_ones(land, split):
    data = flickering(land)
    scorer = Scorer(data, split, DriverTable(data))
    for start in (2007, 2008):
        scorer.add_step("one_year", "persistence", (start, start + 1), data.map_of(start))
    tasks = scorer.scores()["all_land"]
    lost = 2 * weights(land)[60:70, 60:70].sum() / (2 * weights(land)[land.valid].sum())
    assert tasks["one_year_filtered"]["persistence"]["accuracy"] - tasks["one_year"]["persistence"]["accuracy"] == pytest.approx(lost)
    assert tasks["one_year_filtered"]["persistence"]["false_alarms"] == 0


def test_turning_a_flicker_back_is_no_change_on_filtered_labels(land, split):
    data = flickering(land)
    scorer = Scorer(data, split, DriverTable(data))
    scorer.add_step("one_year", "truth", (2008, 2009), data.map_of(2009))
    found = scorer.scores()["all_land"]["one_year_filtered"]["truth"]
    assert found["accuracy"] == 1 and found["false_alarms"] == 0


def test_probabilities_of_change_are_scored_where_they_are_given(land, split, driver):
    scorer = Scorer(land, split, driver)
    made = land.map_of(2008)
    scorer.add_step("one_year", "with", (2008, 2009), made, one_hot(made))
    scorer.add_step("one_year", "without", (2008, 2009), made)
    rows = scorer.scores()["all_land"]["one_year"]
    assert rows["with"]["change_brier"] == pytest.approx(1 - rows["with"]["accuracy"]) and "change_brier" not in rows["without"]


def test_quantity_errors_of_two_years_do_not_cancel(land, split, driver):
    scorer = Scorer(land, split, driver)
    truth = land.map_of(2009)
    more, less = (np.where(truth == a, b, truth) for a, b in ((CROPLAND, FOREST), (FOREST, CROPLAND)))
    for made in (more, less):
        scorer.add_step("one_year", "x", (2008, 2009), made)
    share = {k: (weights(land) * (truth == k))[land.valid].sum() / weights(land)[land.valid].sum() for k in (CROPLAND, FOREST)}
    row = scorer.scores()["all_land"]["one_year"]["x"]
    assert row["quantity_disagreement"] == pytest.approx((share[CROPLAND] + share[FOREST]) / 2)
    assert row["allocation_disagreement"] == pytest.approx(0, abs=1e-12)
