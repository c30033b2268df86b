import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lsbc.regrid.errors import GridError
from lsbc.regrid.readers.axes import axis_with_bounds, axis_without_bounds


def bounded(low, high, is_lon=True, rounding_deg=0.0, centre=None):
    bounds = np.stack([np.asarray(low, float), np.asarray(high, float)], axis=1)
    return axis_with_bounds(bounds.mean(axis=1) if centre is None else np.asarray(centre, float), bounds, is_lon, rounding_deg, "F, x")


def even(centre, is_lon=True, rounding_deg=0.0):
    return axis_without_bounds(np.asarray(centre, float), is_lon, rounding_deg, "F, x")


def test_bounds_that_touch_become_edges():
    assert_array_equal(bounded([0, 1, 3], [1, 3, 4]).edge_deg, [0, 1, 3, 4])


def test_falling_axes_keep_their_direction_whichever_way_the_bounds_are_written():
    for low, high in (([3, 2, 1], [4, 3, 2]), ([4, 3, 2], [3, 2, 1])):
        assert_array_equal(bounded(low, high, is_lon=False).edge_deg, [4, 3, 2, 1])


def test_bounds_of_another_turn_are_brought_beside_their_centre():
    axis = bounded([350, 350 + 5, 0], [355, 0, 5], centre=[352.5, 357.5, 2.5])
    assert_array_equal(axis.edge_deg, [350, 355, 360, 365])


def test_centres_may_jump_at_the_date_line():
    assert_array_equal(bounded([178, 179, -180, -179], [179, 180, -179, -178], centre=[178.5, 179.5, -179.5, -178.5]).edge_deg,
                       [178, 179, 180, 181, 182])


def test_cells_with_gaps_between_them_have_sides_but_no_edges():
    axis = bounded([0, 2, 4], [1, 3, 5])
    assert axis.edge_deg is None
    assert_array_equal(axis.sides, [[0, 2, 4], [1, 3, 5]])


def test_single_precision_globe_closes_exactly():
    edge = np.linspace(0, 360, 961).astype("f4") + np.float32(0.1)
    axis = bounded(edge[:-1], edge[1:], rounding_deg=1e-4)
    assert axis.edge_deg[-1] - axis.edge_deg[0] == 360.0


@pytest.mark.parametrize("low, high, centre, rule", [
    ([0, 1, 1.5], [1, 2, 2.5], None, "cell 1, centre 1.5, bounds 1 .. 2 degrees: the bounds overlap those of the next cell"),
    ([0, 1, 2], [1, 1, 3], [0.5, 1, 2.5], "cell 1, .* enclose nothing"),
    ([0, np.nan, 2], [1, 2, 3], [0.5, 1.5, 2.5], "cell 1, .* not finite"),
    ([0, 1, 2], [1, 2, 3], [0.5, 1.5, 9.5], "cell 2, .* the centre lies outside its bounds"),
    ([0, 1, 2], [1, 2, 3], [0.5, np.nan, 2.5], "value 1 is missing"),
])
def test_bounds_that_are_no_cells_are_refused(low, high, centre, rule):
    with pytest.raises(GridError, match=f"F, x: {rule}"):
        bounded(low, high, is_lon=False, centre=centre)


def test_even_centres_have_edges_in_the_middle():
    assert_allclose(even([3.1, 5.1, 7.1]).edge_deg, [2.1, 4.1, 6.1, 8.1], rtol=0, atol=1e-14)


def test_rows_centred_on_the_poles_are_cut_off_there():
    assert_array_equal(even([90, 60, 30, 0, -30, -60, -90], is_lon=False).edge_deg, [90, 75, 45, 15, -15, -45, -75, -90])


def test_single_precision_centres_of_30_arc_seconds_get_the_exact_lattice():
    exact = -180 + (np.arange(43200) + 0.5) / 120
    stored = exact.astype("f4").astype(float)
    assert np.abs(stored - exact).max() > 1e-6
    axis = even(stored, rounding_deg=2 * np.finfo("f4").eps * 180)
    assert_array_equal(axis.edge_deg, np.arange(-21600, 21601) * 360 / 43200)


def test_a_lattice_that_went_through_text_is_found_again():
    exact = 9 + (np.arange(58) + 0.5) / 12
    assert_allclose(even(np.round(exact, 4)).edge_deg, 9 + np.arange(59) / 12, rtol=0, atol=1e-12)


def test_a_lattice_of_tenths_beside_the_global_one_stays_where_it_is():
    assert_allclose(even(0.0512 + 0.1 * np.arange(20)).edge_deg[0], 0.0012, rtol=0, atol=1e-13)


@pytest.mark.parametrize("centre", [[5.0], [1, 2, 4], [0, 1, 2, 3.001], [7, 7, 7]])
def test_other_spacing_has_no_edges(centre):
    axis = even(centre)
    assert axis.edge_deg is None and axis.sides is None


def test_single_global_column_is_a_box():
    assert_array_equal(bounded([0], [360]).edge_deg, [0, 360])
