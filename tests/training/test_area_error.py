"""lsbc.training.area_error: areas on a sphere and errors by hand."""

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_NAMES, GROUPS
from lsbc.training.area_error import EARTH_RADIUS_KM, AreaError, cell_area_km2, demanded_change, group_areas


def test_all_cells_together_are_the_sphere():
    assert 720 * cell_area_km2(0, 360, 360).sum() == pytest.approx(4 * np.pi * EARTH_RADIUS_KM**2, rel=1e-12)


def test_areas_are_summed_by_group_and_driver_cell():
    classes = np.array([CLASS_NAMES.index(name) for name in ("urban", "sparse", "grass_shrub", "water")])
    found = group_areas(classes, np.array([1.0, 2.0, 4.0, 8.0]), np.array([0, 0, 0, 1]), 2)
    assert found[GROUPS.index("urban")].tolist() == [1, 0]
    assert found[GROUPS.index("nonforest")].tolist() == [6, 0] and found[GROUPS.index("other")].tolist() == [0, 8]


def test_demand_is_the_change_of_the_fraction_times_the_area():
    assert demanded_change([np.array([[0.25, 0.5]]), np.array([[0.5, 0.25]])], np.array([100.0, 200.0])).tolist() == [[25.0, -50.0]]


def test_the_largest_and_the_mean_error_over_cells_and_maps():
    error = AreaError()
    made, demanded = np.zeros((6, 2)), np.zeros((6, 2))
    made[0], demanded[0] = [3.0, 1.0], [1.0, 1.0]        # off by 2 and 0
    error.add(made, demanded)
    demanded[0], demanded[1, 0] = [3.0, 5.0], 6.0        # off by 0 and 4; the second group by 6 and 0
    error.add(made, demanded)
    found = error.scores()
    assert found["area_error_max_km2"] == 6.0 and found[f"area_error_max_km2_{GROUPS[0]}"] == 4.0
    assert found[f"area_error_mean_km2_{GROUPS[0]}"] == pytest.approx(6 / 4)
    assert found["area_error_mean_km2"] == pytest.approx((6 / 4 + 6 / 4) / 6)
