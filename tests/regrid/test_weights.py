import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.errors import WeightError
from lsbc.regrid.grids import RectilinearGrid
from lsbc.regrid.weights import Side, Weights

A, B = Side(shape=(3,)), Side(shape=(2, 2))


def weights(row=(0, 0, 2), column=(0, 2, 1), value=(0.25, 0.75, 1.0), **parts):
    return Weights.from_entries(np.array(row), np.array(column), np.array(value), **{"source": A, "destination": B} | parts)


def test_entries_in_any_order_become_rows_with_rising_columns():
    made = weights(row=(2, 0, 0), column=(1, 2, 0), value=(1.0, 0.75, 0.25))
    assert (made.offsets.tolist(), made.column.tolist(), made.value.tolist()) == ([0, 2, 2, 3, 3], [0, 2, 1], [0.25, 0.75, 1.0])
    assert made.row.tolist() == [0, 0, 2] and made.row_sum == approx([1.0, 0.0, 1.0, 0.0])
    assert made.is_mapped.tolist() == [True, False, True, False]
    assert (made.n_source, made.n_destination, made.n_entry) == (3, 4, 3)


def test_a_matrix_without_entries_is_allowed():
    assert weights((), (), ()).offsets.tolist() == [0, 0, 0, 0, 0]


def test_columns_may_fall_from_one_row_to_the_next():
    assert weights((0, 1, 3), (2, 1, 0), (1.0, 1.0, 1.0)).column.tolist() == [2, 1, 0]


@pytest.mark.parametrize(("parts", "message"), [
    ({"row": (0, 0, 4)}, "Weight 2 names row 4; rows and columns count from 0, the rows end at 3"),
    ({"column": (0, -1, 1)}, "Weight 1 names column -1"),
    ({"column": (0, 3, 1)}, "Weight 1 names column 3"),
    ({"value": (0.25, np.nan, 1.0)}, r"Weight 1 \(source cell 2\) is nan"),
    ({"column": (2, 2, 1)}, "Row 0 names source cell 2 twice"),
    ({"method": "magic"}, "method 'magic'"),
    ({"normalization": "half"}, "normalisation 'half'"),
])
def test_a_broken_matrix_is_refused_with_the_place(parts, message):
    with pytest.raises(WeightError, match=message):
        weights(**parts)


@pytest.mark.parametrize(("offsets", "column", "message"), [
    ([0, 2, 2, 3], [0, 2, 1], "4 row offsets"),
    ([0, 2, 1, 3, 3], [0, 2, 1], "must rise from 0"),
    ([0, 2, 2, 3, 3], [2, 0, 1], "Row 0 names source cell 0 out of order"),
    ([0, 2, 2, 3, 3], [0, 5, 1], "names source cell 5; there are 3"),
])
def test_broken_rows_are_refused(offsets, column, message):
    with pytest.raises(WeightError, match=message):
        Weights(offsets=offsets, column=column, value=[0.25, 0.75, 1.0], source=A, destination=B)


@pytest.mark.parametrize(("edges", "sides"), [("", ("", "")), ("planar", ("planar", "planar")), ("greatcircle/latlon", ("greatcircle", "latlon"))])
def test_edges_are_those_of_both_grids_or_of_each(edges, sides):
    assert weights(edges=edges).side_edges == sides


def test_a_side_of_a_grid_has_its_coordinates_and_makes_them_when_they_are_asked_for():
    grid = RectilinearGrid.regular(0, 4, 4, 0, 2, 2)
    side = Side.of(grid, np.ones(8))
    assert "lon_deg" not in vars(grid) and "vertex_lon_deg" not in vars(grid)
    assert side.lon_deg is grid.lon_deg and side.vertex_lat_deg is grid.vertex_lat_deg and side.fingerprint == grid.fingerprint
    assert side.shape == (2, 4) and side.area_sr.tolist() == [0.0] * 8 and side.mask.all()
