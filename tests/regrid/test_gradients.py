import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.gradients import gradients
from lsbc.regrid.sphere import unit_vector

CENTRE = unit_vector(20.0, 40.0)


def around(points_deg):
    """Unit vectors at small offsets (east, north) in degrees of great circle from 20 E, 40 N."""
    up = CENTRE
    east = np.array([-np.sin(np.radians(20.0)), np.cos(np.radians(20.0)), 0.0])
    x, y = np.radians(np.asarray(points_deg, float)).T
    vector = up + x[:, None] * east + y[:, None] * np.cross(up, east)
    return vector / np.linalg.norm(vector, axis=1, keepdims=True), east, np.cross(up, east)


def first_cell(points_deg, **options):
    """Gradients of point 0 from all the others."""
    vector, east, north = around(points_deg)
    n = len(vector)
    found = gradients(vector, vector, np.r_[0, np.full(n, n - 1)], np.arange(1, n), **options)
    return found, vector, east, north


def gradient(found, values):
    return (found.factor * values[found.neighbour][:, None]).sum(axis=0) - found.own[0] * values[0]


@pytest.mark.parametrize("points", [[(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)], [(0, 0), (2, 1), (-1, 1.5), (-0.5, -1)],
                                    [(0, 0), (1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0)]])
def test_a_field_linear_in_space_has_its_gradient(points):
    found, vector, east, north = first_cell(np.array(points) * 1e-3)
    values = vector @ np.array([0.3, -0.7, 0.5])
    assert gradient(found, values) @ east == approx(np.array([0.3, -0.7, 0.5]) @ east, abs=2e-5)
    assert gradient(found, values) @ north == approx(np.array([0.3, -0.7, 0.5]) @ north, abs=2e-5)
    assert gradient(found, values) @ CENTRE == approx(0.0, abs=1e-11)


def test_a_constant_has_no_gradient():
    found, *_ = first_cell([(0, 0), (2, 1), (-1, 1.5), (-0.5, -1), (1, -1)])
    assert gradient(found, np.ones(5)) == approx([0, 0, 0], abs=1e-11)


def test_a_polygon_that_is_not_convex_counts_its_own_area_only():
    """Corners (1, -0.5), (0.3, 0), (1, 0.5), (-1, 0.5), (-1, -0.5): a rectangle of 2 less a notch of 0.35.

    The fan starts at (-1, -0.5), next to the last corner; one of its triangles, of 0.35, is clockwise.
    """
    points = np.array([(-0.2, 0), (0.3, 0), (1, 0.5), (1, -0.5), (-1, -0.5), (-1, 0.5)]) * 1e-3
    signed, vector, east, _ = first_cell(points)
    assert gradient(signed, vector @ east) @ east == approx(1.0, abs=1e-5)
    unsigned, *_ = first_cell(points, signed=False)
    ratio = np.linalg.norm(unsigned.factor) / np.linalg.norm(signed.factor)
    assert ratio == approx(1.65 / 2.35, rel=1e-5)


@pytest.mark.parametrize("points", [[(0, 0), (1, 0), (-1, 0)], [(0, 0), (1, 0.1), (0, 1), (-1, 0.1)]],
                         ids=["two neighbours", "one side"])
def test_without_neighbours_all_around_there_is_no_gradient(points):
    found, *_ = first_cell(points)
    assert not found.factor.any() and not found.own[0].any()


def test_cells_without_a_centre_have_no_gradient():
    vector, *_ = around([(0, 0), (1, 0), (0, 1), (-1, -1)])
    centre = vector.copy()
    centre[0] = 0.0
    found = gradients(centre, vector, np.array([0, 3, 3, 3, 3]), np.array([1, 2, 3]))
    assert not found.factor.any() and np.isfinite(found.factor).all()
