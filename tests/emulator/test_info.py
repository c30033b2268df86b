from dataclasses import replace

import onnxruntime

from lsbc.emulator import backends, info
from lsbc.emulator.artefact import locate, read_artefact
from lsbc.emulator.devices import Gpus


def line(text, start):
    found, = (line for line in text.splitlines() if line.startswith(start))
    return found


def test_each_backend_is_told_with_its_version_or_how_to_get_it_and_its_precisions(monkeypatch):
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: object() if name == "onnxruntime" else None)
    text = info.describe()
    assert line(text, "  onnxruntime").split() == ["onnxruntime", onnxruntime.__version__, "CPU:", "float32,", "int8"]
    assert "not installed: pip install 'lsbc[tensorrt]' " in line(text, "  tensorrt") and line(text, "  tensorrt").endswith("GPU: float16, float32")


def test_the_cpu_and_every_gpu_are_told(monkeypatch):
    monkeypatch.setattr(info, "find_gpus", lambda: Gpus(("NVIDIA H200", "NVIDIA A100")))
    monkeypatch.setattr(info, "cpu_instruction_sets", lambda: ("x86_64", "avx2"))
    text = info.describe()
    assert line(text, "  CPU").split() == ["CPU", "x86_64", "avx2"] and line(text, "  cuda:1").endswith(" NVIDIA A100")
    monkeypatch.setattr(info, "find_gpus", lambda: Gpus(problem="this node has no NVIDIA driver"))
    assert line(info.describe(), "  no GPU").endswith("this node has no NVIDIA driver")


def test_a_model_is_told_with_what_its_card_allows():
    artefact = read_artefact(locate("shipped:bavaria30", None))
    more = replace(artefact, files={"unet.onnx": "", "unet.int8.onnx": "", "unet.pt2": ""},
                   card=artefact.card | {"precision": {"onnxruntime_int8": {"passed": True}, "torch_float16": {"passed": False}}})
    assert info._admitted(more) == "onnxruntime float32, int8; torch float32; tensorrt float32; openvino float32"
