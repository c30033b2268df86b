import logging
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lsbc.emulator.artefact import read_artefact
from lsbc.emulator.config import ModelConfig
from lsbc.emulator.devices import Gpus
from lsbc.emulator.network import load_network, network_for, together
from lsbc.emulator.network.choose import Choice
from lsbc.emulator.network.together import check_same_bits
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import DeviceError, ModelError, StartupError

import case
import network_cases

SAME = {"network_backend": "torch (torch 2.13.0)", "network_precision": "float16", "network_device": "NVIDIA H200", "network_file_sha256": "ab"}


def test_a_run_of_one_rank_is_told_in_one_line_and_knows_what_its_bits_hang_on(tmp_path, caplog):
    artefact = read_artefact(case.write_artefact(tmp_path))
    with caplog.at_level(logging.INFO):
        loaded = network_for(SerialComm(), artefact, ModelConfig(device="cpu"))
    assert loaded.network(loaded.network.buffer(1, 8, 8)).shape == (1, 1, 8, 8, 8) and loaded.place.members == (0,)
    facts = dict(loaded.facts)
    assert facts.pop("network_device").startswith("CPU ") and facts.pop("network_backend").startswith("onnxruntime (onnxruntime 1.")
    assert facts == {"network_precision": "float32", "network_file": "unet.onnx", "network_file_sha256": artefact.files["unet.onnx"]}
    record, = caplog.records
    assert "network closed-form: onnxruntime (onnxruntime 1." in record.message and record.message.endswith("(the CPU was asked for)")


def test_a_network_that_stands_in_is_told_as_what_it_is(tmp_path, caplog, monkeypatch):
    artefact = read_artefact(case.write_artefact(tmp_path))
    monkeypatch.setattr(together, "find_gpus", lambda look: Gpus(("NVIDIA H200",), ("id",), driver=True))
    monkeypatch.setattr(together, "choose", lambda artefact, model, gpus: Choice("onnxruntime", "cpu", "float32", "") if not gpus.names
                        else Choice("torch", "cuda", "float16", "NVIDIA H200 is here"))
    opened = together.open_network

    def no_device(artefact, choice, *rest):
        if choice.device == "cuda":
            raise DeviceError("cuda:0 is out of memory for the weights.")
        return opened(artefact, choice, *rest)

    monkeypatch.setattr(together, "open_network", no_device)
    with caplog.at_level(logging.INFO):
        loaded = network_for(SerialComm(), artefact, ModelConfig(deterministic=False, cpu_fallback=True))
    assert loaded.network.device == "cpu" and loaded.lost == "cuda:0 is out of memory for the weights."
    told = caplog.records[-1].message
    assert ", float32 on CPU " in told and told.endswith("(instead: cuda:0 is out of memory for the weights.)") and "float16" not in told


def test_ranks_without_a_network_do_not_count_and_equal_ones_pass():
    check_same_bits([None, SAME, None, dict(SAME)])


@pytest.mark.parametrize(("key", "value"), [("network_backend", "torch (torch 2.12.0)"), ("network_precision", "float32"), ("network_device", "NVIDIA A100"),
                                            ("network_file_sha256", "cd")])
def test_a_rank_that_would_compute_other_bits_is_named_with_both_sides(key, value):
    with pytest.raises(DeviceError, match=rf"Rank 3 has {key.replace('_', ' ')} '{value}', rank 1 has '{SAME[key]}'".replace("(", r"\(").replace(")", r"\)")):
        check_same_bits([None, SAME, SAME, SAME | {key: value}])


class TwoRanks(SerialComm):
    """Rank 1 of two; the other one answers with what it is given."""

    rank, size, local_rank = 1, 2, 1

    def __init__(self, other_facts):
        self._answers = [lambda mine: (0, (), mine[2]), lambda mine: other_facts]

    def allgather(self, obj):
        return [self._answers.pop(0)(obj), obj]


@pytest.mark.parametrize("deterministic", [True, False])
def test_ranks_that_differ_run_only_without_determinism(tmp_path, deterministic):
    artefact = read_artefact(case.write_artefact(tmp_path))
    mine = dict(network_for(SerialComm(), artefact, ModelConfig(device="cpu")).facts)
    other = mine | {"network_device": "CPU of another kind"}
    model = ModelConfig(device="cpu", deterministic=deterministic)
    if not deterministic:
        assert network_for(TwoRanks(other), artefact, model).network is not None
        return
    with pytest.raises(DeviceError, match="Rank 1 has network device 'CPU .*', rank 0 has 'CPU of another kind'"):
        network_for(TwoRanks(other), artefact, model)


def test_a_rank_that_shares_a_network_loads_none(tmp_path):
    artefact = read_artefact(case.write_artefact(tmp_path))
    facts = dict(network_for(SerialComm(), artefact, ModelConfig(device="cpu")).facts)
    loaded = network_for(TwoRanks(facts), artefact, ModelConfig(device="cpu", ranks_per_device=2), share=True)
    assert loaded.network is None and loaded.place.owner == 0 and loaded.place.members == (0, 1)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_library_that_breaks_while_loading_is_an_error_in_one_sentence(derived_model, monkeypatch, backend):
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    broken = SimpleNamespace(__version__="0", __spec__=object())
    monkeypatch.setitem(sys.modules, backend, broken)
    with pytest.raises(ModelError, match=f"does not run with {backend} in float32: AttributeError"):
        load_network(derived_model, backend, "cpu")


def test_backends_that_are_there_agree_on_the_shipped_model(derived_model):
    batch = network_cases.noise(1, 96, 96)
    expected = load_network(derived_model, "onnxruntime", "cpu")(batch).copy()
    for backend in ("torch", "torchscript", "openvino"):
        try:
            network = load_network(derived_model, backend, "cpu")
        except StartupError:
            continue
        np.testing.assert_allclose(network(batch), expected, atol=1e-4)
