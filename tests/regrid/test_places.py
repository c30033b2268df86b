import numpy as np
import pytest

from lsbc.regrid.grids import PolygonGrid, RectilinearGrid
from lsbc.regrid.places import first_elsewhere
from lsbc.regrid.weights import Side

GRID = RectilinearGrid.regular(0, 40, 4, 0, 20, 2)


def side(lon=GRID.lon_deg, lat=GRID.lat_deg):
    return Side(shape=(2, 4), lon_deg=np.array(lon, float), lat_deg=np.array(lat, float))


@pytest.mark.parametrize("shift", [0.0, 360.0, -720.0, 2.0])
def test_the_same_cells_agree_also_a_turn_or_a_fifth_of_a_cell_apart(shift):
    assert first_elsewhere(side(GRID.lon_deg + shift), GRID) is None


def test_the_first_cell_that_lies_elsewhere_is_found():
    lon = GRID.lon_deg.copy()
    lon[[3, 5]] += 6.0
    assert first_elsewhere(side(lon), GRID) == 3
    assert first_elsewhere(side(lat=GRID.lat_deg[::-1]), GRID) == 0


def test_masked_cells_and_cells_without_coordinates_are_not_compared():
    lon = GRID.lon_deg.copy()
    lon[3], lon[5] = 99.0, np.nan
    assert first_elsewhere(side(lon), GRID.with_mask(np.arange(8) != 3)) is None


def test_points_must_agree_to_single_precision():
    points = PolygonGrid([10.0, 20.0], [0.0, 0.0])
    near, far = (Side(shape=(2,), lon_deg=np.array([10.0, 20.0 + d]), lat_deg=np.zeros(2)) for d in (1e-4, 1e-2))
    assert first_elsewhere(near, points) is None and first_elsewhere(far, points) == 1
