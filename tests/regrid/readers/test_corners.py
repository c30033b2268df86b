import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lsbc.regrid.errors import GridError
from lsbc.regrid.readers.corners import corners_of_faces, middles, tidy_corners

NAN = np.nan


def tidy(lon, padded=False):
    """The longitudes after tidying; latitudes go the same way."""
    lon = np.array(lon, float)
    out, lat = tidy_corners(lon, 2.0 * lon, padded)
    assert_array_equal(lat, 2.0 * out)
    return out.tolist()


def test_corners_that_are_repeated_anywhere_become_repeats_of_the_last():
    assert tidy([[1, 1, 2, 3, 4], [1, 2, 3, 4, 4], [1, 2, 2, 3, 4], [1, 2, 3, 4, 1], [1, 2, 3, 4, 5]]) == [
        [1, 2, 3, 4, 4], [1, 2, 3, 4, 4], [1, 2, 3, 4, 4], [1, 2, 3, 4, 4], [1, 2, 3, 4, 5]]


def test_padding_behind_three_or_more_corners_becomes_repeats_of_the_last():
    assert tidy([[1, 2, 3, NAN, NAN], [1, 2, 3, 4, NAN]], padded=True) == [[1, 2, 3, 3, 3], [1, 2, 3, 4, 4]]


@pytest.mark.parametrize("lon, padded", [([1, 2, NAN, NAN], True), ([1, NAN, 3, 4], True), ([1, 2, 3, NAN], False), ([NAN] * 4, True)])
def test_missing_corners_that_are_no_padding_stay_missing(lon, padded):
    assert_array_equal(tidy([lon], padded)[0], lon)


def test_a_cell_of_one_point_stays_one():
    assert tidy([[1, 1, 1]]) == [[1, 1, 1]]


def test_faces_take_the_corners_of_their_nodes():
    node, used = np.array([[0, 1, 2, -9], [2, 1, 0, 3]]), np.array([[True, True, True, False], [True] * 4])
    lon, lat = corners_of_faces(node, used, np.arange(4.0), 10 + np.arange(4.0), "F")
    assert_array_equal(lon, [[0, 1, 2, 2], [2, 1, 0, 3]])
    assert_array_equal(lat, [[10, 11, 12, 12], [12, 11, 10, 13]])


@pytest.mark.parametrize("node, used, rule", [
    ([0, 1, 4, 2], [1, 1, 1, 1], "F: corner 2 of face 0 is node 4 .* nodes 0 .. 3; is the index base"),
    ([0, -1, 2, 3], [1, 1, 1, 1], "F: corner 1 of face 0 is node -1"),
    ([0, 1, 2, 3], [1, 1, 0, 0], "F: face 0 has 2 corners"),
    ([0, 1, 2, 3], [1, 0, 1, 1], "F: face 0 has fill values between"),
    ([0, 1, 2, 3], [1, 1, 1, 1], "F: corner 3 of face 0 is node 3 .* no coordinates"),
])
def test_connectivity_that_is_wrong_is_refused(node, used, rule):
    with pytest.raises(GridError, match=rule):
        corners_of_faces(np.array([node]), np.array([used], bool), np.array([0, 1, 1, NAN]), np.array([0, 0, 1, 1.0]), "F")


def test_middles_count_repeated_corners_once_and_know_the_date_line():
    lon, lat = middles(np.array([[170.0, -170, -170, 170], [0, 120, 240, 240]]), np.array([[-10.0, -10, 10, 10], [60, 60, 60, 60]]))
    assert_allclose(np.abs(lon[0]), 180)
    assert_allclose(lat, [0, 90], atol=1e-6)
