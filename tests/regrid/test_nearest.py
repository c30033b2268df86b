"""Nearest-point weights, against brute force and ESMF's own files."""

import time

import numpy as np
import pytest

from lsbc.regrid import _kernel
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid
from lsbc.regrid.nearest import nearest_weights
from lsbc.regrid.sphere import lon_lat_deg, unit_vector

from shared import shared


def points(n, seed, **options):
    return PolygonGrid(*lon_lat_deg(np.random.default_rng(seed).normal(size=(n, 3))), **options)


def distances(a, b):
    return np.linalg.norm(unit_vector(a.lon_deg, a.lat_deg)[:, None] - unit_vector(b.lon_deg, b.lat_deg), axis=2)


def esmf(name):
    """(source, destination, row, column, value) of a reference file of ESMF."""
    netCDF4 = pytest.importorskip("netCDF4")
    with netCDF4.Dataset(shared(f"esmf_reference/weights/{name}.nc")) as file:
        grids = []
        for side, dims in (("a", "src_grid_dims"), ("b", "dst_grid_dims")):
            shape = tuple(int(n) for n in file[dims][::-1])
            grids.append(CurvilinearGrid(*(file[f"{x}_{side}"][:].filled().reshape(shape) for x in ("xc", "yc"))))
        return *grids, *(file[x][:].filled() - one for x, one in (("row", 1), ("col", 1), ("S", 0)))


@pytest.mark.parametrize("name", ["a_0p25r_to_tile0p01_neareststod", "b_lcc9km_to_ll0p05_neareststod",
                                  "b_lcc9km_to_ll0p05_nearestdtos"])
def test_weights_are_those_of_esmf(name):
    source, destination, row, column, value = esmf(name)
    weights = nearest_weights(source, destination, name.rsplit("_", 1)[1])
    order = np.lexsort((column, row))
    assert (weights.row == row[order]).all() and (weights.column == column[order]).all() and (value == weights.value).all()


def test_every_destination_cell_takes_the_nearest_source_cell():
    source, destination = points(300, 1), points(500, 2)
    weights = nearest_weights(source, destination)
    assert (weights.column == distances(destination, source).argmin(axis=1)).all()
    assert (weights.row == np.arange(500)).all() and (weights.value == 1.0).all()
    assert (weights.destination.frac == 1.0).all() and (weights.source.frac == 0.0).all()


def test_from_the_source_every_source_cell_goes_to_its_nearest_destination_cell():
    source, destination = points(300, 3), points(200, 4)
    weights = nearest_weights(source, destination, "nearestdtos")
    found = np.zeros(300, int)
    found[weights.column] = weights.row
    assert (found == distances(source, destination).argmin(axis=1)).all()
    assert (weights.is_mapped == np.isin(np.arange(200), found)).all()
    assert (weights.destination.frac == weights.is_mapped).all()


def test_masked_cells_take_no_part():
    rng = np.random.default_rng(5)
    source, destination = (points(n, n, mask=rng.random(n) < 0.7) for n in (200, 300))
    apart = distances(destination, source)
    apart[:, ~source.mask] = 9.0
    weights = nearest_weights(source, destination)
    assert (weights.row == np.flatnonzero(destination.mask)).all()
    assert (weights.column == apart.argmin(axis=1)[destination.mask]).all()


def test_masked_cells_may_have_no_place():
    lon, lat, mask = [np.nan, 1e30, 10.0], [0.0, 0.0, 10.0], [False, False, True]
    assert nearest_weights(PolygonGrid(lon, lat, mask=mask), PolygonGrid(lon, lat, mask=mask)).column.tolist() == [2]


def test_equally_near_cells_give_way_to_the_lowest_number():
    """The centre of a coarse box lies between four fine boxes, up to rounding; those south-west of it come first."""
    fine, coarse = RectilinearGrid.regular(-180, 180, 72, -80, 80, 32), RectilinearGrid.regular(-180, 180, 36, -80, 80, 16)
    by_column = nearest_weights(fine, coarse).column.reshape(16, 36) % 72
    assert (by_column == 2 * np.arange(36)).all()


def test_at_the_pole_the_first_cell_of_the_row_is_the_nearest():
    grid = RectilinearGrid.regular(0, 360, 360, -90, 90, 180)
    assert nearest_weights(grid, PolygonGrid([0.0, 123.4], [90.0, -90.0])).column.tolist() == [179 * 360, 0]


def test_the_date_line_is_no_border():
    grid = RectilinearGrid.regular(0, 360, 36, -10, 10, 2)
    west, east = (nearest_weights(grid, PolygonGrid([lon], [5.0])).column[0] % 36 for lon in (-3.0, 357.0))
    assert west == east == 35


def test_an_unknown_direction_is_refused():
    with pytest.raises(GridError, match="'neareststod' or 'nearestdtos', got 'both'"):
        nearest_weights(points(3, 1), points(3, 2), "both")


def test_a_side_that_is_all_masked_is_refused():
    with pytest.raises(GridError, match="'lake' has no unmasked cell"):
        nearest_weights(points(3, 1, mask=np.zeros(3, bool), name="lake"), points(3, 2))


def test_a_point_that_is_not_finite_has_no_nearest_and_harms_no_other():
    found = _kernel.nearest(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.array([np.nan, 0.5]), np.array([0.0, 0.4]))
    assert np.frombuffer(found, np.int64).tolist() == [-1, 0]


def test_many_points_at_one_place_take_no_longer_than_others():
    """A row of centres at a pole: the lowest is found without a look at all of them."""
    n = 200_000
    lon, lat = np.linspace(0.0, 359.0, n), np.full(n, 90.0)
    start = time.perf_counter()
    assert np.frombuffer(_kernel.nearest(lon, lat, lon, lat), np.int64).max() == 0
    assert time.perf_counter() - start < 20.0  # a tenth of a second; over a minute where each looks at all
