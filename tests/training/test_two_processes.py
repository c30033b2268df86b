"""Training on two devices: two processes of one command, on the CPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("lightning", reason="lightning is not installed")

SMOKE = Path(__file__).resolve().parents[2] / "training" / "configs" / "smoke.toml"


def test_one_command_trains_on_two_devices(tmp_path):
    text = SMOKE.read_text()
    for old, new in (("../../out/training/smoke", "."), ("steps = 60\n", "steps = 4\ndevices = 2\n"), ("steps_per_epoch = 20", "steps_per_epoch = 2"),
                     ("base_width = 8", "base_width = 4")):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "two.toml").write_text(text)
    done = subprocess.run([sys.executable, "-m", "lsbc.training", "train", "two.toml"], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Starting with 2 processes" in done.stderr
    assert torch.load(tmp_path / "last.ckpt", map_location="cpu", weights_only=True)["global_step"] == 4
