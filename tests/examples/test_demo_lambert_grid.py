import numpy as np
import pytest

from demo_input.lambert_grid import Lambert, largest_rectangle, patch


def test_the_projection_and_its_inverse_undo_each_other():
    projection = Lambert(46.0, 48.0, lon0_deg=11.0, lat0_deg=48.0)
    lon, lat = np.meshgrid(np.linspace(2.0, 20.0, 7), np.linspace(41.0, 55.0, 6))
    back_lon, back_lat = projection.unproject(*projection.project(lon, lat))
    assert np.abs(back_lon - lon).max() < 1e-12
    assert np.abs(back_lat - lat).max() < 1e-12


def test_the_origin_lies_at_zero():
    assert np.abs(Lambert(46.0, 48.0, 11.0, 48.0).project(11.0, 48.0)).max() < 1e-8


def test_snyders_worked_example_on_the_unit_sphere_is_met():
    # Snyder (1987), page 295: phi1 = 33, phi2 = 45, phi0 = 23, lambda0 = -96; point phi = 35, lambda = -75.
    projection = Lambert(33.0, 45.0, lon0_deg=-96.0, lat0_deg=23.0, radius_m=1.0)
    assert projection.cone == pytest.approx(0.6304777, abs=5e-8)
    assert projection.project(-75.0, 35.0) == pytest.approx((0.2966785, 0.2462112), abs=5e-8)


def test_lengths_are_true_on_a_true_latitude():
    projection = Lambert(46.0, 48.0, lon0_deg=11.0, lat0_deg=48.0)
    x, y = projection.project(np.array([11.0, 11.0 + 1e-5]), np.array([46.0, 46.0]))
    expected_m = 6370000.0 * np.cos(np.radians(46.0)) * np.radians(1e-5)
    assert np.hypot(np.diff(x), np.diff(y))[0] == pytest.approx(expected_m, rel=1e-6)


def test_with_one_true_latitude_the_cone_constant_is_its_sine():
    assert Lambert(30.0, 30.0, 0.0, 30.0).cone == pytest.approx(0.5)


def test_neighbours_in_a_patch_share_their_corners_bit_for_bit():
    _, _, lon, lat = patch(Lambert(46.0, 48.0, 11.0, 48.0), 4, 9000.0)
    for corner in (lon, lat):
        assert (corner[:, :-1, 1] == corner[:, 1:, 0]).all()
        assert (corner[:-1, :, 3] == corner[1:, :, 0]).all()


def test_cells_of_a_patch_are_dx_wide_and_centred_between_their_corners():
    projection = Lambert(46.0, 48.0, 11.0, 48.0)
    lon, lat, corner_lon, corner_lat = patch(projection, 5, 9000.0)
    x, y = projection.project(lon, lat)
    assert np.abs(np.diff(x, axis=1) - 9000.0).max() < 1e-5
    corner_x, corner_y = projection.project(corner_lon, corner_lat)
    assert np.abs(corner_x.mean(axis=-1) - x).max() < 1e-5
    assert np.abs(corner_y.mean(axis=-1) - y).max() < 1e-5
    assert projection.project(lon[2, 2], lat[2, 2]) == pytest.approx((0, 0), abs=1e-8)


def test_the_largest_rectangle_is_found_among_holes():
    usable = np.ones((6, 7), bool)
    usable[0, :] = usable[:, 0] = False
    usable[3, 6] = False
    assert largest_rectangle(usable) == (slice(1, 6), slice(1, 6))


def test_no_usable_cell_gives_an_empty_rectangle():
    rows, cols = largest_rectangle(np.zeros((3, 3), bool))
    assert rows.stop - rows.start == 0
    assert cols.stop - cols.start == 0
