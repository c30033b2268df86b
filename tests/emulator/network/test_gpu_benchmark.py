"""The benchmark of inference on a GPU runs on a CPU, too, and says plainly where there is no GPU."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lsbc.emulator.artefact import locate, read_artefact

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
    assert re.search(r"model \S+: [1-9]\d+ kFLOP a cell", done.stdout)
    edge = 48 + 2 * read_artefact(locate("shipped:bavaria30", Path.cwd())).halo
    rows = [line for line in done.stdout.splitlines() if re.search(rf"float32 +\d+ x {edge} ", line)]
    assert [row[:24].strip() for row in rows] == ["network", "network", "small windows, classes", "small windows, scores", "small windows, allocated"]
    sent, fetched = re.search(r"% +([\d.]+) +([\d.]+) +0\.00", rows[2]).groups()
    # a byte a cell and, for each window, at most `n_driver` squared driver cells of 97 bytes; back a byte for each of its 48 x 48 inner cells
    n_driver = edge // 30 + 4
    assert 1.0 < float(sent) <= 1.0 + n_driver**2 * 97 / edge**2 + 0.01
    assert float(fetched) == pytest.approx(48**2 / edge**2, abs=0.01)
    assert re.findall(r"absent: .*", done.stdout) == ["absent: 2 ranks: mpirun is not on PATH"]
