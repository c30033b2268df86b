"""lsbc.training.evaluate: scores of predictors whose scores are known."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.emulator.classes import CLASS_NAMES, N_CLASS
from lsbc.regrid.errors import ConfigError
from lsbc.training.config import DataConfig, TrainingConfig
from lsbc.training.evaluate import chosen, evaluate
from lsbc.training.network_predictor import NetworkPredictor
from lsbc.training.patches import DriverTable
from lsbc.training.predict import Region
from lsbc.training.synthetic import synthetic_data
from lsbc.training.tasks import RECONSTRUCTION

from stub_predictors import Copier, Dice, Spy

PRIOR = [CHANNEL_NAMES.index(f"prior.{name}") for name in CLASS_NAMES[1:]]


def copier(x):
    """Logits that copy the shown prior; cropland where nothing is shown."""
    logits = np.zeros((x.shape[0], 1, N_CLASS, *x.shape[2:]), np.float32)
    logits[:, 0, 1:] = x[:, PRIOR]
    logits[:, 0, CLASS_NAMES.index("cropland")] += 0.5
    return logits


@pytest.fixture(scope="module")
def land():
    """Smaller than that of the other tests, so that the whole table takes a second."""
    return synthetic_data(n_driver=(3, 4))


@pytest.fixture(scope="module")
def config(split, tmp_path_factory):
    return TrainingConfig(path=tmp_path_factory.mktemp("c"), data=DataConfig(kind="synthetic"), split=split)


@pytest.fixture(scope="module")
def region(land):
    return Region(land, DriverTable(land), halo=8, multiple=4)


@pytest.fixture(scope="module")
def found(region, config):
    return evaluate([Copier(), Dice(), NetworkPredictor(copier)], region, config)


def test_every_predictor_has_a_row_in_every_task_and_two_in_every_step(found):
    for tasks in found.scores.values():
        for task in RECONSTRUCTION:
            assert list(tasks[task]) == ["persistence", "random", "network"]
        for task in ("one_year", "rollout_5", "rollout_10", "one_year_filtered", "rollout_5_filtered", "rollout_10_filtered"):
            assert set(tasks[task]) == {name + rule for name in ("persistence", "random", "network") for rule in ("", "_with_allocation")}
    assert set(found.scores) == {"held_out", "all_land"} and set(found.seconds) == {"persistence", "random", "network"}


def test_only_predictors_that_claim_it_go_backwards(found):
    assert set(found.scores["held_out"]["one_year_back"]) == {"persistence", "persistence_with_allocation"}


def test_a_copying_network_scores_as_persistence(found):
    for tasks in found.scores.values():
        for task, rows in tasks.items():
            if "_back" not in task:
                names = ("accuracy", "mean_iou", "quantity_disagreement")
                assert [rows["network"][name] for name in names] == [rows["persistence"][name] for name in names]
    assert all(found.scores["all_land"][task]["network"]["figure_of_merit"] == 0.0 for task in ("one_year", "rollout_5", "rollout_10"))


def test_rows_with_allocation_have_the_areas_and_the_others_do_not(found):
    for task in ("one_year", "rollout_5", "rollout_10"):
        rows = found.scores["all_land"][task]
        for name in ("persistence", "random", "network"):
            met, free = rows[f"{name}_with_allocation"], rows[name]
            assert met["area_error_max_km2"] < 1.2 and met["quantity_disagreement"] < 1e-3  # two cells have 1.1 km2
            assert free["area_error_max_km2"] > met["area_error_max_km2"] and free["quantity_disagreement"] > met["quantity_disagreement"]


def test_probabilities_are_scored_without_allocation_and_for_one_year_only(found):
    tasks = found.scores["held_out"]
    assert "change_brier" in tasks["one_year"]["random"] and "class_brier" in tasks["hidden_60"]["random"]
    assert "change_brier" not in tasks["one_year"]["random_with_allocation"] and "class_brier" not in tasks["rollout_5"]["random"]


def test_no_predictor_is_shown_a_map_of_the_year_asked_for_or_a_hidden_one(region, config, land):
    spy = Spy()
    evaluate([spy], region, config)
    assert len(spy.cases) > 20
    for case, maps in zip(spy.cases, spy.maps, strict=True):
        seen = [year for year, field in maps.items() if (field[land.valid] != 0).any()]
        assert seen in ([], [case.years[0]]) and (case.known.all() or not seen)


def test_each_case_is_predicted_once_for_both_rules_of_the_first_year(region, config):
    spy = Spy()
    evaluate([spy], region, config, ["steps"])
    # starts 2000 (10 years), 2005 (5), 2006, 2007, 2008, 2009 (1): the first year once, the others for each rule
    assert len(spy.cases) == (1 + 2 * 9) + (1 + 2 * 4) + 4


def test_half_of_the_tasks_can_be_asked_for(region, config):
    steps = evaluate([Copier()], region, config, ["steps"])
    assert "hidden_60" not in steps.scores["held_out"] and "one_year" in steps.scores["held_out"]
    rest = evaluate([Copier()], region, config, ["reconstruction"])
    assert set(rest.scores["held_out"]) == set(RECONSTRUCTION)


def test_a_second_run_gives_the_same_scores(region, config, found):
    again = evaluate([Dice()], region, config, ["reconstruction"])
    assert again.scores["held_out"]["hidden_60"]["random"] == found.scores["held_out"]["hidden_60"]["random"]


def test_maps_of_the_last_test_year_are_kept_for_pictures(found, land):
    assert found.gallery.years == {"hidden_75": (2009, 2010), "one_year": (2009, 2010), "rollout_5": (2005, 2010), "rollout_10": (2000, 2010)}
    assert found.gallery.case.years == (2009, 2010) and set(found.gallery.made["hidden_75"]) == {"persistence", "random", "network"}
    assert (found.gallery.made["rollout_5"]["persistence"][land.valid] == land.map_of(2005)[land.valid]).all()


def test_a_log_line_says_what_a_predictor_took(region, config, caplog):
    with caplog.at_level(logging.INFO, "lsbc.training.evaluate"):
        evaluate([Copier()], region, config, ["reconstruction"])
    assert any(record.message.startswith("scored persistence: ") for record in caplog.records)


def test_predictors_are_chosen_by_the_beginning_of_their_name():
    both = [Copier(), Dice()]
    assert [p.name for p in chosen(both, None)] == ["persistence", "random"]
    assert [p.name for p in chosen(both, ["pers"])] == ["persistence"]
    with pytest.raises(ConfigError, match="'rain' is unknown; there are persistence, random"):
        chosen(both, ["rain"])
    with pytest.raises(ConfigError, match="'random' exists twice"):
        chosen([Dice(), Dice()], None)


def test_land_without_held_out_cells_is_scored_as_a_whole(region, config):
    all_of_it = replace(config, split=replace(config.split, held_out_share=0.0))
    assert set(evaluate([Copier()], region, all_of_it, ["reconstruction"]).scores) == {"all_land"}
