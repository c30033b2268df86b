import numpy as np
from pytest import approx

from lsbc.regrid.field_axes import axes_of
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid
from lsbc.regrid.weights import Side


def axes(grid):
    return axes_of(Side.of(grid, np.ones(grid.n_cell)))


def test_rows_and_columns_have_one_dimensional_coordinates_with_bounds():
    made = axes(RectilinearGrid([0.0, 2.0, 4.0], [14.0, 12.0, 10.0]))
    assert made.cells == ("lat", "lon") and made.named is None
    assert made.coordinates["lat"][2].tolist() == [13.0, 11.0] and made.coordinates["lat_bnds"][2].tolist() == [[14.0, 12.0], [12.0, 10.0]]
    assert made.coordinates["lon_bnds"][2].tolist() == [[0.0, 2.0], [2.0, 4.0]]


def test_longitudes_rise_across_the_seam_and_bounds_lie_beside_their_centres():
    """Weight files hold centres in 0..360 and corners wherever: 357.5 .. 2.5 is a cell of five degrees at 0 E."""
    side = Side(shape=(1, 3), lon_deg=np.array([355.0, 0.0, 5.0]), lat_deg=np.zeros(3),
                vertex_lon_deg=np.array([[352.5, 357.5, 357.5, 352.5], [357.5, 2.5, 2.5, 357.5], [2.5, 7.5, 7.5, 2.5]]),
                vertex_lat_deg=np.tile([-1.0, -1.0, 1.0, 1.0], (3, 1)))
    made = axes_of(side)
    assert made.coordinates["lon"][2].tolist() == [355.0, 360.0, 365.0]
    assert made.coordinates["lon_bnds"][2] == approx(np.array([[352.5, 357.5], [357.5, 362.5], [362.5, 367.5]]))


def test_curvilinear_and_listed_cells_have_coordinates_of_their_own():
    lon, lat = np.meshgrid([0.0, 1.0, 2.0], [0.0, 1.0])
    curved = axes(CurvilinearGrid([[0.5, 1.5]], [[0.5, 0.6]], lon, lat))
    assert curved.cells == ("y", "x") and curved.named == "lat lon" and curved.coordinates["lon_vertices"][2].shape == (1, 2, 4)
    points = axes(PolygonGrid([1.0, 2.0], [3.0, 4.0]))
    assert points.cells == ("cell",) and set(points.coordinates) == {"lat", "lon"}


def test_weights_without_coordinates_have_dimensions_only():
    made = axes_of(Side(shape=(2, 3)))
    assert made.dimensions == {"y": 2, "x": 3} and not made.coordinates
