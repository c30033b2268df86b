"""A network that one rank loads before the others, and drops."""

import pytest

from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.devices import Gpus
from lsbc.emulator.network import rehearsal
from lsbc.emulator.network.choose import Choice
from lsbc.fortran_bridge import startup
from lsbc.regrid.errors import ConfigError

import case


@pytest.fixture
def config(tmp_path):
    return case.write_config(tmp_path, case.write_artefact(tmp_path / "model"), tmp_path / "fine.nc")


@pytest.fixture
def opened(monkeypatch):
    seen = []
    monkeypatch.setattr(rehearsal, "open_network", lambda _artefact, choice: seen.append((choice.backend, choice.device)))
    return seen


def test_the_configured_network_is_really_loaded(config, monkeypatch):
    from lsbc.emulator.network.onnx_cpu import OnnxNetwork

    made = []
    monkeypatch.setattr(OnnxNetwork, "__init__", lambda self, artefact, precision: made.append(precision) or (_ for _ in ()).throw(ConfigError("seen")))
    with pytest.raises(ConfigError, match="seen"):
        rehearsal.rehearse(config)
    assert made == ["float32"]


def test_no_gpu_is_touched_where_the_backend_has_a_cpu_too(config, monkeypatch, opened):
    chosen = [Choice("onnxruntime", "cuda", "float16", ""), Choice("onnxruntime", "cpu", "float32", "")]
    monkeypatch.setattr(rehearsal, "find_gpus", lambda _look: Gpus(("NVIDIA H200",), ("id",), driver=True))
    asked = []
    monkeypatch.setattr(rehearsal, "choose", lambda _artefact, model, gpus: asked.append((model.device, model.precision, gpus.names)) or chosen[len(asked) - 1])
    rehearsal.rehearse(config)
    assert asked == [("auto", "auto", ("NVIDIA H200",)), ("cpu", "auto", ())]
    assert opened == [("onnxruntime", "cpu")]


def test_a_backend_without_a_cpu_is_only_imported(config, monkeypatch, opened):
    imported = []
    monkeypatch.setattr(rehearsal, "choose", lambda *_: Choice("tensorrt", "cuda", "float16", ""))
    monkeypatch.setattr(rehearsal.importlib, "import_module", imported.append)
    rehearsal.rehearse(config)
    assert imported == [BACKENDS["tensorrt"].module]
    assert opened == []


def test_a_rehearsal_that_fails_leaves_it_to_the_start_to_say_so(tmp_path, monkeypatch):
    monkeypatch.delenv("LSBC_COMPONENT", raising=False)
    with pytest.raises(ConfigError, match="nothing.toml"):
        rehearsal.rehearse(tmp_path / "nothing.toml")
    startup.try_network(str(tmp_path / "nothing.toml"))
