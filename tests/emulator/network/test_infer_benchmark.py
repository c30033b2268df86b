"""The benchmark of inference: operations counted from the graph, the rate they are compared with, and one short run."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import case

pytest.importorskip("onnx", reason="onnx is not installed")
SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "infer.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("infer_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_operations_are_two_for_each_weight_and_cell(benchmark, tmp_path):
    folder = case.write_artefact(tmp_path)
    n_channel = len(case.CHANNEL_NAMES)
    assert benchmark.operations_per_cell((folder / "unet.onnx").read_bytes(), 32) == {8: 2 * 9 * 8 * n_channel}


def test_the_operations_of_a_u_net_are_those_of_its_layers(benchmark):
    pytest.importorskip("torch", reason="torch is not installed")
    from lsbc.training.formats import onnx_bytes
    from lsbc.training.unet import UNet, fold_batch_norm

    counts = benchmark.operations_per_cell(onnx_bytes(fold_batch_norm(UNet(16, 8, 16, 1).eval())), 64)
    level_0 = 9 * 16 * 16 * 2 + 9 * 32 * 16 + 9 * 16 * 16  # two going down, two coming up of which one sees the skip
    assert counts == {16: 2 * (level_0 + 32 * 16 * 4 / 4), 32: 2 * (9 * 16 * 32 + 9 * 32 * 32) / 4, 8: 2 * 32 * 8}


def test_the_rate_is_the_harmonic_mean_over_the_operations(benchmark):
    assert benchmark.own_rate({32: 100.0, 64: 100.0}, {32: 50.0, 64: 100.0}) == pytest.approx(200.0 / 3.0)
    assert benchmark.own_rate({8: 10.0}, {32: 50.0, 64: 100.0}) == pytest.approx(50.0)


def test_it_runs_and_says_what_is_not_there():
    done = subprocess.run([sys.executable, str(SCRIPT), "--rounds", "2", "--window", "96"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("| onnxruntime | float32")]
    assert len(lines) == 1 and " 1.00 (1.00-1.00) " in lines[0]
    assert "times the windows a second of one" in done.stdout and "round the network, of its own time" in done.stdout
