"""A recorded run is the run itself, and its file holds what was exchanged."""

import logging
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lsbc.emulator import recorder
from lsbc.emulator.component import Component
from lsbc.emulator.record_file import RecordReader, RecordWriter
from lsbc.emulator.recorder import Recorded, run_recorded
from lsbc.fortran_bridge.startup import component_class
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import ConfigError, FieldError, FileError, GridError, Status, YearError

import case

EVERYTHING = np.arange(81)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("place")
    case.write_artefact(place / "model")
    case.write_fine_file(place / "fine.nc", case.first_map())
    return place


@pytest.fixture
def folder(place, tmp_path):
    for name in ("model", "fine.nc"):
        (tmp_path / name).symlink_to(place / name)
    return tmp_path


def start(folder, host, recorded=True, output=""):
    config = case.write_config(folder, folder / "model", folder / "fine.nc", output, allocation=True)
    land = (Recorded(Component, folder / "rec") if recorded else Component).create(config, SerialComm())
    land.set_grid(*host.part(EVERYTHING))
    return land


def reader(folder, instance=1):
    return RecordReader(folder / "rec" / f"instance{instance}_rank0000.nc")


def fetch(land, name, n_level=0):
    out = np.full((n_level, 81) if n_level else 81, np.nan)
    land.get_field(name, out)
    return out


def test_recording_changes_no_bit_of_files_and_fields(folder):
    host, results = case.make_host(), []
    for recorded in (False, True):
        land = start(folder, host, recorded, f"directory = 'out{recorded}'")
        case.couple(land, host, EVERYTHING, 2000, 2001, 2002)
        results.append(fetch(land, "lu_frac", 8))
        land.close()
    assert results[0].tobytes() == results[1].tobytes()
    for year in (2000, 2001, 2002):
        for kind in ("lsbc", "landuse"):
            plain, beside = (case.contents(folder / f"out{recorded}" / f"{kind}_{year}.nc") for recorded in (False, True))
            assert all(np.array_equal(plain[name], beside[name], equal_nan=True) for name in plain)


def test_calls_come_in_their_order_with_what_was_lent_and_fetched(folder):
    host = case.make_host()
    land = start(folder, host)
    case.couple(land, host, EVERYTHING, 2000)
    albedo = fetch(land, "albedo")
    land.write_restart(folder / "r.nc")
    case.couple(land, host, EVERYTHING, 2001)
    land.close()
    record = reader(folder)
    assert [(call.kind, call.year, call.status) for call in record.calls] == [
        ("create", -9999, 0), ("set_grid", -9999, 0), ("step_year", 2000, 0), ("write_restart", 2000, 0), ("step_year", 2001, 0), ("close", 2001, 0)]
    assert record.header.config_text == (folder / "lsbc.toml").read_text() and record.header.config_path == str(folder / "lsbc.toml")
    assert np.array_equal(record.values("states", 4)["urban"], host.states[2001]["urban"])
    assert record.values("outputs", 2)["albedo"].tobytes() == albedo.tobytes()
    assert list(record.values("outputs", 4)) == ["albedo"]  # fetched once: expected every year, and kept before the host asks
    assert np.array_equal(record.grid(1)["vertex_lon_deg"], host.vertex_lon_deg)
    assert record.calls[3].path == str(folder / "r.nc") and len(record.calls[3].sha256) == 64


def test_values_count_when_the_year_is_stepped_and_not_when_the_array_is_lent(folder):
    host = case.make_host()
    land = start(folder, host)
    lent = {name: values.copy() for name, values in host.states[2000].items()}
    for name, values in lent.items():
        land.set_field(name, values)
    lent["urban"][7] = 0.0625
    land.step_year(2000)
    assert reader(folder).values("states", 2)["urban"][7] == 0.0625


def test_patches_strides_blocks_and_single_precision_are_recorded_in_the_order_of_the_cells(folder):
    host = case.make_host()
    land = start(folder, host)
    for name, values in host.states[2000].items():
        land.set_field(name, values)
    urban = np.linspace(0.01, 0.05, 81)
    blocks = np.full((6, 16), 9.0)
    blocks.reshape(-1)[:81] = urban
    land.set_field("urban", blocks, npromz=1)
    wide = np.zeros((9, 18), np.float32)
    wide[:, ::2] = 0.03125
    land.set_field("range", wide[:, ::2])
    land.step_year(2000)
    states = reader(folder).values("states", 2)
    assert np.array_equal(states["urban"], urban)
    assert states["range"].dtype == np.float32 and (states["range"] == 0.03125).all() and states["range"].shape == (81,)


def test_an_output_that_was_lent_is_recorded_without_being_fetched(folder):
    host = case.make_host()
    land = start(folder, host)
    lai = np.zeros((9, 9))
    land.set_field("lai", lai)
    case.couple(land, host, EVERYTHING, 2000)
    assert lai.max() > 0 and np.array_equal(reader(folder).values("outputs", 2)["lai"], lai.ravel())


def test_failures_pass_through_and_are_kept_with_code_and_sentence(folder):
    host = case.make_host()
    land = start(folder, host)
    case.couple(land, host, EVERYTHING, 2000)
    with pytest.raises(YearError, match="the next is 2001, got 2003"):
        land.step_year(2003)
    for _ in range(3):
        with pytest.raises(FieldError, match="'rain' is not"):
            land.get_field("rain", np.empty(81))
    with pytest.raises(FieldError, match="Field 'urban' has shape"):
        land.set_field("urban", np.zeros(7))
    with pytest.raises(FieldError, match="urban were never set"):
        land.step_year(2001)
    record = reader(folder)
    assert (record.calls[3].status, record.calls[3].text) == (Status.YEAR, "rank 0: Year 2000 was the last; the next is 2001, got 2003.")
    assert record.calls[4].status == Status.FIELD and "urban" not in record.values("states", 4)
    assert [line.split(":")[0] for line in record.calls[2].remarks.splitlines()] == ["get_field rain", "set_field urban"]


def test_an_instance_that_cannot_be_made_is_recorded(folder):
    (folder / "bad.toml").write_text("[model]\ncolour = 'red'\n")
    with pytest.raises(ConfigError, match="unknown key model.colour"):
        Recorded(Component, folder / "rec").create(folder / "bad.toml", SerialComm())
    call, = reader(folder).calls
    assert call.kind == "create" and call.status == Status.CONFIG and "model.colour" in call.text


def test_asking_for_the_same_year_again_adds_nothing(folder):
    host = case.make_host()
    land = start(folder, host)
    case.couple(land, host, EVERYTHING, 2000)
    fetch(land, "lai")
    size = (folder / "rec" / "instance1_rank0000.nc").stat().st_size
    for _ in range(5):
        land.step_year(2000)
        fetch(land, "lai")
    assert (folder / "rec" / "instance1_rank0000.nc").stat().st_size == size and len(reader(folder).calls) == 3


def test_a_restart_that_is_read_is_kept_beside_the_recording(folder):
    host = case.make_host()
    first = start(folder, host)
    case.couple(first, host, EVERYTHING, 2000)
    first.write_restart(folder / "r.nc")
    second = start(folder, host)
    second.read_restart(folder / "r.nc")
    call = reader(folder, 2).calls[2]
    assert (folder / "rec" / call.copy).read_bytes() == (folder / "r.nc").read_bytes()
    assert call.sha256 == recorder.file_sha256(folder / "r.nc")


@pytest.mark.parametrize("method", ["begin", "end"])
def test_a_full_disk_ends_the_recording_with_a_warning_and_not_the_run(folder, monkeypatch, caplog, method):
    host = case.make_host()
    land = start(folder, host)
    monkeypatch.setattr(RecordWriter, method, lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with caplog.at_level(logging.WARNING):
        case.couple(land, host, EVERYTHING, 2000, 2001)
    assert fetch(land, "lai").max() > 0 and land.year == 2001
    warning, = (line.getMessage() for line in caplog.records if line.name == recorder.__name__)
    assert warning.startswith("rank 0: RecordError: recording to ") and "No space left on device" in warning and "goes on without it" in warning


def test_a_grid_that_no_file_can_hold_ends_the_recording_before_it(folder, caplog):
    config = case.write_config(folder, folder / "model", folder / "fine.nc")
    land = Recorded(Component, folder / "rec").create(config, SerialComm())
    arrays = list(case.make_host().part(EVERYTHING))
    arrays[1] = None
    with pytest.raises(GridError, match="'lon_deg' has shape"):
        land.set_grid(*arrays)
    assert "has ended (TypeError" in caplog.text
    assert [(call.kind, call.status) for call in reader(folder).calls] == [("create", Status.OK)]


def test_a_folder_that_cannot_be_made_is_a_warning(folder, caplog):
    (folder / "rec").write_text("in the way")
    land = start(folder, case.make_host())
    assert land.year is None and "recording has ended" in caplog.text


def test_a_run_that_is_killed_leaves_the_call_it_died_in(folder):
    config = case.write_config(folder, folder / "model", folder / "fine.nc")
    code = ("import os, signal, sys, numpy as np, case\n"
            "from lsbc.emulator import component\n"
            "from lsbc.emulator.recorder import Recorded\n"
            "from lsbc.regrid.comm import SerialComm\n"
            "host = case.make_host()\n"
            "land = Recorded(component.Component, sys.argv[2]).create(sys.argv[1], SerialComm())\n"
            "land.set_grid(*host.part(np.arange(81)))\n"
            "case.couple(land, host, np.arange(81), 2000)\n"
            "component.run_year = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
            "case.couple(land, host, np.arange(81), 2001)\n")
    done = subprocess.run([sys.executable, "-c", code, str(config), str(folder / "rec")], env={**os.environ, "PYTHONPATH": os.path.dirname(case.__file__)}, check=False)
    assert done.returncode == -signal.SIGKILL
    record = reader(folder)
    assert [(call.kind, call.year, call.status) for call in record.calls[2:]] == [("step_year", 2000, 0), ("step_year", 2001, -1)]
    assert np.array_equal(record.values("states", 3)["urban"], case.make_host().states[2001]["urban"])


def test_a_command_is_run_with_the_folder_in_its_environment(tmp_path):
    code = "import sys; from lsbc.emulator.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "record", "rec", "--", "sh", "-c", "echo $LSBC_RECORD; exit 3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == (str(tmp_path / "rec"), 3)


def test_a_folder_with_a_recording_and_a_command_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(FileError, match="nothing to record: give the command"):
        run_recorded(tmp_path, [])
    with pytest.raises(FileError, match="Cannot record `no-such-host`"):
        run_recorded(tmp_path, ["no-such-host"])
    (tmp_path / "instance1_rank0000.nc").touch()
    with pytest.raises(FileError, match="holds a recording already"):
        run_recorded(tmp_path, ["true"])


def test_the_bridge_records_where_the_variable_names_a_folder(folder, monkeypatch):
    monkeypatch.setenv("LSBC_RECORD", str(folder / "rec"))
    land = component_class().create(case.write_config(folder, folder / "model", folder / "fine.nc"), SerialComm())
    land.close()
    assert [call.kind for call in reader(folder).calls] == ["create", "close"]
    monkeypatch.delenv("LSBC_RECORD")
    assert component_class() is Component


def test_a_step_that_does_nothing_costs_a_recorded_host_no_time(folder):
    host = case.make_host()
    land = start(folder, host)
    case.couple(land, host, EVERYTHING, 2000)
    began = time.perf_counter()
    for _ in range(1000):
        land.step_year(2000)
    assert time.perf_counter() - began < 0.1
