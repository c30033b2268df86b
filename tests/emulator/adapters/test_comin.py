"""The plugin of ICON's Community Interface on one rank, run by a stand-in as the Python adapter runs it, against the component called directly."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lsbc.emulator.adapters import comin
from lsbc.emulator.classes import CLASS_NAMES, LUH2_STATES
from lsbc.emulator.component import Component
from lsbc.emulator.fields import FIELDS, FILL
from lsbc.emulator.harness import replay
from lsbc.regrid.comm import SerialComm

import case
from comin_stand_in import HostStopped, StandIn

OUTPUTS = [info.name for info in FIELDS if info.direction == "out" and info.n_level == 1]
STATES = "states_file = 'states.nc'"


@pytest.fixture(autouse=True)
def one_rank(monkeypatch, plain_log):
    monkeypatch.setattr(comin, "MpiComm", SimpleNamespace(from_fortran=lambda handle: SerialComm()))
    monkeypatch.delitem(sys.modules, "comin", raising=False)
    yield
    sys.modules.pop("comin", None)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A run directory with the closed-form network, the first map and a states file."""
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    case.write_host_file(tmp_path / "states.nc", triangles())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def triangles(n=5):
    """n x n squares of 0.2 degrees, each cut into two triangles as ICON's cells are; states as in `case.make_host`."""
    squares = case.make_host(n)
    lon, lat = (np.concatenate([corner[:, [0, 1, 2]], corner[:, [0, 2, 3]]]) for corner in (squares.vertex_lon_deg, squares.vertex_lat_deg))
    states = {year: {name: np.tile(values, 2) for name, values in of_year.items()} for year, of_year in squares.states.items()}
    return case.Host(np.concatenate([squares.global_id, squares.global_id + 20000]), lon.mean(axis=1), lat.mean(axis=1), lon, lat, states)


def in_radians(grid):
    """The grid as it is left after ICON has kept its angles as radians."""
    for name in ("lon_deg", "lat_deg", "vertex_lon_deg", "vertex_lat_deg"):
        setattr(grid, name, np.degrees(np.radians(getattr(grid, name).round(9))))
    return grid


def configure(folder, comin_section=STATES, output=""):
    case.write_config(folder, folder / "model", folder / "fine.nc", output, f"[comin]\n{comin_section}", allocation=True)


def icon(grid, **options):
    return StandIn(grid, f"{comin.__file__} lsbc.toml", **options)


def run(host, *dates, start="2000-01-01T00:00:00", experiment_start=None, checkpoint=None):
    host.prepare(comin.__file__, start, dates[-1], experiment_start)
    for date in dates:
        host.step(date, checkpoint == date)
    host.end()
    return host


def directly(folder, grid, local, *years):
    """Fields of the last year from the component itself, on the cells in ICON's local order."""
    component = Component.create(folder / "lsbc.toml", SerialComm())
    component.set_grid(*grid.part(local))
    case.couple(component, grid, local, *years)
    fields = {name: np.empty(len(local)) for name in OUTPUTS} | {"lu_frac": np.empty((8, len(local))), "leaf_area_index": np.empty((12, len(local)))}
    for name, values in fields.items():
        component.get_field(name, values)
    component.close()
    return fields


def assert_shows(host, fields):
    for name in OUTPUTS:
        shown, padding = host.values("lsbc_" + name)
        assert np.array_equal(shown, fields[name]), name
        assert np.isnan(padding).all() and len(padding)
    for level, name in enumerate(CLASS_NAMES):
        assert np.array_equal(host.values(f"lsbc_lu_frac_{name}")[0], fields["lu_frac"][level]), name
    for level in range(12):
        assert np.array_equal(host.values(f"lsbc_leaf_area_index_{level + 1:02d}")[0], fields["leaf_area_index"][level]), level


@pytest.mark.parametrize("modern, nproma", [(False, 7), (True, 64)])
def test_icon_gets_the_bits_of_the_component_called_directly(folder, modern, nproma):
    configure(folder)
    grid = in_radians(triangles())
    host = run(icon(grid, nproma=nproma, modern=modern), "2000-12-31T12:00:00", "2001-01-01T00:00:00", "2001-01-01T12:00:00", "2002-01-01T00:00:00",
               "2002-01-01T12:00:00")
    assert_shows(host, directly(folder, grid, host.local, 2000, 2001, 2002))


def test_next_years_map_is_made_from_next_years_states(folder):
    configure(folder)
    config = folder / "lsbc.toml"
    plain = config.read_text()
    config.write_text(plain.replace("start_year = 2000", "start_year = 2000\nlead_years = 1"))
    grid = in_radians(triangles())
    host = run(icon(grid), "2000-12-31T12:00:00", "2001-01-01T00:00:00", "2001-01-01T12:00:00")
    config.write_text(plain.replace("start_year = 2000", "start_year = 2001"))
    fields = directly(folder, grid, host.local, 2001, 2002)  # the same maps, of a host that asks in the year itself
    assert (fields["valid_year"] == 2002).all()
    assert_shows(host, fields)


def count_years(monkeypatch):
    years, step_year = [], Component.step_year
    monkeypatch.setattr(Component, "step_year", lambda self, year: (years.append(year), step_year(self, year))[1])
    return years


@pytest.mark.parametrize("last_day", ["31", "30"])
def test_a_year_is_made_once_and_at_the_first_step_that_begins_in_it(folder, monkeypatch, last_day):
    configure(folder)
    years = count_years(monkeypatch)
    host = icon(triangles())
    host.prepare(comin.__file__, f"2000-12-{last_day}T00:00:00.000", "2002-01-01T00:00:00.000")
    assert years == [2000] and host.values("lsbc_valid_year")[0][0] == 2000  # there for ICON's output at the start
    for date in (f"2000-12-{last_day}T12:00:00.000", "2001-01-01T00:00:00.000"):
        host.step(date)
        assert years == [2000]
    for date in ("2001-01-01T12:00:00.000", "2001-06-30T00:00:00.000", f"2001-12-{last_day}T23:59:59.999"):
        host.step(date)
        assert years == [2000, 2001]


def test_a_resumed_run_has_the_bits_of_one_that_went_on(folder):
    (folder / "restarts").mkdir()
    configure(folder, STATES + "\nrestart_directory = 'restarts'")
    grid = triangles()
    whole = run(icon(grid), "2001-01-01T00:00:00", "2001-07-01T00:00:00", "2002-01-01T00:00:00", "2002-01-02T00:00:00", checkpoint="2001-07-01T00:00:00")
    assert [path.name for path in (folder / "restarts").iterdir()] == ["lsbc_restart_DOM01_20010701T000000Z.nc"]
    resumed = run(icon(grid), "2002-01-01T00:00:00", "2002-01-02T00:00:00", start="2001-07-01T00:00:00.000", experiment_start="2000-01-01T00:00:00.000")
    for name in (*OUTPUTS, *(f"lu_frac_{name}" for name in CLASS_NAMES)):
        assert np.array_equal(*(host.values("lsbc_" + name)[0] for host in (whole, resumed))), name


def test_a_run_is_recorded_where_the_variable_names_a_folder(folder, monkeypatch):
    configure(folder)
    monkeypatch.setenv("LSBC_RECORD", str(folder / "rec"))
    run(icon(triangles()), "2000-12-31T12:00:00", "2001-01-01T00:00:00", "2001-01-01T12:00:00", checkpoint="2001-01-01T00:00:00")
    report = replay(folder / "rec", SerialComm)
    assert report.verdict == "identical" and [(year["year"], len(year["fields"])) for year in report.years] == [(2000, 19), (2001, 19)]


def test_a_run_resumed_on_new_years_day_makes_the_new_year(folder, monkeypatch):
    configure(folder)
    run(icon(triangles()), "2000-07-01T00:00:00", "2001-01-01T00:00:00", checkpoint="2001-01-01T00:00:00")
    assert case.contents(folder / "lsbc_restart_DOM01_20010101T000000Z.nc")
    years = count_years(monkeypatch)
    resumed = run(icon(triangles()), "2001-01-01T12:00:00", start="2001-01-01T00:00:00", experiment_start="2000-01-01T00:00:00")
    assert years == [2001] and (resumed.values("lsbc_valid_year")[0] == 2001).all()


def test_a_resumed_run_without_lsbcs_restart_file_stops(folder):
    configure(folder)
    host = icon(triangles())
    with pytest.raises(HostStopped, match=r"lsbc_restart_DOM01_20010701T000000Z\.nc"):
        run(host, "2001-07-02T00:00:00", start="2001-07-01T00:00:00", experiment_start="2000-01-01T00:00:00")


def test_states_may_come_from_variables_that_icon_exposes(folder, monkeypatch):
    configure(folder, "[comin.states]\n" + "\n".join(f"{name} = 'luh2_{name}'" for name in LUH2_STATES))
    grid, years = triangles(), count_years(monkeypatch)
    host = icon(grid)
    for name in LUH2_STATES:
        host.expose(f"luh2_{name}", grid.states[2000][name])
    host.prepare(comin.__file__, "2000-01-01T00:00:00", "2001-01-02T00:00:00")
    assert years == []  # nobody has filled them yet
    host.step("2001-01-01T00:00:00")
    for name in LUH2_STATES:
        host.values(f"luh2_{name}")[0][:] = grid.states[2001][name][host.local]
    host.step("2001-01-01T12:00:00")
    from_file = icon(grid)
    configure(folder)
    run(from_file, "2001-01-01T00:00:00", "2001-01-02T00:00:00")
    for name in OUTPUTS:
        assert np.array_equal(*(one.values("lsbc_" + name)[0] for one in (host, from_file))), name


def test_icons_own_variables_are_kept_at_lsbcs_values_and_left_alone_where_there_are_none(folder):
    configure(folder, STATES + "\n[comin.write]\nalbedo = 'albdif'\nlu_frac_urban = 'fr_paved'", output="uncovered_cells = 'fill'")
    grid = triangles()
    grid.vertex_lon_deg[:5], grid.lon_deg[:5] = grid.vertex_lon_deg[:5] + 20.0, grid.lon_deg[:5] + 20.0  # the last row of cells lies where there are no data
    case.write_host_file(folder / "states.nc", grid)
    host = icon(grid)
    for name in ("albdif", "fr_paved"):
        host.expose(name, np.full(len(grid.global_id), 0.77))
    host.prepare(comin.__file__, "2000-01-01T00:00:00", "2000-01-03T00:00:00")
    host.values("albdif")[0][:] = 0.77  # ICON's own physics
    host.step("2000-01-02T00:00:00")
    for own, ours in (("albdif", "albedo"), ("fr_paved", "lu_frac_urban")):
        values, wanted = host.values(own)[0], host.values("lsbc_" + ours)[0]
        assert np.count_nonzero(wanted == FILL) == 5
        assert np.array_equal(values, np.where(wanted == FILL, 0.77, wanted))


def test_requested_variables_carry_their_units_and_names(folder):
    configure(folder)
    host = run(icon(triangles()), "2000-01-02T00:00:00")
    assert len(host.requested) == len(OUTPUTS) + 8 + 2 * 12 and len(max(name for name, _ in host.requested)) < 64
    roughness = host.variables["lsbc_z0m", 1].metadata
    assert roughness == {"zaxis_id": 1, "units": "m", "standard_name": "surface_roughness_length_for_momentum_in_air",
                         "long_name": "roughness length for momentum", "restart": False}
    assert host.variables["lsbc_lu_frac_forest", 1].metadata["long_name"] == "area fraction of each land-use class: forest"


def stopped(host, match, **options):
    with pytest.raises(HostStopped, match=match):
        run(host, "2000-01-02T00:00:00", **options)
    assert host.finished[0] == "lsbc"


def test_the_options_must_name_one_configuration(folder):
    stopped(StandIn(triangles(), comin.__file__), r"got the arguments \[\]")
    stopped(StandIn(triangles(), f"{comin.__file__} one.toml two.toml"), "one.toml', 'two.toml")


def test_a_configuration_without_the_section_stops_icon(folder):
    case.write_config(folder, folder / "model", folder / "fine.nc")
    stopped(icon(triangles()), r"lsbc.toml: ICON's plugin needs a section \[comin\]")


def test_a_field_that_lsbc_does_not_have_cannot_be_written(folder):
    configure(folder, STATES + "\n[comin.write]\nsnow = 'w_snow'")
    stopped(icon(triangles()), r"\[comin.write\] has snow; lsbc gives lu_frac_ocean, lu_frac_urban")


def test_a_variable_that_icon_does_not_expose_stops_it(folder):
    configure(folder, STATES + "\n[comin.write]\nalbedo = 'albdif'\nlai = 'lai'")
    stopped(icon(triangles()), "exposes no variable albdif, lai in domain 1")


def test_a_variable_with_levels_stops_icon(folder):
    configure(folder, STATES + "\n[comin.write]\nalbedo = 'temp'")
    host = icon(triangles())
    host.expose("temp", levels=3)
    stopped(host, r"'temp' of ICON has shape \(7, 3, 8, 1, 1\); lsbc needs one value a cell, 56 with padding")


def test_an_icon_run_that_starts_in_another_year_stops(folder):
    configure(folder)
    grid = triangles()
    grid.states[1999] = grid.states[2000]
    case.write_host_file(folder / "states.nc", grid)
    stopped(icon(grid), r"The first year is 2000 \(time.start_year\), got 1999", start="1999-06-01T00:00:00")


def test_a_date_that_is_none_stops_icon(folder):
    configure(folder)
    stopped(icon(triangles()), "ICON gives the date 'tomorrow'", start="tomorrow")


def test_a_states_file_without_icons_cells_stops_it(folder):
    configure(folder)
    grid = triangles()
    grid.global_id[3] = 99999
    stopped(icon(grid), r"states\.nc lacks cell 99999 of ICON's grid, and 0 more of rank 0")


def test_a_states_file_of_another_grid_stops_icon(folder):
    configure(folder)
    grid = triangles()
    grid.global_id[:] = grid.global_id[::-1].copy()
    stopped(icon(grid), "the file is of another grid")


def test_a_year_that_the_states_file_lacks_stops_icon(folder):
    configure(folder)
    host = icon(triangles())
    with pytest.raises(HostStopped, match="has no year 2004; it holds 2000..2003"):
        run(host, "2001-01-01T00:00:00", "2002-01-01T00:00:00", "2003-01-01T00:00:00", "2004-01-01T00:00:00", "2004-01-02T00:00:00")
    assert (host.values("lsbc_valid_year")[0] == 2003).all()


def test_a_corner_that_is_no_vertex_of_the_rank_stops_icon(folder):
    configure(folder)
    host = icon(triangles())
    blocks = np.array(host.domain.cells.vertex_blk)
    blocks[0, 0, 1] = 99
    host.domain.cells.vertex_blk = memoryview(np.asfortranarray(blocks))
    stopped(host, r"Cell \d+ of ICON has the corners .* on rank 0, where there are 36 vertices in blocks of 7")


def test_ids_that_are_fewer_than_cells_stop_icon(folder):
    configure(folder)
    host = icon(triangles())
    host.domain.cells.glb_index = memoryview(np.array(host.domain.cells.glb_index)[:-1])
    stopped(host, "ICON gives 49 global indices for 50 cells on rank 0")


def test_a_host_whose_finish_returns_does_not_go_on(folder):
    host = StandIn(triangles(), comin.__file__)
    host.finish = lambda routine, text: None
    with pytest.raises(Exception, match="got the arguments"):
        run(host, "2000-01-02T00:00:00")
