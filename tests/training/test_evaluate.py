"""lsbc.training.evaluate: scores of predictors whose scores are known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.emulator.classes import CLASS_NAMES, N_CLASS
from lsbc.training.config import DataConfig, TrainingConfig
from lsbc.training.evaluate import as_json, evaluation_masks, markdown, score_network
from lsbc.training.holdout import held_out_cells

PRIOR = [CHANNEL_NAMES.index(f"prior.{name}") for name in CLASS_NAMES[1:]]


def copier(x):
    logits = np.zeros((x.shape[0], 1, N_CLASS, *x.shape[2:]), np.float32)
    logits[:, 0, 1:] = x[:, PRIOR]
    logits[:, 0, CLASS_NAMES.index("cropland")] += 0.5
    return logits


@pytest.fixture(scope="module")
def config(split, tmp_path_factory):
    return TrainingConfig(path=tmp_path_factory.mktemp("c"), data=DataConfig(kind="synthetic"), split=split)


@pytest.fixture(scope="module")
def scores(land, config):
    one_elevation = replace(land, elevations=land.elevations[:1])
    return score_network(copier, one_elevation, config, halo=8)


def test_a_copying_network_scores_as_persistence(scores):
    for place in ("held_out", "all_land"):
        for task in ("one_year", "rollout_2006_2010"):
            assert scores[place][task]["network"] == scores[place][task]["persistence"]
            assert scores[place][task]["network"]["figure_of_merit"] == 0.0


def test_one_year_persistence_is_right_where_nothing_changed(scores, land, split):
    weight = np.cos(np.deg2rad(-90 + (land.row0 + np.arange(150) + 0.5) / 120))[:, None] * np.ones((1, 180))
    for place, cells in (("all_land", land.valid), ("held_out", land.valid & held_out_cells(land, split))):
        same = np.stack([(land.map_of(y) == land.map_of(y + 1))[cells] for y in range(2006, 2010)])
        expected = (same * weight[cells]).sum() / (4 * weight[cells].sum())
        assert scores[place]["one_year"]["persistence"]["accuracy"] == pytest.approx(expected, rel=1e-12)


def test_with_everything_hidden_a_constant_network_is_the_constant_map(scores):
    hidden = scores["all_land"]["hidden_100"]
    assert CLASS_NAMES[2] == "cropland" and hidden["network"] == hidden["majority"]
    assert "majority_with_known" not in hidden and "nearest_known" not in hidden


def test_known_cells_help_a_trivial_predictor_and_the_copier_is_one(scores):
    for share in ("hidden_60", "hidden_75"):
        task = scores["all_land"][share]
        assert task["network"] == task["majority_with_known"]
        assert task["majority"]["accuracy"] < task["majority_with_known"]["accuracy"]


def test_masks_hide_the_share_of_their_name_and_repeat_exactly():
    masks, again = (evaluation_masks((300, 300), 1, 2013) for _ in range(2))
    for share in (0.6, 0.75):
        hidden = 1 - masks[f"hidden_{round(100 * share)}"].mean()
        assert abs(hidden - share) < 4 * np.sqrt(share * (1 - share) / 300**2)
    assert not masks["hidden_100"].any()
    assert masks["hidden_all_but_1_in_6x6"].sum() == 50 * 50
    assert all((masks[name] == again[name]).all() for name in masks)
    assert (masks["hidden_60"] != evaluation_masks((300, 300), 1, 2014)["hidden_60"]).any()


def test_the_table_has_a_row_for_every_predictor_and_json_keeps_every_number(scores):
    rows = sum(len(predictors) for tasks in scores.values() for predictors in tasks.values())
    assert markdown(scores).count("\n") == rows + 2
    read = json.loads(as_json(scores, "ab"))
    assert read["checkpoint_sha256"] == "ab" and read["scores"] == scores
