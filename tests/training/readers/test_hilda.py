"""lsbc.training.readers.hilda: versions, grids and layouts of HILDA+."""

import numpy as np
import pytest

from lsbc.regrid.errors import FileError, ValueRangeError
from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.hilda import open_hilda
from lsbc.training.readers.window import Window

from product_files import write_maps, write_tif
from shared import shared

rasterio = pytest.importorskip("rasterio")
V1 = (0.009988624327190708, 0.009988346586746064)
HUNDREDTH = Lattice(18000, 36000)
AT_10E_50N = Window(HUNDREDTH, 14000, 19000, 4, 4)
V2_NAME = "hilda_plus_states_{year}_GLOB-v2_wgs84.tif"


def v2(folder, name, codes, year=2000):
    write_tif(folder / name.replace("{year}", str(year)), np.asarray(codes), west=10.0, north=50.04, step=0.01)
    return folder / name


def test_a_v2_geotiff_of_a_year_is_read_cell_by_cell_from_the_south(tmp_path):
    codes = np.array([[11, 22, 33, 40], [41, 42, 43, 44], [45, 55, 66, 77], [0, 99, 22, 22]], np.uint8)
    maps = open_hilda((v2(tmp_path, V2_NAME, codes),), "2.0", None, "nearest", (2000,))
    expected = np.array([[11, 22, 33, 40], [40, 40, 40, 40], [40, 55, 66, 77], [0, 255, 22, 22]])
    np.testing.assert_array_equal(maps.codes(2000, AT_10E_50N), expected[::-1])


def test_layers_of_the_netcdf_are_years_from_1899(tmp_path):
    values = np.stack([np.full((4, 4), code, np.uint8) for code in (11, 22, 33)])
    centre = (np.arange(4) + 0.5) * 0.01
    path = write_maps(tmp_path / "hildaplus_GLOB-2-0_states.nc", "LULC_states", values, 50 + centre[::-1], 10 + centre,
                      dims=("time", "latitude", "longitude"))
    maps = open_hilda((path,), "2.0", None, "majority", (1899, 1901))
    assert [int(maps.codes(year, AT_10E_50N)[0, 0]) for year in (1899, 1900, 1901)] == [11, 22, 33]
    with pytest.raises(FileError, match=r"No map of year 2020: .*LULC_states, years 1899\.\.1901"):
        open_hilda((path,), "2.0", None, "majority", (2020,))


def test_the_version_of_the_grid_must_be_the_stated_one(tmp_path):
    v2(tmp_path, "uk_{year}.tif", np.zeros((4, 4), np.uint8))
    with pytest.raises(FileError, match=r"uk_2000\.tif: latitude has steps of 0\.01000000 degrees; HILDA\+ v1\.0 has 0\.0099885"):
        open_hilda((tmp_path / "uk_{year}.tif",), "1.0", None, "nearest", (2000,))
    write_tif(tmp_path / "v1_2000.tif", np.zeros((4, 4), np.uint8), 10.0, 50.0, V1)
    with pytest.raises(FileError, match=r"steps of 0\.00998\d+ degrees; HILDA\+ v2\.0 has 0\.01"):
        open_hilda((tmp_path / "v1_{year}.tif",), "2.0", None, "nearest", (2000,))


@pytest.mark.parametrize("name, told, stated", [("hilda_plus_states_{year}_GLOB-v2_forest-crop_near_wgs84.tif", "2.1", "2.0"),
                                                ("hilda_plus_{year}_states_GLOB-v1-0_wgs84-nn.tif", "1.0", "2.0"),
                                                ("hildaplus_{year}_GLOB-2-0_states.tif", "2.0", "2.1")])
def test_the_version_in_the_name_must_be_the_stated_one(tmp_path, name, told, stated):
    path = v2(tmp_path, name, np.zeros((4, 4), np.uint8))
    with pytest.raises(FileError, match=rf"calls itself HILDA\+ v{told}, but version = '{stated}'"):
        open_hilda((path,), stated, None, "nearest", (2000,))


def test_crop_codes_of_v21_are_an_error_under_v20_with_file_variable_value_and_place(tmp_path):
    codes = np.full((4, 4), 22, np.uint8)
    codes[0, 1] = 23
    path = v2(tmp_path, V2_NAME, codes)
    with pytest.raises(ValueRangeError, match=r"Year 2000: File .*hilda_plus_states_2000_GLOB-v2_wgs84\.tif: band 1 is 23 at 50\.03500 N 10\.01500 E"):
        open_hilda((path,), "2.0", None, "nearest", (2000,)).codes(2000, AT_10E_50N)


def test_nearest_and_majority_of_v1_differ_only_where_a_lattice_cell_holds_two_codes(tmp_path):
    stripes = np.tile(np.array([11, 22], np.uint8), (40, 20))
    write_tif(tmp_path / "v1_2000.tif", stripes, 10.0, 50.4, V1)
    window = Window(HUNDREDTH, 14002, 19000, 4, 10)
    for method in ("nearest", "majority"):
        maps = open_hilda((tmp_path / "v1_{year}.tif",), "1.0", None, method, (2000,))
        # cell k of the lattice lies 0.11 % of a cell a step to the east of cell k of the file: the same stripe for 10 cells
        assert maps.codes(2000, window).tolist() == [[11, 22] * 5] * 4


def test_the_british_map_is_the_one_that_another_program_samples():
    path = shared("data/uk/20221006_HILDA_UK_LULC_2009.tif")
    maps = open_hilda((path.with_name("20221006_HILDA_UK_LULC_{year}.tif"),), "1.0", None, "nearest", (2009,))
    window = Window(HUNDREDTH, 14150, 17800, 60, 80)
    lon, lat = (-180 + (17800 + np.arange(80) + 0.5) / 100), (-90 + (14150 + np.arange(60) + 0.5) / 100)
    with rasterio.open(path) as file:
        raw = np.array([one[0] for one in file.sample([(x, y) for y in lat for x in lon])]).reshape(60, 80)
    expected = np.where(np.isnan(raw), 255, np.where((raw >= 40) & (raw <= 45), 40, raw))
    got = maps.codes(2009, window)
    np.testing.assert_array_equal(got, expected)
    assert len(np.unique(got)) >= 5


def test_transitions_are_refused_by_their_name(tmp_path):
    path = v2(tmp_path, "hilda_plus_Transitions_{year}_GLOB-v2_wgs84.tif", np.zeros((4, 4), np.uint8))
    with pytest.raises(FileError, match=r"Transitions_2000_GLOB-v2_wgs84\.tif holds transitions by its name"):
        open_hilda((path,), "2.0", None, "nearest", (2000,))
