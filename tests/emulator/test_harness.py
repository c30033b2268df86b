"""A replay finds what is the same, what is not, and a failure that comes again."""

import json
import logging
import shutil
from importlib.metadata import version

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator import component as component_module
from lsbc.emulator.cli import main
from lsbc.emulator.component import Component
from lsbc.emulator.harness import replay, write_report
from lsbc.emulator.record_file import RecordReader
from lsbc.emulator.recorder import Recorded
from lsbc.emulator.recordings_text import describe
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import ConfigError, FileError, LsbcError, StateError, Status

import case

EVERYTHING = np.arange(81)
YEARS = (2000, 2001, 2002)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Network, map and a recording of three years, made once."""
    place = tmp_path_factory.mktemp("place")
    case.write_artefact(place / "model")
    case.write_fine_file(place / "fine.nc", case.first_map())
    land = start(place, case.make_host())
    feed(land, case.make_host(), *YEARS)
    land.close()
    return place


@pytest.fixture
def folder(place, tmp_path):
    for name in ("model", "fine.nc"):
        (tmp_path / name).symlink_to(place / name)
    return tmp_path


@pytest.fixture
def recorded(place, tmp_path):
    return shutil.copytree(place / "rec", tmp_path / "rec")


@pytest.fixture
def host():
    return case.make_host()


def start(folder, host, name="rec", extra=""):
    config = case.write_config(folder, folder / "model", folder / "fine.nc", "directory = 'out'", extra, allocation=True)
    land = Recorded(Component, folder / name).create(config, SerialComm())
    land.set_grid(*host.part(EVERYTHING))
    return land


def feed(land, host, *years):
    """Couple years; the host asks for two fields in each."""
    for year in years:
        case.couple(land, host, EVERYTHING, year)
        land.get_field("lai", np.empty(81))
        land.get_field("lu_frac", np.empty((8, 81)))


def change(path, edit):
    with Dataset(path, "a") as data:
        data.set_auto_mask(False)
        edit(data)


def test_a_replay_is_identical_and_writes_no_files(place, recorded, capsys):
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    report = replay(recorded, SerialComm)
    out = capsys.readouterr().out
    assert (report.verdict, report.exit_code) == ("identical", 0)
    assert [line for line in out.splitlines() if line[:4].isdigit()] == [f"{year}: identical (2 fields)" for year in YEARS]
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before


def test_the_first_difference_is_named_with_field_cell_place_year_and_rank(recorded, host, capsys):
    def edit(data):
        values = data["outputs_values"]["lai_f8"][3]
        values[40] += 0.5
        values[44] += 0.25
        data["outputs_values"]["lai_f8"][3] = values

    change(recorded / "instance1_rank0000.nc", edit)
    report = replay(recorded, SerialComm)
    first = report.first_difference
    assert (report.verdict, report.exit_code) == ("different", 1)
    assert (first["field"], first["year"], first["recorded_rank"], first["global_id"]) == ("lai", 2001, 0, int(host.global_id[40]))
    assert (first["lon_deg"], first["lat_deg"]) == (host.lon_deg[40], host.lat_deg[40])
    assert first["expected"] - first["found"] == pytest.approx(0.5)
    out = capsys.readouterr().out
    assert "2000: identical (2 fields)" in out and "2001: largest difference: lai 0.5 in 2 cells" in out and "2002: identical (2 fields)" in out
    assert f"first difference: field 'lai' level 0, cell {host.global_id[40]} (" in out


def test_years_bound_what_is_replayed_and_what_is_compared(recorded, capsys):
    report = replay(recorded, SerialComm, years="2001:2001")
    assert [year["year"] for year in report.years] == [2001]
    report = replay(recorded, SerialComm, years=":2001")
    assert [year["year"] for year in report.years] == [2000, 2001]
    with pytest.raises(ConfigError, match="--years takes FIRST:LAST"):
        replay(recorded, SerialComm, years="then")


@pytest.mark.parametrize("years", ["2003:", ":1999"])
def test_a_replay_that_compares_nothing_is_no_success(recorded, years, capsys):
    report = replay(recorded, SerialComm, years=years)
    assert (report.verdict, report.exit_code) == ("nothing to compare", 1)
    assert "nothing to compare: instance 1" in capsys.readouterr().out


def test_a_restart_alone_is_something_to_compare(folder, host):
    land = start(folder, host)
    case.couple(land, host, EVERYTHING, 2000)
    land.write_restart(folder / "r.nc")
    land.close()
    report = replay(folder / "rec", SerialComm)
    assert (report.verdict, report.exit_code) == ("identical", 0)


def test_a_recorded_failure_that_comes_again_is_reproduced(folder, host, capsys):
    land = start(folder, host)
    feed(land, host, 2000)
    host.states[2001]["urban"][5] = np.nan
    with pytest.raises(LsbcError, match="'urban' is nan"):
        case.couple(land, host, EVERYTHING, 2001)
    report = replay(folder / "rec", SerialComm)
    assert (report.verdict, report.exit_code) == ("reproduced", 0)
    assert report.failure["same"] and report.failure["status"] == Status.VALUE
    assert "step_year 2001: reproduced, error 6: rank 0: Field 'urban' is nan" in capsys.readouterr().out


def test_a_failure_with_other_words_or_none_at_all_is_not_reproduced(folder, host, capsys):
    land = start(folder, host)
    host.states[2000]["urban"][5] = np.nan
    with pytest.raises(LsbcError, match="'urban' is nan"):
        case.couple(land, host, EVERYTHING, 2000)
    path = folder / "rec" / "instance1_rank0000.nc"
    change(path, lambda data: data["text"].__setitem__(2, "Field 'urban' is odd."))
    report = replay(folder / "rec", SerialComm)
    assert (report.verdict, report.exit_code) == ("the same code, other words", Status.VALUE)
    assert "recorded: error 6: Field 'urban' is odd." in capsys.readouterr().out

    def mend(data):
        values = data["states_values"]["urban_f8"][2]
        values[5] = 0.05
        data["states_values"]["urban_f8"][2] = values

    change(path, mend)
    report = replay(folder / "rec", SerialComm)
    assert (report.verdict, report.exit_code) == ("not reproduced", 1)
    assert "step_year 2000: the replay succeeded; recorded: error 6" in capsys.readouterr().out


def test_a_field_that_the_host_never_lent_is_missing_again(folder, host):
    land = start(folder, host)
    land.set_field("urban", host.states[2000]["urban"])
    with pytest.raises(LsbcError, match="were never set"):
        land.step_year(2000)
    assert replay(folder / "rec", SerialComm).verdict == "reproduced"


def test_a_grid_that_was_refused_does_not_move_the_values_of_the_years_that_follow(folder, host):
    land = start(folder, host)
    with pytest.raises(StateError, match="set_grid was called twice"):
        land.set_grid(*host.part(EVERYTHING[::-1][:50]))
    feed(land, host, 2000)
    land.close()
    report = replay(folder / "rec", SerialComm)
    assert report.failure["same"] and [(year["year"], year["fields"], year["different"]) for year in report.years] == [(2000, ["lu_frac", "lai"], {})]


def test_an_instance_that_could_not_be_made_fails_again(folder):
    (folder / "bad.toml").write_text("[model]\ncolour = 'red'\n")
    with pytest.raises(ConfigError, match="unknown key model.colour"):
        Recorded(Component, folder / "rec").create(folder / "bad.toml", SerialComm())
    assert replay(folder / "rec", SerialComm).verdict == "reproduced"


def test_a_call_that_fails_only_in_the_replay_gives_its_code_and_says_so(recorded, monkeypatch, capsys):
    def fail(*_):
        raise component_module.StateError("no such luck")

    monkeypatch.setattr(component_module, "run_year", fail)
    report = replay(recorded, SerialComm)
    assert (report.verdict, report.exit_code, report.failure["recorded_status"]) == ("failed", Status.STATE, 0)
    assert "step_year 2000: error 8: no such luck" in capsys.readouterr().out


def test_a_call_that_never_came_back_is_tried_again(folder, host, monkeypatch, capsys):
    land = start(folder, host)
    feed(land, host, 2000)
    with monkeypatch.context() as patch:
        patch.setattr("lsbc.emulator.record_file.RecordWriter.end", lambda *_: None)  # as if the process had ended inside the step
        case.couple(land, host, EVERYTHING, 2001)
    report = replay(folder / "rec", SerialComm)
    assert report.exit_code == 0 and [year["year"] for year in report.years] == [2000, 2001]
    assert "step_year 2001: the recorded run never came back from this call; the replay did" in capsys.readouterr().out


def test_restarts_are_replayed_from_their_copies_and_compared(folder, host, capsys):
    first = start(folder, host, "first")
    feed(first, host, 2000)
    first.write_restart(folder / "r.nc")
    first.close()
    land = start(folder, host)
    land.read_restart(folder / "r.nc")
    feed(land, host, 2001)
    land.write_restart(folder / "s.nc")
    (folder / "r.nc").unlink()
    report = replay(folder / "rec", SerialComm)
    assert report.verdict == "identical" and "2001: restart identical" in capsys.readouterr().out
    next((folder / "rec").glob("*_restart.nc")).write_bytes(b"short")
    with pytest.raises(FileError, match=r"copy .*_restart\.nc of restart .*r\.nc is missing or damaged"):
        replay(folder / "rec", SerialComm)


JSBACH = "[surface]\ncrosswalk = 'jsbach'\n"


def test_a_climate_is_replayed_in_years_and_after_a_restart(folder, host):
    coldest = np.linspace(255.0, 295.0, 81)
    for name in ("first", "rec"):
        land = start(folder, host, name, JSBACH)
        land.set_field("coldest_month_temperature", coldest)
        if name == "rec":
            land.read_restart(folder / "r.nc")
            coldest += 2.0
        feed(land, host, 2001 if name == "rec" else 2000)
        n_level = next(info.n_level for info in land.fields if info.name == "host_lu_frac")
        land.get_field("host_lu_frac", np.empty((n_level, 81)))
        land.get_field("climate_coldest_month", np.empty(81))
        land.write_restart(folder / "r.nc")
        land.close()
    for name, call, kelvin in (("first", 2, 0.0), ("rec", 2, 0.0), ("rec", 3, 2.0)):
        values = RecordReader(folder / name / "instance1_rank0000.nc").values("states", call)
        assert np.array_equal(values["coldest_month_temperature"], np.linspace(255.0, 295.0, 81) + kelvin)
        assert len(values) == (1 if (name, call) == ("rec", 2) else 13)
    report = replay(folder / "first", SerialComm)
    assert report.verdict == "identical" and report.years[0]["fields"] == ["lu_frac", "lai", "climate_coldest_month", "host_lu_frac"]
    assert replay(folder / "rec", SerialComm).verdict == "identical"


def test_a_restart_read_without_the_climate_it_needs_fails_again(folder, host):
    land = start(folder, host, "first", JSBACH)
    land.set_field("coldest_month_temperature", np.full(81, 280.0))
    feed(land, host, 2000)
    land.write_restart(folder / "r.nc")
    land.close()
    land = start(folder, host, extra=JSBACH)
    with pytest.raises(LsbcError, match="coldest month"):
        land.read_restart(folder / "r.nc")
    assert replay(folder / "rec", SerialComm).verdict == "reproduced"


def test_a_year_that_failed_for_a_day_that_was_lent_fails_again(folder, host, capsys):
    land = start(folder, host)
    land.set_field("leaf_area_index@366", np.empty(81))
    land.set_field("vegetation_area_fraction", np.empty((52, 81)))
    feed(land, host, 2000)
    with pytest.raises(LsbcError, match="366"):
        case.couple(land, host, EVERYTHING, 2001)
    land.forget_field("leaf_area_index@366")
    feed(land, host, 2001)
    report = replay(folder / "rec", SerialComm)
    assert (report.verdict, report.exit_code) == ("reproduced", 0)
    assert [(year["year"], year["different"]) for year in report.years] == [(2000, {}), (2001, {})]
    assert "step_year 2001: reproduced, error 6" in capsys.readouterr().out
    text = describe(folder / "rec")
    assert "lent: leaf_area_index@366 vegetation_area_fraction" in text and text.count("leaf_area_index@366 ") == 2


def test_recordings_made_before_lent_days_were_noted_can_be_read(recorded):
    change(recorded / "instance1_rank0000.nc", lambda data: data.renameVariable("lent", "something_else"))
    assert replay(recorded, SerialComm).verdict == "identical"
    change(recorded / "instance1_rank0000.nc", lambda data: data.renameVariable("remarks", "nothing"))
    with pytest.raises(FileError, match="missing, damaged or cut short"):
        replay(recorded, SerialComm)


def test_files_that_are_elsewhere_on_this_machine_are_asked_for_and_can_be_named(folder, host, capsys):
    feed(start(folder, host), host, 2000)
    recorded = folder / "rec"
    (folder / "elsewhere").mkdir()
    (folder / "fine.nc").rename(folder / "elsewhere" / "fine.nc")
    report = replay(recorded, SerialComm)
    assert report.exit_code == Status.IO and "name them with --set data.fine=FILE" in capsys.readouterr().out
    assert replay(recorded, SerialComm, settings=[f"data.fine={folder / 'elsewhere' / 'fine.nc'}"]).verdict == "identical"
    config = case.write_config(folder, folder / "model", folder / "elsewhere" / "fine.nc", allocation=True)
    assert replay(recorded, SerialComm, config=config).verdict == "identical"


def test_another_setting_gives_another_result(recorded):
    report = replay(recorded, SerialComm, settings=["allocation.enabled=false"])
    assert report.verdict == "different" and report.first_difference["year"] == 2001


def test_another_version_is_warned_of(recorded, capsys):
    change(recorded / "instance1_rank0000.nc", lambda data: data.setncattr("lsbc_version", "0.0.9"))
    assert replay(recorded, SerialComm).verdict == "identical"
    assert f"warning: recorded with lsbc 0.0.9, replayed with {version('lsbc')}" in capsys.readouterr().out


def test_files_of_several_runs_are_refused_or_warned_of(recorded, capsys):
    shutil.copy(recorded / "instance1_rank0000.nc", recorded / "instance1_rank0001.nc")

    def second(data):
        data.setncatts({"rank": np.int64(1), "size": np.int64(3), "created": "2020-01-01T00:00:00+00:00"})

    change(recorded / "instance1_rank0001.nc", second)
    change(recorded / "instance1_rank0000.nc", lambda data: data.setncattr("size", np.int64(2)))
    with pytest.raises(FileError, match=r"are of runs on \[2, 3\] ranks; record each run in a folder of its own"):
        replay(recorded, SerialComm)
    change(recorded / "instance1_rank0001.nc", lambda data: data.setncattr("size", np.int64(2)))
    assert replay(recorded, SerialComm).failure["status"] == Status.GRID  # both own all cells
    out = capsys.readouterr().out
    assert "warning: the files were begun between 2020-01-01" in out and "set_grid: error 4: " in out


def test_a_report_holds_what_was_found(recorded, folder):
    write_report(replay(recorded, SerialComm), folder / "report.json")
    report = json.loads((folder / "report.json").read_text())
    with pytest.raises(FileError, match="absent does not exist"):
        write_report(replay(recorded, SerialComm, years=":2000"), folder / "absent" / "report.json")
    assert report["verdict"] == "identical" and report["years"][1] == {"call": "step_year", "year": 2001, "fields": ["lu_frac", "lai"], "different": {}}


def test_the_commands_print_and_exit_as_the_replay_ended(recorded, folder, capsys):
    assert main(["harness", str(recorded), "--years", "2000", "--report", str(folder / "r.json")]) == 0
    assert (folder / "r.json").exists() and "2000: identical" in capsys.readouterr().out
    assert main(["harness", str(recorded), "--set", "allocation.enabled=false", "output.min_coverage=0.4"]) == 1
    assert main(["harness", "--describe", str(recorded)]) == 0
    out = capsys.readouterr().out
    assert "instance 1: 1 of 1 ranks" in out and "step_year 2001 done (12 states in) out: " in out and "| start_year = 2000" in out
    assert main(["harness", str(folder)]) == Status.IO
    assert "holds no recording" in capsys.readouterr().err


def test_description_tells_of_failures_refusals_and_missing_ranks(folder, host):
    land = start(folder, host)
    with pytest.raises(LsbcError):
        land.get_field("rain", np.empty(81))
    with pytest.raises(LsbcError):
        land.step_year(1999)
    text = describe(folder / "rec")
    assert "step_year 1999 error 7: rank 0: The first year is 2000" in text and "refused afterwards: get_field rain: Field 'rain'" in text
    change(folder / "rec" / "instance1_rank0000.nc", lambda data: data.setncattr("size", np.int64(2)))
    assert "the file of rank 1 is missing" in describe(folder / "rec")


def test_a_bar_shows_on_a_terminal_only(recorded, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    logging.disable(logging.WARNING)
    try:
        replay(recorded, SerialComm)
    finally:
        logging.disable(logging.NOTSET)
    assert "call" in capsys.readouterr().err
