"""The benchmark of the bridge: its ratios, what it refuses to compare, and a short run without FTorch."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")
SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "bridge.py"
BUILD = Path(os.environ.get("LSBC_BUILD", "build")).resolve()
COMPILER = os.environ.get("FC", "gfortran")
needs_build = pytest.mark.skipif(not list(BUILD.glob("fortran_bridge/liblsbc_fortran-*.so")) or shutil.which(COMPILER) is None,
                                 reason=f"{COMPILER} is not there, or the bridge is not built in {BUILD} (make build; LSBC_BUILD names another folder)")


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("bridge_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def driver_that_finds(difference: str, folder: Path) -> Path:
    """In place of the Fortran program: two variants, one call each, of 2 and 3 microseconds."""
    path = folder / "driver"
    path.write_text(f"""#!{sys.executable}
import struct, sys
open(sys.argv[1], "wb").write(struct.pack("2d", 2.0, 3.0))
print("torch_wrapped 0.0")
print("lent_1 {difference}")
""")
    path.chmod(0o755)
    return path


def test_a_ratio_is_taken_within_each_turn(benchmark):
    run = {"torch_wrapped": np.array([1.0, 10.0, 2.0]), "lent_pt": np.array([2.0, 20.0, 5.0])}
    slower = {"torch_wrapped": np.array([1.0]), "lent_pt": np.array([3.0])}
    assert benchmark.entry("lent_pt", [run, run, slower]) == "5 (2.00; 2.00 to 3.00)"
    assert benchmark.entry("torch_wrapped", [run, run, slower]) == "2"
    assert benchmark.entry("fortran", [run]) == "–"


def test_times_are_those_that_the_driver_wrote(benchmark, tmp_path):
    run = benchmark.run_case(driver_that_finds("0.0", tmp_path), benchmark.CASES[0], [tmp_path / "double.pt"], 1)
    assert {name: times.tolist() for name, times in run.items()} == {"torch_wrapped": [2.0], "lent_pt": [3.0]}


def test_variants_that_compute_different_things_are_not_compared(benchmark, tmp_path):
    with pytest.raises(SystemExit, match=r"1e2: the output of lent_pt is off by 1\.0e-07"):
        benchmark.run_case(driver_that_finds("1.0e-07", tmp_path), benchmark.CASES[0], [tmp_path / "double.pt"], 1)


def test_a_folder_without_the_bridge_is_named(benchmark, tmp_path):
    with pytest.raises(SystemExit, match=f"The bridge is not built in {tmp_path}"):
        benchmark.compile_driver(tmp_path, None, tmp_path)


@needs_build
def test_it_runs_and_says_that_ftorch_was_not_given():
    done = subprocess.run([sys.executable, str(SCRIPT), "--build", str(BUILD), "--runs", "1", "--cases", "1e2", "U-Net", "--calls-divisor", "1000"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "FTorch was not given" in done.stdout and "| FTorch" not in done.stdout
    rows = {line.split(" | ")[0]: line for line in done.stdout.splitlines() if line.startswith("| ")}
    assert rows["| µs a call (in units of FTorch as documented)"].endswith("| 1e2 | U-Net |")
    for name in ("| Fortran, z = 2 x", "| lsbc, arrays lent once: `lsbc_step_year`, the same TorchScript file", "| `lsbc_field_count`: guards, GIL, dispatch"):
        assert float(rows[name].split(" | ")[1]) > 0.0
