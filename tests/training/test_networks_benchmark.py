"""benchmarks/networks.py: one command trains and scores, keeps what it has, and its networks see as far as it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

ROOT = Path(__file__).resolve().parents[2]


def run(out, *more):
    command = [sys.executable, ROOT / "benchmarks" / "networks.py", ROOT / "training" / "configs" / "smoke.toml", "--steps", "1", "--out", out, *more]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_result_is_printed_kept_and_not_made_again(tmp_path):
    first = run(tmp_path, "--only", "unet d2 w16")
    found = json.loads((tmp_path / "unet_d2_w16.1.1.json").read_text())
    assert found["halo"] == 24 and found["lattice"] == 4 and len(found["losses"]) == 1
    assert 0.0 < found["hidden_100_entropy"] and "| unet d2 w16 | 1 | 1 |" in first
    assert "unet d2 w16, seed 1" in first and "unet d2 w16, seed 1" not in run(tmp_path, "--only", "unet d2 w16")


@pytest.mark.parametrize(("shape", "halo"), [({"depth": 1}, 8), ({"depth": 2}, 24), ({"depth": 3}, 48)])
def test_the_halo_is_that_of_the_reach_counted_by_hand(monkeypatch, shape, halo):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from networks import structural_halo

    from lsbc.training.unet import UNet

    assert structural_halo(UNet(3, 2, 4, **shape).eval()) == halo
