"""The example hosts as a user runs them. They need the build folder, named by LSBC_BUILD (make test does so)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest

import demo_data
from demo_input import sources

BUILD = Path(os.environ.get("LSBC_BUILD", "build")).resolve() / "examples"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "LSBC_LOG_LEVEL": "WARNING"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if not (BUILD / "icon_style_host").exists():
        pytest.skip(f"the example hosts are not built in {BUILD} (make build; LSBC_BUILD names another folder)")
    if shutil.which("mpirun") is None:
        pytest.skip("mpirun is not on the path")
    pytest.importorskip("grid_generator", reason="icon-grid-generator is not installed (extra 'demo')")
    out = tmp_path_factory.mktemp("demo")
    try:
        demo_data.build(demo_data.alps_scene(), out, ["icon", "wrf"], None)
    except sources.MissingDataError as error:
        pytest.skip(str(error))
    return out


def run(folder, host, ranks, *arguments):
    command = ["mpirun", "-n", str(ranks), str(BUILD / f"{host}_style_host"), f"{host}.toml", f"{host}_host.nc", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False)


def table(text):
    """Year -> the numbers of the line a host prints: forest, crop, urban, albedo, LAI, skin temperature."""
    rows = [line.split() for line in text.splitlines() if line[:4].isdigit()]
    return {int(row[0]): np.array(row[1:7], float) for row in rows}


def field(folder, host, year, name):
    with netCDF4.Dataset(folder / host / f"lsbc_{year}.nc") as data:
        order = np.argsort(data["global_id"][:])
        return np.asarray(data[name][:])[..., order]


def test_a_restart_in_the_middle_on_other_ranks_and_an_empty_one_changes_no_bit(folder):
    whole = run(folder, "icon", 2, 2019, 2021, "--restart-write", 2020, "restart.nc")
    assert whole.returncode == 0, whole.stderr
    fractions = field(folder, "icon", 2021, "lu_frac")
    resumed = run(folder, "icon", 3, 2021, 2021, "--restart-read", "restart.nc", "--empty-rank")
    assert resumed.returncode == 0, resumed.stderr
    assert (field(folder, "icon", 2021, "lu_frac") == fractions).all()
    assert np.abs(table(resumed.stdout)[2021] - table(whole.stdout)[2021]).max() < 1e-3


def test_the_printed_means_are_those_of_the_file_weighted_by_cell_area(folder):
    printed = run(folder, "wrf", 2, 2019, 2019)
    assert printed.returncode == 0, printed.stderr
    forest, crop, urban, albedo, lai, skin_k = table(printed.stdout)[2019]
    # Every cell of the patch has the same area on the map.
    assert forest == pytest.approx(field(folder, "wrf", 2019, "forest_frac").mean(), abs=1e-4)
    assert crop == pytest.approx(field(folder, "wrf", 2019, "crop_frac").mean(), abs=1e-4)
    assert urban == pytest.approx(field(folder, "wrf", 2019, "urban_frac").mean(), abs=1e-4)
    assert albedo == pytest.approx(field(folder, "wrf", 2019, "albedo").mean(), abs=1e-4)
    assert lai == pytest.approx(field(folder, "wrf", 2019, "lai").mean(), abs=1e-4)
    assert 280 < skin_k < 295


def test_a_host_ends_by_itself_with_the_text_of_the_failure(folder):
    skipped = run(folder, "icon", 2, 2021, 2021)
    assert skipped.returncode == 1
    assert skipped.stderr.count("icon_style_host: error 7: ") == 1
    assert "2019" in skipped.stderr


def test_a_recorded_host_is_replayed_without_it_on_another_number_of_ranks(folder):
    lsbc = [sys.executable, "-m", "lsbc.emulator.cli"]
    host = ["mpirun", "-n", "2", str(BUILD / "icon_style_host"), "icon.toml", "icon_host.nc", "2019", "2020"]
    recorded = subprocess.run([*lsbc, "record", "recording", "--", *host], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False)
    assert recorded.returncode == 0, recorded.stderr
    assert sorted(table(recorded.stdout)) == [2019, 2020]
    before = field(folder, "icon", 2020, "lu_frac")
    replayed = subprocess.run([*lsbc, "harness", "recording"], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False)
    assert replayed.returncode == 0, replayed.stderr
    assert replayed.stdout.splitlines() == ["2019: identical (7 fields)", "2020: identical (7 fields)", "identical: instance 1, recorded on 2 ranks, replayed on 1"]
    assert (field(folder, "icon", 2020, "lu_frac") == before).all()


def test_a_wrong_argument_is_answered_with_the_usage(folder):
    answer = run(folder, "wrf", 1, 2019, 2020, "--restart")
    assert answer.returncode == 1
    assert "unknown argument --restart; usage:" in answer.stderr


def test_the_c_host_runs_without_mpirun(folder):
    answer = subprocess.run([BUILD / "c_host", "icon.toml", "10", "12", "47", "48", "2019", "2019"], cwd=folder, env=ENVIRONMENT,
                            capture_output=True, text=True, timeout=120, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("2019  urban_frac ")


def test_a_host_with_its_fields_in_blocks_on_a_device_gets_what_the_c_host_gets(folder):
    box = ["icon.toml", "10", "12", "47", "48", "2019", "2020"]
    answers = [subprocess.run([BUILD / host, *box], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
               for host in ("c_host", "openacc_host")]
    assert [answer.returncode for answer in answers] == [0, 0], answers[1].stderr
    assert answers[0].stdout == answers[1].stdout != ""
