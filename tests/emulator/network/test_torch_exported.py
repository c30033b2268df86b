import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from lsbc.emulator.artefact import locate  # noqa: E402
from lsbc.emulator.network import load_network, torch_network  # noqa: E402
from lsbc.emulator.network.onnx_cpu import OnnxNetwork  # noqa: E402
from lsbc.emulator.network.torch_exported import TorchExportedNetwork  # noqa: E402
from lsbc.regrid.errors import DeviceError, ModelError  # noqa: E402

import network_cases  # noqa: E402


@pytest.fixture(scope="module")
def network(derived_model):
    return TorchExportedNetwork(derived_model, "cpu")


def test_it_computes_what_the_weights_compute_and_what_onnxruntime_computes(network, derived_model, tmp_path):
    from lsbc.training.export import read_weights

    batch = network_cases.noise(2, 96, 144)
    card = derived_model.card["network"]
    weights = read_weights(locate("shipped:bavaria30", tmp_path) / "weights.safetensors", len(derived_model.channels), card["base_width"], card["depth"])
    with torch.no_grad():
        expected = weights(torch.from_numpy(batch)).numpy()
    logits = network(batch)
    assert logits.shape == (2, 1, 8, 96, 144) and logits.flags.c_contiguous and logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    np.testing.assert_allclose(logits, OnnxNetwork(derived_model)(batch), atol=1e-4)


def test_forward_takes_and_gives_tensors_of_its_type(network):
    batch = network_cases.noise(1, 96, 96)
    channels = torch.from_numpy(batch).to(network.torch_device, network.dtype).to(memory_format=torch.channels_last)
    logits = network.forward(channels)
    assert logits.dtype == network.dtype == torch.float32 and network.torch_device == torch.device("cpu") and not logits.requires_grad
    assert np.array_equal(logits.numpy(), network(batch))


def test_the_bits_of_a_cell_hang_on_its_surroundings_alone(network, derived_model):
    network_cases.check_neighbours_in_a_batch(network)
    network_cases.check_context(network)
    batch = network_cases.noise(1, 96, 96)
    assert np.array_equal(TorchExportedNetwork(derived_model, "cpu")(batch), network(batch))


def test_bfloat16_rounds_a_little_and_keeps_to_the_same_rules(network, derived_model):
    half = TorchExportedNetwork(derived_model, "cpu", "bfloat16")
    batch = network_cases.noise(1, 144, 144)
    exact = network(batch).copy()
    assert half.dtype == torch.bfloat16 and 0.0 < np.abs(half(batch) - exact).max() < 0.05 * np.ptp(exact)
    network_cases.check_neighbours_in_a_batch(half)
    network_cases.check_context(half)


def test_torchs_own_settings_are_left_as_they_were(derived_model):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        flags = (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32)
        network = TorchExportedNetwork(derived_model, "cpu")
        network(network_cases.noise(1, 96, 96))
        assert torch.get_num_threads() == 2 and not torch.are_deterministic_algorithms_enabled()
        assert flags == (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32)
    finally:
        torch.set_num_threads(before)


def float64_by_default():
    torch.set_default_dtype(torch.float64)


def float32_in_bfloat16():
    torch.set_float32_matmul_precision("medium")
    torch.backends.mkldnn.conv.fp32_precision = "bf16"


@pytest.mark.parametrize("chosen_by_host", [float64_by_default, float32_in_bfloat16])
def test_what_the_host_chose_for_its_own_torch_changes_no_bit(network, derived_model, chosen_by_host):
    batch = network_cases.noise(1, 96, 96)
    expected, mkldnn = network(batch).copy(), torch.backends.mkldnn
    before = torch.get_default_dtype(), torch.get_float32_matmul_precision(), mkldnn.conv.fp32_precision
    try:
        chosen_by_host()
        chosen = torch.get_default_dtype(), torch.get_float32_matmul_precision(), mkldnn.conv.fp32_precision, mkldnn.matmul.fp32_precision
        with torch.autocast("cpu", dtype=torch.bfloat16):
            other = TorchExportedNetwork(derived_model, "cpu")
            assert other.buffer(1, 8, 8).dtype == np.float32 and other(batch).tobytes() == expected.tobytes()
        assert chosen == (torch.get_default_dtype(), torch.get_float32_matmul_precision(), mkldnn.conv.fp32_precision, mkldnn.matmul.fp32_precision)
    finally:
        torch.set_default_dtype(before[0])
        torch.set_float32_matmul_precision(before[1])
        mkldnn.conv.fp32_precision = before[2]


@pytest.mark.parametrize("by_host", [("allow_tf32", False), ("allow_tf32", True), ("conv", "ieee")])
def test_cudnns_flags_are_set_by_precision_and_left_as_the_host_set_them(by_host):
    cudnn, (name, value) = torch.backends.cudnn, by_host
    first = cudnn.conv.fp32_precision
    if name == "conv":
        cudnn.conv.fp32_precision = value
    else:
        cudnn.allow_tf32 = value
    before = (cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision)
    try:
        for deterministic, tf32 in ((True, False), (False, True)):
            with torch_network.cudnn_settings(torch, deterministic, tf32):
                assert (cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision) == (deterministic, not deterministic, "tf32" if tf32 else "ieee")
            assert (cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision) == before
    finally:
        cudnn.conv.fp32_precision = "none"
        cudnn.allow_tf32 = True
        assert cudnn.conv.fp32_precision == first


def test_only_tf32_is_not_deterministic(derived_model):
    assert TorchExportedNetwork(derived_model, "cpu").deterministic
    assert not TorchExportedNetwork(derived_model, "cpu", "tf32").deterministic


def test_a_full_device_says_what_to_lower(network, monkeypatch):
    def full(_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(network, "_run", full)
    with pytest.raises(DeviceError, match=r"cpu is out of memory for a batch of shape \(1, 31, 96, 96\) \(.*\): lower model\.batch or model\.window_cells"):
        network(network_cases.noise(1, 96, 96))


@pytest.mark.parametrize(("error", "message"), [
    (torch.AcceleratorError("CUDA error: out of memory"), "is out of memory for a batch of shape .*: lower model"),
    (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "is out of memory for a batch of shape .*: lower model"),
    (torch.AcceleratorError("CUDA error: all CUDA-capable devices are busy or unavailable"), "failed at a batch of shape .*: CUDA error: all CUDA-capable devices")])
def test_whatever_way_a_device_fails_it_is_a_device_error(network, monkeypatch, error, message):
    def failing(_):
        raise error

    monkeypatch.setattr(network, "_run", failing)
    with pytest.raises(DeviceError, match=message):
        network(network_cases.noise(1, 96, 96))


def test_a_defect_is_no_device_error(network, monkeypatch):
    def failing(_):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(network, "_run", failing)
    with pytest.raises(RuntimeError, match="^shape mismatch$"):
        network(network_cases.noise(1, 96, 96))


@pytest.mark.parametrize(("error", "message"), [
    (torch.AcceleratorError("CUDA error: out of memory\nmore"), "cpu is out of memory for the weights of model 'bavaria30': CUDA error: out of memory.$"),
    (torch.AcceleratorError("CUDA error: no kernel image is available"), "cpu failed at the weights of model 'bavaria30': CUDA error: no kernel")])
def test_weights_that_do_not_reach_the_device_are_a_device_error(derived_model, monkeypatch, error, message):
    def failing(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(torch.nn.Module, "to", failing)
    with pytest.raises(DeviceError, match=message):
        load_network(derived_model, "torch", "cpu")


def test_a_truncated_program_is_refused_before_it_is_loaded(derived_model, tmp_path):
    import shutil

    from lsbc.emulator.artefact import read_artefact

    shutil.copytree(derived_model.directory, tmp_path / "model")
    path = tmp_path / "model" / "unet.pt2"
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"unet\.pt2 has sha256 .* \(100000 bytes\)"):
        TorchExportedNetwork(read_artefact(tmp_path / "model"), "cpu")
