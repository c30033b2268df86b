import dataclasses
import json

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.component import Component
from lsbc.emulator.hosts.check import check_host
from lsbc.emulator.hosts.deliver import WRITERS, deliver, options_of, writer
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError

import case
from year_files import fractions, write_year


@pytest.mark.parametrize("target", WRITERS)
def test_every_writer_says_what_it_writes_and_what_its_options_mean(target):
    module = writer(target)
    assert len(module.__doc__.splitlines()[0]) > 20 and callable(module.write)
    assert all(field.metadata["help"] for field in dataclasses.fields(module.Options)) and module.Options.__dataclass_params__.frozen


def test_unknown_writers_and_options_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="There is no writer of 'wrf'; there are geo_em"):
        options_of("wrf", {}, tmp_path)
    with pytest.raises(ConfigError, match="Writer 'jsbach': unknown option depth"):
        options_of("jsbach", {"depth": 1}, tmp_path)


def test_a_file_is_written_from_the_yearly_file_alone(tmp_path):
    yearly = write_year(tmp_path / "lsbc_2031.nc", fractions({22: 0.5, 40: 0.5}, {11: 0.25, 33: 0.75}), np.arange(2.0), np.full(2, 50.0), coldest_month_k=275.0)
    out = tmp_path / "bc_land_frac_11pfts_2031.nc"
    deliver("jsbach", yearly, out, options_of("jsbach", {}, tmp_path))
    assert check_host("jsbach", out).n_error == 0


def test_a_writer_that_fails_leaves_the_file_that_was_there(tmp_path):
    yearly = write_year(tmp_path / "lsbc_2031.nc", fractions({40: 1.0}), np.zeros(1), np.full(1, 50.0))
    out = tmp_path / "bc_land_frac_11pfts_2031.nc"
    out.write_bytes(b"old")
    with pytest.raises(ValueRangeError, match=r"cell 1 \(0.0000 E, 50.0000 N\) depends on the temperature of the coldest month"):
        deliver("jsbach", yearly, out, options_of("jsbach", {}, tmp_path))
    assert out.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 2


def start(folder, text):
    case.write_artefact(folder / "model")
    case.write_fine_file(folder / "fine.nc", case.first_map())
    host = case.make_host()
    component = Component.create(case.write_config(folder, folder / "model", folder / "fine.nc", "directory = 'out'", text), SerialComm())
    component.set_grid(*host.part(np.arange(81)))
    return component, host


JSBACH = "[grid]\nedges = 'latlon'\n[[deliver]]\nto = 'jsbach'\nfile = 'bc_land_frac_11pfts_{year}.nc'"


def test_a_coupled_run_delivers_each_year_and_the_host_takes_one_after_the_other(tmp_path):
    component, host = start(tmp_path, JSBACH)
    component.set_field("coldest_month_temperature", np.full(81, 271.0))
    case.couple(component, host, np.arange(81), 2000, 2001, 2002)
    component.close()
    files = [tmp_path / "out" / f"bc_land_frac_11pfts_{year}.nc" for year in (2000, 2001, 2002)]
    for this, following in zip(files, files[1:]):
        assert check_host("jsbach", this, following).n_error == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["years"][-1]["year"] == 2002


def test_a_delivery_that_fails_is_a_failed_year_and_the_last_one_stays(tmp_path):
    component, host = start(tmp_path, JSBACH)
    coldest = np.full(81, 271.0)
    component.set_field("coldest_month_temperature", coldest)
    case.couple(component, host, np.arange(81), 2000)
    kept, now = np.empty((8, 81)), np.empty((8, 81))
    component.get_field("lu_frac", kept)
    (tmp_path / "out" / "bc_land_frac_11pfts_2001.nc").mkdir()
    with pytest.raises(FileError, match="bc_land_frac_11pfts_2001.nc could not be written: it is a directory"):
        case.couple(component, host, np.arange(81), 2001)
    component.get_field("lu_frac", now)
    assert component.year == 2000 and np.array_equal(kept, now)
    (tmp_path / "out" / "bc_land_frac_11pfts_2001.nc").rmdir()
    component.step_year(2001)
    assert component.year == 2001 and (tmp_path / "out" / "bc_land_frac_11pfts_2001.nc").is_file()
    component.close()


def test_with_a_lead_the_hosts_year_gets_next_years_map(tmp_path):
    ahead, plain = tmp_path / "ahead", tmp_path / "plain"
    kept = {}
    for folder, lead in ((ahead, 1), (plain, 0)):
        folder.mkdir()
        component, host = start(folder, JSBACH)
        if lead:
            component.close()
            path = folder / "lsbc.toml"
            path.write_text(path.read_text().replace("start_year = 2000", "start_year = 1999\nlead_years = 1"))
            component = Component.create(path, SerialComm())
            component.set_grid(*host.part(np.arange(81)))
        component.set_field("coldest_month_temperature", np.full(81, 271.0))
        for year in (2000, 2001):
            for name, values in host.states[year].items():
                component.set_field(name, values)
            component.step_year(year - lead)
            component.step_year(year - lead)  # a no-op
            assert component.year == year - lead
        kept[lead] = {name: np.empty(81) for name in ("lai", "valid_year")}
        for name, out in kept[lead].items():
            component.get_field(name, out)
        component.write_restart(folder / "restart.nc")
        component.close()
    assert (kept[1]["valid_year"] == 2001).all() and np.array_equal(kept[0]["lai"], kept[1]["lai"])
    with Dataset(ahead / "out" / "bc_land_frac_11pfts_2001.nc") as one, Dataset(plain / "out" / "bc_land_frac_11pfts_2001.nc") as two:
        assert np.array_equal(one["fract_pft07"][:], two["fract_pft07"][:])
    component = Component.create(ahead / "lsbc.toml", SerialComm())
    component.set_grid(*case.make_host().part(np.arange(81)))
    component.set_field("coldest_month_temperature", np.full(81, 271.0))
    component.read_restart(plain / "restart.nc")
    assert component.year == 2000
    component.close()


def test_an_output_never_takes_the_place_of_what_it_is_made_from(tmp_path):
    yearly = write_year(tmp_path / "lsbc_2031.nc", fractions({40: 1.0}), np.zeros(1), np.full(1, 50.0), coldest_month_k=275.0)
    before = yearly.read_bytes()
    (tmp_path / "link.nc").symlink_to(yearly)
    for out in (yearly, tmp_path / "link.nc"):
        with pytest.raises(ConfigError, match="which is the yearly file, one of its inputs"):
            deliver("fraclut", yearly, out, options_of("fraclut", {}, tmp_path))
    previous = tmp_path / "bc_land_frac_11pfts_2030.nc"
    previous.write_bytes(b"kept")
    with pytest.raises(ConfigError, match="which is previous, one of its inputs"):
        deliver("jsbach", yearly, previous, options_of("jsbach", {"previous": previous.name}, tmp_path))
    assert yearly.read_bytes() == before and previous.read_bytes() == b"kept"


def test_the_year_is_filled_into_the_names_of_inputs(tmp_path):
    yearly = write_year(tmp_path / "lsbc_2031.nc", fractions({40: 1.0}), np.zeros(1), np.full(1, 50.0))
    with pytest.raises(FileError, match="File .*geo_em_2031.nc does not exist"):
        deliver("geo_em", yearly, tmp_path / "out.nc", options_of("geo_em", {"template": "geo_em_{year}.nc"}, tmp_path))


def test_errors_in_a_hosts_file_do_not_name_the_yearly_file(tmp_path):
    yearly = write_year(tmp_path / "lsbc_2031.nc", fractions({40: 1.0}), np.zeros(1), np.full(1, 50.0))
    (tmp_path / "geo_em.nc").write_text("no netCDF")
    with pytest.raises(FileError, match="File .*geo_em.nc cannot be read") as caught:
        deliver("geo_em", yearly, tmp_path / "out.nc", options_of("geo_em", {"template": "geo_em.nc"}, tmp_path))
    assert "lsbc_2031" not in str(caught.value)
