import math

import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.errors import GridError
from lsbc.regrid.sphere import edge_code, lon_lat_deg, polygon_area_sr, unit_vector

from shapes import rotation, triangles


def test_an_eighth_of_the_sphere_has_the_area_half_pi_and_its_mirror_image_the_negative():
    area = polygon_area_sr([[0.0, 90.0, 0.0], [0.0, 0.0, 90.0]], [[0.0, 0.0, 90.0], [0.0, 90.0, 0.0]])
    assert area.tolist() == approx([math.pi / 2, -math.pi / 2], rel=1e-15)


def test_a_triangle_in_longitude_and_sine_of_latitude_has_the_area_of_the_flat_one():
    """Corners (0, 0), (90, 0), (0, 90): base pi / 2, height sin(90) = 1."""
    assert polygon_area_sr([[0.0, 90.0, 0.0]], [[0.0, 0.0, 90.0]], "planar")[0] == approx(math.pi / 4, rel=1e-15)


def test_a_triangle_straight_in_longitude_and_latitude_has_the_area_of_the_integral():
    """The hypotenuse is lat = 90 - lon; the integral of cos(lon) from 0 to pi / 2 is 1."""
    assert polygon_area_sr([[0.0, 90.0, 0.0]], [[0.0, 0.0, 90.0]], "latlon")[0] == approx(1.0, rel=1e-14)


@pytest.mark.parametrize("edges", ["latlon", "greatcircle", "planar"])
def test_a_tiling_of_the_globe_adds_up_to_the_sphere_in_every_convention(edges):
    area = polygon_area_sr(*triangles(3, rotation(5)), edges)
    assert math.fsum(np.abs(area)) == approx(4 * math.pi, rel=1e-14)


def test_vectors_and_angles_turn_into_each_other():
    lon, lat = np.array([0.0, 90.0, -150.0]), np.array([0.0, 45.0, -80.0])
    assert unit_vector(lon, lat)[1] == approx([0.0, math.sqrt(0.5), math.sqrt(0.5)], abs=1e-15)
    assert np.allclose(lon_lat_deg(3.0 * unit_vector(lon, lat)), (lon, lat), rtol=1e-14, atol=1e-14)


def test_an_unknown_edge_convention_is_refused_by_name():
    with pytest.raises(GridError, match="got 'rhumb'"):
        edge_code("rhumb")


@pytest.mark.parametrize("first", range(3))
def test_a_tiny_triangle_with_a_corner_at_the_pole_keeps_all_digits(first):
    """Two sides of a right angle at the pole: tan(area / 2) = tan(c / 2)^2 with c the colatitude (L'Huilier's theorem)."""
    colat = math.radians(90.0 - 89.9999)
    lon, lat = np.roll([10.0, 100.0, 50.0], first), np.roll([89.9999, 89.9999, 90.0], first)
    assert polygon_area_sr([lon], [lat])[0] == approx(2 * math.atan(math.tan(colat / 2) ** 2), rel=1e-15)


def test_corners_that_are_no_degrees_are_refused_with_their_place():
    with pytest.raises(GridError, match=r"Corner 1 of polygon 0 is at \(lon, lat\) = \(1e\+20, 0.0\)"):
        polygon_area_sr([[0.0, 1e20, 1.0]], [[0.0, 0.0, 1.0]])
