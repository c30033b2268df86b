"""lsbc.training.data: places on the lattice, gaps, orientation."""

import netCDF4
import numpy as np
import pytest

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import ConfigError, FileError
from lsbc.training.config import DataConfig
from lsbc.training.data import coarse_elevation_m, fill_by_neighbours, lattice_start, read_data


def test_the_centre_half_a_cell_from_the_pole_is_cell_zero():
    assert lattice_start(-90.0 + (np.arange(4) + 0.5) / 120, -90.0, "lat") == 0
    assert lattice_start(8.75 + (np.arange(4) + 0.5) / 120, -180.0, "lon") == 22650


def test_coordinates_off_the_lattice_are_refused_with_their_place():
    centres = -90.0 + (np.arange(4) + 0.5) / 120
    centres[2] += 0.003
    with pytest.raises(FileError, match=r"lat\[2\] = -89\.976"):
        lattice_start(centres, -90.0, "lat")


def test_gaps_take_the_mean_of_their_neighbours_ring_by_ring():
    nan = np.nan
    got = fill_by_neighbours(np.array([[4.0, nan, 8.0, nan, nan]]))
    assert got.tolist() == [[4.0, 6.0, 8.0, 8.0, 8.0]]


def test_a_field_without_any_number_is_refused():
    with pytest.raises(FileError, match="no number at all"):
        fill_by_neighbours(np.full((2, 2), np.nan))


def write_coarse(path, value):
    with netCDF4.Dataset(str(path), "w") as file:
        file.createDimension("row", value.shape[0])
        file.createDimension("col", value.shape[1])
        file.createVariable("Altitude", "u1", ("row", "col"), zlib=True)[:] = value


def test_coarse_elevation_is_linear_between_its_cells_and_its_first_row_is_north(tmp_path):
    # 1/12 degree: 10 fine cells a step. Value = 50 + column from 8 E + 2 * (rows from 47 N northwards), 28 m a unit
    value = np.zeros((2160, 4320), np.uint8)
    row0, col0 = (90 - 48) * 12, (180 + 8) * 12
    value[row0:row0 + 12, col0:col0 + 24] = 50 + np.arange(24) + 2 * np.arange(12)[::-1, None]
    write_coarse(tmp_path / "z.nc", value)
    fine_row0, fine_col0 = (90 + 47) * 120 + 10, (180 + 8) * 120 + 10
    got = coarse_elevation_m(tmp_path / "z.nc", fine_row0, fine_col0, (60, 90))
    row, col = (np.arange(60) + 10.5) / 10 - 0.5, (np.arange(90) + 10.5) / 10 - 0.5
    np.testing.assert_allclose(got, (50 + col[None] + 2 * row[:, None]) * 28 - 450, rtol=1e-6)


def test_a_coarse_elevation_of_another_shape_is_refused(tmp_path):
    write_coarse(tmp_path / "z.nc", np.zeros((4, 8), np.uint8))
    with pytest.raises(FileError, match=r"shape \(4, 8\), expected \(2160, 4320\)"):
        coarse_elevation_m(tmp_path / "z.nc", 0, 0, (2, 2))


def test_a_directory_without_the_maps_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"has no file bavaria_lu7"):
        read_data(DataConfig(kind="bavaria", directory=tmp_path))


def test_synthetic_land_is_the_same_every_time(land):
    again = read_data(DataConfig(kind="synthetic"))
    assert (again.class_index == land.class_index).all() and again.years == land.years


def test_bavaria_lies_where_its_coordinates_say_with_the_alps_in_the_south(bavaria_directory):
    data = read_data(DataConfig(kind="bavaria", directory=bavaria_directory))
    # 47.25 N and 8.75 E are the region's south-west corner: (47.25 + 90) * 120 and (8.75 + 180) * 120
    assert (data.row0, data.col0) == (16470, 22650)
    assert data.years == tuple(range(1992, 2021))
    assert not (data.class_index == 0).any()
    assert ((data.class_index == NO_DATA).any(axis=0) == ~data.valid).all()
    south, north = np.argwhere(data.valid)[:, 0].min(), np.argwhere(data.valid)[:, 0].max()
    south_m, north_m = (data.elevations[0][row][data.valid[row]].mean() for row in (south + 10, north - 10))
    assert south_m > 1000 > 600 > north_m
