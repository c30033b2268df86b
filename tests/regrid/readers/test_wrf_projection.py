import numpy as np
import pytest
from numpy.testing import assert_allclose

from lsbc.regrid.readers.wrf_projection import LAMBERT, MERCATOR, POLAR, RADIUS_M, Projection, corners_of_centres


def mercator(x, y):
    """True at the equator; the Gudermannian of y."""
    return np.degrees(x) + 150.0, np.degrees(2 * np.arctan(np.exp(y)) - np.pi / 2)


def polar(x, y, sign):
    """True at the pole: the stereographic image of colatitude c has radius 2 tan(c / 2)."""
    rho = np.hypot(x, y)
    return np.degrees(np.arctan2(x, -sign * y)) + 20.0, sign * (90.0 - 2 * np.degrees(np.arctan(rho / 2)))


def tangent_cone(x, y, sign):
    """Lambert's cone that touches at 30 degrees, where its slant height is cot(30) and a parallel's angle shrinks by sin(30)."""
    height = np.sqrt(3.0)
    rho, angle = np.hypot(x, height - sign * y), np.arctan2(x, height - sign * y)
    return np.degrees(2 * angle) - 60.0, sign * np.degrees(np.pi / 2 - 2 * np.arctan(np.tan(np.pi / 6) * (rho / height) ** 2))


CASES = {
    "mercator": (Projection(MERCATOR, 0.0, 0.0, -30.0, 50000.0, 40000.0), mercator),
    "north pole": (Projection(POLAR, 90.0, 90.0, 20.0, 50000.0, 40000.0), lambda x, y: polar(x, y - 0.05, 1.0)),
    "south pole": (Projection(POLAR, -90.0, -90.0, 20.0, 50000.0, 40000.0), lambda x, y: polar(x + 0.02, y, -1.0)),
    "northern cone": (Projection(LAMBERT, 30.0, 30.0, -60.0, 50000.0, 40000.0), lambda x, y: tangent_cone(x, y, 1.0)),
    "southern cone": (Projection(LAMBERT, -30.0, -30.0, -60.0, 50000.0, 40000.0), lambda x, y: tangent_cone(x, y, -1.0)),
}


def lattice(projection, to_lon_lat, shift):
    j, i = np.mgrid[0.0: 8 + 2 * shift, 0.0: 6 + 2 * shift] - shift
    return to_lon_lat(projection.dx_m / RADIUS_M * (i - 2), projection.dy_m / RADIUS_M * (j - 2))


@pytest.mark.parametrize("case", CASES)
def test_corners_lie_in_the_middle_of_the_map_between_the_centres(case):
    projection, to_lon_lat = CASES[case]
    lon, lat = corners_of_centres(*lattice(projection, to_lon_lat, 0.0), projection)
    expected_lon, expected_lat = lattice(projection, to_lon_lat, 0.5)
    assert lon.shape == (9, 7)
    assert_allclose((lon - expected_lon + 180) % 360 - 180, 0, atol=1e-10)
    assert_allclose(lat, expected_lat, rtol=0, atol=1e-11)


@pytest.mark.parametrize("change", [{"dx_m": 51000.0}, {"true_lat1_deg": 55.0}, {"kind": 6}, {"kind": 0}, {"dy_m": -1.0}, {"lon0_deg": np.nan},
                                    {"true_lat2_deg": -30.0}, {"true_lat1_deg": 300.0}, {"kind": POLAR}])
def test_centres_that_are_not_on_the_stated_lattice_have_no_corners(change):
    projection, to_lon_lat = CASES["northern cone"]
    centres = lattice(projection, to_lon_lat, 0.0)
    assert corners_of_centres(*centres, Projection(**{**vars(projection), **change})) is None
