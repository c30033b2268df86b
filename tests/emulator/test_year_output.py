import json

import numpy as np
from netCDF4 import Dataset

from lsbc.emulator.component import Component
from lsbc.emulator.config import load_config
from lsbc.emulator.surface.crosswalk import read_crosswalk
from lsbc.emulator.year_output import settings_sha256
from lsbc.regrid.comm import SerialComm

import case


def start(folder, host, extra="", output="directory = 'out'"):
    case.write_artefact(folder / "model")
    case.write_fine_file(folder / "fine.nc", case.first_map())
    component = Component.create(case.write_config(folder, folder / "model", folder / "fine.nc", output, "[grid]\nedges = 'latlon'\n" + extra), SerialComm())
    component.set_grid(*host.part(np.arange(len(host.global_id))))
    return component


def test_files_name_the_tables_and_the_known_errors_in_them(tmp_path):
    host = case.make_host()
    component = start(tmp_path, host, "[surface]\ncrosswalk = 'esacci'\nparameters = 'extpar_esacci'")
    case.couple(component, host, np.arange(81), 2000)
    component.close()
    with Dataset(tmp_path / "out" / "lsbc_2000.nc") as data:
        assert data.crosswalk == f"esacci, version 1, sha256 {read_crosswalk('esacci').sha256}"
        assert data.host_parameters.startswith("extpar_esacci: C2SM/extpar") and "left as it is" in data.host_parameters_notes
        assert data.class_parameters and data.season_table and data.model == "closed-form"


def test_classes_of_cells_that_are_not_covered_are_minus_one_and_numbers_the_fill_value(tmp_path):
    host = case.make_host(n=4, west=case.LON0 - 0.6, size_deg=0.5)  # the first column lies outside the fine grid
    component = start(tmp_path, host, "[surface]\ncrosswalk = 'globcover'\ntransitions = true", "directory = 'out'\nuncovered_cells = 'fill'")
    case.couple(component, host, np.arange(16), 2000, 2001)
    component.close()
    with Dataset(tmp_path / "out" / "lsbc_2001.nc") as data:
        data.set_auto_mask(False)
        outside = data["coverage"][:] < 0.5
        assert 0 < outside.sum() < 16
        for name in ("lu_dominant", "host_lu_dominant"):
            assert (data[name][:][outside] == -1).all() and (data[name][:][~outside] > 0).all()
        for name in ("lu_frac", "host_lu_frac", "leaf_area_index", "transitions", "albedo"):
            assert (data[name][:][..., outside] == -9999.0).all() and (data[name][:][..., ~outside] >= 0.0).all(), name


def test_the_summary_tells_by_how_much_fractions_miss_one(tmp_path):
    host = case.make_host()
    component = start(tmp_path, host)
    case.couple(component, host, np.arange(81), 2000)
    fraction = np.empty((8, 81))
    component.get_field("lu_frac", fraction)
    component.close()
    told = json.loads((tmp_path / "out" / "summary.json").read_text())["years"][0]["largest_error_of_fraction_sums"]
    assert np.abs(fraction.sum(axis=0) - 1.0).max() > 0.0 and 0.0 < told <= 8 * np.finfo(float).eps  # the order of a sum is numpy's


def test_days_are_those_of_the_year_that_the_fields_are_valid_for(tmp_path):
    host = case.make_host()
    component = start(tmp_path, host)
    component.close()
    path = tmp_path / "lsbc.toml"
    path.write_text(path.read_text().replace("start_year = 2000", "start_year = 2003\nlead_years = 1"))
    component = Component.create(path, SerialComm())
    component.set_grid(*host.part(np.arange(81)))
    for name, values in host.states[2000].items():
        component.set_field(name, values)
    component.step_year(2003)
    day = np.empty(81)
    component.get_field("leaf_area_index@366", day)  # 2004 has one, 2003 has none
    assert day.min() > 0.0
    component.close()


def test_settings_are_the_same_however_long_a_run_is_and_wherever_it_writes(tmp_path):
    def sha(text):
        path = tmp_path / "lsbc.toml"
        path.write_text(text)
        return settings_sha256(load_config(path))

    text = "[data]\nfine = 'fine.nc'\n[time]\nstart_year = 2000\n"
    first = sha(text)
    run = "[run]\nhost = 'h.nc'\nfirst_year = 2000\nlast_year = 2009\n"
    assert sha(text + f"# a remark\n[output]\ndirectory = 'out'\n{run}[[deliver]]\nto = 'fraclut'\nfile = 'f{{year}}.nc'\n") == first
    for other in (text.replace("fine.nc", "other.nc"), text.replace("2000", "2001"), text + "[surface]\ncrosswalk = 'modis'\n", text + "[allocation]\nenabled = false\n"):
        assert sha(other) != first
