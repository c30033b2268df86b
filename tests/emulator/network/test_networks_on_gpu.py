"""The torch networks on a GPU: needs one, and is skipped where there is none."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from lsbc.emulator.config import ModelConfig  # noqa: E402
from lsbc.emulator.network import load_network, network_for  # noqa: E402
from lsbc.emulator.network.onnx_cpu import OnnxNetwork  # noqa: E402
from lsbc.regrid.comm import SerialComm  # noqa: E402
from lsbc.regrid.errors import StartupError  # noqa: E402

import network_cases  # noqa: E402

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")


@pytest.fixture(scope="module")
def wanted(derived_model):
    return OnnxNetwork(derived_model)(network_cases.noise(2, 96, 144)).copy()


@pytest.mark.parametrize(("backend", "precision", "tolerance"), [
    ("torch", "float32", 1e-4), ("torch", "tf32", 0.1), ("torch", "float16", 0.1), ("torchscript", "float32", 1e-4)])
def test_every_precision_is_as_near_as_its_rounding_lets_it(derived_model, wanted, backend, precision, tolerance):
    flags = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark, torch.backends.cudnn.conv.fp32_precision
    network = load_network(derived_model, backend, "cuda", precision, deterministic=precision != "tf32")
    assert network.device == "cuda:0" and np.abs(network(network_cases.noise(2, 96, 144)) - wanted).max() < tolerance
    assert flags == (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark, torch.backends.cudnn.conv.fp32_precision)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_calls_before_and_with_a_graph_and_in_a_second_instance_give_the_same_bits(derived_model, precision):
    network = load_network(derived_model, "torch", "cuda", precision)
    batch = torch.from_numpy(network_cases.noise(2, 96, 144)).to(network.torch_device, network.dtype)
    channels = torch.empty(batch.shape, dtype=network.dtype, device=network.torch_device, memory_format=torch.channels_last)
    results = []
    for k in range(6):
        channels.copy_(batch if k % 2 == 0 else batch.flip(0))
        results.append(network.forward(channels).cpu())
    assert len(network._run._graphs) == 1
    assert all(torch.equal(result, results[k % 2]) for k, result in enumerate(results)) and torch.equal(results[1].flip(0), results[0])
    again = load_network(derived_model, "torch", "cuda", precision)
    channels.copy_(batch)
    assert torch.equal(again.forward(channels).cpu(), results[0])


def test_auto_takes_the_gpu(derived_model):
    network = load_network(derived_model)
    assert (network.backend, network.device, network.precision) == ("torch", "cuda:0", "float16") and "cuDNN" in network.versions


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("float16", 0.1)])
def test_a_tensorrt_engine_computes_the_same_and_is_kept(derived_model, tmp_path, precision, tolerance):
    model = ModelConfig(backend="tensorrt", precision=precision, cache=tmp_path, batch=1)
    try:
        network = network_for(SerialComm(), derived_model, model).network
    except StartupError as error:
        pytest.skip(str(error))
    batch = network_cases.noise(1, derived_model.window, derived_model.window)
    assert np.abs(network(batch) - OnnxNetwork(derived_model)(batch)).max() < tolerance
    first = network(batch).copy()
    assert np.array_equal(network_for(SerialComm(), derived_model, model).network(batch), first) and len(list(tmp_path.glob("*.engine"))) == 1
