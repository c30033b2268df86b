"""Every command of the guides is run as it stands, or its section says that it needs the host."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("LSBC_BUILD", ROOT / "build")).resolve()
GUIDES = ["wrf", "icon", "digital-twin", "adapters", "harness"]
BLOCK = re.compile(r"^( *)```sh( host)?\n(.*?)^ *```$", re.M | re.S)
MARK = "*Needs the host.*"


def blocks(guide):
    """(needs the host, commands, section) of every shell block."""
    text = (ROOT / "docs" / f"{guide}.md").read_text()
    for found in BLOCK.finditer(text):
        section = text[max(text.rfind("\n## ", 0, found.start()), 0):found.start()]
        commands = "\n".join(line.removeprefix(found[1]) for line in found[3].splitlines())
        yield bool(found[2]), commands, section


@pytest.fixture
def folder(tmp_path):
    """Looks like the repository after `make build`, but for `out`."""
    if not (BUILD / "examples" / "icon_style_host").exists():
        pytest.skip(f"the example hosts are not built in {BUILD} (make build; LSBC_BUILD names another folder)")
    if shutil.which("mpirun") is None:
        pytest.skip("mpirun is not on the path")
    pytest.importorskip("grid_generator", reason="icon-grid-generator is not installed (extra 'demo')")
    for name in ("examples", "tests", "docs", "training", "fortran_bridge"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "build").symlink_to(BUILD)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@pytest.mark.parametrize("guide", GUIDES)
def test_the_commands_of_a_guide_run_as_they_stand(guide, folder):
    runnable = [commands for needs_host, commands, _ in blocks(guide) if not needs_host]
    assert runnable
    if "lsbc yac" in "\n".join(runnable):
        pytest.importorskip("yac", reason="yac is not installed (extra 'yac')")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                   "OMPI_MCA_rmaps_base_oversubscribe": "1", "LSBC_LOG_LEVEL": "WARNING"}
    for commands in runnable:
        done = subprocess.run(["bash", "-eu", "-c", commands], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{commands}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("guide", GUIDES)
def test_a_command_that_is_not_run_stands_where_it_is_said_that_it_needs_the_host(guide):
    for needs_host, commands, section in blocks(guide):
        assert not needs_host or MARK in section, commands


def test_files_that_the_guides_name_are_there():
    for guide in [*GUIDES, "bridge"]:
        text = (ROOT / "docs" / f"{guide}.md").read_text()
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (ROOT / "docs" / target).exists(), f"docs/{guide}.md: {target}"
        for name in re.findall(r"`((?:examples|tests|fortran_bridge|emulator)/[\w./]+\.\w+)`", text):
            assert (ROOT / name).exists(), f"docs/{guide}.md: {name}"
