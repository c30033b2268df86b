import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("openvino", reason="openvino is not installed")

from lsbc.emulator.artefact import locate, read_artefact  # noqa: E402
from lsbc.emulator.channels import CHANNEL_NAMES  # noqa: E402
from lsbc.emulator.network.onnx_cpu import OnnxNetwork  # noqa: E402
from lsbc.emulator.network.openvino import OpenvinoNetwork  # noqa: E402
from lsbc.regrid.errors import DeviceError, ModelError  # noqa: E402

import case  # noqa: E402
import network_cases  # noqa: E402


@pytest.fixture(scope="module")
def shipped():
    return read_artefact(locate("shipped:bavaria30", None))


def test_a_whole_batch_is_the_convolution_that_numpy_computes(tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    folder = case.write_artefact(tmp_path)
    kernel = onnx.numpy_helper.to_array(onnx.load(str(folder / "unet.onnx")).graph.initializer[0])
    batch = network_cases.noise(2, 20, 36)
    np.testing.assert_allclose(OpenvinoNetwork(read_artefact(folder))(batch)[:, 0], network_cases.convolution(batch, kernel), rtol=1e-5, atol=1e-4)


def test_a_cpu_that_has_no_bfloat16_is_told_and_not_given_something_else(shipped, monkeypatch):
    import openvino

    monkeypatch.setattr(openvino.CompiledModel, "get_property", lambda self, name: openvino.Type.f32)
    with pytest.raises(DeviceError, match="OpenVINO computes in .* where bfloat16 is asked for"):
        OpenvinoNetwork(shipped, "bfloat16")


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.5)])
def test_it_computes_what_onnxruntime_computes_and_a_cells_bits_hang_on_its_surroundings_alone(shipped, precision, tolerance):
    try:
        network = OpenvinoNetwork(shipped, precision)
    except DeviceError as error:
        pytest.skip(str(error))
    batch = network_cases.noise(1, 144, 144)
    assert np.abs(network(batch) - OnnxNetwork(shipped)(batch)).max() < tolerance
    network_cases.check_neighbours_in_a_batch(network)
    network_cases.check_context(network)
    again = OpenvinoNetwork(shipped, precision)
    assert np.array_equal(again(batch), network(batch))
    assert (network.backend, network.precision, network.fixed_window) == ("openvino", precision, None) and network.versions.startswith("openvino 20")


def test_int8_reads_its_own_file_and_keeps_to_the_same_rules(quantised_model):
    network = OpenvinoNetwork(quantised_model, "int8")
    assert network.model_file == "unet.int8.onnx"
    network_cases.check_neighbours_in_a_batch(network)
    network_cases.check_context(network)


def test_a_network_with_other_channels_than_its_card_is_refused(tmp_path):
    case.write_artefact(tmp_path, channels=CHANNEL_NAMES[:-1])
    case.write_card(tmp_path)
    with pytest.raises(ModelError, match=f"takes {len(CHANNEL_NAMES) - 1} channels, its card lists {len(CHANNEL_NAMES)}"):
        OpenvinoNetwork(read_artefact(tmp_path))


def test_its_import_reports_nothing_to_its_maker(tmp_path):
    code = ("import sys; from lsbc.emulator.artefact import locate, read_artefact; from lsbc.emulator.network.openvino import OpenvinoNetwork\n"
            "OpenvinoNetwork(read_artefact(locate('shipped:bavaria30', None)))\n"
            "print([name for name in sys.modules if name.startswith('openvino_telemetry')])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"HOME": str(tmp_path), "PATH": ""})
    assert done.stdout.strip() == "[]" and not any(tmp_path.iterdir())
