import numpy as np
import pytest
from numpy.testing import assert_allclose

from lsbc.regrid.readers.gaussian import gaussian_edges_deg


@pytest.mark.parametrize("n", [4, 5, 64, 160, 481])
@pytest.mark.parametrize("digits", [15, 4])
def test_rows_of_gaussian_latitudes_hold_the_weights_of_the_quadrature(n, digits):
    zero, weight = np.polynomial.legendre.leggauss(n)
    edge = gaussian_edges_deg(np.round(np.degrees(np.arcsin(zero)), digits))
    assert edge[0] == -90 and edge[-1] == 90
    assert_allclose(np.diff(np.sin(np.radians(edge))), weight, rtol=0, atol=2e-14)


def test_edges_fall_with_the_latitudes():
    lat = np.degrees(np.arcsin(np.polynomial.legendre.leggauss(8)[0]))
    assert_allclose(gaussian_edges_deg(lat[::-1]), gaussian_edges_deg(lat)[::-1])


@pytest.mark.parametrize("lat_deg", [
    np.linspace(-87, 87, 30), np.linspace(-90, 90, 31), [1.0, 2.0, 4.0],
    np.degrees(np.arcsin(np.polynomial.legendre.leggauss(20)[0]))[3:], [0.0, 0.0, 0.0, 0.0], [10.0, 10.1, 10.3, 50.0],
])
def test_other_latitudes_are_not_taken_for_gaussian_ones(lat_deg):
    assert gaussian_edges_deg(np.asarray(lat_deg, float)) is None
