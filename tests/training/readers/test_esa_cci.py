"""lsbc.training.readers.esa_cci: the producer's NetCDF, and the Bavarian maps in full."""

import netCDF4
import numpy as np
import pytest

from lsbc.regrid.errors import FileError, ValueRangeError
from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.esa_cci import open_esa_cci
from lsbc.training.readers.window import Window

from product_files import write_maps
from shared import shared

THIRTY_SECONDS = Lattice(21600, 43200)
AT_10E_50N = Window(THIRTY_SECONDS, 140 * 120, 190 * 120, 1, 2)
LAT, LON = 50 + (np.arange(3)[::-1] + 0.5) / 360, 10 + (np.arange(6) + 0.5) / 360
WEST = [[190, 190, 190], [190, 190, 11], [12, 61, 62]]
EAST = [[210, 210, 210], [62, 61, 60], [62, 0, 0]]
CODES = np.hstack([WEST, EAST]).astype(np.uint8)


@pytest.mark.parametrize("values", [CODES, CODES.view(np.int8)], ids=["uint8", "int8"])
def test_three_by_three_cells_become_one_by_majority(tmp_path, values):
    # west: 5 urban; east: 3 water, 4 forest of its kinds, 2 without data
    path = write_maps(tmp_path / "ESACCI-LC-L4-LCCS-Map-300m-P1Y-2000-v2.0.7cds.nc", "lccs_class", values[None], LAT, LON,
                      time=np.array([10957.0]), time_attributes={"units": "days since 1970-01-01 00:00:00", "calendar": "gregorian"})
    maps = open_esa_cci((path,), "2.0.7", None, "majority", (2000,))
    assert maps.codes(2000, AT_10E_50N).tolist() == [[11, 40]]


def test_files_of_two_producers_follow_one_another_by_their_names(tmp_path):
    for name, code in (("ESACCI-1999-v2.0.7.nc", 10), ("C3S-2000-v2.1.1.nc", 190)):
        write_maps(tmp_path / name, "lccs_class", np.full((1, 3, 6), code, np.uint8), LAT, LON)
    maps = open_esa_cci((tmp_path / "ESACCI-{year}-v2.0.7.nc", tmp_path / "C3S-{year}-v2.1.1.nc"), "2", None, "majority", (1999, 2000))
    assert [maps.codes(year, AT_10E_50N).tolist() for year in (1999, 2000)] == [[[22, 22]], [[11, 11]]]


def test_an_unknown_class_is_refused_with_variable_and_place(tmp_path):
    codes = CODES.copy()
    codes[2, 5] = 63
    write_maps(tmp_path / "m_2000.nc", "lccs_class", codes, LAT, LON)
    maps = open_esa_cci((tmp_path / "m_{year}.nc",), "2.0.7", None, "majority", (2000,))
    with pytest.raises(ValueRangeError, match=r"m_2000\.nc: lccs_class is 63 at 50\.00139 N 10\.01528 E, which is no code of ESA CCI"):
        maps.codes(2000, AT_10E_50N)


def test_another_grid_is_refused(tmp_path):
    write_maps(tmp_path / "m_2000.nc", "lccs_class", CODES, 50 + np.arange(3) / 100, 10 + np.arange(6) / 100)
    with pytest.raises(FileError, match=r"latitude has steps of 0\.01000000 degrees; ESA CCI land cover v2\.0\.7 has 1/360"):
        open_esa_cci((tmp_path / "m_{year}.nc",), "2.0.7", None, "majority", (2000,))


def test_the_bavarian_maps_at_30_arc_seconds_come_out_of_the_300_m_maps_exactly():
    folder = shared("data/bavaria")
    years = tuple(range(1992, 2021))
    maps = open_esa_cci((folder / "bavaria_esacci_lccs300m_1992_2020.nc",), "2.0.7", "lccs", "majority", years)
    with netCDF4.Dataset(str(folder / "bavaria_lu7_30arcsec_1992_2020.nc")) as file:
        expected = np.ma.filled(file["lu"][:])[:, ::-1]
    window = Window(THIRTY_SECONDS, 16470, 22650, 420, 630)
    for year, one in zip(years, expected, strict=True):
        got = maps.codes(year, window)
        np.testing.assert_array_equal(np.where(got == 255, 0, got), one)
