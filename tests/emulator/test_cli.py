import os
import shutil
import subprocess
import sys

import pytest

from lsbc.emulator.cli import main
from lsbc.regrid.errors import Status

import case

RUN = "[run]\nhost = 'host.nc'\nfirst_year = 2000\nlast_year = 2002"


@pytest.fixture
def folder(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    case.write_host_file(tmp_path / "host.nc", case.make_host())
    return tmp_path


def config(folder, extra=RUN):
    return str(case.write_config(folder, folder / "model", folder / "fine.nc", "directory = 'out'", extra, allocation=True))


def test_run_writes_a_map_and_fields_for_every_year_and_plot_draws_them(folder, capsys):
    assert main(["run", config(folder)]) == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted(
        ["summary.json", *(f"{kind}_{year}.nc" for kind in ("landuse", "lsbc") for year in (2000, 2001, 2002))])
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    assert main(["plot", str(folder / "out" / "landuse_2002.nc"), "-o", str(folder / "map.png")]) == 0
    assert "map.png" in capsys.readouterr().out
    assert main(["plot", str(folder / "out" / "lsbc_2002.nc"), "-v", "lai"]) == 0
    for png in (folder / "map.png", folder / "out" / "lsbc_2002.png"):
        assert png.read_bytes()[:4] == b"\x89PNG"
    assert main(["plot", str(folder / "out" / "lsbc_2002.nc"), "-v", "lay"]) != 0


def test_a_run_without_a_host_is_recorded_and_replayed_like_one_with_a_host(folder, monkeypatch, capsys):
    monkeypatch.setenv("LSBC_RECORD", str(folder / "rec"))
    assert main(["run", config(folder)]) == 0
    monkeypatch.delenv("LSBC_RECORD")
    assert main(["harness", "--describe", str(folder / "rec")]) == 0
    described = capsys.readouterr().out
    assert all(f"step_year {year}" in described for year in (2000, 2001, 2002))


def test_run_without_its_section_says_what_is_missing(folder, capsys):
    assert main(["run", config(folder, "")]) == int(Status.CONFIG)
    assert "needs a section [run]" in capsys.readouterr().err


def test_check_finds_nothing_wrong_with_a_good_case(folder, capsys):
    assert main(["check", config(folder)]) == 0
    assert "ready to run" in capsys.readouterr().out


def test_check_tells_everything_that_is_wrong_at_once(folder, capsys):
    host = case.make_host()
    host.states[2001]["urban"][4] = 30.0
    host.states[2002]["range"][7] = -1.0
    case.write_host_file(folder / "host.nc", host)
    (folder / "model" / "unet.onnx").write_bytes(b"")
    path = config(folder, RUN.replace("first_year = 2000", "first_year = 2001"))
    (folder / "fine.nc").unlink()
    (folder / "out").write_text("in the way")
    assert main(["check", path]) == 1
    out = capsys.readouterr().out
    for words in (
        "out is not a writable directory", "run.first_year=2001 is not time.start_year=2000", "unet.onnx has sha256", "fine.nc cannot be opened",
        "year 2001: Field 'urban' is 30", "year 2002: Field 'range' is -1", "6 problem(s)",
    ):
        assert words in out


def test_check_reads_the_states_file_of_the_plugin_for_icon(folder, capsys):
    assert main(["check", config(folder, "[comin]\nstates_file = 'host.nc'")]) == 0
    assert main(["check", config(folder, "[comin]\nstates_file = 'nowhere.nc'")]) == 1
    assert "nowhere.nc" in capsys.readouterr().out


def test_check_finds_cells_that_lie_elsewhere(folder, capsys):
    host = case.make_host()
    host.lon_deg, host.lat_deg = host.lat_deg, host.lon_deg
    host.vertex_lon_deg, host.vertex_lat_deg = host.vertex_lat_deg, host.vertex_lon_deg
    case.write_host_file(folder / "host.nc", host)
    assert main(["check", config(folder)]) == 1
    assert "lies over fine-grid data with 0.0 % of its area" in capsys.readouterr().out


def test_run_carries_on_from_a_restart_it_wrote(folder):
    assert main(["run", config(folder, RUN.replace("2002", "2001")), "--write-restart", str(folder / "r.nc")]) == 0
    assert main(["run", config(folder), "--restart", str(folder / "r.nc")]) == 0
    import json
    years = [entry["year"] for entry in json.loads((folder / "out" / "summary.json").read_text())["years"]]
    assert years == [2000, 2001, 2002]


def test_a_year_that_the_host_file_lacks_is_named(folder, capsys):
    path = config(folder, RUN.replace("2002", "2009"))
    assert main(["run", path]) == int(Status.IO)
    assert "has no year 2004; it holds 2000..2003" in capsys.readouterr().err


def test_info_lists_models_and_the_contract(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert "shipped:bavaria30" in out and "leaf_area_index" in out and "c4per" in out


def test_training_commands_are_known(folder, capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert "--data" in capsys.readouterr().out


def test_a_job_ends_when_one_rank_fails_alone(folder):
    if shutil.which("mpirun") is None:
        pytest.skip("mpirun is not on the path")
    code = ("import sys; from lsbc.emulator import cli, component\n"
            "step = component.Component.step_year\n"
            "def fail(self, year):\n"
            "    if self._comm.rank == 1: raise RuntimeError('alone')\n"
            "    step(self, year)\n"
            "component.Component.step_year = fail\n"
            "sys.exit(cli.main(['run', sys.argv[1]]))")
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run(["mpirun", "--oversubscribe", "-n", "2", sys.executable, "-c", code, config(folder)], env=environment, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode != 0 and "RuntimeError: alone" in done.stderr


def test_an_unknown_log_level_is_named(monkeypatch, capsys):
    monkeypatch.setenv("LSBC_LOG_LEVEL", "loud")
    assert main(["info"]) == int(Status.CONFIG)
    assert "LSBC_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, got 'loud'" in capsys.readouterr().err
