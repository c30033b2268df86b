"""lsbc.training.readers.modis: IGBP classes on longitude and latitude."""

import numpy as np
import pytest

from lsbc.regrid.errors import FileError, ValueRangeError
from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.legends import IGBP
from lsbc.training.readers.modis import open_modis
from lsbc.training.readers.window import Window

from product_files import write_maps, write_tif
from shared import shared

rasterio = pytest.importorskip("rasterio")
AT_10E_50N = Window(Lattice(21600, 43200), 140 * 120, 190 * 120, 6, 12)


def test_a_coarse_cell_gives_its_class_to_all_fine_cells_in_it(tmp_path):
    # 0.05 degrees are 6 cells of 30 arc seconds: cropland in the west, urban in the east
    write_tif(tmp_path / "MCD12C1_{year}.tif".replace("{year}", "2019"), np.array([[12, 13]], np.uint8).repeat(2, axis=0), 10.0, 50.1, 0.05)
    maps = open_modis((tmp_path / "MCD12C1_{year}.tif",), "6", None, "majority", (2019,))
    assert maps.codes(2019, AT_10E_50N).tolist() == [[22] * 6 + [11] * 6] * 6


def test_a_netcdf_export_with_days_since_2000_is_read(tmp_path):
    centre = (np.arange(26) + 0.5) / 240
    path = write_maps(tmp_path / "MCD12Q1.061_500m.nc", "LC_Type1", np.full((2, 26, 26), 1, np.uint8), 50 + centre[::-1], 10 + centre,
                      time=np.array([366.0, 731.0]), time_attributes={"units": "days since 2000-01-01 00:00:00", "calendar": "julian"})
    maps = open_modis((path,), "6.1", None, "majority", (2001, 2002))
    assert (maps.codes(2001, AT_10E_50N) == 40).all()
    with pytest.raises(FileError, match="No map of year 2003"):
        open_modis((path,), "6.1", None, "majority", (2003,))


def test_a_class_that_igbp_does_not_have_is_refused(tmp_path):
    write_tif(tmp_path / "m_2019.tif", np.array([[12, 18], [12, 12]], np.uint8), 10.0, 50.1, 0.05)
    with pytest.raises(ValueRangeError, match=r"m_2019\.tif: band 1 is 18 at 50\.07500 N 10\.07500 E, which is no code of MODIS"):
        open_modis((tmp_path / "m_{year}.tif",), "6", None, "majority", (2019,)).codes(2019, Window(Lattice(21600, 43200), 16800, 22800, 12, 12))


def test_the_global_map_of_2019_is_the_one_that_another_program_samples():
    path = shared("data/global/global_MCD12C1_igbp_0p05deg_2019.tif")
    maps = open_modis((path.with_name("global_MCD12C1_igbp_0p05deg_{year}.tif"),), "6", None, "majority", (2019,))
    window = Window(Lattice(21600, 43200), 16470, 22650, 60, 90)
    lon, lat = (-180 + (22650 + np.arange(90) + 0.5) / 120), (-90 + (16470 + np.arange(60) + 0.5) / 120)
    with rasterio.open(path) as file:
        raw = np.array([one[0] for one in file.sample([(x, y) for y in lat for x in lon])]).reshape(60, 90)
    np.testing.assert_array_equal(maps.codes(2019, window), np.vectorize(IGBP.get)(raw))
