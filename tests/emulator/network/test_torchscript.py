import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from lsbc.emulator.network import torchscript  # noqa: E402
from lsbc.emulator.network.onnx_cpu import OnnxNetwork  # noqa: E402
from lsbc.emulator.network.torchscript import TorchScriptNetwork  # noqa: E402
from lsbc.regrid.errors import StartupError  # noqa: E402

import network_cases  # noqa: E402

if not hasattr(torch.jit, "load"):
    pytest.skip("this torch has no TorchScript any more", allow_module_level=True)


@pytest.fixture(scope="module")
def network(derived_model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return TorchScriptNetwork(derived_model, "cpu")


def test_it_computes_what_onnxruntime_computes(network, derived_model):
    batch = network_cases.noise(2, 96, 144)
    np.testing.assert_allclose(network(batch), OnnxNetwork(derived_model)(batch), atol=1e-4)
    assert (network.backend, network.model_file, network.precision) == ("torchscript", "unet.ts.pt", "float32")


def test_no_call_warns_and_every_call_gives_the_same_bits(network):
    batch = network_cases.noise(1, 96, 96)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = network(batch).copy()
        assert all(np.array_equal(network(batch), first) for _ in range(6))


def test_the_bits_of_a_cell_hang_on_its_surroundings_alone(network, derived_model):
    network_cases.check_neighbours_in_a_batch(network)
    network_cases.check_context(network)
    batch = network_cases.noise(1, 96, 96)
    assert np.array_equal(TorchScriptNetwork(derived_model, "cpu")(batch), network(batch))


def test_pythons_that_torchscript_does_not_support_are_told_what_to_use(derived_model, monkeypatch):
    monkeypatch.setattr(torchscript, "LAST_PYTHON", (3, 9))
    with pytest.raises(StartupError, match=r"needs Python 3\.9 or older .* Use backend 'torch' with unet\.pt2"):
        TorchScriptNetwork(derived_model, "cpu")


def test_a_torch_without_torchscript_is_told_too(derived_model, monkeypatch):
    monkeypatch.delattr(torch.jit, "load")
    with pytest.raises(StartupError, match="a torch that still has TorchScript"):
        TorchScriptNetwork(derived_model, "cpu")
