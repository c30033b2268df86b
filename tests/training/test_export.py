"""lsbc.training.export: every format computes what the trained network computes, and the card says what is there."""

import hashlib
import io
import tomllib
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from lsbc.emulator.channels import CHANNEL_NAMES  # noqa: E402
from lsbc.regrid.errors import ModelError  # noqa: E402
from lsbc.training import export  # noqa: E402
from lsbc.training.loop import new_network  # noqa: E402
from lsbc.training.predict import torch_network  # noqa: E402
from lsbc.training.unet import fold_batch_norm  # noqa: E402


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
def exported(network, land, smoke):
    config = replace(smoke, network=replace(smoke.network, base_width=4, core=40))
    card = export.export_artefact(network, land, config, {"steps_done": 1}, "ab" * 32)
    return config.export.directory, card


def tiles(rows, columns, count=1):
    return np.random.default_rng(3).standard_normal((count, len(CHANNEL_NAMES), rows, columns)).astype(np.float32)


def test_the_card_lists_every_file_with_its_hash_and_size(exported):
    directory, _ = exported
    card = tomllib.loads((directory / "model.toml").read_text())
    assert set(card["files"]) == {"weights.safetensors", "unet.onnx"} == {p.name for p in directory.iterdir()} - {"model.toml"}
    for name, entry in card["files"].items():
        content = (directory / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_the_card_names_channels_halo_and_window(exported):
    card = tomllib.loads((exported[0] / "model.toml").read_text())
    assert [channel["name"] for channel in card["channels"]] == list(CHANNEL_NAMES)
    assert card["network"]["halo"] == 24 and card["network"]["window"] == 40 + 2 * 24
    assert card["scores"] == {}


def test_onnx_computes_the_trained_network_at_any_size(exported, network):
    run, reference = export.onnx_network(exported[0] / "unet.onnx"), torch_network(network)
    for shape in ((16, 24, 1), (40, 32, 3)):
        x = tiles(*shape)
        np.testing.assert_allclose(run(x), reference(x), rtol=1e-4, atol=1e-4)


def test_the_weights_alone_rebuild_the_folded_network(exported, network):
    rebuilt = export.read_weights(exported[0] / "weights.safetensors", len(CHANNEL_NAMES), 4, 2)
    x = tiles(16, 16)
    assert (torch_network(rebuilt)(x) == torch_network(fold_batch_norm(network))(x)).all()


def test_formats_derived_from_the_weights_compute_the_same_at_any_size(exported, network, tmp_path):
    directory, _ = exported
    card = tomllib.loads(export.derive_formats(directory, tmp_path / "more", ("pt2", "torchscript")).read_text())
    assert set(card["files"]) == {"weights.safetensors", "unet.onnx", "unet.pt2", "unet.ts.pt"}
    for name in card["files"]:
        assert card["files"][name]["sha256"] == hashlib.sha256((tmp_path / "more" / name).read_bytes()).hexdigest()
    program = torch.export.load(io.BytesIO((tmp_path / "more" / "unet.pt2").read_bytes())).module()
    script = torch.jit.load(str(tmp_path / "more" / "unet.ts.pt"))
    for shape in ((16, 24, 1), (48, 32, 3)):
        x = tiles(*shape)
        for other in (program, script):
            np.testing.assert_allclose(torch_network(other)(x), torch_network(network)(x), rtol=1e-4, atol=1e-4)


def test_weights_that_are_not_the_cards_are_refused(exported, tmp_path):
    directory, _ = exported
    (directory / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"weights\.safetensors has sha256 .*; its card names "):
        export.derive_formats(directory, tmp_path / "more", ("pt2",))


def test_an_unknown_format_is_refused_by_name(exported, tmp_path):
    with pytest.raises(ModelError, match=r"Format 'engine' is unknown; lsbc writes pt2, torchscript"):
        export.derive_formats(exported[0], tmp_path, ("engine",))


def test_a_file_over_the_limit_is_refused_and_nothing_is_written(network, land, smoke, monkeypatch):
    monkeypatch.setattr(export, "LIMIT_BYTES", 1000)
    with pytest.raises(ModelError, match=r"weights\.safetensors would have \d+ bytes"):
        export.export_artefact(network, land, smoke, {}, "ab")
    assert not smoke.export.directory.exists()


def test_runtimes_that_differ_are_measured():
    x = np.zeros((2, 1, 4, 4), np.float32)
    first = lambda t: np.stack([t, t + 1], axis=2)  # noqa: E731
    second = lambda t: np.stack([t + 2, t + 1.5], axis=2)  # noqa: E731
    assert export.compare(first, second, x) == {"largest_logit_difference": 2.0, "changed_class_share": 1.0, "tiles": 2}
