"""BMI 2.0 from Python: the bits of the component, what each call refuses, and what CSDMS's own tester says."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from lsbc.emulator.classes import LUH2_STATES
from lsbc.emulator.component import Component
from lsbc.emulator.fields import OUTPUTS
from lsbc.emulator.harness import replay
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import ConfigError, FieldError, FileError, GridError, StateError, ValueRangeError, YearError

import case

pytest.importorskip("bmipy", reason="BMI needs bmipy")
from lsbc.emulator.adapters.bmi import LsbcBmi  # noqa: E402

N = 81
YEARS = (2000, 2001, 2002)


@pytest.fixture(scope="module")
def host():
    return case.make_host(years=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, host):
    folder = tmp_path_factory.mktemp("bmi")
    case.write_artefact(folder / "model")
    case.write_fine_file(folder / "fine.nc", case.first_map())
    case.write_host_file(folder / "host.nc", host)
    return folder


def write_config(folder, host_file="host.nc", run=True, first=2000, last=2002):
    extra = "[grid]\nedges = 'latlon'\n"
    extra += f"[run]\nhost = '{folder / host_file}'\nfirst_year = {first}\nlast_year = {last}\n" if run else ""
    return str(case.write_config(folder, folder / "model", folder / "fine.nc", extra=extra, allocation=True))


@pytest.fixture
def bmi(folder):
    bmi = LsbcBmi()
    bmi.initialize(write_config(folder))
    yield bmi
    bmi.finalize()


@pytest.fixture
def bmi_of_one_year(folder, host):
    """The host file holds the first year alone: the caller gives the others."""
    case.write_host_file(folder / "first.nc", case.make_host(years=1))
    bmi = LsbcBmi()
    bmi.initialize(write_config(folder, "first.nc"))
    yield bmi
    bmi.finalize()


@pytest.fixture(scope="module")
def direct(folder, host):
    """field -> array of each year, from the component alone."""
    component = Component.create(write_config(folder), SerialComm())
    component.set_grid(*host.part(np.arange(N)))
    fields = {}
    for year in YEARS:
        case.couple(component, host, np.arange(N), year)
        fields[year] = {info.name: np.empty((info.n_level, N) if info.n_level > 1 else N) for info in OUTPUTS}
        for name, out in fields[year].items():
            component.get_field(name, out)
    component.close()
    return fields


def outputs(bmi):
    """lsbc's name -> values, from every output variable."""
    def level(name):
        return bmi.get_value(name, np.empty(N))

    return {info.name: np.stack([level(f"{info.name}.{name}") for name in info.levels]) if info.levels else level(info.name) for info in OUTPUTS}


def assert_same(got, expected):
    assert set(got) == set(expected)
    for name, values in expected.items():
        assert got[name].tobytes() == values.tobytes(), name


def set_states(bmi, host, year):
    for name, values in host.states[year].items():
        bmi.set_value(name, values)


# --- the same bits ---------------------------------------------------------------------------------------------------

def test_years_driven_by_the_host_file_have_the_bits_of_the_component(bmi, direct):
    assert_same(outputs(bmi), direct[2000])
    for year in YEARS[1:]:
        bmi.update()
        assert_same(outputs(bmi), direct[year])
    assert not np.array_equal(direct[2000]["lu_frac"], direct[2002]["lu_frac"])


def test_years_driven_by_the_caller_have_the_bits_of_the_component(bmi_of_one_year, host, direct):
    for year in YEARS[1:]:
        set_states(bmi_of_one_year, host, year)
        bmi_of_one_year.update()
        assert_same(outputs(bmi_of_one_year), direct[year])


def test_update_until_makes_all_years_on_the_way(bmi, direct):
    bmi.update_until(2.0)
    assert bmi.get_current_time() == 2.0
    assert_same(outputs(bmi), direct[2002])


def test_what_the_caller_sets_replaces_the_host_file(bmi, direct, host):
    moved = host.states[2001]["urban"] + 0.05
    bmi.set_value("land_luh2~urban__area_fraction", moved)
    bmi.update()
    assert not np.array_equal(bmi.get_value_ptr("lu_frac.urban"), direct[2001]["lu_frac"][1])
    assert np.array_equal(bmi.get_value_ptr("urban"), host.states[2002]["urban"])


def test_an_instance_may_be_initialised_again(folder, direct):
    bmi = LsbcBmi()
    for _ in range(2):
        bmi.initialize(write_config(folder))
        bmi.update()
        assert_same(outputs(bmi), direct[2001])
        bmi.finalize()
        bmi.finalize()


@pytest.fixture
def bmi_a_year_ahead(folder):
    """time.lead_years = 1, with states of 2000 to 2003 for the host's years 2000 to 2002."""
    config = Path(write_config(folder))
    config.write_text(config.read_text().replace("start_year = 2000", "start_year = 2000\nlead_years = 1"))
    bmi = LsbcBmi()
    bmi.initialize(str(config))
    yield bmi
    bmi.finalize()


def test_next_years_map_is_made_from_next_years_states(folder, host, bmi_a_year_ahead):
    later = case.write_config(folder, folder / "model", folder / "fine.nc", extra="[grid]\nedges = 'latlon'\n", allocation=True)
    later.write_text(later.read_text().replace("start_year = 2000", "start_year = 2001"))
    component = Component.create(later, SerialComm())  # the same maps, of a host that is asked for in the year itself
    component.set_grid(*host.part(np.arange(N)))
    for year in (2001, 2002, 2003):
        case.couple(component, host, np.arange(N), year)
        for name in ("urban_frac", "lai", "valid_year"):
            expected = np.empty(N)
            component.get_field(name, expected)
            assert np.array_equal(bmi_a_year_ahead.get_value_ptr(name), expected), (name, year)
        if year < 2003:
            assert np.array_equal(bmi_a_year_ahead.get_value_ptr("urban"), host.states[year + 1]["urban"])
            bmi_a_year_ahead.update()
    component.close()
    assert bmi_a_year_ahead.get_current_time() == 2.0 and np.isnan(bmi_a_year_ahead.get_value_ptr("urban")).all()


def test_a_host_file_that_ends_a_year_early_leaves_the_year_ahead_to_the_caller(folder, host, bmi_a_year_ahead):
    case.write_host_file(folder / "early.nc", case.make_host(years=2))
    config = Path(write_config(folder, "early.nc"))
    config.write_text(config.read_text().replace("start_year = 2000", "start_year = 2000\nlead_years = 1"))
    bmi = LsbcBmi()
    bmi.initialize(str(config))  # from the states of 2001
    with pytest.raises(FieldError, match="Input 'primf' is NaN for year 2002"):
        bmi.update()
    set_states(bmi, host, 2002)
    bmi.update()
    bmi_a_year_ahead.update()
    assert np.array_equal(bmi.get_value_ptr("lai"), bmi_a_year_ahead.get_value_ptr("lai"))
    bmi.finalize()


# --- no year from old states -----------------------------------------------------------------------------------------

def test_inputs_hold_the_next_year_of_the_host_file(bmi, host):
    for following in (2001, 2002):
        for name in LUH2_STATES:
            assert np.array_equal(bmi.get_value_ptr(name), host.states[following][name])
        bmi.update()
    assert all(np.isnan(bmi.get_value_ptr(name)).all() for name in LUH2_STATES)


def test_a_year_that_nobody_gave_is_refused(bmi_of_one_year, host):
    with pytest.raises(FieldError, match=r"Input 'primf' is NaN for year 2001 in cell 1013 \(81 of 81 cells\): set it before update"):
        bmi_of_one_year.update()
    set_states(bmi_of_one_year, host, 2001)
    bmi_of_one_year.update()
    with pytest.raises(FieldError, match="Input 'primf' is NaN for year 2002"):
        bmi_of_one_year.update()
    assert bmi_of_one_year.get_current_time() == 1.0


def test_a_state_set_in_part_is_refused(bmi_of_one_year, host):
    set_states(bmi_of_one_year, host, 2001)
    bmi_of_one_year.set_value_at_indices("pastr", [80], [np.nan])
    with pytest.raises(FieldError, match=rf"Input 'pastr' is NaN for year 2001 in cell {host.global_id[80]} \(1 of 81 cells\)"):
        bmi_of_one_year.update()


def test_masked_values_are_not_taken_for_numbers(bmi, host):
    bmi.set_value("range", np.ma.masked_array(np.zeros(N), mask=np.arange(N) == 3))
    with pytest.raises(FieldError, match=rf"Input 'range' is NaN for year 2001 in cell {host.global_id[3]}"):
        bmi.update()


def test_a_failed_update_leaves_arrays_and_time_and_can_be_repeated(bmi, direct, host):
    bmi.set_value_at_indices("urban", [7], [40.0])
    with pytest.raises(ValueRangeError, match="Field 'urban' is 40 in cell .* looks like percent"):
        bmi.update()
    assert bmi.get_current_time() == 0.0
    assert_same(outputs(bmi), direct[2000])
    bmi.set_value_at_indices("urban", [7], host.states[2001]["urban"][[7]])
    bmi.update()
    assert_same(outputs(bmi), direct[2001])


def test_a_host_file_that_breaks_later_stops_the_update_before_the_year(folder, host, direct):
    path = case.write_host_file(folder / "broken.nc", host)
    bmi = LsbcBmi()
    bmi.initialize(write_config(folder, "broken.nc"))
    path.write_bytes(b"no longer a file")
    with pytest.raises(FileError, match="broken.nc cannot be read"):
        bmi.update()
    assert bmi.get_current_time() == 0.0
    assert_same(outputs(bmi), direct[2000])
    bmi.finalize()


# --- time ------------------------------------------------------------------------------------------------------------

def test_time_counts_years_from_zero(bmi):
    assert (bmi.get_start_time(), bmi.get_current_time(), bmi.get_end_time(), bmi.get_time_step()) == (0.0, 0.0, 2.0, 1.0)
    assert bmi.get_time_units() == "year"
    bmi.update()
    assert bmi.get_current_time() == 1.0
    assert bmi.get_value("land_surface__valid_year", np.empty(N)).tolist() == [2001.0] * N


@pytest.mark.parametrize("time", [0.5, 1.0 + 1e-5, float("nan"), float("inf")])
def test_part_of_a_year_is_refused(bmi, time):
    with pytest.raises(YearError, match="is not a whole number of years"):
        bmi.update_until(time)
    assert bmi.get_current_time() == 0.0


def test_rounding_of_a_unit_conversion_does_no_harm(bmi):
    bmi.update_until(365.242198781 * 0.9999999999 / 365.242198781)
    assert bmi.get_current_time() == 1.0
    bmi.update_until(1.0)
    assert bmi.get_current_time() == 1.0


@pytest.mark.parametrize("time", [0.0, 3.0])
def test_a_time_that_is_past_or_beyond_the_end_is_refused(bmi, time):
    bmi.update()
    with pytest.raises(YearError, match=f"Time {time:g} lies outside 1, which is reached, to 2, the end time"):
        bmi.update_until(time)
    assert bmi.get_current_time() == 1.0


def test_no_update_beyond_the_last_year(bmi):
    bmi.update_until(2)
    with pytest.raises(YearError, match="Year 2002 is run.last_year; there is no update beyond the end time 2"):
        bmi.update()


# --- variables -------------------------------------------------------------------------------------------------------

def test_every_field_has_variables_with_names_of_their_own(bmi):
    inputs, others = bmi.get_input_var_names(), bmi.get_output_var_names()
    assert (len(inputs), len(others)) == (bmi.get_input_item_count(), bmi.get_output_item_count()) == (12, 8 + 2 * 12 + len(OUTPUTS) - 3)
    assert len({*inputs, *others}) == 12 + 8 + 2 * 12 + len(OUTPUTS) - 3
    for name in (*inputs, *others):
        assert (bmi.get_var_type(name), bmi.get_var_itemsize(name), bmi.get_var_nbytes(name)) == ("float64", 8, 8 * N)
        assert (bmi.get_var_grid(name), bmi.get_var_location(name)) == (0, "face")
        units = {"atmosphere_bottom_air_flow__log_law_roughness_length": "m", "land_vegetation_root__depth": "m", "atmosphere_bottom_air~coldest-month__temperature": "K"}
        assert bmi.get_var_units(name) == units.get(name, "1")
    assert bmi.get_component_name() == "lsbc"


def test_names_follow_the_grammar_of_csdms():
    names = pytest.importorskip("standard_names.standardname", reason="needs standard-names")
    bmi = LsbcBmi()
    for name in (*bmi.get_input_var_names(), *bmi.get_output_var_names()):
        assert names.is_valid_name(name), name


def test_a_pointer_sees_the_next_year_without_being_asked_for_again(bmi, direct):
    forest, albedo, urban = bmi.get_value_ptr("lu_frac.forest"), bmi.get_value_ptr("land_surface__albedo"), bmi.get_value_ptr("urban")
    bmi.update()
    assert np.array_equal(forest, direct[2001]["lu_frac"][4]) and np.array_equal(albedo, direct[2001]["albedo"])
    assert np.shares_memory(forest, bmi.get_value_ptr("lu_frac.forest")) and np.shares_memory(urban, bmi.get_value_ptr("urban"))


def test_values_written_through_the_pointer_of_an_input_are_used(bmi_of_one_year, host, direct):
    for name, values in host.states[2001].items():
        bmi_of_one_year.get_value_ptr(name)[:] = values
    bmi_of_one_year.update()
    assert_same(outputs(bmi_of_one_year), direct[2001])


def test_outputs_cannot_be_written(bmi):
    with pytest.raises(ValueError, match="read-only"):
        bmi.get_value_ptr("albedo")[0] = 0.5
    for change in (lambda: bmi.set_value("albedo", np.zeros(N)), lambda: bmi.set_value_at_indices("albedo", [0], [0.5])):
        with pytest.raises(FieldError, match="Variable 'albedo' is an output"):
            change()


def test_values_at_indices_are_those_of_the_whole_array(bmi, direct):
    got = bmi.get_value_at_indices("z0m", np.empty(3), [80, 0, 7])
    assert got.tolist() == direct[2000]["z0m"][[80, 0, 7]].tolist()
    assert bmi.get_value_at_indices("z0m", np.empty(0), []).size == 0
    bmi.set_value_at_indices("urban", np.array([80, 0]), np.array([0.5, 0.25]))
    assert bmi.get_value_ptr("urban")[[80, 0]].tolist() == [0.5, 0.25]


def test_get_value_copies_into_the_array_that_it_is_given(bmi, direct):
    dest = np.empty(N, np.float32)
    assert bmi.get_value("lai", dest) is dest
    assert np.array_equal(dest, direct[2000]["lai"].astype(np.float32))
    dest[:] = -1.0
    assert np.array_equal(bmi.get_value_ptr("lai"), direct[2000]["lai"])


@pytest.mark.parametrize(("call", "message"), [
    (lambda b: b.get_value("snow", np.empty(N)), "There is no variable 'snow'; get_input_var_names"),
    (lambda b: b.get_var_units("lu_frac"), "There is no variable 'lu_frac'"),
    (lambda b: b.get_value("lai", np.empty(N - 1)), r"get_value of 'lai' fills an array of shape \(81,\), got one of shape \(80,\)"),
    (lambda b: b.get_value("lai", np.empty(N, int)), "gives float64, which an array of int64 cannot hold"),
    (lambda b: b.get_value_at_indices("lai", np.empty(1), [N]), "Indices into variable 'lai' are whole numbers from 0 to 80"),
    (lambda b: b.get_value_at_indices("lai", np.empty(1), [-1]), "Indices into variable 'lai' are whole numbers from 0 to 80"),
    (lambda b: b.get_value_at_indices("lai", np.empty(1), [0.5]), "Indices into variable 'lai' are whole numbers from 0 to 80"),
    (lambda b: b.get_value_at_indices("lai", np.empty(2), [0]), "get_value_at_indices of 'lai' fills an array of shape"),
    (lambda b: b.set_value("urban", np.zeros(N - 1)), r"Variable 'urban' takes 81 real numbers in one dimension, got float64 of shape \(80,\)"),
    (lambda b: b.set_value("urban", 0.5), r"takes 81 real numbers in one dimension, got float64 of shape \(\)"),
    (lambda b: b.set_value("urban", ["much"] * N), "takes 81 real numbers"),
    (lambda b: b.set_value("urban", [[0.1, 0.2], [0.3]]), "takes 81 real numbers in one dimension, got list"),
    (lambda b: b.get_value("lai", [0.0] * N), r"fills an array of shape \(81,\), got list"),
    (lambda b: b.get_value("lai", np.broadcast_to(0.0, N)), "get_value of 'lai' fills an array, got one that cannot be written"),
    (lambda b: b.set_value("urban", np.zeros(N, complex)), "takes 81 real numbers in one dimension, got complex128"),
    (lambda b: b.set_value_at_indices("urban", [0, 1], [0.5]), "takes 2 real numbers"),
])
def test_arrays_that_do_not_fit_are_refused(bmi, call, message):
    with pytest.raises(FieldError, match=message):
        call(bmi)


# --- order of calls and configuration --------------------------------------------------------------------------------

@pytest.mark.parametrize("call", [
    lambda b: b.update(), lambda b: b.update_until(1.0), lambda b: b.get_current_time(), lambda b: b.get_end_time(), lambda b: b.get_value_ptr("lai"),
    lambda b: b.get_value("lai", np.empty(N)), lambda b: b.get_value_at_indices("lai", np.empty(1), [0]), lambda b: b.set_value("urban", np.zeros(N)),
    lambda b: b.set_value_at_indices("urban", [0], [0.5]), lambda b: b.get_var_nbytes("lai"), lambda b: b.get_grid_face_count(0),
    lambda b: b.get_grid_node_count(0),
])
def test_calls_outside_a_run_are_refused(folder, call):
    bmi = LsbcBmi()
    with pytest.raises(StateError, match="came before initialize or after finalize"):
        call(bmi)
    bmi.initialize(write_config(folder))
    bmi.get_grid_node_count(0)
    bmi.finalize()
    with pytest.raises(StateError, match="came before initialize or after finalize"):
        call(bmi)


def test_a_second_initialize_is_refused(bmi, folder):
    with pytest.raises(StateError, match="initialize was called twice"):
        bmi.initialize(write_config(folder))


def test_something_that_is_no_communicator_is_refused():
    with pytest.raises(StateError, match="takes a communicator of mpi4py or None, got str"):
        LsbcBmi("world")


@pytest.mark.parametrize(("settings", "message"), [
    ({"run": False}, r"BMI needs a section \[run\]"),
    ({"first": 2001}, "run.first_year=2001 is not time.start_year=2000"),
])
def test_a_run_that_bmi_cannot_drive_is_refused(folder, settings, message):
    with pytest.raises(ConfigError, match=message):
        LsbcBmi().initialize(write_config(folder, **settings))


def test_after_a_failed_initialize_another_one_may_follow(folder, direct):
    case.write_host_file(folder / "outside.nc", case.make_host(west=30.0, years=1))
    bmi = LsbcBmi()
    with pytest.raises(FileError, match="cannot be read"):
        bmi.initialize(write_config(folder, "absent.nc"))
    with pytest.raises(GridError, match="lies over fine-grid data"):
        bmi.initialize(write_config(folder, "outside.nc"))
    with pytest.raises(StateError, match="update came before initialize"):
        bmi.update()
    bmi.initialize(write_config(folder))
    assert_same(outputs(bmi), direct[2000])
    bmi.finalize()


def test_a_failed_initialize_closes_the_component_that_it_made(folder, monkeypatch):
    closed, close = [], Component.close
    monkeypatch.setattr(Component, "close", lambda component: (closed.append(component), close(component)))
    case.write_host_file(folder / "east.nc", case.make_host(west=31.0, years=1))
    with pytest.raises(GridError, match="lies over fine-grid data"):
        LsbcBmi().initialize(write_config(folder, "east.nc"))
    assert len(closed) == 1


def test_the_first_year_must_be_in_the_host_file(folder, host):
    late = case.make_host(years=2)
    late.states = {2001: late.states[2001]}
    case.write_host_file(folder / "late.nc", late)
    with pytest.raises(FileError, match="has no year 2000; it holds 2001..2001"):
        LsbcBmi().initialize(write_config(folder, "late.nc"))


# --- CSDMS's own tester ----------------------------------------------------------------------------------------------

@pytest.mark.skipif(find_spec("bmi_tester") is None, reason="needs bmi-tester")
def test_bmi_tester_passes_all_stages(folder, tmp_path):
    write_config(folder)
    (tmp_path / "lsbc.toml").write_text((folder / "lsbc.toml").read_text())
    ran = subprocess.run([sys.executable, "-m", "bmi_tester", "lsbc.emulator.adapters.bmi:LsbcBmi", "--root-dir", ".", "--config-file", "lsbc.toml"],
                         cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "All tests passed" in ran.stderr
    assert ran.stdout.count(" passed") == 4, ran.stdout


def test_a_run_is_recorded_where_the_variable_names_a_folder(folder, host, tmp_path, monkeypatch):
    monkeypatch.setenv("LSBC_RECORD", str(tmp_path / "rec"))
    bmi = LsbcBmi()
    bmi.initialize(write_config(folder))
    bmi.set_value("urban", host.states[2001]["urban"] * 0.5)
    bmi.update_until(2.0)
    bmi.finalize()
    report = replay(tmp_path / "rec", SerialComm)
    assert report.verdict == "identical" and [(year["year"], len(year["fields"])) for year in report.years] == [(year, len(OUTPUTS)) for year in YEARS]
