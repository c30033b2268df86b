"""What a Fortran host may rely on, through the whole chain: the same bits on any ranks, and an answer to every mistake.

Uses the closed-form network of `case`, so it needs no demonstration data; needs the build folder, named by LSBC_BUILD.
"""

import os
import shutil
import subprocess
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from lsbc.regrid.errors import Status

import case

HOST = Path(os.environ.get("LSBC_BUILD", "build")).resolve() / "examples" / "icon_style_host"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "LSBC_LOG_LEVEL": "ERROR"}
LIMIT_S = 60

pytestmark = [pytest.mark.skipif(not HOST.exists(), reason=f"{HOST} is not built (make build; LSBC_BUILD names another folder)"),
              pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not on the path")]


@pytest.fixture
def folder(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    write(tmp_path, case.make_host())
    return tmp_path


def write(folder, host, name="out", change=("", "")):
    case.write_host_file(folder / "host.nc", host)
    path = case.write_config(folder, folder / "model", folder / "fine.nc", f"directory = '{name}'", allocation=True)
    path.write_text(path.read_text().replace(*change))


def run(folder, ranks, *arguments):
    command = ["mpirun", "-n", str(ranks), str(HOST), "lsbc.toml", "host.nc", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def files(folder):
    out = {}
    for path in sorted(folder.glob("l*.nc")):
        with netCDF4.Dataset(path) as data:
            data.set_auto_mask(False)
            out[path.name] = {name: np.asarray(variable[...]) for name, variable in data.variables.items()}
    return out


def assert_same(one, two):
    assert one.keys() == two.keys() and one
    for name, variables in one.items():
        assert all(np.array_equal(values, two[name][variable]) for variable, values in variables.items()), name


def test_files_of_one_two_and_three_ranks_and_of_an_empty_rank_have_the_same_bits(folder):
    results = []
    for name, ranks, more in (("one", 1, ()), ("two", 2, ()), ("three", 3, ()), ("empty", 3, ("--empty-rank",))):
        write(folder, case.make_host(), name)
        done = run(folder, ranks, 2000, 2003, *more)
        assert done.returncode == 0, done.stderr
        results.append(files(folder / name))
    assert len(results[0]) == 8
    for other in results[1:]:
        assert_same(results[0], other)


def test_a_stopped_and_restarted_run_has_the_bits_of_a_straight_one(folder):
    write(folder, case.make_host(), "straight")
    assert run(folder, 2, 2000, 2003, "--restart-write", 2001, "restart.nc").returncode == 0
    write(folder, case.make_host(), "carried")
    assert run(folder, 3, 2002, 2003, "--restart-read", "restart.nc").returncode == 0
    straight = {name: values for name, values in files(folder / "straight").items() if name[-7:-3] in ("2002", "2003")}
    assert_same(files(folder / "carried"), straight)


def broken_state(name, cell, value):
    host = case.make_host()
    host.states[2001][name][cell] = value
    return host


def doubled_id():
    host = case.make_host()
    host.global_id[80] = host.global_id[3]
    return host


@pytest.mark.parametrize(("host", "change", "status", "words"), [
    (broken_state("urban", 79, np.nan), ("", ""), Status.VALUE, ("rank ", "'urban' is nan", "cell ")),
    (broken_state("secdf", 40, 0.375), ("", ""), Status.VALUE, ("sum to", "cell ")),
    (broken_state("c3ann", 5, 40.0), ("", ""), Status.VALUE, ("'c3ann' is 40", "percent")),
    (doubled_id(), ("", ""), Status.GRID, ("id", str(int(case.make_host().global_id[3])))),
    (case.make_host(), ("start_year = 2000", "start_year = 1999"), Status.YEAR, ("first year is 1999", "2000")),
    (case.make_host(), ("[output]", "[output]\nformat = 'grib'"), Status.CONFIG, ("unknown key output.format",)),
    (case.make_host(), ("/model", "/modell"), Status.MODEL, ("model.toml cannot be read",)),
    (case.make_host(), ("fine.nc", "coarse.nc"), Status.IO, ("coarse.nc cannot be opened",)),
])
def test_a_mistake_ends_in_a_code_and_a_sentence_on_every_rank(folder, host, change, status, words):
    write(folder, host, change=change)
    done = run(folder, 3, 2000, 2002)
    assert done.returncode == 1
    assert f"icon_style_host: error {int(status)}: " in done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr and "signal" not in done.stderr


def test_a_truncated_model_file_is_refused(folder):
    content = (folder / "model" / "unet.onnx").read_bytes()
    (folder / "model" / "unet.onnx").write_bytes(content[: len(content) // 2])
    done = run(folder, 2, 2000, 2000)
    assert done.returncode == 1 and f"error {int(Status.MODEL)}: " in done.stderr and "sha256" in done.stderr
