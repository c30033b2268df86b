"""lsbc.training.readers.axis: cells, order, turns of longitude."""

import numpy as np
import pytest

from lsbc.regrid.errors import FileError
from lsbc.training.readers.axis import Axis


def test_an_axis_stored_from_the_north_starts_in_the_south_and_remembers_it():
    axis = Axis.from_centres(np.array([89.875, 89.625, 89.375]), "lat")
    assert (axis.start_deg, axis.step_deg, axis.n, axis.flipped) == (89.25, 0.25, 3, True)


def test_float32_coordinates_are_regular_enough():
    centre = (-180 + (np.arange(43200) + 0.5) / 120).astype(np.float32)
    assert Axis.from_centres(centre, "lon").step_deg == pytest.approx(1 / 120, rel=1e-6)


def test_a_gap_in_the_coordinates_is_refused_with_its_place():
    with pytest.raises(FileError, match=r"File x: lat is not regular: 2 is"):
        Axis.from_centres(np.array([0.0, 1.0, 2.0, 4.0]), "File x: lat")


def test_a_single_coordinate_is_refused():
    with pytest.raises(FileError, match=r"lon must be two or more finite numbers"):
        Axis.from_centres(np.array([0.0]), "lon")


def test_longitudes_from_0_to_360_hold_the_western_half_at_their_end():
    axis = Axis(0.0, 0.25, 1440)
    assert axis.position(np.array([-10.0, -9.75]), circular=True).tolist() == [1400.0, 1401.0]


def test_a_request_across_the_end_of_the_circle_goes_on_from_its_start():
    # cells 1438, 1439, then 0, 1, 2 of 1440
    assert Axis(0.0, 0.25, 1440).pieces(1438, 1443) == [(0, slice(1438, 1440)), (2, slice(0, 3))]


def test_a_request_beyond_a_regional_axis_gets_what_there_is():
    assert Axis(10.0, 0.25, 4).pieces(-2, 3) == [(2, slice(0, 3))]
    assert Axis(10.0, 0.25, 4, flipped=True).pieces(-2, 3) == [(2, slice(1, 4))]
    assert Axis(10.0, 0.25, 4).pieces(7, 9) == []


def test_edges_within_a_fiftieth_of_a_cell_are_the_same_edge():
    assert Axis(0.0, 1 / 360, 10).position(np.array([3 / 360 + 1e-5])).tolist() == [3.0]


def test_longitudes_across_the_date_line_are_found_on_both_sides_of_a_globe():
    # 178..182 E in whole degrees; the globe is cells -358..2 from 178 E: 180..182 E lies at its start
    assert Axis(178.0, 1.0, 4).pieces(-358, 2, longitude=True) == [(0, slice(2, 4)), (358, slice(0, 2))]
    assert Axis(178.0, 1.0, 4).pieces(-358, 2) == [(358, slice(0, 2))]


def test_longitudes_across_the_date_line_whose_steps_do_not_go_around_the_globe_are_refused():
    with pytest.raises(FileError, match=r"Longitudes from 178 in steps of 0\.7 degrees meet the date line"):
        Axis(178.0, 0.7, 6).pieces(-512, 3, longitude=True)


def test_the_first_cell_of_a_slice_is_counted_from_the_south_or_west():
    assert Axis(10.0, 0.25, 4).first_of(slice(1, 3)) == 1 and Axis(10.0, 0.25, 4, flipped=True).first_of(slice(0, 3)) == 1
