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


def unwritten(setting, network):
    return runtimes.Unwritten(MAKE[setting.file](network), (None,) * 3, 8, network.n_step)


@pytest.mark.parametrize("n_step", [1, 2])
@pytest.mark.parametrize("setting", [setting for setting in runtimes.SETTINGS if setting.precision != "int8"], ids=lambda setting: setting.name)
def test_a_setting_computes_the_network_to_its_precision(setting, n_step):
    if runtimes.BACKENDS[setting.backend].version is None:
        pytest.skip(f"{setting.backend} is not installed")
    torch.manual_seed(6)
    network = fold_batch_norm(UNet(3, 8, 8, 1, n_step).eval())
    x = np.random.default_rng(2).standard_normal((2, 3, 16, 24)).astype(np.float32)
    expected = torch_network(network)(x)
    try:
        loaded = setting.load(unwritten(setting, network), setting.precision)
        run = runtimes.as_function(loaded)
        got = run(x)
    except runtimes.NotHere as missing:
        pytest.skip(str(missing))
    run(2 * x)
    assert loaded.precision == setting.precision and setting.backend in (loaded.backend, "torchscript")
    assert got.dtype == np.float32 and got.shape == expected.shape == (2, n_step, 8, 16, 24)
    error, room = np.abs(got - expected).max() / np.abs(expected).max(), {"float32": 1e-5, "float16": 2e-3, "bfloat16": 2e-2}[setting.precision]
    assert error < room and (setting.precision == "float32" or error > 1e-6)


def test_a_precision_that_this_machine_lacks_gets_no_table(network, monkeypatch):
    def load(artefact, precision):
        raise runtimes.NotHere("this CPU has no bfloat16")

    first, second = runtimes.settings_of(formats.PT2)[:2]
    monkeypatch.setattr(export_checks, "settings_of", lambda file: (first, runtimes.Setting(second.backend, second.precision, file, load)))
    checks = export_checks.Checks(torch_network(network), random_tiles(3, 12, 96), 1)
    assert checks.judge(formats.PT2, formats.exported_program_bytes(network)) == ""
    assert set(checks.tables) == {"torch_float32"} and checks.failed == []


def test_what_torch_has_not_implemented_is_told_from_other_failures():
    class Broken:
        versions = "torch 9"

        def __init__(self, message):
            self.message = message

        def __call__(self, batch):
            raise RuntimeError(self.message)

    with pytest.raises(runtimes.NotHere, match="torch 9: conv not implemented for 'Half'"):
        runtimes.as_function(Broken("conv not implemented for 'Half'"))(np.zeros(1))
    with pytest.raises(RuntimeError, match="sizes differ"):
        runtimes.as_function(Broken("sizes differ"))(np.zeros(1))


def test_a_library_that_is_not_installed_is_not_asked(monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr(runtimes, "BACKENDS", runtimes.BACKENDS | {"openvino": replace(runtimes.BACKENDS["openvino"], module="no_such_module")})
    assert [setting.name for setting in runtimes.settings_of(formats.ONNX)] == ["onnxruntime_float32"]
