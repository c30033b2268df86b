"""What BMI answers about the grid, on 9 x 9 boxes: 100 nodes, 180 edges, 81 faces."""

import numpy as np
import pytest

from lsbc.emulator.adapters.bmi_grid import GridAnswers
from lsbc.regrid.errors import FieldError, GridError
from lsbc.regrid.host_cells import HostCells

import case


class NineByNine(GridAnswers):
    asked = 0

    def _n_face(self):
        return 81

    def _host_cells(self):
        self.asked += 1
        return HostCells(*case.make_host(9).part(np.arange(81)))


@pytest.fixture
def grid():
    return NineByNine()


def test_the_grid_is_unstructured_with_two_coordinates(grid):
    assert (grid.get_grid_type(0), grid.get_grid_rank(0)) == ("unstructured", 2)
    assert (grid.get_grid_node_count(0), grid.get_grid_edge_count(0), grid.get_grid_face_count(0)) == (100, 180, 81)
    assert grid.get_grid_size(0) == 100


def test_nodes_are_the_corners_of_the_boxes(grid):
    x, y = grid.get_grid_x(0, np.empty(100)), grid.get_grid_y(0, np.empty(100))
    lines = np.arange(10) * 0.2 + 0.1
    expected = {(round(case.LON0 + i, 6), round(case.LAT0 + j, 6)) for i in lines for j in lines}
    assert {(round(a, 6), round(b, 6)) for a, b in zip(x.tolist(), y.tolist())} == expected


def test_faces_are_the_cells_in_their_order(grid):
    per_face = np.empty(81, np.int32)
    assert grid.get_grid_nodes_per_face(0, per_face) is per_face
    assert per_face.tolist() == [4] * 81
    nodes, x = grid.get_grid_face_nodes(0, np.empty(4 * 81, np.int32)).reshape(81, 4), grid.get_grid_x(0, np.empty(100))
    assert x[nodes].mean(axis=1) == pytest.approx(case.make_host(9).lon_deg, abs=1e-9)


def test_edges_are_shared_by_two_faces_but_for_the_rim(grid):
    ends = grid.get_grid_edge_nodes(0, np.empty(360, np.int32)).reshape(180, 2)
    assert len(np.unique(ends, axis=0)) == 180 and ends.min() == 0 and ends.max() == 99
    uses = np.bincount(grid.get_grid_face_edges(0, np.empty(4 * 81, np.int32)), minlength=180)
    assert np.bincount(uses).tolist() == [0, 4 * 9, 180 - 4 * 9]


def test_the_topology_is_made_once_and_only_when_it_is_asked_for(grid):
    grid.get_grid_face_count(0), grid.get_grid_type(0), grid.get_grid_rank(0)
    assert grid.asked == 0
    grid.get_grid_node_count(0), grid.get_grid_edge_count(0)
    assert grid.asked == 1


@pytest.mark.parametrize("what", ["shape", "spacing", "origin", "z"])
def test_what_an_unstructured_grid_lacks_is_refused(grid, what):
    with pytest.raises(GridError, match=f"Grid 0 has no {what}: it is unstructured"):
        getattr(grid, f"get_grid_{what}")(0, np.empty(2))


@pytest.mark.parametrize("question", ["rank", "type", "size", "node_count", "edge_count", "face_count"])
def test_another_grid_is_refused(grid, question):
    with pytest.raises(GridError, match="There is no grid 1; all variables are on grid 0"):
        getattr(grid, f"get_grid_{question}")(1)


def test_an_array_of_another_length_is_refused(grid):
    with pytest.raises(FieldError, match=r"get_grid_x fills an array of shape \(100,\), got one of shape \(81,\)"):
        grid.get_grid_x(0, np.empty(81))
