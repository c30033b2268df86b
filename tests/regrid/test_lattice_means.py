import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import FieldError, GridError
from lsbc.regrid.lattice import Lattice
from lsbc.regrid.lattice_means import LatticeMeans
from lsbc.regrid.overlap import overlap_polygons

from shapes import box_area_sr, boxes, rotation, triangles

LATTICE = Lattice(90, 180)


def global_map(ids=None, need=None):
    overlap = overlap_polygons(*triangles(3, rotation(3)), LATTICE)
    ids = np.arange(overlap.n_polygon) if ids is None else ids
    return overlap, LatticeMeans.build(SerialComm(), overlap, ids, np.arange(LATTICE.n_cell) if need is None else need)


def two_boxes(need):
    """Polygons 20 and 10 fill the west and the east half of the southern half of the cell at 10..12 E, 46..48 N."""
    lon, lat = boxes([10.0, 11.0], [46.0, 46.0], 1.0, 1.0)
    return LatticeMeans.build(SerialComm(), overlap_polygons(lon, lat, LATTICE, "latlon"), np.array([20, 10]), np.array(need))


def test_a_cell_takes_the_mean_of_the_polygons_over_its_covered_part():
    cell = LATTICE.cell_id(68, 95)
    plan = two_boxes([cell])
    assert plan.apply(np.array([[1.0, 5.0], [3.0, 5.0]])) == approx(np.array([[2.0, 5.0]]), rel=1e-14)
    assert plan.coverage[0] == approx(box_area_sr(46.0, 2.0, 1.0) / box_area_sr(46.0, 2.0, 2.0), rel=1e-13)


def test_a_cell_that_nothing_overlaps_is_nan_with_coverage_zero():
    plan = two_boxes([LATTICE.cell_id(0, 0), LATTICE.cell_id(68, 95)])
    values = plan.apply(np.ones((2, 1)))[:, 0]
    assert np.isnan(values[0]) and values[1] == 1.0 and plan.coverage[0] == 0.0


def test_a_constant_stays_constant_and_a_tiling_covers_every_cell():
    overlap, plan = global_map()
    assert np.abs(plan.apply(np.full((overlap.n_polygon, 1), 0.3)) - 0.3).max() < 1e-15
    assert np.abs(plan.coverage - 1).max() < 1e-12


def test_the_integral_is_kept():
    overlap, plan = global_map()
    field = np.cos(np.arange(overlap.n_polygon))[:, None] + 2
    area = LATTICE.cell_area_sr(np.arange(LATTICE.n_cell) // LATTICE.n_lon)
    assert area @ plan.apply(field) == approx(overlap.polygon_area_sr @ field, rel=1e-13)


def test_rows_follow_the_order_of_need_and_cells_may_repeat():
    overlap, plan = global_map()
    need = np.array([500, 3, 500, 16199])
    field = np.sin(np.arange(overlap.n_polygon))[:, None]
    _, some = global_map(need=need)
    assert np.array_equal(some.apply(field), plan.apply(field)[need]) and np.array_equal(some.coverage, plan.coverage[need])


def test_the_order_in_which_a_rank_holds_its_polygons_changes_no_bit():
    lon, lat = triangles(3, rotation(3))
    field = np.random.default_rng(0).random((len(lon), 3))
    order = np.random.default_rng(1).permutation(len(lon))
    need = np.arange(LATTICE.n_cell)
    here = LatticeMeans.build(SerialComm(), overlap_polygons(lon, lat, LATTICE), np.arange(len(lon)), need)
    there = LatticeMeans.build(SerialComm(), overlap_polygons(lon[order], lat[order], LATTICE), order, need)
    assert here.apply(field).tobytes() == there.apply(field[order]).tobytes()


def test_neither_polygons_nor_needed_cells_are_required():
    none = overlap_polygons(np.empty((0, 3)), np.empty((0, 3)), LATTICE)
    ids = np.empty(0, np.int64)
    assert LatticeMeans.build(SerialComm(), none, ids, ids).apply(np.empty((0, 2))).shape == (0, 2)
    assert np.isnan(LatticeMeans.build(SerialComm(), none, ids, np.array([7])).apply(np.empty((0, 2)))).all()


@pytest.mark.parametrize(("ids", "need", "message"), [
    (np.array([20]), np.array([0]), r"Global ids have shape \(1,\); the overlap has 2 polygons"),
    (np.array([20, 10]), np.array([16200]), "ids 0 .. 16199"),
    (np.array([20, 20]), np.array([0]), "holds the host cell id 20, twice"),
])
def test_impossible_maps_are_refused(ids, need, message):
    lon, lat = boxes([10.0, 11.0], [46.0, 46.0], 1.0, 1.0)
    with pytest.raises(GridError, match=message):
        LatticeMeans.build(SerialComm(), overlap_polygons(lon, lat, LATTICE, "latlon"), ids, need)


def test_values_of_another_length_are_refused():
    with pytest.raises(FieldError, match=r"shape \(3, 1\); this rank holds 2 rows"):
        two_boxes([0]).apply(np.ones((3, 1)))
