from datetime import date

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.hosts.wrf_run import SUMMER, WINTER, WrfRun, read_switches, run_of
from lsbc.regrid.errors import ConfigError, FileError

from grid_files import Var
from host_files import without
from wrf_restart_files import restart, write_inputs


def run(**changes):
    standard = dict(surface=2, urban=0, dveg=0, sst_update=False, usemonalb=False, rdlai2d=False, rdmaxalb=True, date=date(2031, 1, 1), cen_lat=46.0)
    return WrfRun(**{**standard, **changes})


def run_from(folder, spec):
    _, namelist = write_inputs(folder)
    path = spec.write(folder / "wrfrst_d01")
    with Dataset(path) as data:
        data.set_auto_maskandscale(False)
        return run_of(data, path, namelist)


@pytest.mark.parametrize("day, cen_lat, season", [
    (date(2031, 4, 14), 46.0, WINTER), (date(2031, 4, 15), 46.0, SUMMER), (date(2031, 10, 15), 46.0, SUMMER), (date(2031, 10, 16), 46.0, WINTER),
    (date(2032, 4, 14), 46.0, SUMMER), (date(2032, 10, 15), 46.0, WINTER), (date(2031, 7, 1), 0.0, SUMMER), (date(2031, 7, 1), -0.5, WINTER),
    (date(2031, 1, 1), -46.0, SUMMER),
])
def test_days_105_to_288_are_summer_and_the_south_is_the_other_way_round(day, cen_lat, season):
    assert run(date=day, cen_lat=cen_lat).season == season


@pytest.mark.parametrize("surface, dveg, rdlai2d, reads", [(2, 0, True, True), (2, 0, False, False), (3, 0, True, True), (1, 0, True, False), (7, 0, True, False),
                                                           (4, 4, True, False), (4, 2, True, False), (4, 5, False, False), (4, 7, False, True), (4, 9, False, True)])
def test_lai_is_read_by_noah_and_ruc_with_rdlai2d_and_by_noah_mp_with_dveg_7_to_9(surface, dveg, rdlai2d, reads):
    assert run(surface=surface, dveg=dveg, rdlai2d=rdlai2d).reads_lai is reads


def test_the_file_tells_schemes_date_and_the_season_of_its_start(tmp_path):
    got = run_from(tmp_path, restart("2031-07-15_06:00:00", surface=4, DVEG=9, SST_UPDATE=1, SF_URBAN_PHYSICS=1))
    assert (got.surface, got.urban, got.dveg, got.sst_update, got.date, got.started_in) == (4, 1, 9, True, date(2031, 7, 15), WINTER)


def test_without_landuse_isn_the_season_of_the_start_is_unknown(tmp_path):
    spec = restart()
    without("LANDUSE_ISN")(spec)
    assert run_from(tmp_path, spec).started_in is None


@pytest.mark.parametrize("values, kind", [(np.array(["a"], "S1"), "S1"), (np.array([1, 2], np.int32), "int32")])
def test_a_season_of_the_start_that_is_no_number_is_refused(tmp_path, values, kind):
    spec = restart()
    spec.variables["LANDUSE_ISN"] = Var(("isn",), values)
    with pytest.raises(FileError, match=f"LANDUSE_ISN has {len(values)} values of type .*{kind}; a restart file has one number"):
        run_from(tmp_path, spec)


@pytest.mark.parametrize("value", [0, np.nan])
def test_a_season_that_landuse_init_does_not_have_is_unknown(tmp_path, value):
    spec = restart()
    spec.variables["LANDUSE_ISN"] = Var(("Time",), np.array([value], np.float32))
    assert run_from(tmp_path, spec).started_in is None


@pytest.mark.parametrize("surface, why", [
    (5, "CLM keeps the plant types"), (6, "CTSM reads its land use"), (8, "SSiB has classes"), (9, "lsbc does not know this scheme"),
])
def test_schemes_with_land_use_in_states_of_their_own_are_refused(tmp_path, surface, why):
    with pytest.raises(ConfigError, match=f"SF_SURFACE_PHYSICS = {surface}: {why}.*new wrfinput"):
        run_from(tmp_path, restart(surface=surface))


@pytest.mark.parametrize("attributes, match", [
    ({"SF_SURFACE_MOSAIC": 1}, "SF_SURFACE_MOSAIC = 1.*lsm_mosaic_init"), ({"surface": 4, "OPT_CROP": 1}, "OPT_CROP is not 0"),
    ({"surface": 4, "DVEG": 10}, "DVEG = 10; lsbc knows"), ({"surface": 4, "DVEG": 0}, "DVEG = 0; lsbc knows"),
])
def test_runs_whose_state_cannot_follow_are_refused(tmp_path, attributes, match):
    with pytest.raises(ConfigError, match=match):
        run_from(tmp_path, restart(**attributes))


@pytest.mark.parametrize("name", ["SF_SURFACE_PHYSICS", "SF_URBAN_PHYSICS", "SF_SURFACE_MOSAIC", "SST_UPDATE"])
def test_a_missing_attribute_is_named(tmp_path, name):
    with pytest.raises(FileError, match=f"no whole number in its attribute {name}"):
        run_from(tmp_path, restart(**{name: None}))


@pytest.mark.parametrize("name", ["DVEG", "OPT_CROP"])
def test_noah_mp_must_tell_its_options(tmp_path, name):
    with pytest.raises(FileError, match=f"attribute {name}"):
        run_from(tmp_path, restart(surface=4, **{name: None}))


@pytest.mark.parametrize("value", [None, float("nan"), 91.0, "zzz", np.array([46.0, 47.0])])
def test_the_season_needs_the_latitude_of_the_domain(tmp_path, value):
    with pytest.raises(FileError, match="attribute CEN_LAT is"):
        run_from(tmp_path, restart(CEN_LAT=value))


def test_a_file_of_two_times_is_no_restart_file(tmp_path):
    spec = restart()
    spec.variables = {"Times": Var(("Time", "DateStrLen"), np.repeat(spec.variables["Times"].values, 2, axis=0))}
    with pytest.raises(FileError, match="has 2 Times; a restart file"):
        run_from(tmp_path, spec)


@pytest.mark.parametrize("text, value", [(".true.", True), (".T.", True), ("T", True), ("TRUE", True), (".FALSE.", False), ("f,", False)])
def test_switches_are_read_as_fortran_reads_logicals(tmp_path, text, value):
    path = tmp_path / "namelist.input"
    path.write_text(f" &physics\n usemonalb = {text}\n rdlai2d = .true.,\n rdmaxalb = .false.\n /\n")
    assert read_switches(path) == ({"usemonalb": value, "rdlai2d": True, "rdmaxalb": False}, ())


def test_switches_that_the_namelist_leaves_out_are_wrfs_and_are_told(tmp_path):
    path = tmp_path / "namelist.input"
    path.write_text(" &physics\n rdlai2d = .true.,\n /\n")
    values, left = read_switches(path)
    assert values == {"usemonalb": False, "rdlai2d": True, "rdmaxalb": True}
    assert left == ("usemonalb = .false.", "rdmaxalb = .true.")


@pytest.mark.parametrize("text, match", [
    (" &domains\n max_dom = 1\n /\n", "has no group &physics"), (" &physics\n usemonalb = 1\n /\n", "line 2: usemonalb is '1'; .true. or .false."),
    (" &physics\n sst_update = 1, usemonalb = .true.\n /\n", "line 2: SST_UPDATE shares its line"), (" &physics\n usemonalb =\n /\n", "usemonalb is ''"),
])
def test_a_namelist_that_leaves_a_doubt_is_refused(tmp_path, text, match):
    path = tmp_path / "namelist.input"
    path.write_text(text)
    with pytest.raises(FileError, match=match):
        read_switches(path)
