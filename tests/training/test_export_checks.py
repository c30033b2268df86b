"""lsbc.training.export_checks: networks that see the whole tile or lie about their lattice are refused, and the message names what was seen."""

import io
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from torch import nn  # noqa: E402

from lsbc.regrid.errors import ModelError  # noqa: E402
from lsbc.training.export_checks import Checks, measured_halo  # noqa: E402
from lsbc.training.formats import INPUT, ONNX, OUTPUT, PT2, exported_program_bytes, onnx_bytes  # noqa: E402
from lsbc.training.precision import random_tiles  # noqa: E402
from lsbc.training.predict import torch_network  # noqa: E402
from lsbc.training.unet import UNet, fold_batch_norm  # noqa: E402


class SqueezeExcite(nn.Module):
    """Each channel times a number that the mean of every channel over the tile gives."""

    def __init__(self):
        super().__init__()
        self.pool, self.gate = nn.AdaptiveAvgPool2d(1), nn.Sequential(nn.Conv2d(4, 4, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.gate(self.pool(x))


class SelfAttention(nn.Module):
    """Every cell looks at every cell of the tile."""

    def forward(self, x):
        flat = x.flatten(2)
        return (flat @ torch.softmax(flat.transpose(1, 2) @ flat, dim=-1)).view_as(x)


def model(*layers, size=32):
    """A 3x3 convolution and then `layers`, as ONNX that takes tiles of any size."""
    torch.manual_seed(1)
    buffer, network = io.BytesIO(), nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), *layers).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.zeros(1, 2, size, size),), buffer, dynamo=False, opset_version=18, input_names=[INPUT], output_names=[OUTPUT],
                          dynamic_axes={name: {2: "row", 3: "column"} for name in (INPUT, OUTPUT)})
    return buffer.getvalue()


def test_a_plain_convolution_reaches_one_cell():
    assert measured_halo(model(), 2, 0) == 1


def test_pooling_down_and_up_has_the_lattice_of_its_depth():
    pooled = model(nn.MaxPool2d(2), nn.Upsample(scale_factor=2), nn.Conv2d(4, 4, 3, padding=1))
    assert measured_halo(pooled, 2, 1) == 4
    with pytest.raises(ModelError, match="same bits for windows 2 rows or 2 columns apart; its depth of pooling says 4"):
        measured_halo(pooled, 2, 2)


@pytest.mark.parametrize(("layer", "seen"), [
    (nn.InstanceNorm2d(4), r"InstanceNormalization \(instance norm, node "),
    (nn.GroupNorm(2, 4), r"(Group|Instance)Normalization \((group|instance) norm, node "),
    (SqueezeExcite(), r"GlobalAveragePool \(global pooling, as in squeeze-and-excite, node "),
], ids=["instance norm", "group norm", "squeeze-excite"])
def test_layers_that_see_the_whole_tile_are_refused_by_name(layer, seen):
    with pytest.raises(ModelError, match=rf"sees beyond 64 cells; tiles of it cannot be exact\. Its graph has {seen}"):
        measured_halo(model(layer), 2, 0)


def test_attention_is_refused_by_name():
    from lsbc.training.whole_tile import whole_tile_operators

    found = whole_tile_operators(model(SelfAttention(), size=8))
    assert [name.partition(" ")[0] for name in found] == ["MatMul", "Softmax"]


def test_a_unet_has_no_operator_of_the_whole_tile():
    from lsbc.training.whole_tile import whole_tile_operators

    assert whole_tile_operators(onnx_bytes(fold_batch_norm(UNet(3, 8, 4, 1).eval()))) == []


def test_a_file_of_another_network_is_not_written():
    torch.manual_seed(2)
    first, second = (fold_batch_norm(UNet(3, 8, 4, 1).eval()) for _ in range(2))
    checks = Checks(torch_network(first), random_tiles(3, 12, 96), 1, only_float32=True)
    assert checks.judge(ONNX, onnx_bytes(first)) == "" and checks.tables["onnxruntime_float32"]["passed"] and checks.failed == []
    why = checks.judge(PT2, exported_program_bytes(second))
    assert "of the cells change their class, 0.01% may" in why and checks.failed == [f"unet.pt2 is not written: {why}."]
    assert "torch_float32" not in checks.tables


def test_a_runtime_whose_cells_depend_on_the_window_fails(monkeypatch):
    from lsbc.training import export_checks
    from lsbc.training.runtimes import Setting

    torch.manual_seed(2)
    network = fold_batch_norm(UNet(3, 8, 4, 1).eval())

    class OfTheWindow:
        versions = "none"

        def __call__(self, x):
            return torch_network(network)(x) + np.float32(1e-6 * x.shape[-1])

    monkeypatch.setattr(export_checks, "settings_of", lambda file: (Setting("torch", "float32", file, lambda artefact, precision: OfTheWindow()),))
    checks = Checks(torch_network(network), random_tiles(3, 12, 96), 1)
    assert checks.judge(PT2, b"") == "cells differ between a window with halo 12 and a larger context"
