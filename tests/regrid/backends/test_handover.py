"""Grids as lattices, meshes and points for other regridders."""

from __future__ import annotations

import numpy as np
import pytest

from lsbc.regrid.backends import handover
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid

NODE_LON, NODE_LAT = np.meshgrid([10.0, 11.0, 13.0, 16.0], [40.0, 41.0, 43.0])
NODE_LAT = NODE_LAT + 0.01 * NODE_LON


def curvilinear(**options) -> CurvilinearGrid:
    middle = [0.25 * (x[:-1, :-1] + x[:-1, 1:] + x[1:, 1:] + x[1:, :-1]) for x in (NODE_LON, NODE_LAT)]
    return CurvilinearGrid(*middle, NODE_LON, NODE_LAT, **options)


def test_a_curvilinear_grid_gives_back_the_nodes_it_was_made_of():
    lon, lat = handover.shared_nodes(curvilinear())
    assert np.array_equal(lon, NODE_LON)
    assert np.array_equal(lat, NODE_LAT)


@pytest.mark.parametrize("order", handover.CORNER_ORDERS)
def test_nodes_are_found_whatever_corner_comes_first(order):
    grid = curvilinear()
    lon, lat = (x.reshape(2, 3, 4)[..., order] for x in (grid.vertex_lon_deg, grid.vertex_lat_deg))
    nodes = handover.shared_nodes(CurvilinearGrid(grid.lon_deg.reshape(2, 3), grid.lat_deg.reshape(2, 3), lon, lat))
    assert np.array_equal(nodes[0], NODE_LON)
    assert np.array_equal(nodes[1], NODE_LAT)


def test_cells_with_gaps_between_them_are_no_lattice_but_a_mesh():
    grid = curvilinear()
    lon = grid.vertex_lon_deg.copy()
    lon[0] -= 1e-6
    gap = CurvilinearGrid(grid.lon_deg.reshape(2, 3), grid.lat_deg.reshape(2, 3), lon.reshape(2, 3, 4), grid.vertex_lat_deg.reshape(2, 3, 4))
    assert handover.lattice(gap, with_corners=True) is None
    assert handover.mesh(gap, keep_masked=False).n_cell == 6


def test_only_a_grid_that_closes_is_handed_over_as_round():
    assert handover.lattice(RectilinearGrid.regular(0, 360, 8, -60, 60, 4), True).is_round
    assert not handover.lattice(RectilinearGrid.regular(0, 359, 8, -60, 60, 4), True).is_round
    lon, lat = np.meshgrid(np.linspace(5, 365, 9), np.linspace(-60, 60, 5))
    centre = [0.25 * (x[:-1, :-1] + x[:-1, 1:] + x[1:, 1:] + x[1:, :-1]) for x in (lon, lat)]
    assert handover.lattice(CurvilinearGrid(*centre, lon, lat), True).is_round
    assert handover.lattice(CurvilinearGrid(*centre, lon, lat), True).arrays["corner_lon"].shape == (5, 8)
    assert not handover.lattice(CurvilinearGrid(*centre), False).is_round
    assert handover.lattice(CurvilinearGrid(*centre, wraps=True), False).is_round


def test_a_mesh_has_one_node_where_corners_meet_across_the_date_line_and_at_the_pole():
    boxes = RectilinearGrid.regular(-180, 180, 4, 0, 90, 1)
    parts = handover.mesh(boxes.take(np.arange(4)), keep_masked=False)
    assert len(parts.arrays["node_lon"]) == 5
    assert parts.arrays["n_vertex"].tolist() == [3, 3, 3, 3]


def test_repeated_corners_are_one_corner():
    grid = PolygonGrid([1.0, 5.0], [1.0, 1.0], [[0, 2, 1, 1, 1], [4, 6, 6, 5, 4]], [[0, 0, 2, 2, 2], [0, 0, 1, 2, 1]])
    parts = handover.mesh(grid, keep_masked=False)
    assert parts.arrays["n_vertex"].tolist() == [3, 5]
    assert len(parts.arrays["node"]) == 8


def test_masked_cells_without_coordinates_are_left_out_and_the_others_keep_their_place():
    grid = PolygonGrid([np.nan, 1.0, 5.0], [0.0, 1.0, 1.0], [[np.nan] * 3, [0, 2, 1], [4, 6, 5]], [[0] * 3, [0, 0, 2], [0, 0, 2]], mask=[False, True, False])
    assert handover.mesh(grid, keep_masked=False).position(np.array([0])).tolist() == [1]
    parts = handover.mesh(grid, keep_masked=True)
    assert parts.position(np.array([0, 1])).tolist() == [1, 2]
    assert parts.arrays["mask"].tolist() == [1, 0]
    assert parts.spread(np.array([3.0, 4.0]), 3).tolist() == [0, 3, 4]


def test_points_are_the_cells_that_take_part():
    parts = handover.points(PolygonGrid([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], mask=[True, False, True]))
    assert parts.arrays["lon"].tolist() == [1, 3]
    assert parts.position(np.array([1])).tolist() == [2]


def test_a_live_cell_with_two_places_is_refused_not_lost():
    lune = RectilinearGrid.regular(-180, 180, 3, -90, 90, 1)
    with pytest.raises(GridError, match=r"cell 0 at \(-120, 0\) has fewer than three different corners"):
        handover.mesh(lune, keep_masked=False)


def test_a_mesh_without_corners_is_refused():
    with pytest.raises(GridError, match="has cell centres only"):
        handover.mesh(PolygonGrid([1.0], [0.0]), keep_masked=False)


@pytest.mark.parametrize(("n_lon", "width"), [(1, 360), (2, 180)])
def test_boxes_of_half_the_globe_are_refused(n_lon, width):
    with pytest.raises(GridError, match=f"column 0 is {width} degrees wide"):
        handover.need_narrow_cells(RectilinearGrid.regular(-180, 180, n_lon, 0, 10, 1))
