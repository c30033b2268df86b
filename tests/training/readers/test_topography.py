"""lsbc.training.readers.topography: heights of the fine cells."""

import numpy as np
import pytest

from lsbc.regrid.errors import ValueRangeError
from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.raster import open_raster
from lsbc.training.readers.topography import elevation_m, first_with_data
from lsbc.training.readers.window import Window

from product_files import write_maps, write_tif

pytest.importorskip("rasterio")
WINDOW = Window(Lattice(18000, 36000), 14000, 19000, 1, 2)


def heights(path, values, **kwargs):
    return open_raster(write_tif(path, np.asarray(values, np.int16), 10.0, 50.01, 0.005, **kwargs))


def test_the_first_map_with_data_counts(tmp_path):
    good = heights(tmp_path / "a.tif", [[100, 100, -9999, -9999], [300, 300, -9999, -9999]], nodata=-9999)
    rough = heights(tmp_path / "b.tif", np.full((2, 4), 555))
    got = elevation_m((good, rough), WINDOW)
    # the two rows have the same area to 1e-4 of it
    np.testing.assert_allclose(got, [[200.0, 555.0]], rtol=2e-4)


def test_listed_values_are_no_data(tmp_path):
    got = first_with_data((heights(tmp_path / "a.tif", [[0, 8, 0, 0], [0, 8, 0, 0]]),), WINDOW, missing=(0.0,))
    np.testing.assert_array_equal(got, [[8.0, np.nan]])


def test_a_netcdf_fill_value_is_no_data(tmp_path):
    lat, lon = 50 + np.array([0.0075, 0.0025]), 10 + 0.0025 + 0.005 * np.arange(4)
    path = write_maps(tmp_path / "a.nc", "z", np.array([[7, 7, -1, -1]] * 2, np.int16), lat, lon, fill=np.int16(-1), units="m")
    np.testing.assert_allclose(elevation_m((open_raster(path),), WINDOW), [[7.0, np.nan]])


def test_an_impossible_height_is_refused_with_its_place(tmp_path):
    with pytest.raises(ValueRangeError, match=r"a\.tif: band 1 is -9999 at 50\.00250 N 10\.01250 E: elevation is -9999 m, -500\.\.9000 is expected"):
        elevation_m((heights(tmp_path / "a.tif", [[100, 100, -9999, -9999]] * 2),), WINDOW)


def test_one_undeclared_fill_among_nine_cells_is_refused_though_the_mean_looks_right(tmp_path):
    values = np.full((3, 3), 2000, np.int16)
    values[1, 1] = -9999
    # the mean would be (8 * 2000 - 9999) / 9 = 667 m
    raster = open_raster(write_tif(tmp_path / "a.tif", values, 10.0, 50.01, 0.01 / 3))
    with pytest.raises(ValueRangeError, match=r"a\.tif: band 1 is -9999 at 50\.00500 N 10\.00500 E: elevation is -9999 m"):
        elevation_m((raster,), Window(Lattice(18000, 36000), 14000, 19000, 1, 1))
