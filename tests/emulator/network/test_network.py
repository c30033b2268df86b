import subprocess
import sys

import numpy as np
import pytest

from lsbc.emulator.artefact import read_artefact
from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.emulator.network import load_network
from lsbc.regrid.errors import DeviceError, ModelError

import case


def test_the_network_reads_its_buffer_and_gives_the_closed_form(tmp_path):
    network = load_network(read_artefact(case.write_artefact(tmp_path)))
    batch = network.buffer(1, 64, 64)
    batch[...] = 0.0
    batch[0, CHANNEL_NAMES.index("prior.forest"), 10, 20] = 1.0
    batch[0, CHANNEL_NAMES.index("delta.urban"), 30, 30] = 0.5
    logits = network(batch)
    assert (network.backend, network.device, logits.shape) == ("onnxruntime", "cpu", (1, 1, 8, 64, 64))
    assert logits[0, 0, 4, 10, 20] == case.ITSELF and logits[0, 0, 4, 11, 21] == case.NEIGHBOUR and logits[0, 0, 4, 12, 20] == 0.0
    assert logits[0, 0, 1, 30, 30] == 0.5 * case.CHANGE


def test_a_network_with_other_channels_than_its_card_is_refused(tmp_path):
    case.write_artefact(tmp_path, channels=CHANNEL_NAMES[:-1])
    case.write_card(tmp_path)
    with pytest.raises(ModelError, match=f"takes {len(CHANNEL_NAMES) - 1} channels, its card lists {len(CHANNEL_NAMES)}"):
        load_network(read_artefact(tmp_path))


def test_a_network_with_too_few_classes_is_refused(tmp_path):
    case.write_artefact(tmp_path, n_class=7)
    with pytest.raises(ModelError, match="closed-form"):
        load_network(read_artefact(tmp_path))


def test_a_file_that_is_no_network_is_refused(tmp_path):
    case.write_artefact(tmp_path)
    (tmp_path / "unet.onnx").write_bytes(b"no network")
    case.write_card(tmp_path)
    with pytest.raises(ModelError, match="does not run with onnxruntime"):
        load_network(read_artefact(tmp_path))


def test_asking_for_a_gpu_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DeviceError, match="needs a CUDA GPU"):
        load_network(read_artefact(case.write_artefact(tmp_path)), device="cuda")


def test_the_cpu_path_never_imports_torch(tmp_path):
    case.write_artefact(tmp_path)
    code = ("import sys; from pathlib import Path; from lsbc.emulator.artefact import read_artefact; from lsbc.emulator.network import load_network; "
            f"load_network(read_artefact(Path({str(tmp_path)!r}))); import lsbc.emulator.component; print('torch' in sys.modules, 'matplotlib' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["False", "False"]


def test_the_exported_program_agrees_with_onnx_on_the_shipped_model(tmp_path):
    pytest.importorskip("torch", reason="torch is not installed")
    from lsbc.emulator.artefact import locate
    from lsbc.training.export import derive_formats
    shipped = read_artefact(locate("shipped:bavaria30", tmp_path))
    other = read_artefact(derive_formats(shipped.directory, tmp_path / "more", ("pt2",)).parent)
    first, second = load_network(shipped, "onnxruntime"), load_network(other, "torch")
    noise = np.random.default_rng(0).random((1, len(shipped.channels), 336, 336), np.float32)
    assert np.abs(first(noise) - second(noise)).max() < 1e-3
