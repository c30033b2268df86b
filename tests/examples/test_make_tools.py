"""The scripts behind make: what they print and how they end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def call(*command, **environment):
    return subprocess.run([str(word) for word in command], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
                          check=False)


def test_a_stage_that_works_is_one_line_and_its_output_goes_to_the_log(tmp_path):
    answer = call("tools/stage.sh", "a stage", tmp_path / "deep" / "stage.log", "echo", "said")
    assert answer.returncode == 0
    assert answer.stdout.splitlines() == ["a stage" + " " * 27 + "done, 0 s"]
    assert (tmp_path / "deep" / "stage.log").read_text() == "said\n"


def test_a_stage_that_fails_shows_the_end_of_its_log_and_keeps_its_status(tmp_path):
    answer = call("tools/stage.sh", "a stage", tmp_path / "stage.log", "bash", "-c", "seq 100; exit 7")
    assert answer.returncode == 7
    lines = answer.stdout.splitlines()
    assert "FAILED (status 7)" in lines[0]
    assert [line.strip() for line in lines[1:]] == [str(k) for k in range(61, 101)]


def test_the_closing_line_counts_every_outcome_of_every_report(tmp_path):
    (tmp_path / "a.xml").write_text('<testsuites><testsuite><testcase name="x"/><testcase name="y"><skipped/></testcase></testsuite></testsuites>')
    (tmp_path / "b.xml").write_text('<testsuite><testcase name="x"/><testcase name="z"><failure/></testcase></testsuite>')
    answer = call(sys.executable, "tools/sum_reports.py", tmp_path, 12, 0)
    assert answer.stdout == "===== 1 failed, 2 passed, 1 skipped in 12.00s =====\n"
    assert answer.returncode == 1


def test_tests_that_all_pass_end_with_status_0_unless_a_part_broke_off(tmp_path):
    (tmp_path / "a.xml").write_text('<testsuite><testcase name="x"/></testsuite>')
    assert call(sys.executable, "tools/sum_reports.py", tmp_path, 1, 0).returncode == 0
    broken = call(sys.executable, "tools/sum_reports.py", tmp_path, 1, 1)
    assert broken.returncode == 1
    assert "no report names" in broken.stdout


def test_no_test_at_all_is_a_failure(tmp_path):
    answer = call(sys.executable, "tools/sum_reports.py", tmp_path, 0, 0)
    assert answer.returncode == 1
    assert "no tests ran" in answer.stdout


def test_an_interpreter_that_is_not_there_is_named():
    answer = call("tools/find_python.sh", PYTHON="/nowhere/python3")
    assert answer.returncode == 1
    assert "/nowhere/python3: not found" in answer.stderr


def test_what_an_interpreter_lacks_is_said_under_its_path(tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 'is 3.9; 3.11 or later is needed' >&2\nexit 1\n")
    old.chmod(0o755)
    answer = call("tools/find_python.sh", PYTHON=str(old))
    assert answer.returncode == 1
    assert f"{old}: is 3.9; 3.11 or later is needed" in answer.stderr


@pytest.mark.parametrize("tool", ["gfortran", "cmake"])
def test_a_missing_tool_is_noticed_without_asking_the_network(tmp_path, tool):
    for folder in os.environ["PATH"].split(os.pathsep):
        for found in Path(folder).glob("*") if Path(folder).is_dir() else ():
            if not (tmp_path / found.name).exists():
                (tmp_path / found.name).symlink_to(found)
    if call("/bin/bash", "tools/system_packages.sh", "check", PATH=str(tmp_path)).returncode:
        pytest.skip("this system lacks packages that make demo would install")
    (tmp_path / tool).unlink()
    assert call("/bin/bash", "tools/system_packages.sh", "check", PATH=str(tmp_path)).returncode == 1


def test_plain_make_says_what_there_is():
    answer = call("make")
    assert answer.returncode == 0
    for target in ("demo", "test", "bench", "build", "venv", "clean"):
        assert f"make {target}" in answer.stdout
