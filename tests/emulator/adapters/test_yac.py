"""`lsbc yac` beside a host of its own in real MPI jobs: the component's bits, and an end with one sentence where the host does wrong."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.adapters.yac import Coupling, last_year, year_of
from lsbc.emulator.adapters.yac_settings import YacConfig
from lsbc.emulator.component import Component
from lsbc.emulator.fields import INPUTS, OUTPUTS
from lsbc.emulator.harness import replay
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import ConfigError, FieldError, LsbcError, Status, YearError

import case

HERE = Path(__file__).resolve()
EXAMPLE = HERE.parents[3] / "examples" / "yac_host.py"
YEARS = (2000, 2001, 2002)
NAMES = [info.name for info in OUTPUTS]
RUN = "[run]\nhost = 'host.nc'\nfirst_year = 2000\nlast_year = 2002\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The case's files, for tests that start whole jobs; skips them where there is no YAC, no mpirun, or another MPI than YAC's."""
    if shutil.which("mpirun") is None:
        pytest.skip("needs mpirun")
    probe = "from mpi4py import MPI; import yac; assert 'Open MPI' in MPI.Get_library_version(), MPI.Get_library_version()"
    tried = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False)
    if tried.returncode:
        pytest.skip(f"needs yac (pip install lsbc[yac]) beside Open MPI: {tried.stderr.strip().splitlines()[-1]}")
    place = tmp_path_factory.mktemp("yac")
    case.write_artefact(place / "model")
    case.write_fine_file(place / "fine.nc", case.first_map())
    case.write_host_file(place / "host.nc", case.make_host())
    return place


def yac_section(method="nearest", wait_s=60.0, names=tuple(NAMES), extra=""):
    return (f"[yac]\nhost_component = 'host'\nhost_grid = 'host_cells'\nfields = {list(names)}\nto_lsbc = '{method}'\nto_host = '{method}'\n"
            f"wait_s = {wait_s}\n{extra}\n")


def job(folder, n_host, n_lsbc, host, extra, run=RUN, options=()):
    """Run both sides to their end: the finished process, and where the host saves."""
    place = folder / f"job_{time.monotonic_ns()}"
    place.mkdir()
    config = case.write_config(place, folder / "model", folder / "fine.nc", "", run.replace("host.nc", str(folder / "host.nc")) + extra, allocation=True)
    launcher = ["mpirun", "--oversubscribe", "-n", str(n_host), sys.executable, *host(config, place)]
    launcher += [":", "-n", str(n_lsbc), sys.executable, "-m", "lsbc.emulator.cli", "yac", str(config), *options]
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(launcher, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done, place


def example(config, place):
    return str(EXAMPLE), str(config), "--save", str(place)


def faulty(fault):
    return lambda config, place: (str(HERE.with_name("yac_host.py")), str(config), str(place), fault)


def saved(place):
    """What the host received: field -> (year, level, cell), cells in the order of the host file."""
    parts = [np.load(path) for path in sorted(place.glob("host_*.npz"))]
    order = np.argsort(np.concatenate([part["position"] for part in parts]))
    return {name: np.concatenate([part[name] for part in parts], axis=2)[:, :, order] for name in parts[0].files if name != "position"}


@pytest.fixture(scope="module")
def direct(folder):
    """The same from the component itself."""
    host = case.make_host()
    component = Component.create(case.write_config(folder, folder / "model", folder / "fine.nc", "", RUN, allocation=True), SerialComm())
    cells = np.arange(81)
    component.set_grid(*host.part(cells))
    out = {info.name: np.empty((len(YEARS), info.n_level, 81)) for info in OUTPUTS}
    for k, year in enumerate(YEARS):
        case.couple(component, host, cells, year)
        for name, values in out.items():
            component.get_field(name, values[k])
        if year == YEARS[0]:
            component.write_restart(folder / "restart.nc")
    component.close()
    return out


def test_a_host_on_the_same_cells_gets_the_components_bits(folder, direct):
    done, place = job(folder, 1, 2, example, yac_section())
    assert done.returncode == 0, done.stderr
    received = saved(place)
    assert [name for name in NAMES if not np.array_equal(received[name], direct[name])] == []
    assert [int(line.split()[0]) for line in done.stdout.splitlines() if re.match(r"\d{4} ", line)] == list(YEARS)


def test_bits_are_the_same_on_one_rank_beside_two_and_after_a_restart(folder, direct, tmp_path, monkeypatch):
    monkeypatch.setenv("LSBC_RECORD", str(tmp_path / "rec"))
    done, place = job(folder, 2, 1, example, yac_section(), RUN.replace("first_year = 2000", "first_year = 2001"),
                      ("--restart", str(folder / "restart.nc"), "--write-restart", str(folder / "end.nc")))
    assert done.returncode == 0, done.stderr
    received = saved(place)
    assert [name for name in NAMES if not np.array_equal(received[name], direct[name][1:])] == []
    assert (folder / "end.nc").exists()
    report = replay(tmp_path / "rec", SerialComm)  # YAC's host had the emulator on one rank of three
    assert report.verdict == "identical" and [year["year"] for year in report.years] == [2000, 2001, 2002]


def test_the_example_prints_means_over_the_cells_that_lsbc_covers(folder, capsys):
    spec = spec_from_file_location("yac_example", EXAMPLE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    host = module.Host.__new__(module.Host)
    host.fields, host.position, host.ranks = {"lai": 1, "lu_frac": 8}, np.arange(4), SimpleNamespace(rank=0, reduce=lambda mine, _operation: mine)
    host.print_means(2000, {"lai": np.array([[1.0, 3.0, np.nan, np.nan]]), "lu_frac": np.zeros((8, 4))})
    assert capsys.readouterr().out == "2000 lai 2.0000\n"


def area_sr(host):
    """Areas of quadrangles of great circles: two triangles each, by the tangent of half their excess."""
    lon, lat = np.radians(host.vertex_lon_deg), np.radians(host.vertex_lat_deg)
    a, b, c, d = np.moveaxis(np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=2), 1, 0)

    def dot(u, v):
        return np.sum(u * v, axis=1)

    return sum(2.0 * np.arctan2(np.abs(dot(u, np.cross(v, w))), 1.0 + dot(u, v) + dot(v, w) + dot(w, u)) for u, v, w in ((a, b, c), (a, c, d)))


def test_a_host_of_larger_cells_gets_means_by_area_and_the_code_of_one_cell(folder, direct):
    done, place = job(folder, 1, 1, faulty("coarse"), yac_section("conservative", names=("lu_frac", "lu_dominant", "valid_year")))
    assert done.returncode == 0, done.stderr
    received = saved(place)
    area = area_sr(case.make_host()).reshape(3, 3, 9)
    expected = (direct["lu_frac"].reshape(3, 8, 3, 3, 9) * area).sum(axis=3) / area.sum(axis=1)
    assert received["lu_frac"] == pytest.approx(expected.reshape(3, 8, 27), abs=1e-7)
    assert np.array_equal(received["lu_dominant"][:, 0], direct["lu_dominant"].reshape(3, 3, 3, 9)[:, :, 1].reshape(3, 27))  # the middle one is the nearest
    assert np.array_equal(received["valid_year"], np.broadcast_to(np.array(YEARS, float)[:, None, None], (3, 1, 27)))


def test_no_mean_is_taken_of_climate_zones_and_of_temperatures_that_are_partly_unknown(folder, tmp_path):
    row = np.arange(81) // 9
    zone, coldest = np.where(row % 3 == 1, 1.0, 5.0), np.where(row % 3 == 1, 280.0, -9999.0)  # known in the middle row of each three, at its place
    coldest[row == 4] = -9999.0
    with Dataset(tmp_path / "climate.nc", "w") as data:
        data.createDimension("cell", 81)
        data.createVariable("global_id", "i8", ("cell",))[:] = case.make_host().global_id
        data.createVariable("koppen_group", "f8", ("cell",))[:] = zone
        data.createVariable("coldest_month_temperature", "f8", ("cell",), fill_value=-9999.0)[:] = coldest
    names = ("climate_zone", "climate_coldest_month")
    done, place = job(folder, 1, 1, faulty("coarse"), yac_section("conservative", names=names) + f"[surface]\nclimate = '{tmp_path / 'climate.nc'}'\n")
    assert done.returncode == 0, done.stderr
    received = saved(place)
    assert np.array_equal(received["climate_zone"], np.ones((3, 1, 27)))
    assert np.array_equal(received["climate_coldest_month"][:, 0], np.tile(np.repeat([280.0, -9999.0, 280.0], 9), (3, 1)))


@pytest.mark.parametrize(("fault", "n_lsbc", "status", "sentence"), [
    ("ends early", 2, Status.STATE, r"component 'lsbc' waited 10 s \(yac.wait_s\) for field 'primf' and 11 more of year 2001 from component 'host'"),
    ("time step", 1, Status.YEAR, r"Field 'primf' of component 'host' has the time step P2Y; component 'lsbc' expects P1Y \(yac.host_time_step\)"),
    ("no range", 1, Status.FIELD, r"Field 'range' of component 'lsbc' is not defined by component 'host' on grid 'host_cells'; it defines c3ann, c3nfx,"),
    ("nan", 2, Status.VALUE, r"Field 'c3ann' from component 'host' is nan in cell \d+ \(10.0000 E, 48.0000 N\) of component 'lsbc' in 2001"),
    ("west only", 1, Status.VALUE, r"Field 'primf' was not written in cell \d+ \(9.6000 E, 47.2000 N\) of component 'lsbc' in 2000: no cell of grid 'host_cells'"),
])
def test_what_the_host_does_wrong_ends_the_job_with_a_sentence(folder, fault, n_lsbc, status, sentence):
    done, _ = job(folder, 1, n_lsbc, faulty(fault), yac_section(wait_s=10.0 if fault == "ends early" else 60.0, names=["lai"], extra="nearest_within_deg = 0.21"))
    assert done.returncode == int(status), done.stderr
    assert re.search(r"lsbc: \w+Error: rank \d: .*" + sentence, done.stderr), done.stderr


def test_a_program_that_never_joins_ends_the_job_with_a_sentence(folder):
    began = time.monotonic()
    done, _ = job(folder, 1, 1, faulty("stays away"), yac_section(wait_s=1.0))
    assert done.returncode != 0
    assert "component 'lsbc' waited 1 s (yac.wait_s) for all programs of the job to start YAC" in done.stderr
    assert "Component 'host' is expected" in done.stderr
    assert time.monotonic() - began < 30.0


# --- without a job: what YAC would answer, from a stand-in --------------------------------------------------------


class Definitions:
    """What the other side has defined, as YAC tells it after the definitions are synchronised."""

    def __init__(self, step="P1Y", size=None, start="2000-01-01T00:00:00.000", end="2002-12-31T00:00:00.000"):
        self.component_names, self.start_datetime, self.end_datetime = ["lsbc", "host"], start, end
        self.step, self.size = step, size or {}

    def get_comp_grid_names(self, component):
        return ["host_cells"]

    def get_field_names(self, component, grid):
        return [info.name for info in (*INPUTS, *OUTPUTS)]

    def get_field_timestep(self, component, grid, name):
        return self.step

    def get_field_collection_size(self, component, grid, name):
        return self.size.get(name, 8 if name == "lu_frac" else 1)


def coupling(definitions, role=None, **settings):
    """A coupling on one rank whose YAC only answers questions."""
    settings = YacConfig(**{"host_component": "host", "host_grid": "host_cells", "fields": ("lu_frac",)} | settings)
    exchange = SimpleNamespace(SOURCE="source", TARGET="target")
    yac = SimpleNamespace(ExchangeType=exchange)
    one = Coupling(settings, yac, definitions, SimpleNamespace(comp_comm=None), SerialComm())
    one._in, one._out = ({info.name: SimpleNamespace(role=role) for info in infos} for infos in (INPUTS, OUTPUTS[:1]))
    return one


def test_definitions_that_fit_pass():
    one = coupling(Definitions())
    one._check_host()
    one._check_clock(2000, 2002)


@pytest.mark.parametrize(("definitions", "settings", "error", "match"), [
    (Definitions(), {"host_component": "icon"}, ConfigError, "yac.host_component 'icon' is not a component of this job; beside 'lsbc' there is host"),
    (Definitions(), {"host_grid": "edges"}, ConfigError, "yac.host_grid 'edges' is not a grid of component 'host'; it has host_cells"),
    (Definitions(size={"lu_frac": 7}), {}, FieldError, "Field 'lu_frac' of component 'host' has collection size 7; that of component 'lsbc' has 8"),
    (Definitions(step="PT10M"), {}, YearError, "Field 'primf' of component 'host' has the time step PT10M; component 'lsbc' expects P1Y"),
])
def test_what_the_other_side_has_not_or_otherwise_is_named(definitions, settings, error, match):
    with pytest.raises(error, match=match):
        coupling(definitions, **settings)._check_host()


def test_a_host_of_short_steps_is_taken_when_the_settings_say_so():
    coupling(Definitions(step="PT10M"), host_time_step="PT10M")._check_host()


def test_a_clock_of_other_years_is_refused():
    match = "YAC's clock runs from 2000-01-01.* to 2001-12-31.*: exchanges of 2000..2001; component 'lsbc' is to make 2000..2002"
    with pytest.raises(YearError, match=match):
        coupling(Definitions(end="2001-12-31T00:00:00.000"))._check_clock(2000, 2002)
    with pytest.raises(YearError, match=r"is to make 2001\.\.2002"):
        coupling(Definitions())._check_clock(2001, 2002)


def test_fields_that_nobody_coupled_are_refused():
    with pytest.raises(FieldError, match="Field 'primf' of component 'lsbc' is not coupled from component 'host'; define the couple there"):
        coupling(Definitions(), role="none")._check_couples()
    with pytest.raises(FieldError, match="Field 'lu_frac' of component 'lsbc' is not coupled to component 'host'"):
        coupling(Definitions(), role="target")._check_couples()


@pytest.mark.parametrize(("datetime", "action", "match"), [
    ("2002-01-01T00:00:00.000", "COUPLING", "is at 2002-01-01.* on YAC's clock; the next year with component 'host' is 2001"),
    ("2001-01-01T00:00:00.000", "NONE", r"is not exchanged with component 'host' in 2001 \(NONE at 2001-01-01.*the coupling period must be P1Y"),
    ("2001-01-01T00:00:00.000", "OUT_OF_BOUND", "the clock must reach 2001"),
])
def test_a_year_that_skips_is_an_error(datetime, action, match):
    one = coupling(Definitions())
    names = ("COUPLING", "GET_FOR_RESTART", "PUT_FOR_RESTART", "NONE", "OUT_OF_BOUND")
    one._yac.Action = SimpleNamespace(**{name: SimpleNamespace(name=name) for name in names})
    field = SimpleNamespace(datetime=datetime, action=getattr(one._yac.Action, action))
    with pytest.raises(YearError, match=match):
        one._check_year({"urban": field}, 2001)


@pytest.mark.parametrize(("start", "end", "year"), [
    ("2000-01-01T00:00:00.000", "2003-01-01T00:00:00.000", 2003),
    ("2000-01-01T00:00:00.000", "2002-12-31T23:59:59.000", 2002),
    ("1999-06-01T00:00:00.000", "2001-05-31T00:00:00.000", 2000),
    ("-0001-01-01T00:00:00", "0002-02-01T00:00:00", 2),
])
def test_the_last_exchange_is_the_last_anniversary_of_the_start(start, end, year):
    assert last_year(start, end) == year


def test_the_year_of_a_time_is_its_calendar_year():
    assert [year_of(time) for time in ("2019-06-01T00:00:00.000", "-0001-01-01T00:00:00", "12019-01-01T00:00:00")] == [2019, -1, 12019]
    with pytest.raises(YearError, match="YAC gave the time 'soon', in which there is no year"):
        year_of("soon")


def test_without_yac_the_way_to_get_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "yac", None)
    with pytest.raises(LsbcError, match=r"YAC cannot be loaded .*pip install lsbc\[yac\]"):
        Coupling.join(YacConfig(host_component="host", host_grid="cells", fields=("lai",)))


def test_the_command_names_the_sections_it_needs(tmp_path, capsys):
    from lsbc.emulator.cli import main

    case.write_artefact(tmp_path / "model")
    assert main(["yac", str(case.write_config(tmp_path, tmp_path / "model", tmp_path / "fine.nc"))]) == int(Status.CONFIG)
    assert "`lsbc yac` needs the section [yac] and [run]" in capsys.readouterr().err
