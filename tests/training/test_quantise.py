"""lsbc.training.quantise: integer convolutions where they are wanted, the same bytes each time, nearly the same numbers."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")

from lsbc.training.formats import onnx_bytes  # noqa: E402
from lsbc.training.quantise import float_layers, quantised_bytes  # noqa: E402
from lsbc.training.runtimes import onnxruntime_network  # noqa: E402
from lsbc.training.unet import UNet, fold_batch_norm  # noqa: E402


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(4)
    return onnx_bytes(fold_batch_norm(UNet(3, 8, 8, 1).eval()))


@pytest.fixture(scope="module")
def tiles():
    return np.random.default_rng(5).standard_normal((4, 3, 32, 32)).astype(np.float32)


def int8_convolutions(model):
    """Names of convolutions whose weights come from a dequantised int8 tensor."""
    graph = onnx.load_from_string(model).graph
    dequantised = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    int8 = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT8}
    return {node.name for node in graph.node if node.op_type == "Conv" and dequantised.get(node.input[1]) in int8}


def test_the_first_stage_and_the_head_stay_in_float32(model, tiles):
    few, many = float_layers(model)
    every = {node.name for node in onnx.load_from_string(model).graph.node if node.op_type == "Conv"}
    assert few == ("/down.0/down.0.0/Conv", "/down.0/down.0.3/Conv", "/head/Conv") and set(many) - set(few) == {"/up.0/up.0.0/Conv", "/up.0/up.0.3/Conv"}
    assert int8_convolutions(quantised_bytes(model, tiles, few)) == every - set(few)


def test_the_same_tiles_give_the_same_bytes_and_others_do_not(model, tiles):
    few, _ = float_layers(model)
    first = quantised_bytes(model, tiles, few)
    assert quantised_bytes(model, tiles, few) == first
    assert quantised_bytes(model, 2 * tiles, few) != first


def test_weights_have_one_scale_per_output_channel_and_seven_bits(model, tiles):
    graph = onnx.load_from_string(quantised_bytes(model, tiles, float_layers(model)[0])).graph
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4]
    assert weights and all(np.abs(weight.astype(int)).max() <= 64 for weight in weights)
    assert all((np.abs(weight.astype(int)).max(axis=(1, 2, 3)) >= 63).all() for weight in weights)


def test_the_numbers_stay_close(model, tiles):
    expected = onnxruntime_network(model)(tiles)
    got = onnxruntime_network(quantised_bytes(model, tiles, float_layers(model)[0]))(tiles)
    assert 0 < np.abs(expected - got).max() < 0.05 * np.abs(expected).max()
