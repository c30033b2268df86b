"""Building, keeping and handing out engines, with a stand-in for Torch-TensorRT that records its calls and computes with torch. No GPU is tried here."""

import contextlib
import logging
import sys
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from lsbc.emulator import backends  # noqa: E402
from lsbc.emulator.config import ModelConfig  # noqa: E402
from lsbc.emulator.devices import Gpus  # noqa: E402
from lsbc.emulator.network import choose, network_for, tensorrt, together  # noqa: E402
from lsbc.emulator.network.engine_cache import Engine  # noqa: E402
from lsbc.emulator.network.onnx_cpu import OnnxNetwork  # noqa: E402
from lsbc.emulator.network.tensorrt import TensorRTNetwork, build_engine, engine_key, kept_or_built  # noqa: E402
from lsbc.regrid.comm import SerialComm  # noqa: E402
from lsbc.regrid.errors import DeviceError, ModelError, StartupError  # noqa: E402

import network_cases  # noqa: E402

SHAPE = (2, 31, 96, 96)
GPU = "NVIDIA H200 sm_90"


@pytest.fixture
def library(monkeypatch):
    """What Torch-TensorRT 2.13 documents of `dynamo.compile` and `save`; the "engine" is the exported program itself."""
    calls = []

    def compile(exported_program, *, arg_inputs, device, require_full_compilation, min_block_size, disable_tf32, cache_built_engines,
                reuse_cached_engines, timing_cache_path):
        assert isinstance(exported_program, torch.export.ExportedProgram) and device == torch.device("cpu")
        assert require_full_compilation and min_block_size == 1 and disable_tf32 and not (cache_built_engines or reuse_cached_engines)
        types = {tensor.dtype for tensor in (*exported_program.state_dict.values(), *arg_inputs)}
        calls.append(("compile", tuple(arg_inputs[0].shape), types))
        return SimpleNamespace(program=exported_program)

    def save(module, file_path, *, output_format, arg_inputs):
        assert output_format == "exported_program"
        calls.append(("save",))
        torch.export.save(module.program, file_path)

    monkeypatch.setitem(sys.modules, "torch_tensorrt", SimpleNamespace(__spec__=object(), dynamo=SimpleNamespace(compile=compile), save=save))
    return calls


@pytest.fixture
def gpu(monkeypatch, library):
    """A machine with one GPU, whose networks compute on the CPU after all."""
    monkeypatch.setattr(together, "find_gpus", lambda look: Gpus(("NVIDIA H200",), ("id",), driver=True))
    monkeypatch.setattr(backends.Backend, "version", property(lambda self: "2.13.0"))
    monkeypatch.setattr(tensorrt, "gpu_type", lambda device: GPU)
    real = tensorrt.build_engine
    monkeypatch.setattr(tensorrt, "build_engine", lambda artefact, precision, shape, device: real(artefact, precision, shape, "cpu"))
    load = tensorrt.load_engine
    monkeypatch.setattr(tensorrt, "load_engine", lambda content, device: load(content, "cpu"))
    real_network = tensorrt.TensorRTNetwork

    def network(artefact, device, precision, engine):
        made = real_network(artefact, "cpu", precision, engine)
        made.device = device
        return made

    monkeypatch.setattr(tensorrt, "TensorRTNetwork", network)
    return library


@pytest.fixture(scope="module")
def wanted(derived_model):
    return OnnxNetwork(derived_model)(network_cases.noise(2, 96, 96)).copy()


def test_an_engine_is_the_whole_program_for_one_shape_in_the_type_of_the_precision(derived_model, library, wanted):
    network = TensorRTNetwork(derived_model, "cpu", "float32", Engine(SHAPE, build_engine(derived_model, "float32", SHAPE, "cpu")))
    assert library == [("compile", SHAPE, {torch.float32}), ("save",)]
    assert network.fixed_window == (2, 96, 96) and network.backend == "tensorrt" and network.model_file == "unet.pt2" and network.deterministic
    np.testing.assert_allclose(network(network_cases.noise(2, 96, 96)), wanted, atol=1e-4)


def test_an_engine_is_loaded_with_its_own_gpu_as_the_current_one(derived_model, library, monkeypatch):
    content = build_engine(derived_model, "float32", SHAPE, "cpu")
    entered = []
    monkeypatch.setattr(torch.cuda, "device", lambda device: entered.append(device) or contextlib.nullcontext())
    tensorrt.load_engine(content, "cuda:3")
    assert entered == ["cuda:3"]


def test_half_precision_comes_from_the_models_own_types(derived_model, library):
    build_engine(derived_model, "float16", SHAPE, "cpu")
    assert library[0] == ("compile", SHAPE, {torch.float16})


def test_other_numbers_of_windows_are_computed_in_full_batches(derived_model, library):
    network = TensorRTNetwork(derived_model, "cpu", "float32", Engine(SHAPE, build_engine(derived_model, "float32", SHAPE, "cpu")))
    batch = network_cases.noise(5, 96, 96)
    together_, alone = network(batch).copy(), network(batch[4:]).copy()
    assert together_.shape == (5, 1, 8, 96, 96) and np.array_equal(together_[4:], alone)
    np.testing.assert_allclose(together_, OnnxNetwork(derived_model)(batch), atol=1e-4)
    with pytest.raises(ModelError, match=r"takes windows of shape \(31, 96, 96\), got \(31, 96, 104\)"):
        network(network_cases.noise(1, 96, 104))


def test_a_kept_engine_is_used_and_one_that_does_not_load_is_built_again(derived_model, library, tmp_path, caplog):
    key = engine_key(derived_model, "float32", SHAPE, GPU)
    args = (tmp_path, key, derived_model, "float32", SHAPE, "cpu")
    first = kept_or_built(*args)
    assert kept_or_built(*args) == first and library.count(("save",)) == 1
    tensorrt.write_engine(tmp_path, key, b"an engine of some other library")
    with caplog.at_level(logging.WARNING):
        tensorrt.load_engine(kept_or_built(*args), "cpu")
    assert library.count(("save",)) == 2 and "does not load and is built again" in caplog.text
    next(tmp_path.glob("*.engine")).write_bytes(first[:-1])
    kept_or_built(*args)
    assert library.count(("save",)) == 3


def test_the_key_names_everything_an_engine_hangs_on(derived_model, library):
    key = engine_key(derived_model, "float16", SHAPE, GPU)
    assert key["program"] == derived_model.files["unet.pt2"] and key["shape"] == "2x31x96x96" and key["gpu"] == GPU and key["precision"] == "float16"
    assert key["torch"] == torch.__version__ and {"torch_tensorrt", "tensorrt", "cuda"} <= set(key)


def test_a_run_builds_once_keeps_the_engine_and_says_what_it_runs(derived_model, gpu, tmp_path, monkeypatch):
    edge = derived_model.window
    monkeypatch.setattr(together, "GPU_CELLS_A_CALL", 2 * edge**2)
    monkeypatch.setattr(choose, "_try_out", lambda artefact, network: None)  # two whole windows, in float16 on a CPU
    model = ModelConfig(backend="tensorrt", cache=tmp_path)
    loaded = network_for(SerialComm(), derived_model, model)
    assert loaded.network.fixed_window == (2, edge, edge) and loaded.network.precision == "float16"
    assert gpu[0] == ("compile", (2, 31, edge, edge), {torch.float16}) and loaded.facts["network_device"] == "NVIDIA H200"
    network_for(SerialComm(), derived_model, model)
    assert gpu.count(("save",)) == 1
    assert network_for(SerialComm(), derived_model, ModelConfig(backend="tensorrt", cache=tmp_path, batch=1)).network.fixed_window == (1, edge, edge)


class Pair(SerialComm):
    """Rank 1 of two whose other rank has `key` and hands out `content`."""

    rank, size, local_rank = 1, 2, 1

    def __init__(self, key, content):
        self._key, self._content = key, content

    def allgather(self, obj):
        return [self._key, obj]

    def bcast(self, obj, root=0):
        return self._content if root == 0 else obj


def test_the_second_rank_of_a_kind_gets_the_first_ones_bytes_and_builds_nothing(derived_model, gpu, tmp_path):
    model = ModelConfig(backend="tensorrt", cache=tmp_path, batch=1)
    shape = (1, 31, derived_model.window, derived_model.window)
    choice = choose.Choice("tensorrt", "cuda", "float16", "")
    key = engine_key(derived_model, "float16", shape, GPU)
    engine = together._same_engine(Pair(key, b"bytes of rank 0"), derived_model, model, choice, 0)
    assert engine == Engine(shape, b"bytes of rank 0") and gpu == [] and not any(tmp_path.iterdir())


def test_ranks_with_other_gpus_are_refused_before_anything_is_built(derived_model, gpu, tmp_path):
    choice = choose.Choice("tensorrt", "cuda", "float16", "")
    key = engine_key(derived_model, "float16", (1, 31, derived_model.window, derived_model.window), "NVIDIA A100 sm_80")
    with pytest.raises(DeviceError, match="Rank 1 has gpu 'NVIDIA H200 sm_90', rank 0 has 'NVIDIA A100 sm_80'"):
        together._same_engine(Pair(key, b""), derived_model, ModelConfig(backend="tensorrt", cache=tmp_path, batch=1), choice, 0)
    assert gpu == []


def test_a_library_that_does_not_load_is_told_with_the_command(monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "torch_tensorrt":
                raise Exception("Could not find libnvinfer.so.11")  # what the real one raises

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(StartupError, match=r"Exception: Could not find libnvinfer\.so\.11\. .*pip install 'lsbc\[tensorrt\]'"):
        tensorrt.library()
