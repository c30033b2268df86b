import math

import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.errors import GridError
from lsbc.regrid.lattice import Lattice

DRIVER = Lattice(720, 1440)
FINE = DRIVER.refine(30)


def test_the_fine_lattice_has_the_size_of_a_30_arc_second_map():
    assert (FINE.n_lat, FINE.n_lon, FINE.n_cell, FINE.spacing_deg) == (21600, 43200, 933_120_000, 1 / 120)


def test_a_driver_line_is_the_same_number_in_the_fine_lattice():
    rows, cols = np.arange(721), np.arange(1441)
    assert np.array_equal(DRIVER.lat_edge_deg(rows), FINE.lat_edge_deg(30 * rows))
    assert np.array_equal(DRIVER.lon_edge_deg(cols), FINE.lon_edge_deg(30 * cols))


def test_lines_begin_at_the_south_pole_and_the_date_line_and_end_at_the_other_side():
    assert [FINE.lat_edge_deg(0), FINE.lat_edge_deg(10800), FINE.lat_edge_deg(21600)] == [-90.0, 0.0, 90.0]
    assert [FINE.lon_edge_deg(0), FINE.lon_edge_deg(21600), FINE.lon_edge_deg(43200)] == [-180.0, 0.0, 180.0]


def test_centres_lie_half_a_cell_from_the_lines():
    assert (DRIVER.lat_centre_deg(0), DRIVER.lon_centre_deg(1439)) == (-89.875, 179.875)


def test_ids_count_rows_first_and_columns_wrap_round_the_globe():
    assert (DRIVER.cell_id(2, 3), DRIVER.cell_id(2, -1), DRIVER.cell_id(0, 1440)) == (2883, 2 * 1440 + 1439, 0)
    row, col = DRIVER.row_col(np.array([2883, 1_036_799]))
    assert row.tolist() == [2, 719] and col.tolist() == [3, 1439]


def test_cell_areas_add_up_to_the_sphere():
    assert math.fsum(FINE.cell_area_sr(np.arange(FINE.n_lat))) * FINE.n_lon == approx(4 * math.pi, rel=1e-14)


def test_the_cell_at_the_pole_has_the_area_of_a_small_triangle():
    radius = math.radians(1 / 120)
    assert FINE.cell_area_sr(21599) == approx(radius * 2 * math.sin(radius / 2) ** 2, rel=1e-13)


def test_a_lattice_without_cells_is_refused():
    with pytest.raises(GridError, match="0 x 5"):
        Lattice(0, 5)
