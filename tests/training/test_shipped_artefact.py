"""The artefact in emulator/models/bavaria30: what the card claims is true of the files beside it."""

import hashlib
import json
import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

from lsbc.emulator.channels import CHANNEL_NAMES, Channel
from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES
from lsbc.training.cases import one_prior
from lsbc.training.patches import channel_list

DIRECTORY = Path(__file__).resolve().parents[2] / "emulator" / "models" / "bavaria30"
RECONSTRUCTIONS = ("hidden_60", "hidden_75", "hidden_100", "hidden_100_water_known", "hidden_all_but_1_in_6x6",
                   "three_priors_60", "three_priors_75", "blocks_hidden_60", "blocks_hidden_75")


@pytest.fixture(scope="module")
def card():
    return tomllib.loads((DIRECTORY / "model.toml").read_text())


@pytest.fixture(scope="module")
def onnx_run():
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("torch", reason="torch is not installed")
    from lsbc.training.runtimes import onnxruntime_network

    return onnxruntime_network((DIRECTORY / "unet.onnx").read_bytes())


@pytest.mark.parametrize("name", ["weights.safetensors", "unet.onnx", "unet.pt2", "unet.int8.onnx"])
def test_each_file_has_the_hash_and_size_of_the_card_and_at_most_eight_megabytes(card, name):
    content = (DIRECTORY / name).read_bytes()
    assert card["files"][name] == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert len(content) <= 8_000_000
    assert set(card["files"]) == {path.name for path in DIRECTORY.iterdir()} - {"model.toml"}


def test_classes_and_channels_are_those_of_the_component(card):
    assert tuple(card["classes"]["codes"]) == CLASS_CODES and tuple(card["classes"]["names"]) == CLASS_NAMES
    assert tuple(Channel(**entry) for entry in card["channels"]) == channel_list()


def test_tiles_nest_in_driver_cells_and_the_pooling_lattice(card):
    network = card["network"]
    assert network["core"] % card["grid"]["fine_cells_per_driver_cell"] == 0
    assert network["core"] % 2 ** network["depth"] == 0 and network["halo"] % 2 ** network["depth"] == 0
    assert network["window"] == network["core"] + 2 * network["halo"]


def test_the_halo_is_the_reach_of_two_convolutions_a_level(card):
    network = card["network"]
    reach = 0
    for _ in range(network["depth"]):  # up: two cells further, in cells of the next level
        reach = -(-(reach + 2) // 2)
    reach += 2
    for _ in range(network["depth"]):  # and down again
        reach = 2 * reach + 2
    lattice = 2 ** network["depth"]
    assert network["halo"] == -(-reach // lattice) * lattice


def test_the_card_counts_the_weights_of_the_file(card):
    content = (DIRECTORY / "weights.safetensors").read_bytes()
    header = json.loads(content[8:8 + int.from_bytes(content[:8], "little")])
    assert card["network"]["parameters"] == sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def test_training_is_finished_and_its_years_end_before_the_test_years(card):
    training = card["training"]
    assert training["steps_done"] == training["steps"] and "unfinished" not in training["note"]
    assert training["years"][1] < training["test_years"][0]
    assert len(training["attribution"]) >= 3 and training["licence"]


LEARNED = ("XGBoost", "plain CNN")


def trivial(scores):
    """Rows of a task by predictors that are neither the network's own nor fitted by gradients or boosting."""
    return {name: score for name, score in scores.items() if not name.startswith(("network", *LEARNED))}


def test_a_network_that_is_shown_the_whole_prior_is_not_less_right_than_copying_it(card):
    for task in ("one_year", "rollout_5", "rollout_10"):
        scores = card["scores"]["held_out"][task]
        persistence, = (score for name, score in scores.items() if name.startswith("persistence") and not name.endswith("with_allocation"))
        assert scores["network"]["accuracy"] >= persistence["accuracy"] - 1e-6, task


def test_the_network_beats_every_trivial_predictor_when_the_prior_is_hidden(card):
    for task in RECONSTRUCTIONS:
        scores = card["scores"]["held_out"][task]
        assert len(trivial(scores)) == 7
        assert scores["network"]["accuracy"] > max(score["accuracy"] for score in trivial(scores).values()), task


def test_boosted_trees_are_ahead_only_where_the_read_me_says_so(card):
    text = (DIRECTORY.parents[2] / "README.md").read_text()
    ahead = set()
    for task in RECONSTRUCTIONS:
        scores = card["scores"]["held_out"][task]
        network, trees, plain = (scores[name] for name in ("network", *LEARNED))
        assert network["accuracy"] > plain["accuracy"] and network["mean_iou"] > max(trees["mean_iou"], plain["mean_iou"]), task
        if trees["accuracy"] >= network["accuracy"]:
            ahead.add(task)
            assert f"({network['accuracy']:.3f}, boosted trees {trees['accuracy']:.3f})" in text, task
    assert ahead == {"hidden_all_but_1_in_6x6", "blocks_hidden_75"}


def test_change_is_placed_two_to_three_times_better_than_chance(card):
    for task in ("one_year", "rollout_5", "rollout_10", "rollout_14"):
        scores = card["scores"]["held_out"][task]
        assert 2.0 < scores["network_with_allocation"]["figure_of_merit"] / scores["random_with_allocation"]["figure_of_merit"] < 3.0, task


def test_the_cards_halo_is_the_exact_one_of_the_onnx_file(card, onnx_run):
    from lsbc.training.halo import core_is_exact, exact_halo

    network = card["network"]
    lattice = 2 ** network["depth"]
    assert network["halo"] == exact_halo(onnx_run, len(CHANNEL_NAMES), lattice, core=64, limit=64)
    context = np.random.default_rng(0).random((1, len(CHANNEL_NAMES), 400, 400), np.float32)
    assert core_is_exact(onnx_run, context, network["core"], network["halo"]) and not core_is_exact(onnx_run, context, network["core"], network["halo"] - lattice)


def test_the_cards_depth_gives_the_lattice_of_the_onnx_file(card, onnx_run):
    from lsbc.training.halo import check_lattice

    check_lattice(onnx_run, len(CHANNEL_NAMES), card["network"]["halo"], 2 ** card["network"]["depth"])


def test_onnx_and_torch_agree_on_a_window(card, onnx_run):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    from lsbc.training.formats import read_weights
    from lsbc.training.precision import compare
    from lsbc.training.predict import torch_network

    weights = read_weights(DIRECTORY / "weights.safetensors", len(card["channels"]), card["network"]["base_width"], card["network"]["depth"])
    x = np.random.default_rng(1).random((2, len(CHANNEL_NAMES), 96, 96), np.float32)
    difference = compare(torch_network(weights)(x), onnx_run(x), np.ones((2, 96, 96), bool))
    assert difference["largest_logit_difference"] < 1e-3 and difference["changed_class_share"] <= 1e-3


def test_every_precision_of_the_card_keeps_within_its_gate(card):
    from lsbc.training.precision import complaint

    tables = card["precision"]
    assert set(tables) >= {"onnxruntime_float32", "onnxruntime_int8", "torch_float32", "torch_bfloat16", "torch_float16"}
    for name, table in tables.items():
        assert table["passed"] and table["same_bits_in_context"] and table["tiles"] >= 8, name
        assert complaint(table, name.rpartition("_")[2]) == "", name


def test_int8_gives_nearly_the_same_logits_and_the_same_bits_in_a_larger_context(card, onnx_run):
    from lsbc.training.halo import core_is_exact, random_context
    from lsbc.training.runtimes import onnxruntime_network

    run = onnxruntime_network((DIRECTORY / "unet.int8.onnx").read_bytes())
    context = random_context(len(CHANNEL_NAMES), 64 + 2 * 64)
    assert core_is_exact(run, context, 64, card["network"]["halo"])
    x = np.zeros((1, len(CHANNEL_NAMES), 96, 96), np.float32)
    x[:, CHANNEL_NAMES.index("prior.forest")] = x[:, CHANNEL_NAMES.index("coarse.forest")] = x[:, CHANNEL_NAMES.index("static.land")] = 1.0
    assert 0 < np.abs(run(x) - onnx_run(x)).max() < 1.0


def test_the_training_page_tells_the_precisions_of_the_card(card):
    lines = (DIRECTORY.parents[2] / "docs" / "training.md").read_text().splitlines()
    for name, table in card["precision"].items():
        line, = (line for line in lines if line.startswith(f"| `{name}` |"))
        area = f"{table['worst_class_area_bias']:.2%} {table['worst_class']}".rstrip()
        assert [cell.strip() for cell in line.split("|")[2:-1]] == [
            f"{table['largest_logit_difference']:.2g}", f"{table['changed_class_share']:.3%}", area, f"{table['allocated_elsewhere_share']:.1%}"]


def test_on_real_maps_a_whole_prior_is_kept_nearly_everywhere(card, bavaria_directory, onnx_run):
    from lsbc.training.config import DataConfig
    from lsbc.training.data import read_data
    from lsbc.training.patches import DriverTable
    from lsbc.training.predict import Region, network_logits

    data = read_data(DataConfig(kind="bavaria", directory=bavaria_directory))
    region = Region(data, DriverTable(data), card["network"]["halo"], 2 ** card["network"]["depth"])
    made = network_logits(onnx_run, region, one_prior((2018, 2019), data.map_of(2018))).argmax(axis=0)
    kept = (made == data.map_of(2018))[data.valid].mean()
    assert kept > 0.99


def test_the_read_me_tells_the_scores_of_the_card(card):
    text = (DIRECTORY.parents[2] / "README.md").read_text()
    tasks = ("hidden_60", "hidden_75", "hidden_100", "three_priors_60", "three_priors_75", "blocks_hidden_75")
    line, = (line for line in text.splitlines() if line.startswith("| **network** |"))
    told = [tuple(float(number) for number in cell.replace("*", "").split("/")) for cell in line.split("|")[2:-1]]
    held_out = card["scores"]["held_out"]
    assert told == [(round(held_out[task]["network"]["accuracy"], 3), round(held_out[task]["network"]["mean_iou"], 3)) for task in tasks]
    line, = (line for line in text.splitlines() if line.startswith("| **areas met, network**"))
    told = [tuple(float(number) for number in cell.split("/")) for cell in line.split("|")[2:-2]]
    steps = (held_out[task]["network_with_allocation"] for task in ("one_year", "rollout_5", "rollout_10", "rollout_14"))
    assert told == [(round(score["accuracy"], 5), round(score["figure_of_merit"], 4)) for score in steps]
