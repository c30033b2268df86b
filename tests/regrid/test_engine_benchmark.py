"""The benchmark of the engines runs, and what it checks holds for our own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "regrid.py"


@pytest.mark.parametrize("case", ["lambert", "icosahedral"])
def test_every_convention_is_measured_and_keeps_constants_and_integrals(case):
    command = [sys.executable, str(SCRIPT), "--size", "small", "--rounds", "1", "--json", "--cases", case, "--engines", "exact-boxes,exact-greatcircle"]
    records = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [record["engine"] for record in records] == ["exact-boxes", "exact-greatcircle"]
    for record in records:
        assert record["rows"] < 1e-14
        assert record["integral"] < 1e-12
        assert record["memory_mb"] > 1


def test_an_absent_program_is_a_line_not_a_failure(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    command = [sys.executable, str(SCRIPT), "--size", "small", "--rounds", "1", "--cases", "lambert", "--engines", "ESMF_RegridWeightGen,cdo"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "absent: ESMF_RegridWeightGen is not on PATH" in printed
    assert "absent: cdo is not on PATH" in printed
