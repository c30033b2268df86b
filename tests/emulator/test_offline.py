"""What `lsbc run` and `lsbc check` make of a lead, of [surface] and of [[deliver]]."""

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.offline import check, run
from lsbc.regrid.comm import SerialComm

import case


@pytest.fixture
def folder(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    case.write_host_file(tmp_path / "host.nc", case.make_host())
    return tmp_path


def configure(folder, first, last, extra="", lead=0, output="directory = 'out'"):
    path = case.write_config(folder, folder / "model", folder / "fine.nc", output,
                             f"[grid]\nedges = 'latlon'\n[run]\nhost = 'host.nc'\nfirst_year = {first}\nlast_year = {last}\n{extra}")
    path.write_text(path.read_text().replace(f"start_year = {case.START_YEAR}", f"start_year = {first}\nlead_years = {lead}"))
    return path


def fields(folder, name, year):
    with Dataset(folder / name / f"lsbc_{year}.nc") as data:
        data.set_auto_mask(False)
        return {key: np.asarray(data[key][...]) for key in ("lu_frac", "leaf_area_index", "valid_year")}


def test_a_run_with_a_lead_makes_each_year_from_its_own_states(folder):
    run(configure(folder, 2000, 2003, output="directory = 'plain'"), SerialComm())
    run(configure(folder, 1999, 2002, lead=1, output="directory = 'ahead'"), SerialComm())
    for year in (2000, 2003):
        one, two = fields(folder, "plain", year), fields(folder, "ahead", year)
        assert all(np.array_equal(one[name], two[name]) for name in one) and one["valid_year"] == year
    assert not np.array_equal(fields(folder, "plain", 2000)["lu_frac"], fields(folder, "plain", 2003)["lu_frac"])


def test_check_looks_for_the_states_that_a_run_with_a_lead_takes(folder):
    assert check(configure(folder, 1999, 2002, lead=1)) == []
    told = check(configure(folder, 2000, 2003, lead=1))
    assert len(told) == 1 and "no year 2004" in told[0]


@pytest.mark.parametrize("extra, told", [
    ("[surface]\nclass_table = 'none.toml'", "Table .*none.toml cannot be read"), ("[surface]\nclimate = 'none.nc'", "Climate file .*none.nc cannot be read"),
    ("[surface]\ncrosswalk = 'jsbach'", "surface.crosswalk = 'jsbach' needs the coldest month of each cell: give surface.climate"),
    ("[[deliver]]\nto = 'geo_em'\nfile = 'geo_em_{year}.nc'\ntemplate = 'none.nc'", r"\[\[deliver\]\] of geo_em_{year}.nc: template .*none.nc does not exist")])
def test_check_tells_what_a_run_would_lack(folder, extra, told):
    problems = check(configure(folder, 2000, 2001, extra))
    assert len(problems) == 1
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(problems[0])


def test_check_lets_a_name_with_a_year_pass(folder):
    assert check(configure(folder, 2000, 2001, "[[deliver]]\nto = 'geo_em'\nfile = 'geo_em_{year}.nc'\ntemplate = 'geo_em_{year}.nc'")) == []


def test_check_is_content_with_a_climate_file(folder):
    with Dataset(folder / "climate.nc", "w") as data:
        data.createDimension("cell", 81)
        data.createVariable("global_id", "i8", ("cell",))[:] = case.make_host().global_id
        data.createVariable("coldest_month_temperature", "f8", ("cell",))[:] = 271.0
    assert check(configure(folder, 2000, 2001, "[surface]\ncrosswalk = 'jsbach'\nclimate = 'climate.nc'")) == []
