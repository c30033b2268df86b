import re

import numpy as np
import pytest

from lsbc.emulator.config import load_config
from lsbc.emulator.surface_settings import DeliverConfig
from lsbc.regrid.errors import ConfigError, FileError

MINIMUM = "[data]\nfine = 'fine.nc'\n[time]\nstart_year = 2000\n"


def config(tmp_path, text):
    path = tmp_path / "lsbc.toml"
    path.write_text(MINIMUM + text)
    return load_config(path)


def test_without_the_section_the_shipped_tables_hold(tmp_path):
    settings = config(tmp_path, "")
    tables = settings.surface.build(tmp_path)
    assert tables.host.crosswalk is None and tables.classes.albedo.shape == (8,) and tables.season.lai.shape == (8, 5, 12) and settings.deliver == ()


def test_own_tables_stand_in_for_the_shipped_ones(tmp_path):
    from importlib import resources

    folder = resources.files("lsbc.emulator.surface")
    text = folder.joinpath("modis_igbp.toml").read_text()
    (tmp_path / "classes.toml").write_text(text.replace("source = ", "source = 'mine' # ", 1))
    (tmp_path / "walk.toml").write_text(folder.joinpath("crosswalks", "modis.toml").read_text().replace("shares = { 12 = 1", "shares = { 14 = 1"))
    tables = config(tmp_path, "[surface]\nclass_table = 'classes.toml'\ncrosswalk = 'walk.toml'").surface.build(tmp_path)
    assert tables.classes.source == "mine" and np.argmax(tables.host.crosswalk.shares(3, None)[2]) == 13


def test_a_host_table_of_wrf_is_read(tmp_path):
    (tmp_path / "VEGPARM.TBL").write_text("Vegetation Parameters\nUSGS\n1,1, 'SHDFAC'\n1, .1, 'Urban'\n")
    with pytest.raises(ConfigError, match="MODIFIED_IGBP_MODIS_NOAH"):
        config(tmp_path, "[surface]\ncrosswalk = 'modis'\nparameters = 'VEGPARM.TBL'\nparameters_system = 'MODIFIED_IGBP_MODIS_NOAH'").surface.build(tmp_path)


def test_what_is_wrong_in_an_own_table_names_the_file(tmp_path):
    from importlib import resources

    text = resources.files("lsbc.emulator.surface").joinpath("modis_igbp.toml").read_text()
    season = resources.files("lsbc.emulator.surface").joinpath("seasons", "lai_noahmp_modis.toml").read_text()
    for name, key, content, told in (
            ("no.toml", "class_table", "[", "no.toml: Class table is no TOML"),
            ("three.toml", "class_table", "class = 3", r"three.toml: Class table needs \[\[class\]\] entries"),
            ("nan.toml", "class_table", re.sub(r"albedo *= *[0-9.]+", "albedo = nan", text, count=1), r"nan.toml: Class table: albedo of class '\w+' is nan; it must"),
            ("high.toml", "season_table", re.sub(r"lai *= *\[ *[0-9.]+", "lai = [12.0", season, count=1), r"high.toml: Season table, row \d+: lai is \[12.0")):
        (tmp_path / name).write_text(content)
        with pytest.raises(ConfigError, match=told):
            config(tmp_path, f"[surface]\n{key} = '{name}'").surface.build(tmp_path)


def test_a_choice_within_a_table_that_has_none_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="choose within a .TBL file of WRF; surface.parameters is 'extpar_globcover'"):
        config(tmp_path, "[surface]\ncrosswalk = 'globcover'\nparameters = 'extpar_globcover'\nparameters_season = 'SUMMER'").surface.build(tmp_path)


def test_a_table_beside_the_configuration_is_found_whatever_its_name(tmp_path):
    from importlib import resources

    (tmp_path / "walk").write_text(resources.files("lsbc.emulator.surface").joinpath("crosswalks", "modis.toml").read_text())
    assert config(tmp_path, "[surface]\ncrosswalk = 'walk'").surface.build(tmp_path).host.crosswalk.table.target == "modis"


def test_tables_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(FileError, match="Table .*none.toml cannot be read"):
        config(tmp_path, "[surface]\nseason_table = 'none.toml'").surface.build(tmp_path)
    with pytest.raises(ConfigError, match="Crosswalk '.*' is neither a file nor one of"):
        config(tmp_path, "[surface]\ncrosswalk = 'modsi'").surface.build(tmp_path)
    with pytest.raises(ConfigError, match=r"unknown key surface.crosswlk; \[surface\] has class_table"):
        config(tmp_path, "[surface]\ncrosswlk = 'modis'")


def test_a_year_stands_in_a_hosts_file_name(tmp_path):
    assert DeliverConfig("jsbach", "bc_land_frac_11pfts_{year}.nc", None).path(tmp_path, 987) == tmp_path / "bc_land_frac_11pfts_0987.nc"
    assert DeliverConfig("healpix", "lsbc.zarr", None).path(tmp_path, 2000) == tmp_path / "lsbc.zarr"


@pytest.mark.parametrize("text, told", [
    ("[output]\ndirectory = 'out'\n[[deliver]]\nto = 'wrff'\nfile = 'a'", r"\[\[deliver\]\] number 1: There is no writer of 'wrff'; there are geo_em"),
    ("[output]\ndirectory = 'out'\n[[deliver]]\nto = 'jsbach'", r"number 1 needs to = \(a writer\) and file = "),
    ("[output]\ndirectory = 'out'\n[[deliver]]\nto = 'jsbach'\nfile = '../a.nc'", "a name in output.directory"),
    ("[output]\ndirectory = 'out'\n[[deliver]]\nto = 'jsbach'\nfile = 'a{year}.nc'\nnonsense = 1", "number 1: Writer 'jsbach': unknown option nonsense; there are "),
    ("[output]\ndirectory = 'out'\n[[deliver]]\nto = 'jsbach'\nfile = 'a{year}.nc'\n[[deliver]]\nto = 'jsbach'\nfile = 'a{year}.nc'", "write the same file"),
    ("[[deliver]]\nto = 'jsbach'\nfile = 'a{year}.nc'", "needs output.directory and output.host_fields = true"),
    ("[output]\ndirectory = 'out'\nhost_fields = false\n[[deliver]]\nto = 'jsbach'\nfile = 'a{year}.nc'", "needs output.directory and output.host_fields = true"),
    *((f"[output]\ndirectory = 'out'\n[[deliver]]\nto = 'fraclut'\nfile = '{name}'", "is the name of a file of lsbc's own")
      for name in ("lsbc_{year}.nc", "landuse_{year}.nc", "summary.json", ".lsbc_in_use")),
    ("[output]\ndirectory = 'out'\n[[deliver]]\nto = 'fraclut'\nfile = 'fracLut.nc'", "every year would be written to fracLut.nc; put {year} into the name"),
    ("[deliver]\nto = 'jsbach'", r"deliver must be tables \[\[deliver\]\]"),
])
def test_deliveries_that_cannot_be_are_refused(tmp_path, text, told):
    with pytest.raises(ConfigError, match=told):
        config(tmp_path, text)


def test_a_file_of_all_years_needs_no_year_in_its_name(tmp_path):
    text = "[output]\ndirectory = 'out'\n[[deliver]]\nto = 'landuse_timeseries'\nfile = 'landuse.timeseries.nc'\ntemplate = 'surf.nc'\n"
    delivery, = config(tmp_path, text).deliver
    assert delivery.path(tmp_path, 2031) == delivery.path(tmp_path, 2032)


def test_options_of_a_delivery_are_checked_and_their_paths_are_beside_the_configuration(tmp_path):
    text = "[output]\ndirectory = 'out'\n[[deliver]]\nto = 'geo_em'\nfile = 'geo_em_{year}.nc'\ntemplate = 'geo_em.d01.nc'\nfold_lakes = true"
    delivery, = config(tmp_path, text).deliver
    assert delivery.options.template == tmp_path / "geo_em.d01.nc" and delivery.options.fold_lakes is True
