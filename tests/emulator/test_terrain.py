"""Slope and aspect of planes, whose gradient is known."""

import numpy as np
import pytest

from lsbc.emulator.terrain import METRES_PER_DEGREE, slope_and_northness

N_LAT = 21600
ROW0 = 16800  # 50 N


def plane(per_row_m: float, per_col_m: float, n: int = 6) -> np.ndarray:
    return (per_row_m * np.arange(n)[:, None] + per_col_m * np.arange(n)[None, :]).astype(np.float32)


@pytest.mark.parametrize(("per_row_m", "northness"), [(10.0, -1.0), (-10.0, 1.0), (0.0, 0.0)])
def test_a_plane_that_rises_to_the_north_faces_south(per_row_m, northness):
    slope, facing = slope_and_northness(plane(per_row_m, 0.0), np.ones((6, 6), bool), ROW0, N_LAT)
    assert slope == pytest.approx(np.full((4, 4), abs(per_row_m) * 120 / METRES_PER_DEGREE), rel=1e-6)
    assert facing.tolist() == [[northness] * 4] * 4


def test_columns_are_shorter_away_from_the_equator():
    slope, facing = slope_and_northness(plane(0.0, 10.0), np.ones((6, 6), bool), ROW0, N_LAT)
    lat = np.deg2rad(50.0 + (np.arange(4) + 0.5) / 120)
    assert slope[:, 0] == pytest.approx(10.0 * 120 / METRES_PER_DEGREE / np.cos(lat), rel=1e-6)
    assert not facing.any()


def test_a_neighbour_without_data_is_level_and_a_cell_without_data_is_flat():
    valid = np.ones((6, 6), bool)
    valid[3, 3] = False
    slope, _ = slope_and_northness(plane(0.0, 10.0), valid, ROW0, N_LAT)
    assert slope[2, 2] == 0.0
    assert slope[2, 1] == pytest.approx(slope[2, 0] / 2, rel=1e-6)
    assert slope[2, 3] == pytest.approx(slope[2, 0] / 2, rel=1e-6)
