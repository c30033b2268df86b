"""The benchmark of inference on a GPU runs on a CPU, too, and says plainly where there is no GPU."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("safetensors", reason="safetensors, which derives the exported program, is not installed")

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "infer_gpu.py"


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA GPU is here")
def test_without_a_gpu_it_says_so_and_ends_well():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 0 and "There is no CUDA GPU here" in done.stdout


def test_it_measures_network_and_tiles_on_a_cpu():
    done = subprocess.run([sys.executable, str(SCRIPT), "--device", "cpu", "--quick"], capture_output=True, text=True, env={**os.environ, "PATH": "/nowhere"})
    assert done.returncode == 0, done.stderr
    assert "298 kFLOP a cell" in done.stdout
    rows = [line for line in done.stdout.splitlines() if re.search(r"float32 +\d+ x 144 ", line)]
    assert [row[:24].strip() for row in rows] == ["network", "network", "small windows, classes", "small windows, scores", "small windows, allocated"]
    sent, fetched = re.search(r"% +([\d.]+) +([\d.]+) +0\.00", rows[2]).groups()
    # a byte a cell and 8 x 8 driver cells of 97 bytes a window of 144 x 144; back a byte for each of its 48 x 48 inner cells
    assert 1.0 < float(sent) <= 1.0 + 8 * 8 * 97 / 144**2 + 0.01
    assert float(fetched) == pytest.approx(48**2 / 144**2, abs=0.01)
    assert re.findall(r"absent: .*", done.stdout) == ["absent: 2 ranks: mpirun is not on PATH"]
