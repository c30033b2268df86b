"""lsbc.training.export: every format computes what the trained network computes, and the card says what is there."""

import hashlib
import io
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from lsbc.emulator.channels import CHANNEL_NAMES  # noqa: E402
from lsbc.regrid.errors import ConfigError, ModelError  # noqa: E402
from lsbc.training import export, export_tiles, precision  # noqa: E402
from lsbc.training.config import read_config  # noqa: E402
from lsbc.training.formats import read_weights  # noqa: E402
from lsbc.training.loop import new_network  # noqa: E402
from lsbc.training.predict import torch_network  # noqa: E402
from lsbc.training.runtimes import onnxruntime_network  # noqa: E402
from lsbc.training.unet import fold_batch_norm  # noqa: E402

CONFIGS = Path(__file__).resolve().parents[2] / "training" / "configs"
ALWAYS = {"weights.safetensors", "unet.onnx", "unet.pt2"}


@pytest.fixture(scope="module")
def network():
    torch.set_num_threads(1)
    from lsbc.training.config import NetworkConfig, TrainingConfig

    torch.manual_seed(5)
    trained = new_network(TrainingConfig(path=None, network=NetworkConfig(base_width=4)))
    with torch.no_grad():
        for weight in trained.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return trained.eval()


@pytest.fixture
def small(smoke):
    return replace(smoke, network=replace(smoke.network, base_width=4, core=60))


@pytest.fixture(scope="module")
def exported_once(network, land, tmp_path_factory):
    config = read_config(CONFIGS / "smoke.toml")
    config = replace(config, network=replace(config.network, base_width=4, core=60), export=replace(config.export, directory=tmp_path_factory.mktemp("once")))
    return export.export_artefact(network, land, config, {"steps_done": 1}, "ab" * 32)


@pytest.fixture
def exported(exported_once, small):
    """The artefact's directory, free to be changed, and what the export said."""
    shutil.copytree(exported_once.path.parent, small.export.directory)
    return small.export.directory, exported_once


def tiles(rows, columns, count=1):
    return np.random.default_rng(3).standard_normal((count, len(CHANNEL_NAMES), rows, columns)).astype(np.float32)


def test_the_card_lists_every_file_with_its_hash_and_size(exported):
    directory, made = exported
    card = tomllib.loads((directory / "model.toml").read_text())
    assert made.path.name == "model.toml" and made.failed == ()
    assert set(card["files"]) == ALWAYS | {"unet.int8.onnx"} == {p.name for p in directory.iterdir()} - {"model.toml"}
    for name, entry in card["files"].items():
        content = (directory / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_the_card_has_a_table_for_every_precision_that_was_measured(exported):
    found = tomllib.loads((exported[0] / "model.toml").read_text())["precision"]
    assert {"onnxruntime_float32", "onnxruntime_int8", "torch_float32", "torch_bfloat16"} <= set(found)
    for name, table in found.items():
        gate = precision.GATES[name.rpartition("_")[2]]
        assert table["passed"] and table["same_bits_in_context"] and table["measured_on"] == "cpu" and table["tiles"] >= 8 and table["cells"] > 1000
        assert table["changed_class_share"] <= gate.changed_class_share and table["worst_class_area_bias"] <= gate.class_area_bias
        assert table["allocated_cells"] == found["onnxruntime_float32"]["allocated_cells"] > 0 and 0 <= table["allocated_elsewhere_share"] < 0.5
    assert found["onnxruntime_float32"]["allocated_elsewhere_share"] == 0.0
    assert found["onnxruntime_float32"]["inputs"] == "test years, 60% of the prior hidden"
    assert found["onnxruntime_float32"]["largest_logit_difference"] < 1e-4 < found["torch_bfloat16"]["largest_logit_difference"]


def test_the_card_names_channels_halo_and_window(exported):
    card = tomllib.loads((exported[0] / "model.toml").read_text())
    assert [channel["name"] for channel in card["channels"]] == list(CHANNEL_NAMES)
    assert card["network"]["halo"] == 24 and card["network"]["window"] == 60 + 2 * 24
    assert card["scores"] == {}


def test_onnx_computes_the_trained_network_at_any_size(exported, network):
    run, reference = onnxruntime_network((exported[0] / "unet.onnx").read_bytes()), torch_network(network)
    for shape in ((16, 24, 1), (40, 32, 3)):
        x = tiles(*shape)
        np.testing.assert_allclose(run(x), reference(x), rtol=1e-4, atol=1e-4)


def test_the_weights_alone_rebuild_the_folded_network(exported, network):
    rebuilt = read_weights(exported[0] / "weights.safetensors", len(CHANNEL_NAMES), 4, 2)
    x = tiles(16, 16)
    assert (torch_network(rebuilt)(x) == torch_network(fold_batch_norm(network))(x)).all()


def test_an_export_again_writes_the_same_bytes(exported, network, land, small):
    directory, _ = exported
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    export.export_artefact(network, land, small, {"steps_done": 1}, "ab" * 32)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_no_file_tells_the_places_of_this_machine(exported):
    for path in exported[0].iterdir():
        content = path.read_bytes()
        assert not any(place in content for place in (str(CONFIGS.parents[1]).encode(), b"site-packages")), path.name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_formats_derived_from_the_weights_compute_the_same_at_any_size(exported, network, tmp_path):
    directory, _ = exported
    card = tomllib.loads(export.derive_formats(directory, tmp_path / "more", ("pt2", "torchscript")).read_text())
    assert set(card["files"]) == ALWAYS | {"unet.int8.onnx", "unet.ts.pt"}
    for name in card["files"]:
        assert card["files"][name]["sha256"] == hashlib.sha256((tmp_path / "more" / name).read_bytes()).hexdigest()
    program = torch.export.load(io.BytesIO((tmp_path / "more" / "unet.pt2").read_bytes())).module()
    script = torch_network(torch.jit.load(io.BytesIO((tmp_path / "more" / "unet.ts.pt").read_bytes())))
    for shape in ((16, 24, 1), (48, 32, 3)):
        x = tiles(*shape)
        for other in (torch_network(program), script):
            np.testing.assert_allclose(other(x), torch_network(network)(x), rtol=1e-4, atol=1e-4)


def test_a_derived_program_has_the_bytes_of_the_exported_one(exported, tmp_path):
    export.derive_formats(exported[0], tmp_path / "more", ("pt2",))
    assert (tmp_path / "more" / "unet.pt2").read_bytes() == (exported[0] / "unet.pt2").read_bytes()


def test_without_maps_only_float32_is_compared_and_the_card_says_on_what(exported, tmp_path):
    made = export.derived_formats(exported[0], tmp_path / "more", ("torchscript",))
    found = made.card["precision"]["torchscript_float32"]
    assert found["passed"] and found["inputs"] == "random numbers" and "torchscript_float32" not in exported[1].card["precision"]
    assert made.card["precision"]["torch_bfloat16"] == exported[1].card["precision"]["torch_bfloat16"]


def test_int8_is_derived_with_maps_only(exported, land, small, tmp_path):
    with pytest.raises(ModelError, match=r"Format 'int8' needs maps .*--config"):
        export.derived_formats(exported[0], tmp_path / "more", ("int8",))
    made = export.derived_formats(exported[0], tmp_path / "more", ("int8",), (land, small))
    assert (tmp_path / "more" / "unet.int8.onnx").read_bytes() == (exported[0] / "unet.int8.onnx").read_bytes()
    assert made.card["precision"]["onnxruntime_int8"] == exported[1].card["precision"]["onnxruntime_int8"]


def test_maps_of_another_network_are_refused(exported, land, small, tmp_path):
    other = replace(small, network=replace(small.network, depth=1))
    with pytest.raises(ModelError, match="has other channels, depth or core than the networks of smoke.toml"):
        export.derived_formats(exported[0], tmp_path / "more", ("int8",), (land, other))


def test_weights_that_are_not_the_cards_are_refused(exported, tmp_path):
    directory, _ = exported
    (directory / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"weights\.safetensors has sha256 .*; its card names "):
        export.derive_formats(directory, tmp_path / "more", ("pt2",))


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_damaged_file_is_never_given_a_new_hash(exported, tmp_path, elsewhere):
    directory, _ = exported
    (directory / "unet.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"unet\.onnx has sha256 .*; its card names "):
        export.derive_formats(directory, tmp_path / "more" if elsewhere else directory, ("pt2",))
    assert not (tmp_path / "more").exists()


def test_an_unknown_format_is_refused_by_name(exported, tmp_path):
    with pytest.raises(ModelError, match=r"Format 'engine' is unknown; lsbc writes int8, pt2, torchscript"):
        export.derive_formats(exported[0], tmp_path, ("engine",))


def test_a_network_over_the_limit_is_refused_and_nothing_is_written(network, land, smoke, monkeypatch):
    monkeypatch.setattr(export, "LIMIT_BYTES", 1000)
    with pytest.raises(ModelError, match=r"weights\.safetensors would have \d+ bytes"):
        export.export_artefact(network, land, smoke, {}, "ab")
    assert not smoke.export.directory.exists()


def test_another_format_over_the_limit_is_left_out(exported, network, land, small, monkeypatch):
    directory, made = exported
    sizes = {name: entry["bytes"] for name, entry in made.card["files"].items()}
    assert sizes["unet.pt2"] > max(sizes["unet.onnx"], sizes["weights.safetensors"])
    monkeypatch.setattr(export, "LIMIT_BYTES", sizes["unet.pt2"] - 1)
    again = export.export_artefact(network, land, small, {}, "ab")
    assert again.failed == (f"unet.pt2 would have {sizes['unet.pt2']} bytes; an artefact's files have at most {sizes['unet.pt2'] - 1}; it is not written.",)
    assert "unet.pt2" not in again.card["files"] and not (directory / "unet.pt2").exists() and "torch_float32" not in again.card["precision"]


def test_int8_that_fails_its_gate_is_left_out_with_the_numbers(exported, network, land, small, monkeypatch):
    directory, made = exported
    monkeypatch.setitem(precision.GATES, "int8", precision.Gate(-1.0, 1.0))
    again = export.export_artefact(network, land, small, {}, "ab")
    sentence, = again.failed
    assert sentence.startswith("unet.int8.onnx is not written: ") and sentence.endswith("% of the cells change their class, -100.00% may.")
    assert "onnxruntime_int8" not in again.card["precision"] and not (directory / "unet.int8.onnx").exists()


def test_a_precision_that_fails_its_gate_gets_a_table_that_says_so(network, land, small, monkeypatch):
    monkeypatch.setitem(precision.GATES, "bfloat16", precision.Gate(-1.0, 1.0))
    small = replace(small, export=replace(small.export, formats=()))
    made = export.export_artefact(network, land, small, {}, "ab")
    tables = made.card["precision"]
    assert "unet.pt2" in made.card["files"] and tables["torch_float32"]["passed"] and not tables["torch_bfloat16"]["passed"]
    assert made.failed[-1].startswith("torch_bfloat16 did not pass: ")


def test_onnx_that_fails_its_gate_stops_the_export(network, land, small, monkeypatch):
    monkeypatch.setitem(precision.GATES, "float32", precision.Gate(-1.0, 1.0))
    with pytest.raises(ModelError, match=r"unet\.onnx does not compute what the trained network computes in torch: 0\.000% of the cells"):
        export.export_artefact(network, land, small, {}, "ab")
    assert not small.export.directory.exists()


def test_tiles_are_of_test_years_and_calibration_of_training_years(land, small):
    real, ranges = export_tiles.real_tiles(land, small, 24), export_tiles.calibration_tiles(land, small)
    assert real.channels.shape == (12, len(CHANNEL_NAMES), 108, 108) and real.counted.shape == (12, 60, 60) and real.halo == 24
    masked = CHANNEL_NAMES.index("prior.masked")
    inside = real.channels[:, CHANNEL_NAMES.index("static.outside"), 24:-24, 24:-24] == 0
    assert abs(real.channels[:, masked, 24:-24, 24:-24][inside].mean() - 0.6) < 0.02
    assert ranges.shape == (32, len(CHANNEL_NAMES), small.samples.patch, small.samples.patch)
    assert (ranges == export_tiles.calibration_tiles(land, small)).all()
    assert real.year.channels.shape == (6, len(CHANNEL_NAMES), 108, 108) and real.year.prior.shape == (6, 60, 60) and real.year.change.shape == (6, 2, 2, 6)
    assert not real.year.channels[:, masked][real.year.channels[:, CHANNEL_NAMES.index("static.outside")] == 0].any()
    late = replace(small, split=replace(small.split, test_years=(2050, 2060)))
    with pytest.raises(ConfigError, match="are not in the data"):
        export_tiles.real_tiles(land, late, 24)
    with pytest.raises(ConfigError, match="network.core = 40 must be a multiple of the 30 fine cells of a driver cell"):
        export_tiles.real_tiles(land, replace(small, network=replace(small.network, core=40)), 24)
