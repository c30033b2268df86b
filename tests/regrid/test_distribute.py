import numpy as np
import pytest

from lsbc.regrid import rows
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.distribute import DistributedRemap
from lsbc.regrid.errors import ConfigError, FieldError, GridError
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid
from lsbc.regrid.sphere import lon_lat_deg, unit_vector
from lsbc.regrid.weights import Side, Weights

from shapes import rotation, triangles


def small(**changes):
    """Row 0 is empty, row 1 takes cells 0 and 2 half and half, row 2 takes cell 1, row 3 a quarter of cell 2."""
    parts = {"row": [1, 1, 2, 3], "column": [2, 0, 1, 2], "value": [0.5, 0.5, 1.0, 0.25], "source": Side(shape=(3,)),
             "destination": Side(shape=(4,), frac=np.array([0.0, 1.0, 1.0, 0.25])), "method": "conserve", "normalization": "dstarea"}
    return Weights.from_entries(**{**parts, **changes})


def remap(weights, have, need):
    return DistributedRemap.from_weights(SerialComm(), weights, have, need)


def test_rows_come_in_the_order_they_are_asked_for_from_cells_held_in_any_order():
    plan = remap(small(), [2, 0, 1], [3, 1, 2, 1])
    assert plan(np.array([8.0, 2.0, 5.0])).tolist() == [2.0, 5.0, 5.0, 5.0]
    assert plan(np.array([[8.0, 0.0], [2.0, 1.0], [5.0, 3.0]])).tolist() == [[2.0, 0.0], [5.0, 0.5], [5.0, 3.0], [5.0, 0.5]]


def test_the_plan_says_its_ids_and_the_share_of_each_cell_that_takes_part():
    plan = remap(small(), [2, 0, 1], [3, 0])
    assert plan.source_id.tolist() == [2] and plan.destination_id.tolist() == [3, 0] and plan.coverage.tolist() == [0.25, 0.0]


def test_weights_that_do_not_say_what_they_cover_cover_the_mapped_cells():
    plan = remap(small(destination=Side(shape=(4,)), normalization="none", method="bilinear"), [2, 0, 1], [0, 3])
    assert plan.coverage.tolist() == [0.0, 1.0]


def test_cells_without_a_row_and_rows_with_a_missing_value_are_missing():
    result = remap(small(), [0, 1, 2], [0, 1, 2, 3])(np.array([np.nan, 4.0, 8.0]))
    assert np.isnan(result[[0, 1]]).all() and result[2:].tolist() == [4.0, 2.0]


def test_float32_comes_back_as_float32():
    result = remap(small(), [0, 1, 2], [1])(np.array([1.0, 2.0, 4.0], np.float32))
    assert result.dtype == np.float32 and result.tolist() == [2.5]


def test_a_rank_may_want_nothing():
    assert remap(small(), [0, 1, 2], [])(np.zeros((3, 5))).shape == (0, 5)


def test_rows_arrive_whole_when_they_are_shipped_in_batches(monkeypatch):
    monkeypatch.setattr(rows, "ENTRIES_AT_ONCE", 1)
    assert remap(small(), [0, 1, 2], [3, 1])(np.array([1.0, 2.0, 4.0])).tolist() == [1.0, 2.5]


@pytest.mark.parametrize(("have", "need", "message"), [
    ([0, 1, 3], [1], "source id 3 at position 2 is out of range; the weights' source grid has cells 0 .. 2"),
    ([0, 1, 2], [4], "destination id 4 at position 0 is out of range; the weights' destination grid has cells 0 .. 3"),
    ([0, 1, 2], [-1], "destination id -1"),
    ([0, 1, 2], [0.5], "must be a list of integers, got float64"),
    ([[0, 1, 2]], [1], r"must be a list of integers, got int64 of shape \(1, 3\)"),
    ([0, 1, 0], [2], "holds the source cell id 0, twice"),
    ([0, 1], [1], "needs the source cell id 2, which no rank holds"),
])
def test_impossible_ids_are_named(have, need, message):
    with pytest.raises(GridError, match=message):
        remap(small(), have, need)


def test_rank_0_without_weights_is_refused():
    with pytest.raises(GridError, match="must pass Weights or the path of a weight file, got NoneType"):
        remap(None, [0], [0])


@pytest.mark.parametrize(("values", "message"), [
    (np.zeros(3, np.int64), r"must be float32 or float64 .* got int64 \(3,\)"),
    (np.zeros((3, 1, 1)), r"must be float32 or float64 .* got float64 \(3, 1, 1\)"),
    (np.zeros(4), r"shape \(4,\); this rank holds 3 rows"),
])
def test_values_that_are_not_the_source_cells_are_refused(values, message):
    with pytest.raises(FieldError, match=message):
        remap(small(), [0, 1, 2], [1])(values)


BOXES = RectilinearGrid.regular(-180, 180, 60, -90, 90, 30)


def globe(n_split=2, **options):
    """A tiling of the globe by triangles with scattered ids."""
    lon, lat = triangles(n_split, rotation(3))
    ids = np.random.default_rng(4).permutation(10 * len(lon))[: len(lon)]
    return PolygonGrid(*lon_lat_deg(unit_vector(lon, lat).mean(axis=1)), lon, lat, global_id=ids, **options)


def conservative(source, destination, *options):
    return DistributedRemap.conservative(SerialComm(), source, destination, *options)


def test_constants_and_the_integral_are_kept():
    source = globe()
    plan = conservative(source, BOXES)
    values = np.random.default_rng(5).random((source.n_cell, 3))
    assert np.abs(plan(np.ones(source.n_cell)) - 1.0).max() <= 1e-15 and (plan.coverage == 1.0).all()
    assert BOXES.area_sr @ plan(values) == pytest.approx(source.area_sr @ values, rel=1e-14)


def test_some_cells_get_the_bits_they_have_among_all():
    source, need = globe(), [5, 1799, 5, 0]
    values = np.random.default_rng(5).random(source.n_cell)
    assert conservative(source, BOXES, need)(values).tobytes() == conservative(source, BOXES)(values)[need].tobytes()


def test_masked_source_cells_leave_their_share_and_masked_destination_cells_are_missing():
    """Two cells of 10 degrees side by side under one of 20; the western one is masked."""
    coarse, fine = RectilinearGrid([0.0, 20.0, 40.0], [0.0, 10.0], mask=[True, False]), RectilinearGrid([0.0, 10.0, 20.0, 30.0, 40.0], [0.0, 10.0])
    west = fine.with_mask([False, True, True, True]).take(np.arange(4))
    for normalization, first in (("dstarea", 3.0), ("fracarea", 6.0)):
        plan = conservative(west, coarse, None, normalization)
        assert plan(np.array([2.0, 6.0, 7.0, 8.0]))[0] == pytest.approx(first, rel=1e-14) and np.isnan(plan(np.ones(4))[1])
        assert plan.coverage == pytest.approx([0.5, 0.0], rel=1e-14)


def test_cells_that_no_source_touches_are_missing():
    plan = conservative(RectilinearGrid([0.0, 10.0], [0.0, 10.0]).take(np.array([0])), BOXES, [0])
    assert np.isnan(plan(np.ones(1))).all() and plan.coverage.tolist() == [0.0] and len(plan.source_id) == 0


def test_no_destination_wants_nothing():
    assert conservative(globe(), None)(np.zeros((128, 2))).shape == (0, 2)


@pytest.mark.parametrize(("destination", "need", "message"), [
    (BOXES, [1800], "destination id 1800 at position 0 is not a cell of grid 'grid'"),
    (BOXES, [-1], "destination id -1 at position 0 is out of range"),
    (None, [3], "1 destination cells are wanted of no destination"),
    (PolygonGrid([0.0], [0.0]), None, "need its corners"),
])
def test_destinations_that_are_not_there_are_refused(destination, need, message):
    with pytest.raises(GridError, match=message):
        conservative(globe(), destination, need)


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(GridError, match="'dstarea' or 'fracarea', got 'area'"):
        conservative(globe(), BOXES, None, "area")


def test_missing_values_follow_the_rules_of_a_remap():
    """Row 1 has half of its cell from a missing value."""
    values = np.array([np.nan, 4.0, 8.0])

    def result(**rules):
        return DistributedRemap.from_weights(SerialComm(), small(), [0, 1, 2], [0, 1, 2, 3], **rules)(values).tolist()

    assert result(missing="skip") == pytest.approx([np.nan, 8.0, 4.0, 8.0], nan_ok=True)
    assert result(missing="skip", min_coverage=0.3) == pytest.approx([np.nan, 8.0, 4.0, np.nan], nan_ok=True)
    assert result(missing="skip", min_coverage=0.6) == pytest.approx([np.nan, np.nan, 4.0, np.nan], nan_ok=True)


def test_masked_values_are_missing_values():
    plan = remap(small(), [0, 1, 2], [1, 2])
    result = plan(np.ma.masked_array([9.0, 4.0, 8.0], [True, False, False]))
    assert np.isnan(result[0]) and result[1] == 4.0


def test_rules_that_are_none_are_refused():
    with pytest.raises(ConfigError, match="missing = 'ignore' is no rule"):
        DistributedRemap.from_weights(SerialComm(), small(), [0, 1, 2], [1], missing="ignore")
    with pytest.raises(ConfigError, match=r"min_coverage must be 0 .. 1, got 2"):
        DistributedRemap.conservative(SerialComm(), globe(), BOXES, min_coverage=2)
    with pytest.raises(ConfigError, match="'coverage' is no rule of a remap; the rules are missing, min_coverage"):
        DistributedRemap.conservative(SerialComm(), globe(), BOXES, coverage=0.5)
    with pytest.raises(GridError, match="'skip' is no mean where weights are negative"):
        DistributedRemap.from_weights(SerialComm(), small(value=[0.5, 0.5, -1.0, 0.25]), [0, 1, 2], [2], missing="skip")
