from importlib import resources

import numpy as np
import pytest

from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.year_file import open_year
from lsbc.emulator.surface.crosswalk import shipped_targets
from lsbc.regrid.errors import ConfigError, ValueRangeError

from year_files import PROVENANCE, fractions, write_year


def yearly(tmp_path, koppen=3):
    return write_year(tmp_path / "lsbc_2031.nc", fractions({40: 0.5, 22: 0.5}, {}, {55: 1.0}), np.arange(3.0), np.full(3, 50.0), koppen=koppen)


def test_cells_have_the_hosts_classes(tmp_path):
    with open_year(yearly(tmp_path)) as year:
        classes = HostClasses.of(year, "modis")
        got = classes.fractions(slice(0, 3))
        assert got.shape == (21, 3) and got[[4, 11], 0].tolist() == [0.5, 0.5] and got[:, 1].tolist() == [0.0] * 21 and got[9, 2] == 1.0
        assert np.array_equal(classes.fractions(np.array([2, 0])), got[:, [2, 0]])
        assert classes.attributes.items() >= PROVENANCE.items() and classes.attributes["crosswalk"].startswith("modis, version 1, sha256 ")


@pytest.mark.parametrize("cells", [slice(1, 3), np.array([1, 2])])
def test_an_unknown_climate_names_the_cell_wherever_it_stands(tmp_path, cells):
    told = r"code 55 .* in cell 3 \(2.0000 E, 50.0000 N\) depends on the Köppen"
    with open_year(yearly(tmp_path, koppen=[3, 0, 0])) as year, pytest.raises(ValueRangeError, match=told):
        HostClasses.of(year, "modis").fractions(cells)


def test_an_unknown_crosswalk_is_refused(tmp_path):
    with open_year(yearly(tmp_path)) as year, pytest.raises(ConfigError, match="neither a file nor one of"):
        HostClasses.of(year, "modsi")


@pytest.mark.parametrize("name, old, new, told", [
    ("modis", "{ code = 22, shares = { 12 = 1", "{ code = 22, shares = { 17 = 1", r"makes water, ice or nothing of code 22: class 17 'Water' is of kind 'water'"),
    ("modis", "{ code = 66, shares = { 16 = 1", "{ code = 66, shares = { 15 = 1", "makes water, ice or nothing of code 66: class 15"),
    ("modis", "{ code = 77, shares = { 17 = 1", "{ code = 77, shares = { 16 = 1", "makes land of code 77: class 16"),
    ("globcover", "{ code = 22, shares = { 2 = 1", "{ code = 22, shares = { 22 = 1", "makes water, ice or nothing of code 22: class 22")])
def test_a_crosswalk_that_moves_coasts_or_makes_ice_is_refused(tmp_path, name, old, new, told):
    text = resources.files("lsbc.emulator.surface").joinpath("crosswalks", f"{name}.toml").read_text()
    assert old in text
    (tmp_path / "mine.toml").write_text(text.replace(old, new))
    with open_year(yearly(tmp_path)) as year, pytest.raises(ConfigError, match=told):
        HostClasses.of(year, tmp_path / "mine.toml")


@pytest.mark.parametrize("target", shipped_targets())
def test_no_shipped_crosswalk_moves_a_coast(tmp_path, target):
    with open_year(yearly(tmp_path)) as year:
        HostClasses.of(year, target)
