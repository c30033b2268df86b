"""lsbc.training.runtimes: each runtime computes the network it was given; what is missing here is said, not guessed."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from lsbc.training import export_checks, formats, runtimes  # noqa: E402
from lsbc.training.precision import random_tiles  # noqa: E402
from lsbc.training.predict import torch_network  # noqa: E402
from lsbc.training.unet import UNet, fold_batch_norm  # noqa: E402

MAKE = {formats.ONNX: formats.onnx_bytes, formats.PT2: formats.exported_program_bytes, formats.TORCHSCRIPT: formats.torchscript_bytes}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(6)
    return fold_batch_norm(UNet(3, 8, 8, 1).eval())


@pytest.mark.parametrize("setting", [setting for setting in runtimes.SETTINGS if setting.precision != "int8"], ids=lambda setting: setting.name)
def test_a_setting_computes_the_network_to_its_precision(setting, network):
    if not setting.installed:
        pytest.skip(f"{setting.backend} is not installed")
    x = np.random.default_rng(2).standard_normal((2, 3, 16, 24)).astype(np.float32)
    expected = torch_network(network)(x)
    try:
        got = setting.load(MAKE[setting.file](network), setting.precision)(x)
    except runtimes.NotHere as missing:
        pytest.skip(str(missing))
    assert got.dtype == np.float32 and got.shape == expected.shape
    error, room = np.abs(got - expected).max() / np.abs(expected).max(), {"float32": 1e-5, "float16": 2e-3, "bfloat16": 2e-2}[setting.precision]
    assert error < room and (setting.precision == "float32" or error > 1e-6)


def test_a_precision_that_this_machine_lacks_gets_no_table(network, monkeypatch):
    def load(content, precision):
        raise runtimes.NotHere("this CPU has no bfloat16")

    first, second = runtimes.settings_of(formats.PT2)[:2]
    monkeypatch.setattr(export_checks, "settings_of", lambda file: (first, runtimes.Setting(second.backend, second.precision, file, load)))
    checks = export_checks.Checks(torch_network(network), random_tiles(3, 12, 96), 1)
    assert checks.judge(formats.PT2, formats.exported_program_bytes(network)) == ""
    assert set(checks.tables) == {"torch_float32"} and checks.failed == []


def test_a_library_that_is_not_installed_is_not_asked(monkeypatch):
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None if name == "openvino" else object())
    assert [setting.name for setting in runtimes.settings_of(formats.ONNX)] == ["onnxruntime_float32"]
