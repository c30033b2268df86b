"""lsbc.training.readers.series: which file holds a year."""

import numpy as np
import pytest

from lsbc.regrid.errors import FileError
from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.series import ClassMaps, YearlyMaps
from lsbc.training.readers.window import Window

from product_files import write_maps, write_tif

pytest.importorskip("rasterio")
LAT = LON = np.array([0.5, 1.5])


def stack(path, years, codes):
    values = np.array(codes, np.uint8)[:, None, None].repeat(2, axis=1).repeat(2, axis=2)
    return write_maps(path, "lu", values, LAT, LON, dims=("year", "lat", "lon"), time=np.array(years))


def test_a_year_comes_from_the_first_file_that_holds_it(tmp_path):
    old, new = stack(tmp_path / "old.nc", [1999, 2000], [1, 2]), stack(tmp_path / "new.nc", [2000, 2001], [3, 4])
    maps = ClassMaps(YearlyMaps((old, new), "lu"), {code: code for code in range(5)}, "test", "nearest")
    window = Window(Lattice(180, 360), 90, 180, 1, 1)
    assert [int(maps.codes(year, window)[0, 0]) for year in (1999, 2000, 2001)] == [1, 2, 4]


def test_a_missing_year_is_refused_naming_file_variable_and_the_years_held(tmp_path):
    maps = YearlyMaps((stack(tmp_path / "old.nc", [1999, 2000, 2001], [1, 2, 3]),), "lu")
    with pytest.raises(FileError, match=r"No map of year 2005: looked for .*old\.nc \(variable lu, years 1999\.\.2001\)"):
        maps.path_of(2005)


def test_a_missing_file_of_a_year_is_refused_with_its_name(tmp_path):
    write_tif(tmp_path / "m_2000.tif", np.zeros((2, 2), np.uint8), 0.0, 2.0, 1.0)
    maps = YearlyMaps((tmp_path / "m_{year}.tif",))
    assert maps.path_of(2000).name == "m_2000.tif"
    with pytest.raises(FileError, match=r"No map of year 2001: looked for .*m_2001\.tif"):
        maps.path_of(2001)


def test_a_single_map_without_a_year_is_refused(tmp_path):
    write_tif(tmp_path / "m.tif", np.zeros((2, 2), np.uint8), 0.0, 2.0, 1.0)
    with pytest.raises(FileError, match=r"m\.tif holds one map and does not say of which year: put \{year\}"):
        YearlyMaps((tmp_path / "m.tif",)).path_of(2000)


def test_a_file_with_the_year_in_its_name_gives_the_layer_of_that_year(tmp_path):
    for year in (2000, 2001):
        stack(tmp_path / f"m_{year}.nc", [2000, 2001], [3, 4])
    maps = ClassMaps(YearlyMaps((tmp_path / "m_{year}.nc",), "lu"), {code: code for code in range(5)}, "test", "nearest")
    window = Window(Lattice(180, 360), 90, 180, 1, 1)
    assert [int(maps.codes(year, window)[0, 0]) for year in (2000, 2001)] == [3, 4]


def test_a_file_whose_axis_denies_the_year_in_its_name_is_refused(tmp_path):
    stack(tmp_path / "m_2000.nc", [1999], [1])
    with pytest.raises(FileError, match=r"m_2000\.nc: lu is of 1999 by its axis year, but of 2000 by its name"):
        YearlyMaps((tmp_path / "m_{year}.nc",), "lu").path_of(2000)


def test_layers_that_say_no_year_are_refused_unless_there_is_one(tmp_path):
    stack(tmp_path / "m_2000.nc", [0], [1])
    stack(tmp_path / "m_2001.nc", [0, 1], [1, 2])
    maps = YearlyMaps((tmp_path / "m_{year}.nc",), "lu")
    assert maps.locate(2000)[1] is None
    with pytest.raises(FileError, match=r"m_2001\.nc: lu has 2 layers along year, which does not say their years; one is expected in the file of 2001"):
        maps.path_of(2001)
