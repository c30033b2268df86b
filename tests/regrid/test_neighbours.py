import numpy as np
import pytest

from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid
from lsbc.regrid.neighbours import neighbours
from lsbc.regrid.sphere import lon_lat_deg, unit_vector

from shapes import rotation, triangles


def of(grid, cell):
    offsets, other = neighbours(grid)
    return other[offsets[cell]:offsets[cell + 1]].tolist()


def triangle_grid(n_split, **options):
    lon, lat = triangles(n_split, rotation(3))
    return PolygonGrid(*lon_lat_deg(unit_vector(lon, lat).sum(axis=1)), lon, lat, **options)


def test_a_cell_of_a_lattice_has_the_eight_around_it():
    grid = RectilinearGrid.regular(10, 14, 4, 40, 43, 3)
    assert of(grid, 5) == [0, 1, 2, 4, 6, 8, 9, 10]
    assert of(grid, 0) == [1, 4, 5]
    assert of(grid, 11) == [6, 7, 10]


def test_a_round_lattice_goes_on_across_its_seam_but_not_across_a_pole():
    grid = RectilinearGrid.regular(0, 360, 36, -90, 90, 18)
    assert of(grid, 36) == [0, 1, 35, 37, 71, 72, 73, 107]
    assert of(grid, 0) == [1, 35, 36, 37, 71]
    assert len(of(RectilinearGrid.regular(0, 350, 35, -90, 90, 18), 35)) == 5


def test_curvilinear_grids_are_round_where_their_columns_touch():
    lon, lat = np.meshgrid(np.linspace(-180, 180, 13), np.linspace(-60, 60, 7))
    middle = [0.25 * (x[:-1, :-1] + x[1:, :-1] + x[:-1, 1:] + x[1:, 1:]) for x in (lon, lat)]
    assert of(CurvilinearGrid(*middle, lon, lat), 12) == [0, 1, 11, 13, 23, 24, 25, 35]
    assert of(CurvilinearGrid(*(x[:, :11] for x in middle), lon[:, :12], lat[:, :12]), 11) == [0, 1, 12, 22, 23]


def test_triangles_that_share_a_node_are_neighbours():
    count = np.diff(neighbours(triangle_grid(3))[0])
    assert (np.sort(count) == [10] * 24 + [12] * (8 * 4**3 - 24)).all()
    assert np.diff(neighbours(triangle_grid(0))[0]).tolist() == [6] * 8


def test_corners_that_differ_by_rounding_are_one():
    exact = triangle_grid(3)
    rng = np.random.default_rng(1)
    corners = (x + rng.uniform(-1e-10, 1e-10, x.shape) for x in (exact.vertex_lon_deg, exact.vertex_lat_deg))
    rough = PolygonGrid(exact.lon_deg, exact.lat_deg, *corners)
    assert all(np.array_equal(a, b) for a, b in zip(neighbours(exact), neighbours(rough)))


def test_padded_corners_and_a_node_at_the_pole_join_cells():
    lon = np.array([[0, 90, 0, 0], [90, 180, 7, 7], [180, 270, -50, -50], [270, 360, 1, 1]], float)
    lat = np.tile([80.0, 80.0, 90.0, 90.0], (4, 1))
    cap = PolygonGrid(lon[:, 0] + 45.0, np.full(4, 86.0), lon, lat)
    assert of(cap, 0) == [1, 2, 3]


def test_masked_cells_have_no_neighbours_and_are_nobodys():
    grid = RectilinearGrid.regular(10, 13, 3, 40, 43, 3).with_mask(np.arange(9) != 1)
    assert of(grid, 1) == []
    assert of(grid, 0) == [3, 4]
    mask = np.ones(512, bool)
    mask[of(triangle_grid(3), 7)] = False
    assert of(triangle_grid(3, mask=mask), 7) == []


def test_centres_alone_have_no_neighbours():
    with pytest.raises(GridError, match="neighbours need its corners"):
        neighbours(PolygonGrid([1.0, 2.0, 3.0], [4.0, 4.0, 5.0]))
