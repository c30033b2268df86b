import numpy as np
import pytest

from lsbc.regrid.comm import SerialComm
from lsbc.regrid.corners import destination_boxes, fetch_cells
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid

COARSE = RectilinearGrid.regular(-180, 180, 36, -90, 90, 18)


def part(grid=COARSE, **changes):
    """The grid as polygons, in falling global id."""
    cells = np.arange(grid.n_cell)[::-1]
    whole = grid.take(cells)
    parts = {"mask": whole.mask, "global_id": whole.global_id, "edges": whole.edges, "name": whole.name}
    return PolygonGrid(whole.lon_deg, whole.lat_deg, whole.vertex_lon_deg, whole.vertex_lat_deg, **{**parts, **changes})


def fetch(source, destination, cells=None):
    cells = np.arange(destination.n_cell) if cells is None else np.array(cells, np.int64)
    return fetch_cells(SerialComm(), source, destination_boxes(destination, cells))


def test_cells_that_touch_the_destination_come_in_ascending_id_with_their_corners():
    """A box in the middle of cell (row 9, column 18): only that cell."""
    cells = fetch(part(), RectilinearGrid([3.0, 7.0], [2.0, 6.0]))
    assert cells.global_id.tolist() == [9 * 36 + 18]
    assert (cells.vertex_lon_deg.tolist(), cells.vertex_lat_deg.tolist()) == ([[0, 10, 10, 0]], [[0, 0, 10, 10]])
    assert (cells.lon_deg.tolist(), cells.lat_deg.tolist(), cells.edges) == ([5.0], [5.0], "latlon")


def test_neighbours_that_share_only_a_corner_come_too():
    cells = fetch(part(), RectilinearGrid([0.0, 10.0], [0.0, 10.0]))
    assert cells.global_id.tolist() == [r * 36 + c for r in (8, 9, 10) for c in (17, 18, 19)]


def test_cells_beyond_the_date_line_come_too():
    cells = fetch(part(), RectilinearGrid([172.0, 188.0], [2.0, 8.0]))
    assert cells.global_id.tolist() == [9 * 36, 9 * 36 + 35]


def test_only_the_wanted_cells_of_the_destination_count():
    fine = RectilinearGrid.regular(-180, 180, 180, -90, 90, 90)
    assert fetch(part(), fine, [46 * 180 + 92]).global_id.tolist() == [9 * 36 + 18]


def test_masked_cells_stay_at_home_and_masked_places_call_nobody():
    mask = part().global_id != 9 * 36 + 18
    assert fetch(part(mask=mask), RectilinearGrid([3.0, 7.0], [2.0, 6.0])) is None
    assert fetch(part(), RectilinearGrid([3.0, 7.0], [2.0, 6.0], mask=[False])) is None


def test_fine_cells_near_0_0_are_not_taken_for_radians():
    fine = RectilinearGrid.regular(-8, 8, 320, -2, 2, 80)
    cells = fetch(part(fine), RectilinearGrid([0.01, 0.02], [0.01, 0.02]))
    assert cells.n_cell == 1


def test_a_rank_without_destination_gets_nothing():
    assert fetch_cells(SerialComm(), part(), destination_boxes(None, np.empty(0, np.int64))) is None


@pytest.mark.parametrize(("source", "message"), [
    (None, "No rank passes any source cell"),
    (COARSE, "as polygons with global ids, got RectilinearGrid"),
    (PolygonGrid([0.0], [0.0]), "shared areas need its corners"),
])
def test_sources_that_are_no_polygons_are_refused(source, message):
    with pytest.raises(GridError, match=message):
        fetch(source, RectilinearGrid([3.0, 7.0], [2.0, 6.0]))
