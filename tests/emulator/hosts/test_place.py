from pathlib import Path

import numpy as np
import pytest

from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.errors import FileError

from year_files import fractions, write_year

LON, LAT = np.array([[10.0, 190.0], [359.9995, -20.0]]), np.array([[50.0, 50.0], [51.0, 51.0]])
HOST = Path("host.nc")


@pytest.fixture
def year(tmp_path):
    with open_year(write_year(tmp_path / "lsbc_2031.nc", fractions(*[{40: 1.0}] * 4), LON, LAT)) as year:
        yield year


def test_longitudes_may_be_counted_either_way_and_in_single_precision(year):
    same_cells(year, np.array([[10.0, -170.0], [-0.0005, 340.0]], np.float32), LAT.astype(np.float32), HOST)


def test_another_order_or_grid_is_refused(year):
    with pytest.raises(FileError, match=r"Cell 2 of file host.nc is at -175.0000 E, 50.0000 N; .* the cell at its place is 2 \(190.0000 E, 50.0000 N\)"):
        same_cells(year, np.array([10.0, -175.0, 0.0, 340.0]), LAT, HOST)
    with pytest.raises(FileError, match="they are not of the same grid"):
        same_cells(year, LON.T, LAT.T, HOST)
    with pytest.raises(FileError, match="host.nc has 3 cells, .* has 4"):
        same_cells(year, LON.ravel()[:3], LAT.ravel()[:3], HOST)


def test_a_centre_that_is_no_number_is_refused(year):
    lat = LAT.copy()
    lat[1, 0] = np.nan
    with pytest.raises(FileError, match="Cell 3 of file host.nc is at 359.9995 E, nan N"):
        same_cells(year, LON, lat, HOST)


def write_square(path, spacing_deg):
    lat, lon = np.meshgrid(48.0 + spacing_deg * np.arange(2), 9.0 + spacing_deg * np.arange(2), indexing="ij")
    return write_year(path, fractions(*[{40: 1.0}] * 4), lon, lat), lon, lat


@pytest.mark.parametrize("spacing_deg, allowed_deg", [(1.0, 1e-3), (3e-4, 5e-5), (4e-5, 2e-5)])
def test_centres_may_differ_by_a_thousandth_of_a_degree_or_a_quarter_of_a_cell_but_not_less_than_single_precision_does(tmp_path, spacing_deg, allowed_deg):
    path, lon, lat = write_square(tmp_path / "lsbc_2031.nc", spacing_deg)
    with open_year(path) as year:
        same_cells(year, lon, lat + 0.9 * allowed_deg, HOST)
        same_cells(year, lon + 0.9 * allowed_deg / np.cos(np.radians(48.0)), lat, HOST)
        for wrong in ((lon, lat + 1.1 * allowed_deg), (lon + 1.1 * allowed_deg / np.cos(np.radians(48.0)), lat)):
            with pytest.raises(FileError, match="not of the same grid"):
                same_cells(year, *wrong, HOST)


def test_a_fine_grid_in_another_order_is_refused(tmp_path):
    path, lon, lat = write_square(tmp_path / "lsbc_2031.nc", 3e-4)
    with open_year(path) as year, pytest.raises(FileError, match="not of the same grid"):
        same_cells(year, lon[:, ::-1], lat, HOST)
