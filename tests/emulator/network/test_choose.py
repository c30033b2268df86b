from dataclasses import replace

import pytest

from lsbc.emulator import backends
from lsbc.emulator.artefact import read_artefact
from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.config import ModelConfig
from lsbc.emulator.devices import Gpus
from lsbc.emulator.network.choose import choose, may_use_gpu
from lsbc.regrid.errors import ConfigError, DeviceError, ModelError, StartupError

import case

NONE = Gpus(problem="this node has no NVIDIA driver")
ONE = Gpus(("NVIDIA H200",), ("id",), driver=True)
UNUSABLE = Gpus(problem="the node has an NVIDIA driver, but torch finds no GPU through it", driver=True)
ALL = {name: "0" * 64 for name in ("weights.safetensors", "unet.onnx", "unet.int8.onnx", "unet.pt2", "unet.ts.pt")}
PASSED = {"passed": True}


@pytest.fixture
def small(tmp_path):
    """Only ONNX, and no test of any precision."""
    return read_artefact(case.write_artefact(tmp_path))


@pytest.fixture
def full(small):
    """All files, all precisions admitted."""
    tables = {"onnxruntime_int8": PASSED, "torch_float16": PASSED, "torch_bfloat16": PASSED, "openvino_bfloat16": PASSED, "openvino_int8": PASSED}
    return replace(small, files=ALL, card=small.card | {"precision": tables})


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """All libraries are there; `installed.discard` takes one away."""
    have = {backend.module for backend in BACKENDS.values()}
    monkeypatch.setattr(backends.Backend, "version", property(lambda self: "1.0" if self.module in have else None))
    return have


def chosen(artefact, gpus, **keys):
    choice = choose(artefact, ModelConfig(**keys), gpus)
    return choice.backend, choice.device, choice.precision, choice.reason


def test_auto_takes_the_gpu_in_float16_where_the_card_admits_it(full):
    assert chosen(full, ONE) == ("torch", "cuda", "float16", "NVIDIA H200 is here")


def test_auto_takes_float32_on_the_gpu_where_the_card_does_not_admit_float16(full):
    assert chosen(replace(full, card=full.card | {"precision": {}}), ONE)[:3] == ("torch", "cuda", "float32")


def test_auto_takes_onnxruntime_where_there_is_no_gpu(full, small):
    assert chosen(full, NONE) == chosen(small, NONE) == ("onnxruntime", "cpu", "float32", "no GPU here")


def test_a_gpu_that_cannot_be_used_is_told_with_what_is_missing(full, small, installed):
    backend, _, _, reason = chosen(small, Gpus(problem="GPUs were not looked for", driver=True))
    assert backend == "onnxruntime"
    assert reason.startswith("not the GPU of this node: Model 'closed-form' has no file unet.pt2") and "lsbc export" in reason and "--formats pt2" in reason
    assert "finds no GPU through it" in chosen(full, UNUSABLE)[3]
    installed.discard("torch")
    assert "pip install 'lsbc[torch]'" in chosen(full, replace(UNUSABLE, problem="torch is not installed: pip install 'lsbc[torch]'"))[3]


def test_auto_finds_the_backend_that_has_the_precision(full, installed):
    assert chosen(full, NONE, precision="int8")[:3] == ("onnxruntime", "cpu", "int8")
    assert chosen(full, ONE, precision="int8")[:3] == ("onnxruntime", "cpu", "int8")
    assert chosen(full, NONE, precision="bfloat16")[:3] == ("openvino", "cpu", "bfloat16")
    installed.discard("openvino")
    assert chosen(full, NONE, precision="bfloat16")[:3] == ("torch", "cpu", "bfloat16")


def test_a_named_backend_takes_the_gpu_it_can_use_and_else_the_cpu(full):
    assert chosen(full, ONE, backend="torch")[:3] == ("torch", "cuda", "float16")
    assert chosen(full, NONE, backend="torch")[:3] == ("torch", "cpu", "float32")
    assert chosen(full, ONE, backend="torch", device="cpu")[:2] == ("torch", "cpu")
    assert chosen(full, ONE, backend="onnxruntime")[:3] == ("onnxruntime", "cpu", "float32")
    assert chosen(full, ONE, backend="torchscript")[:3] == ("torchscript", "cuda", "float32")
    assert chosen(full, ONE, backend="tensorrt")[:3] == ("tensorrt", "cuda", "float16")


@pytest.mark.parametrize(("gpus", "keys", "kind", "message"), [
    (NONE, {"device": "cuda"}, DeviceError, "finds no GPU: this node has no NVIDIA driver"),
    (UNUSABLE, {"device": "cuda"}, DeviceError, "finds no GPU: the node has an NVIDIA driver, but torch finds no GPU through it"),
    (NONE, {"backend": "tensorrt"}, DeviceError, "backend 'tensorrt' with device 'cuda' finds no GPU"),
    (NONE, {"precision": "float16"}, DeviceError, "finds no GPU"),
    (ONE, {"backend": "openvino", "precision": "float16"}, ConfigError, r"'float16' is not there with backend 'openvino' on a CPU, which has float32, bfloat16, int8"),
    (ONE, {"device": "cuda", "precision": "int8"}, ConfigError, "'int8' is not there with backend 'torch' on a GPU"),
    (ONE, {"backend": "openvino", "device": "cuda"}, ConfigError, "does not run on model.device = 'cuda'"),
    (ONE, {"precision": "tf32"}, ConfigError, "needs model.deterministic = false"),
])
def test_what_cannot_be_is_refused_with_the_reason(full, gpus, keys, kind, message):
    with pytest.raises(kind, match=message):
        choose(full, ModelConfig(**keys), gpus)


def test_tf32_goes_by_float16s_test_and_only_without_determinism(full):
    assert chosen(full, ONE, precision="tf32", deterministic=False)[:3] == ("torch", "cuda", "tf32")


@pytest.mark.parametrize(("backend", "line"), [("openvino", r"pip install 'lsbc\[openvino\]'"), ("onnxruntime", "pip install onnxruntime"),
                                               ("torch", r"pip install 'lsbc\[torch\]'")])
def test_a_named_backend_that_is_absent_is_told_with_its_command(full, installed, backend, line):
    installed.discard(BACKENDS[backend].module)
    with pytest.raises(StartupError, match=f"Backend '{backend}' needs the Python package '{BACKENDS[backend].package}', which is not installed: {line}"):
        choose(full, ModelConfig(backend=backend, device="cpu"), NONE)


def test_a_file_or_test_that_is_missing_is_told_with_the_command_that_makes_it(small, full):
    with pytest.raises(ModelError, match=r"no file unet\.pt2, which backend 'torch' needs for float32; .*lsbc export .* --formats pt2`"):
        choose(small, ModelConfig(backend="torch"), NONE)
    with pytest.raises(ModelError, match=r"no file unet\.int8\.onnx, which backend 'onnxruntime' needs for int8"):
        choose(small, ModelConfig(precision="int8", backend="onnxruntime"), NONE)
    with pytest.raises(ModelError, match=r"\[precision\.torch_float16\] with passed = true in its card, which has none"):
        choose(replace(full, card=small.card), ModelConfig(precision="float16"), ONE)


def test_gpus_are_looked_for_only_where_they_could_be_used(small, full):
    assert may_use_gpu(full, ModelConfig()) and may_use_gpu(full, ModelConfig(backend="tensorrt"))
    assert not may_use_gpu(small, ModelConfig()) and not may_use_gpu(full, ModelConfig(device="cpu")) and not may_use_gpu(full, ModelConfig(backend="openvino"))
