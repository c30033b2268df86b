"""lsbc.training.run: the three verbs on the smoke configuration, and the errors a user meets."""

import json
import tomllib
from pathlib import Path

import pytest

from lsbc.emulator.artefact import read_artefact
from lsbc.emulator.classes import GROUPS
from lsbc.regrid.errors import ConfigError, ModelError, Status
from lsbc.training.__main__ import main
from lsbc.training.run import train

CONFIGS = Path(__file__).resolve().parents[2] / "training" / "configs"


@pytest.fixture
def config_file(tmp_path):
    """The smoke configuration with fewer steps and its results in a temporary directory."""
    text = (CONFIGS / "smoke.toml").read_text()
    for old, new in (("../../out/training/smoke", str(tmp_path / "run")), ("steps = 60\n", "steps = 20\n"),
                     ("steps_per_epoch = 20", "steps_per_epoch = 10"), ("base_width = 8", "base_width = 4")):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "smoke.toml"
    path.write_text(text)
    return path


def test_train_evaluate_and_export_follow_each_other(config_file, tmp_path, capsys):
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("lightning", reason="lightning is not installed")
    assert main(["train", str(config_file)]) == 0
    assert main(["evaluate", str(config_file), "--no-plots"]) == 0
    assert "| network, areas met |" in capsys.readouterr().out and (tmp_path / "run" / "scores.md").is_file()
    assert main(["export", str(config_file)]) == 0
    assert "model.toml: weights.safetensors, unet.onnx, unet.pt2, unet.int8.onnx." in capsys.readouterr().out
    card = tomllib.loads((tmp_path / "run" / "artefact" / "model.toml").read_text())
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())["scores"]
    assert card["training"]["steps_done"] == 20 and card["training"]["note"] == ""
    assert card["training"]["command"] == "lsbc train smoke.toml"
    assert card["scores"]["held_out"]["one_year"] == scores["held_out"]["one_year"]
    assert card["network"]["halo"] == 24 and card["precision"]["onnxruntime_float32"]["changed_class_share"] <= 1e-4


def test_an_artefact_is_scored_where_it_is_asked_for(config_file, tmp_path, capsys):
    pytest.importorskip("lightning", reason="lightning is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    out = tmp_path / "out"
    assert main(["evaluate", str(config_file), "--artefact", "shipped:bavaria30", "--out", str(out), "--only", "steps", "--predictors", "network"]) == 0
    made = json.loads((out / "scores_partial.json").read_text())
    card = tomllib.loads((CONFIGS.parents[1] / "emulator" / "models" / "bavaria30" / "model.toml").read_text())
    assert made["checkpoint_sha256"] == card["training"]["checkpoint_sha256"] and "hidden_60" not in made["scores"]["held_out"]
    assert {path.suffix for path in (out / "scores_partial_plots").iterdir()} == {".png"}
    assert "Steps:" in capsys.readouterr().out and not (tmp_path / "run" / "scores.json").exists()


def test_an_unknown_predictor_is_named(config_file, capsys):
    pytest.importorskip("lightning", reason="lightning is not installed")
    assert main(["evaluate", str(config_file), "--artefact", "shipped:bavaria30", "--predictors", "oracle", "--no-plots"]) == Status.CONFIG
    assert "Predictor 'oracle' is unknown; there are" in capsys.readouterr().err


def test_evaluating_before_training_says_so(config_file, capsys):
    pytest.importorskip("lightning", reason="lightning is not installed")
    assert main(["evaluate", str(config_file)]) == Status.CONFIG
    assert "holds no last.ckpt; train first" in capsys.readouterr().err


def test_training_without_the_maps_names_the_directory(tmp_path):
    pytest.importorskip("lightning", reason="lightning is not installed")
    with pytest.raises(ConfigError, match=r"data\.directory = .*nowhere has no file"):
        train(CONFIGS / "bavaria30.toml", data=tmp_path / "nowhere")


def test_a_network_of_several_years_is_trained_scored_and_exported(config_file, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("lightning", reason="lightning is not installed")
    text = config_file.read_text()
    config_file.write_text(text.replace("batch = 4", "batch = 4\nsteps = 2\nprior_years = 2\nbackward_share = 0.3").replace("steps = 20\n", "steps = 4\n")
                           .replace("steps_per_epoch = 10", "steps_per_epoch = 2"))
    assert main(["train", str(config_file)]) == 0
    assert main(["evaluate", str(config_file), "--no-plots", "--only", "reconstruction", "--predictors", "network,neighbourhood 3x3"]) == 0
    assert main(["export", str(config_file)]) == 0
    card = tomllib.loads((tmp_path / "run" / "artefact" / "model.toml").read_text())
    assert card["network"]["steps"] == 2 and [c["name"] for c in card["channels"]][-6:] == [f"delta2.{g}" for g in GROUPS]
    with pytest.raises(ModelError, match=r"delta2\.urban"):
        read_artefact(tmp_path / "run" / "artefact")


def test_a_shipped_artefact_gets_formats_in_a_copy(tmp_path, capsys):
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("lightning", reason="lightning is not installed")
    assert main(["export", "shipped:bavaria30", "--formats", "pt2, torchscript", "-o", str(tmp_path / "copy")]) == 0
    assert "unet.ts.pt." in capsys.readouterr().out
    made = read_artefact(tmp_path / "copy")
    assert made.file_bytes("unet.pt2") and made.file_bytes("unet.ts.pt") and made.card["precision"]["torchscript_float32"]["passed"]


def test_a_shipped_artefact_is_not_changed_in_place(capsys):
    assert main(["export", "shipped:bavaria30", "--formats", "pt2"]) == Status.CONFIG
    assert "shipped:bavaria30 belongs to the installation and is not changed: say with -o DIR" in capsys.readouterr().err


def test_int8_of_an_artefact_without_maps_is_refused(tmp_path, capsys):
    pytest.importorskip("lightning", reason="lightning is not installed")
    assert main(["export", "shipped:bavaria30", "--formats", "int8", "-o", str(tmp_path / "copy")]) == Status.MODEL
    assert "Format 'int8' needs maps" in capsys.readouterr().err and not (tmp_path / "copy").exists()


@pytest.mark.parametrize("arguments", [["export", "shipped:bavaria30"], ["export", "train.toml", "--formats", "pt2"]])
def test_formats_go_with_an_artefact_and_an_artefact_with_formats(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert "--formats" in capsys.readouterr().err
