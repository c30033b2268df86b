import numpy as np
import pytest

from lsbc.regrid.bounds import N_BLOCK, SLACK, boxes_around, cell_boxes, group_boxes, touch
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid
from lsbc.regrid.sphere import lon_lat_deg, unit_vector

from shapes import rotation, triangles


def holds(box, points):
    """Whether every box (n, 2, 3) holds its points (n, m, 3), and does not only do so by its slack."""
    return ((points >= box[:, None, 0] + SLACK / 2) & (points <= box[:, None, 1] - SLACK / 2)).all()


def inside(corner, n_point, seed):
    """Points (n, n_point, ...) of convex cells: weighted means of the corners (n, n_vertex, ...)."""
    weight = np.random.default_rng(seed).dirichlet(np.full(corner.shape[1], 0.3), (len(corner), n_point))
    return np.einsum("npv,nv...->np...", weight, corner)


@pytest.mark.parametrize("n_split", [0, 1, 4])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_great_circle_cell_lies_in_its_box(n_split, seed):
    lon, lat = triangles(n_split, rotation(seed))
    corner = unit_vector(lon, lat)
    grid = PolygonGrid(*lon_lat_deg(corner.mean(axis=1)), lon, lat)
    point = inside(corner, 200, seed)
    assert holds(cell_boxes(grid), point / np.linalg.norm(point, axis=-1, keepdims=True))


def test_the_box_of_a_small_great_circle_cell_is_not_much_larger_than_the_cell():
    lon, lat = triangles(6, rotation(2))
    box = cell_boxes(PolygonGrid(*lon_lat_deg(unit_vector(lon, lat).mean(axis=1)), lon, lat))
    side = np.linalg.norm(unit_vector(lon, lat) - np.roll(unit_vector(lon, lat), 1, axis=1), axis=2).max(axis=1)
    assert (np.ptp(box, axis=1).max(axis=1) < 1.6 * side).all()


@pytest.mark.parametrize("edges", ["latlon", "planar"])
@pytest.mark.parametrize(("lon", "lat"), [
    ([10, 40, 35, 5], [-20, -25, 30, 15]), ([170, -170, -160, 165], [60, 62, 80, 75]), ([350, 370, 365, 355], [-5, -5, 5, 5]),
    ([-10, 170, 170, -10], [80, 80, 89, 89]), ([0, 90, 90, 0], [80, 80, 90, 90]), ([175, 185, 180, 180], [0, 0, 10, 10])])
def test_a_cell_of_straight_edges_lies_in_its_box(edges, lon, lat):
    lon, lat = np.array([lon], float), np.array([lat], float)
    path = np.concatenate([[0], np.cumsum((np.diff(lon[0]) + 180) % 360 - 180)])[None] + lon[:, :1]
    grid = PolygonGrid(path.mean(axis=1), lat.mean(axis=1), lon, lat, edges=edges)
    middle = inside(np.stack([path, np.sin(np.radians(lat)) if edges == "planar" else lat], axis=-1), 500, 3)
    point_lat = np.degrees(np.arcsin(middle[..., 1])) if edges == "planar" else middle[..., 1]
    assert holds(cell_boxes(grid), unit_vector(middle[..., 0], point_lat))


def test_a_cell_of_straight_edges_round_a_pole_holds_the_pole():
    lon, lat = np.array([[0.0, 90.0, 180.0, 270.0]] * 2), np.array([[80.0] * 4, [-80.0] * 4])
    lon[1] = lon[1, ::-1]
    box = cell_boxes(PolygonGrid([0, 0], [85, -85], lon, lat, edges="latlon"))
    ring = unit_vector(np.arange(360.0), np.full(360, 80.0)) * [[[1, 1, 1]], [[1, 1, -1]]]
    assert holds(box, np.concatenate([ring, [[[0, 0, 1]], [[0, 0, -1]]]], axis=1))


@pytest.mark.parametrize("edges", ["latlon", "greatcircle"])
def test_some_boxes_of_a_rectilinear_grid_are_those_of_the_same_polygons(edges):
    grid = RectilinearGrid.regular(350, -10, 24, 90, -90, 12, edges=edges)
    cells = np.array([0, 23, 24, 100, 287])
    assert np.allclose(cell_boxes(grid, cells), cell_boxes(grid.take(cells)), rtol=0, atol=1e-15)


def test_the_box_of_a_box_at_the_equator_is_exact():
    """15 W .. 15 E, 30 S .. 30 N: x from cos 30 cos 15 to 1, y within sin 15, z within one half."""
    grid = RectilinearGrid([-15, 15], [-30, 30])
    (low, high), = cell_boxes(grid)
    assert low + SLACK == pytest.approx([np.cos(np.pi / 6) * np.cos(np.pi / 12), -np.sin(np.pi / 12), -0.5], abs=1e-15)
    assert high - SLACK == pytest.approx([1.0, np.sin(np.pi / 12), 0.5], abs=1e-15)


def test_cells_wider_than_a_hemisphere_cap_can_say_get_the_whole_sphere():
    grid = PolygonGrid([0.0], [90.0], [[0.0, 120.0, 240.0]], [[0.5, 0.5, 0.5]])
    assert (cell_boxes(grid)[0] == [[-1 - SLACK] * 3, [1 + SLACK] * 3]).all()


def test_groups_hold_all_boxes_and_are_as_many_as_asked_for():
    box = cell_boxes(RectilinearGrid.regular(-180, 180, 36, -90, 90, 18))
    group = group_boxes(box, 16)
    assert group.shape == (16, 2, 3) and touch(box, group).all()
    assert all(((box[k, 0] >= group[:, 0]) & (box[k, 1] <= group[:, 1])).all(axis=1).any() for k in range(len(box)))
    assert group_boxes(box[:0], 16).shape == (0, 2, 3) and group_boxes(box[:3], 16).shape == (3, 2, 3)


@pytest.mark.parametrize("south_first", [True, False])
def test_a_few_boxes_hold_many_cells_of_a_lattice(south_first):
    south, north = (-90, 90) if south_first else (90, -90)
    grid = RectilinearGrid.regular(-180, 180, 360, south, north, 180)
    cells = np.flatnonzero((grid.lat_deg > 20) & (np.abs(grid.lon_deg) > 100))
    assert len(cells) > N_BLOCK**2
    few = boxes_around(grid, cells, 16)
    point = unit_vector(grid.vertex_lon_deg[cells], grid.vertex_lat_deg[cells])[:, :, None]
    assert few.shape == (16, 2, 3) and ((point >= few[:, 0]) & (point <= few[:, 1])).all(axis=3).any(axis=2).all()
    assert not touch(cell_boxes(grid, np.array([grid.n_cell // 2 + 180])), few).any()


def test_boxes_touch_when_they_share_a_corner():
    box = np.array([[[0, 0, 0], [1, 1, 1]], [[2, 0, 0], [3, 1, 1]]], float)
    assert touch(box, np.array([[[1, 1, 1], [1.5, 2, 2]]], float)).tolist() == [True, False]
    assert touch(box, np.empty((0, 2, 3))).tolist() == [False, False]


def test_points_have_no_boxes():
    with pytest.raises(GridError, match="boxes need its corners"):
        cell_boxes(PolygonGrid([0.0], [0.0]))
