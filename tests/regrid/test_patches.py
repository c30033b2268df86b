"""Patches between the centres of logically rectangular grids."""

import numpy as np
import pytest

from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import CurvilinearGrid, RectilinearGrid
from lsbc.regrid.patches import rectangular_patches


def curvilinear(n_lon, n_lat, lon1_deg, south_deg=-60.0, north_deg=60.0, turn_deg=0.0, **options):
    """A lat-lon grid given as any curvilinear grid, its corners as the cells have them."""
    lon, lat = np.linspace(0.0, lon1_deg, n_lon + 1) + turn_deg, np.linspace(south_deg, north_deg, n_lat + 1)
    centre = np.meshgrid(0.5 * (lon[1:] + lon[:-1]), 0.5 * (lat[1:] + lat[:-1]))
    return CurvilinearGrid(*centre, *np.meshgrid(lon, lat), **options)


def test_a_regional_grid_has_a_patch_between_every_four_centres():
    patches = rectangular_patches(RectilinearGrid.regular(0, 4, 4, 0, 3, 3))
    assert patches.corner.tolist() == [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [4, 5, 9, 8], [5, 6, 10, 9], [6, 7, 11, 10]]
    assert patches.mean_of == ()


def test_a_round_grid_has_patches_from_its_last_to_its_first_column():
    patches = rectangular_patches(RectilinearGrid.regular(0, 360, 4, 0, 20, 2))
    assert patches.corner.tolist() == [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]]


def test_caps_close_the_poles_that_the_cells_reach():
    patches = rectangular_patches(RectilinearGrid.regular(0, 360, 4, -90, 80, 2))
    assert patches.corner[4:].tolist() == [[0, 1, 8, -1], [1, 2, 8, -1], [2, 3, 8, -1], [3, 0, 8, -1]]
    assert patches.lat_deg[8:].tolist() == [-90.0]
    assert [cells.tolist() for cells in patches.mean_of] == [[0, 1, 2, 3]]
    both = rectangular_patches(RectilinearGrid.regular(0, 360, 4, 90, -90, 2))
    assert both.lat_deg[8:].tolist() == [90.0, -90.0]


def test_without_the_pole_option_there_are_no_caps():
    assert len(rectangular_patches(RectilinearGrid.regular(0, 360, 4, -90, 90, 2), "none").corner) == 4


def test_a_row_of_centres_at_the_pole_needs_no_cap():
    grid = RectilinearGrid(np.linspace(0, 360, 5), [-90, -80, 0, 90], lat_centre_deg=[-90, -40, 45])
    assert [cells.tolist() for cells in rectangular_patches(grid).mean_of] == [[8, 9, 10, 11]]


def test_masked_cells_take_their_patches_along_and_leave_the_mean_of_the_pole():
    mask = np.ones(12, bool)
    mask[9] = False
    patches = rectangular_patches(RectilinearGrid.regular(0, 360, 4, 0, 90, 3, mask=mask))
    assert patches.corner.tolist() == [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7], [6, 7, 11, 10], [7, 4, 8, 11],
                                       [10, 11, 12, -1], [11, 8, 12, -1]]
    assert [cells.tolist() for cells in patches.mean_of] == [[8, 10, 11]]


def test_a_curvilinear_grid_is_round_where_its_corners_say_so():
    assert len(rectangular_patches(curvilinear(6, 3, 360.0, turn_deg=17.0)).corner) == 2 * 6
    assert len(rectangular_patches(curvilinear(6, 3, 359.0)).corner) == 2 * 5
    only_centres = CurvilinearGrid(*np.meshgrid(np.arange(30.0, 360.0, 60.0), [-40.0, 0.0, 40.0]))
    assert len(rectangular_patches(only_centres).corner) == 2 * 5


def test_points_are_round_where_they_are_said_to_be_and_reach_a_pole_within_half_a_step():
    lon_deg, rows_deg = np.arange(30.0, 360.0, 60.0), [-70.0, 0.0, 40.0]
    for turn in (1, -1):
        points = CurvilinearGrid(*np.meshgrid(lon_deg, rows_deg[::turn]), wraps=True)
        patches = rectangular_patches(points)
        assert len(patches.corner) == 2 * 6 + 6 and patches.lat_deg[-1] == -90.0
        assert len(rectangular_patches(points, "none").corner) == 2 * 6


def test_a_curvilinear_grid_that_reaches_the_pole_has_a_cap():
    patches = rectangular_patches(curvilinear(6, 3, 360.0, south_deg=0.0, north_deg=90.0))
    assert len(patches.corner) == 2 * 6 + 6 and patches.lat_deg[-1] == 90.0


def test_masked_centres_without_a_place_do_not_reach_the_patches():
    lon, lat = np.meshgrid([0.0, 1.0, 2.0], [0.0, 1.0])
    lon[0, 0] = np.nan
    patches = rectangular_patches(CurvilinearGrid(lon, lat, mask=np.isfinite(lon)))
    assert patches.corner.tolist() == [[1, 2, 5, 4]] and np.isfinite(patches.lon_deg).all()


def test_one_row_is_refused():
    with pytest.raises(GridError, match="1 x 5 cells; bilinear weights need two rows"):
        rectangular_patches(RectilinearGrid.regular(0, 5, 5, 0, 1, 1))


def test_a_round_grid_that_ends_short_of_the_pole_has_no_cap():
    assert len(rectangular_patches(RectilinearGrid.regular(0, 360, 4, -80, 80, 2)).corner) == 4
