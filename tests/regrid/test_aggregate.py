import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.aggregate import ONE, FractionPlan
from lsbc.regrid.errors import FieldError, GridError
from lsbc.regrid.lattice import Lattice
from lsbc.regrid.overlap import Overlap, overlap_polygons

from shapes import box_area_sr, boxes, rotation, triangles

LATTICE = Lattice(180, 360)


@pytest.fixture(scope="module")
def overlap():
    return overlap_polygons(*triangles(2, rotation(3)), LATTICE)


def permuted(overlap, seed):
    order = np.random.default_rng(seed).permutation(len(overlap.cell))
    return Overlap(overlap.polygon[order], overlap.cell[order], overlap.area_sr[order], overlap.polygon_area_sr, overlap.lattice)


def test_a_box_over_two_rows_has_the_share_of_each_row():
    plan = FractionPlan.from_overlap(overlap_polygons(*boxes([10.0], [45.5], 1.0, 1.25), LATTICE, "latlon"), 1)
    low, high = box_area_sr(45.5, 1.0, 0.5), box_area_sr(46.0, 1.0, 0.75)
    fraction, coverage = plan.fractions(np.array([2, 0], np.uint8), 3)
    assert plan.need.tolist() == [LATTICE.cell_id(135, 190), LATTICE.cell_id(136, 190)]
    assert fraction[0].tolist() == approx([high / (low + high), 0.0, low / (low + high)], rel=1e-14)
    assert coverage.tolist() == [1.0]


def test_cells_without_data_are_left_out_of_the_fractions_and_counted_in_the_coverage():
    plan = FractionPlan.from_overlap(overlap_polygons(*boxes([10.0], [45.5], 1.0, 1.25), LATTICE, "latlon"), 1)
    low, high = box_area_sr(45.5, 1.0, 0.5), box_area_sr(46.0, 1.0, 0.75)
    fraction, coverage = plan.fractions(np.array([255, 1], np.uint8), 3)
    assert fraction.tolist() == [[0.0, 1.0, 0.0]] and coverage[0] == approx(high / (low + high), rel=1e-14)


def test_a_polygon_without_known_cells_is_zero_everywhere():
    plan = FractionPlan.from_overlap(overlap_polygons(*boxes([10.0], [45.5], 1.0, 1.25), LATTICE, "latlon"), 1)
    fraction, coverage = plan.fractions(np.full(2, 255, np.uint8), 3)
    assert fraction.tolist() == [[0.0, 0.0, 0.0]] and coverage.tolist() == [0.0]


def test_fractions_of_every_polygon_sum_to_one(overlap):
    plan = FractionPlan.from_overlap(overlap, overlap.n_polygon)
    fraction, coverage = plan.fractions((plan.need % 8).astype(np.uint8), 8)
    assert np.abs(fraction.sum(axis=1) - 1).max() < 1e-12 and (coverage == 1.0).all()


def test_class_areas_are_kept(overlap):
    plan = FractionPlan.from_overlap(overlap, overlap.n_polygon)
    fraction, _ = plan.fractions((plan.need % 3).astype(np.uint8), 3)
    cell = np.arange(LATTICE.n_cell)
    expected = np.bincount(cell % 3, LATTICE.cell_area_sr(cell // 360))
    assert overlap.polygon_area_sr @ fraction == approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_the_entries_changes_no_bit(overlap, seed):
    plan, other = (FractionPlan.from_overlap(o, o.n_polygon) for o in (overlap, permuted(overlap, seed)))
    category = (plan.need % 7).astype(np.uint8)
    for here, there in zip(plan.fractions(category, 7), other.fractions(category, 7)):
        assert here.tobytes() == there.tobytes()


def test_sums_do_not_depend_on_the_order_inside_a_row(overlap):
    plan = FractionPlan.from_overlap(overlap, overlap.n_polygon)
    order = np.concatenate([np.random.default_rng(0).permutation(np.arange(a, b)) for a, b in zip(plan.offsets[:-1], plan.offsets[1:])])
    shuffled = FractionPlan(plan.need, plan.index[order], plan.offsets, plan.weight[order])
    category = (plan.need % 7).astype(np.uint8)
    assert plan.fractions(category, 7)[0].tobytes() == shuffled.fractions(category, 7)[0].tobytes()


def test_weights_are_shares_of_the_polygon_in_fixed_point(overlap):
    plan = FractionPlan.from_overlap(overlap, overlap.n_polygon)
    assert np.abs(np.add.reduceat(plan.weight, plan.offsets[:-1]) / ONE - 1).max() < 1e-13
    assert (plan.need.dtype, plan.index.dtype, plan.offsets.dtype, plan.weight.dtype) == (np.int64, np.int32, np.int64, np.int64)


def test_a_polygon_without_entries_and_a_rank_without_polygons_are_fine():
    flat = overlap_polygons([[10.0, 10.0, 10.0]], [[1.0, 2.0, 3.0]], LATTICE)
    none = overlap_polygons(np.empty((0, 3)), np.empty((0, 3)), LATTICE)
    assert FractionPlan.from_overlap(flat, 1).fractions(np.empty(0, np.uint8), 2)[0].tolist() == [[0.0, 0.0]]
    assert FractionPlan.from_overlap(none, 0).fractions(np.empty(0, np.uint8), 2)[0].shape == (0, 2)


@pytest.mark.parametrize(("category", "message"), [
    (np.array([1, 3], np.uint8), "Fine cell 48970 has class 3; classes are 0 .. 2 and 255"),
    (np.array([1], np.uint8), r"shape \(1,\) and type uint8; uint8 of shape \(2,\)"),
    (np.array([1.0, 2.0]), "type float64"),
])
def test_bad_class_maps_are_refused(category, message):
    plan = FractionPlan.from_overlap(overlap_polygons(*boxes([-170.0], [45.5], 1.0, 1.25), LATTICE, "latlon"), 1)
    assert plan.need.tolist() == [135 * 360 + 10, 136 * 360 + 10]
    with pytest.raises(FieldError, match=message):
        plan.fractions(category, 3)


def test_the_number_of_polygons_must_match(overlap):
    with pytest.raises(GridError, match=f"made for {overlap.n_polygon} polygons, 5 are expected"):
        FractionPlan.from_overlap(overlap, 5)
