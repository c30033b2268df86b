import os
import subprocess
import sys

import numpy as np
import pytest

from lsbc.emulator.artefact import locate, read_artefact
from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.emulator.network import load_network
from lsbc.emulator.network.onnx_cpu import OnnxNetwork
from lsbc.regrid.errors import ModelError

import case
import network_cases


@pytest.fixture(scope="module")
def shipped():
    return OnnxNetwork(read_artefact(locate("shipped:bavaria30", None)))


def test_the_network_reads_its_buffer_and_gives_the_closed_form(tmp_path):
    network = OnnxNetwork(read_artefact(case.write_artefact(tmp_path)))
    batch = network.buffer(1, 64, 64)
    batch[...] = 0.0
    batch[0, CHANNEL_NAMES.index("prior.forest"), 10, 20] = 1.0
    batch[0, CHANNEL_NAMES.index("delta.urban"), 30, 30] = 0.5
    logits = network(batch)
    assert (network.backend, network.device, network.precision, network.fixed_window) == ("onnxruntime", "cpu", "float32", None)
    assert logits.shape == (1, 1, 8, 64, 64) and network.versions.startswith("onnxruntime 1.")
    assert logits[0, 0, 4, 10, 20] == case.ITSELF and logits[0, 0, 4, 11, 21] == case.NEIGHBOUR and logits[0, 0, 4, 12, 20] == 0.0
    assert logits[0, 0, 1, 30, 30] == 0.5 * case.CHANGE


def test_a_whole_batch_is_the_convolution_that_numpy_computes(tmp_path):
    import onnx

    folder = case.write_artefact(tmp_path)
    kernel = onnx.numpy_helper.to_array(onnx.load(str(folder / "unet.onnx")).graph.initializer[0])
    batch = network_cases.noise(2, 20, 36)
    np.testing.assert_allclose(OnnxNetwork(read_artefact(folder))(batch)[:, 0], network_cases.convolution(batch, kernel), rtol=1e-5, atol=1e-4)


def test_the_bits_of_a_cell_hang_on_its_surroundings_alone(shipped):
    network_cases.check_neighbours_in_a_batch(shipped)
    network_cases.check_context(shipped)
    batch = network_cases.noise(1, 96, 96)
    assert np.array_equal(OnnxNetwork(read_artefact(locate("shipped:bavaria30", None)))(batch), shipped(batch))


def test_int8_reads_its_own_file_and_keeps_to_the_same_rules(quantised_model, shipped):
    network = OnnxNetwork(quantised_model, "int8")
    assert (network.model_file, network.precision) == ("unet.int8.onnx", "int8")
    batch = network_cases.noise(1, 144, 144)
    exact = shipped(batch).copy()
    assert 0.0 < np.abs(network(batch) - exact).max() < 0.1 * np.ptp(exact)
    network_cases.check_neighbours_in_a_batch(network)
    network_cases.check_context(network)


def test_memory_does_not_grow_with_the_number_of_window_sizes(tmp_path):
    code = ("import sys; from lsbc.emulator.artefact import locate, read_artefact; from lsbc.emulator.network.onnx_cpu import OnnxNetwork\n"
            "def used(): return int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6\n"
            "network = OnnxNetwork(read_artefact(locate('shipped:bavaria30', None)))\n"
            "def run(rows, columns): batch = network.buffer(1, rows, columns); batch[...] = 0.5; network(batch)\n"
            "run(240, 240); first = used()\n"
            "for k in range(20): run(96 + 8 * (k % 5), 96 + 24 * (k // 5))\n"
            "run(240, 240); print(first, used())")
    if not sys.platform.startswith("linux"):
        pytest.skip("memory is read from /proc")
    first, after = map(float, subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert after < first + 20.0


def test_a_network_with_other_channels_than_its_card_is_refused(tmp_path):
    case.write_artefact(tmp_path, channels=CHANNEL_NAMES[:-1])
    case.write_card(tmp_path)
    with pytest.raises(ModelError, match=f"takes {len(CHANNEL_NAMES) - 1} channels, its card lists {len(CHANNEL_NAMES)}"):
        load_network(read_artefact(tmp_path))


def test_a_network_with_too_few_classes_is_refused(tmp_path):
    case.write_artefact(tmp_path, n_class=7)
    with pytest.raises(ModelError, match="closed-form"):
        load_network(read_artefact(tmp_path))


@pytest.mark.parametrize("content", [b"no network", b""])
def test_a_file_that_is_no_network_is_refused(tmp_path, content):
    case.write_artefact(tmp_path)
    (tmp_path / "unet.onnx").write_bytes(content)
    case.write_card(tmp_path)
    with pytest.raises(ModelError, match="does not run with onnxruntime"):
        load_network(read_artefact(tmp_path))


def test_a_truncated_file_is_refused_before_it_is_loaded(tmp_path):
    artefact = read_artefact(case.write_artefact(tmp_path))
    (tmp_path / "unet.onnx").write_bytes((tmp_path / "unet.onnx").read_bytes()[:-1])
    with pytest.raises(ModelError, match="sha256"):
        load_network(artefact)


def test_the_cpu_path_never_imports_torch(tmp_path):
    case.write_artefact(tmp_path)
    code = ("import sys; from pathlib import Path; from lsbc.emulator.artefact import read_artefact; from lsbc.emulator.network import load_network; "
            f"load_network(read_artefact(Path({str(tmp_path)!r}))); import lsbc.emulator.component; print('torch' in sys.modules, 'matplotlib' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["False", "False"]


def test_nothing_is_left_in_the_home_directory(tmp_path):
    home, model = tmp_path / "home", case.write_artefact(tmp_path / "model")
    home.mkdir()
    code = (f"from pathlib import Path\nfrom lsbc.emulator.artefact import read_artefact\nfrom lsbc.emulator.network import load_network\n"
            f"load_network(read_artefact(Path({str(model)!r})), 'onnxruntime', 'cpu')\n")
    environment = {name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")}
    subprocess.run([sys.executable, "-c", code], check=True, env={**environment, "HOME": str(home)})
    assert [str(path.relative_to(home)) for path in home.rglob("*")] == []
